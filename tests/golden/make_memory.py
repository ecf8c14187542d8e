"""Record what other libraries' recurrences compute for the cells with a matrix memory, in float64.

Run by hand: `python -m tests.golden.make_memory`. `tests/parity/test_textbook.py` reads the file.
It was made by torch 2.13.0, transformers 5.24.0 (Apache-2.0) and fla-core 0.6.0 (MIT; importing it
takes triton, but no GPU).

Parameters, carry and inputs are those of the test, and so is the loss. Mamba-2 and Gated DeltaNet
are the libraries' whole layers, with a convolution of one step that changes nothing. Of the others,
the recurrence is theirs, and so are the gates, norms and rotations that are named here; products,
and what PyTorch has functions for, stand around it. They compute in float32 whatever they are
given; while they run here, what says float32 means float64.
"""

import inspect
import math
from functools import partial
from pathlib import Path

from tests import zoo
from tests.golden.torch_cells import save

FILE = Path(__file__).parent / "memory.npz"
N, V = 2, zoo.H // 2
EPSILON = 1e-5
"""Of the norms of what is read."""


def projected(xs, kernel, *sizes):
    """The blocks of a kernel applied, `[B, T, N, features]` each."""
    parts = (xs.transpose(0, 1) @ kernel).split([N * size for size in sizes], dim=-1)
    return [part.unflatten(-1, (N, -1)) for part in parts]


def normed(out, params):
    import torch

    return torch.nn.functional.rms_norm(out, (V,), params.norm, EPSILON)


def joined(out, output):
    """What the heads give together, time first."""
    return (out.flatten(-2) @ output).transpose(0, 1)


def unit(x):
    from transformers.models.kimi_linear.modeling_kimi_linear import l2norm

    return l2norm(x)


def run(module, made, xs):
    """A layer with weights that are made of the parameters."""
    import torch

    made = {name: weight.T if weight.ndim == 2 else weight for name, weight in made.items()}
    return torch.func.functional_call(module, made, (xs.transpose(0, 1),)).transpose(0, 1)


def through(model, name, carry, xs, layer, made, *, given, asks):
    """A layer whose recurrence, a function of its module, starts from `carry`; the last one too."""
    recurrence, last = getattr(model, name), []
    reference = inspect.unwrap(recurrence)  # without fla's kernels for GPUs

    def start(*args, **options):
        out, state = reference(*args, **options | {given: carry, asks: True})
        last.append(state)
        return out if asks == "return_final_states" else (out, state)

    setattr(model, name, start)
    try:
        ys = run(layer, made, xs)
    finally:
        setattr(model, name, recurrence)
    return last[0], ys


# --- layers of transformers -------------------------------------------------------------------


def gated_delta(params, carry, xs):
    """The kernels of a head stand side by side there."""
    import torch
    from transformers import Qwen3NextConfig
    from transformers.models.qwen3_next import modeling_qwen3_next as model

    config = Qwen3NextConfig(
        hidden_size=zoo.I,
        num_hidden_layers=1,
        layer_types=["linear_attention"],
        linear_num_value_heads=N,
        linear_num_key_heads=N,
        linear_key_head_dim=V,
        linear_value_head_dim=V,
        linear_conv_kernel_dim=1,
        rms_norm_eps=EPSILON,
    )
    layer = model.Qwen3NextGatedDeltaNet(config, 0).eval()

    def by_head(*kernels):
        return torch.cat([kernel.unflatten(-1, (N, -1)) for kernel in kernels], -1).flatten(-2)

    *qkv, beta = params.kernel.split([N * V] * 3 + [N], dim=-1)
    made = {
        "in_proj_qkvz.weight": by_head(*qkv, params.gate),
        "in_proj_ba.weight": by_head(beta, params.decay),
        "dt_bias": params.step,
        "A_log": params.log_rate,
        "norm.weight": params.norm,
        "out_proj.weight": params.output,
        "conv1d.weight": torch.ones_like(layer.conv1d.weight),
    }
    last, ys = through(
        model,
        "torch_chunk_gated_delta_rule",
        carry[0],
        xs,
        layer,
        made,
        given="initial_state",
        asks="output_final_state",
    )
    return [last], ys


def mamba2(params, carry, xs):
    """The state is `[V, K]` there."""
    import torch
    from transformers import Mamba2Config
    from transformers.models.mamba2 import modeling_mamba2 as model

    config = Mamba2Config(
        hidden_size=zoo.H,  # of the inputs too, unless the weights say otherwise
        num_hidden_layers=1,
        expand=1,
        num_heads=N,
        head_dim=V,
        state_size=3,
        n_groups=1,
        conv_kernel=1,
        use_conv_bias=False,
        chunk_size=2,  # so that the steps are more than one
        layer_norm_epsilon=EPSILON,
    )
    layer = model.Mamba2Mixer(config, 0).eval()
    made = {
        "in_proj.weight": torch.cat([params.gate, params.kernel], -1),
        "dt_bias": params.step,
        "A_log": params.log_rate,
        "D": params.skip,
        "norm.weight": params.norm,
        "out_proj.weight": params.output,
        "conv1d.weight": torch.ones_like(layer.conv1d.weight),
    }
    last, ys = through(
        model,
        "mamba2_chunk_scan",
        carry[0].mT,
        xs,
        layer,
        made,
        given="initial_states",
        asks="return_final_states",
    )
    return [last.mT], ys


# --- recurrences of transformers --------------------------------------------------------------


def kda(params, carry, xs):
    """The layer there has keys and values of one size; its parts have not."""
    import torch
    from transformers import KimiLinearConfig
    from transformers.models.kimi_linear import modeling_kimi_linear as model

    k = carry[0].shape[-2]
    config = KimiLinearConfig(hidden_size=zoo.I, linear_head_dim=k, linear_num_heads=N)
    gate = model.KimiLinearForgetGate(config)
    made = {
        "f_a_proj.weight": params.decay_in,
        "f_b_proj.weight": params.decay_out,
        "dt_bias": params.step,
        "A_log": params.log_rate.reshape(1, 1, N, 1),
    }
    decay = run(gate, made, xs).transpose(0, 1)
    *qkv, beta = projected(xs, params.kernel, k, k, V, 1)
    query, key, value = map(torch.nn.functional.silu, qkv)
    out, last = inspect.unwrap(model.recurrent_kimi_delta_attention)(
        query,
        key,
        value,
        decay,
        beta[..., 0].sigmoid(),
        carry[0],
        output_final_state=True,
        use_qk_l2norm_in_kernel=True,
    )
    (gate,) = projected(xs, params.gate_in @ params.gate_out, V)
    norm = model.KimiLinearRMSNormGated(V, EPSILON)
    out = torch.func.functional_call(norm, {"weight": params.norm}, (out, gate))
    return [last], joined(out, params.output)


def mlstm(params, carry, xs):
    """Without what is added to the normaliser there; keys are scaled here, queries there."""
    import torch
    from transformers.models.xlstm import modeling_xlstm as model

    memory, log_scale = carry
    k = memory.shape[-2]
    sizes = k, k, V, 1, 1, V
    whole = torch.cat([params.kernel, params.bias[None]])
    xs = torch.cat([xs, torch.ones_like(xs[..., :1])], -1)
    query, key, value, i, f, o = (part.transpose(1, 2) for part in projected(xs, whole, *sizes))
    out, (cell, normaliser, log_scale) = model.mlstm_recurrent_sequence_native(
        query * k**0.5,
        key / k**0.5,
        value,
        i[..., 0],
        f[..., 0],
        memory[..., :-1],
        memory[..., -1],
        log_scale[..., None],
        return_last_states=True,
        eps=0.0,
        dtype_state=torch.float64,
    )
    ys = (o.sigmoid() * out).permute(2, 0, 1, 3).flatten(-2)
    return [torch.cat([cell, normaliser[..., None]], -1), log_scale[..., 0]], ys


# --- recurrences of fla -----------------------------------------------------------------------


def linear_attention(params, carry, xs):
    """The normaliser is one more column of the values."""
    import torch
    from fla.ops.linear_attn.naive import naive_recurrent_linear_attn

    k = carry[0].shape[-2]
    query, key, value = projected(xs, params.kernel, k, k, V)
    query, key = (torch.nn.functional.elu(z) + 1 for z in (query, key))
    value = torch.cat([value, torch.ones_like(value[..., :1])], -1)
    out, last = naive_recurrent_linear_attn(query, key, value, 1.0, carry[0], True)
    return [last], joined(out[..., :-1] / out[..., -1:], params.output)


def retnet(params, carry, xs):
    """The memory turns back here; there queries and keys turn forward, as far as their step."""
    import torch
    from fla.modules.rotary.ops import rotary_embedding_ref
    from fla.ops.retention.naive import naive_retention
    from fla.ops.simple_gla.naive import naive_recurrent_simple_gla

    k, steps = carry[0].shape[-2], len(xs)
    query, key, value = projected(xs, params.kernel, k, k, V)
    key = key / k**0.5
    angles = torch.outer(torch.arange(1.0, steps + 1), 10000.0 ** (-torch.arange(0, k, 2) / k))
    query, key = (rotary_embedding_ref(z, angles.cos(), angles.sin()) for z in (query, key))
    query = query * k**0.5
    decay = torch.log1p(-(2.0 ** (-5 - torch.arange(N)))).expand(*query.shape[:3])
    out, _ = naive_recurrent_simple_gla(query, key, value, decay)
    by_the_paper = naive_retention(*(z.transpose(1, 2) for z in (query, key, value)))
    torch.testing.assert_close(out, by_the_paper.transpose(1, 2), rtol=1e-14, atol=1e-14)
    out, last = naive_recurrent_simple_gla(query, key, value, decay, initial_state=carry[0])
    cos, sin = angles[-1:].cos(), -angles[-1:].sin()
    last = rotary_embedding_ref(last.permute(0, 3, 1, 2).flatten(0, 1)[:, None], cos, sin)
    last = last.unflatten(0, (-1, V))[:, :, 0].permute(0, 2, 3, 1)
    (gate,) = projected(xs, params.gate, V)
    out = torch.nn.functional.rms_norm(out, (V,), eps=EPSILON)
    return [last], joined(out * torch.nn.functional.silu(gate), params.output)


def gla(params, carry, xs):
    import torch
    from fla.ops.gla.naive import naive_recurrent_gla

    k = carry[0].shape[-2]
    query, key, value = projected(xs, params.kernel, k, k, V)
    decay = projected(xs, params.decay_in @ params.decay_out, k)[0]
    decay = torch.nn.functional.logsigmoid(decay + params.decay_bias.unflatten(-1, (N, k))) / 16
    out, last = naive_recurrent_gla(query, key, value, decay, carry[0], True)
    gate = projected(xs, params.gate, V)[0] + params.gate_bias.unflatten(-1, (N, V))
    return [last], joined(normed(out, params) * torch.nn.functional.silu(gate), params.output)


def hgrn2(params, carry, xs, lower):
    """Where keys are what the gates let go of, and queries are not scaled."""
    import torch
    from fla.ops.gla.naive import naive_recurrent_gla

    k = carry[0].shape[-2]
    query, gate, value = projected(xs, params.kernel, k, k, V)
    low = torch.tensor(lower)
    decay = torch.nn.functional.logsigmoid(gate)
    decay = torch.logaddexp(low.log(), torch.log1p(-low) + decay)
    query = torch.nn.functional.silu(query) * k**0.5
    out, last = naive_recurrent_gla(query, 1 - decay.exp(), value, decay, carry[0], True)
    return [last], joined(normed(out, params), params.output)


def delta_net(params, carry, xs, scale):
    import torch
    from fla.ops.delta_rule.naive import delta_rule_recurrence

    k = carry[0].shape[-2]
    *qkv, beta = (z.transpose(1, 2) for z in projected(xs, params.kernel, k, k, V, 1))
    query, key, value = map(torch.nn.functional.silu, qkv)
    beta = scale * beta[..., 0].sigmoid()
    out, last = delta_rule_recurrence(unit(query), unit(key), value, beta, carry[0])
    return [last], joined(normed(out.transpose(1, 2), params), params.output)


def delta_product(params, carry, xs, scale, updates):
    """The updates of a step are steps of their own there."""
    import torch
    from fla.ops.gated_delta_product.naive import naive_recurrent_gated_delta_product

    k = carry[0].shape[-2]
    query, *kvb = projected(xs, params.kernel, k, updates * k, updates * V, updates)
    key, value, beta = (z.unflatten(-1, (updates, -1)).transpose(2, 3).flatten(1, 2) for z in kvb)
    query, key, value = map(torch.nn.functional.silu, (query, key, value))
    out, last = naive_recurrent_gated_delta_product(
        unit(query),
        unit(key),
        value,
        None,
        scale * beta[..., 0].sigmoid(),
        k**-0.5,
        initial_state=carry[0],
        output_final_state=True,
        num_householder=updates,
    )
    return [last], joined(normed(out, params), params.output)


def rwkv7(params, carry, xs):
    """A decay, and a matrix of rank one: of the generalised delta rule."""
    import torch
    from fla.ops.generalized_delta_rule.dplr.naive import dplr_recurrence
    from fla.ops.rwkv7.fused_addcmul import torch_addcmul_rwkv7
    from fla.ops.rwkv7.fused_k_update import k_update_ref
    from fla.ops.rwkv7.gate_output_correction import gate_output_correction_ref

    k = carry[0].shape[-2]
    now, before = xs.transpose(0, 1).chunk(2, dim=-1)
    x_r, x_w, x_k, x_v, x_a, x_g = torch_addcmul_rwkv7(now, before - now, *params.mix)
    r, key, value = x_r @ params.receptance, x_k @ params.key, x_v @ params.value
    w = (x_w @ params.decay_in).tanh() @ params.decay_out + params.decay_bias
    w = -math.exp(-0.5) * w.sigmoid()
    a = (x_a @ params.rate_in @ params.rate_out + params.rate_bias).sigmoid()
    g = (x_g @ params.gate_in).sigmoid() @ params.gate_out
    removed = torch.nn.functional.normalize((key * params.removal).unflatten(-1, (N, k)), dim=-1)
    key = k_update_ref(key, a, params.replacement)
    r, w, key, value, a = (z.unflatten(-1, (N, -1)) for z in (r, w, key, value, a))
    by_head = (z.transpose(1, 2) for z in (r * k**0.5, key, value, -removed, removed * a, w))
    out, last = dplr_recurrence(*by_head, carry[0])
    out = torch.nn.functional.group_norm(
        out.transpose(1, 2).flatten(0, 1).flatten(-2), N, params.norm_scale, params.norm_bias, 64e-5
    )
    out = out.reshape(*xs.transpose(0, 1).shape[:2], -1)
    out = gate_output_correction_ref(out, r, key, params.bonus, value, g)
    return [last], (out @ params.output).transpose(0, 1)


RUNS = {
    "linear_attention": linear_attention,
    "retnet": retnet,
    "gla": gla,
    "hgrn2": partial(hgrn2, lower=0.2),
    "mamba2": mamba2,
    "mlstm": mlstm,
    "delta_net": partial(delta_net, scale=2.0),
    "delta_product": partial(delta_product, scale=2.0, updates=2),
    "gated_delta": gated_delta,
    "kda": kda,
    "rwkv7": rwkv7,
}

if __name__ == "__main__":
    import torch

    torch.Tensor.float = torch.Tensor.double
    torch.float = torch.float32 = torch.float64
    torch.set_default_dtype(torch.float64)
    save(FILE, RUNS)
