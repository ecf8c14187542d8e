"""Record what other libraries' gated cells compute, so that parity is tested without them.

Run by hand: `python -m tests.golden.make_gated`. `tests/parity/test_textbook.py` reads the file. It
was made by torch 2.13.0, torchrecurrent 0.2.5, xlstm 1.0.8 (of which only the file of the step is
loaded) and xma at 384ed0a7 (of which only the function is: the package needs a compiler for GPUs).

Parameters, carry and inputs are those of the test, and so is the loss. The libraries' weights are
made of the parameters inside the graph, so that gradients are with respect to those.
"""

import ast
import importlib.util
from functools import partial
from pathlib import Path

from tests import zoo
from tests.golden.torch_cells import of_torchrecurrent, save

FILE = Path(__file__).parent / "gated.npz"


def rows(matrix, *order):
    """Blocks of rows, one for each gate, in another order; a gate of None has none."""
    import torch

    blocks = [*matrix.split(zoo.H)]
    return torch.cat([torch.zeros_like(blocks[0]) if k is None else blocks[k] for k in order])


def plain(p, **others):
    """The weights of a cell whose gates stand in the same order there; biases that lack are 0."""
    recurrent = p.recurrent.T if p.recurrent.ndim == 2 else p.recurrent
    return {"weight_ih": p.kernel.T, "weight_hh": recurrent, "bias_ih": p.bias, **others}


def with_gates(p, *order):
    return {name: rows(weight, *order) for name, weight in plain(p).items()}


# Of torchrecurrent: the cell, its options, and its weights made of the parameters here.
CELLS = {
    "antisymmetric": (
        "AntisymmetricRNNCell",
        {"epsilon": 0.1, "gamma": 0.01},
        plain,
    ),
    "atr": ("ATRCell", {}, plain),
    "brc": ("BRCell", {}, plain),
    "cfn": ("CFNCell", {}, lambda p: plain(p, bias_ih=rows(p.bias, 0, 1, None))),
    "fast_grnn": (
        "FastGRNNCell",
        {"nonlinearity": "sigmoid"},
        lambda p: plain(p, zeta=p.zeta, nu=p.nu),
    ),
    "fast_rnn": ("FastRNNCell", {}, lambda p: plain(p, alpha=p.alpha, beta=p.beta)),
    "gated_antisymmetric": (
        "GatedAntisymmetricRNNCell",
        {"epsilon": 0.1, "gamma": 0.01},
        lambda p: {
            "weight_ih": rows(p.kernel.T, 1, 0),
            "weight_hh": p.recurrent.T,
            "bias_ih": rows(p.bias, 1, 0),
        },
    ),
    "ind_rnn": (
        "IndRNNCell",
        {"nonlinearity": "relu"},
        lambda p: {"weight_ih": p.kernel.T, "vector_u": p.recurrent, "bias_ih": p.bias},
    ),
    "janet": ("JANETCell", {}, lambda p: plain(p, beta=p.bias.new_ones(()))),
    "li_gru": ("LiGRUCell", {}, plain),
    "mgu": ("MGUCell", {}, lambda p: plain(p, weight_hh=side_by_side(p.recurrent, p.candidate))),
    "minimal_rnn": (
        "MinimalRNNCell",
        {},
        lambda p: plain(p, weight_mm=p.latent.T, bias_ih=p.bias[0], bias_hh=p.bias[1]),
    ),
    "multiplicative_lstm": (
        "MultiplicativeLSTMCell",
        {},
        lambda p: plain(p, weight_mh=p.intermediate.T, bias_ih=rows(p.bias, None, 0, 1, 2, 3)),
    ),
    "nbrc": ("NBRCell", {}, plain),
    "peephole_lstm": ("PeepholeLSTMCell", {}, lambda p: plain(p, weight_ph=p.peepholes)),
    "ran": ("RANCell", {}, lambda p: plain(p, weight_ih=rows(p.kernel.T, 2, 0, 1))),
    "ugrnn": ("UGRNNCell", {}, lambda p: with_gates(p, 1, 0)),
}


def side_by_side(*kernels):
    import torch

    return torch.cat(kernels, dim=-1).T


def stepped(name, params, carry, xs):
    """A carry of one array stands for a library's two."""
    single = len(carry) == 1
    state = (carry[0], carry[0]) if name == "janet" else carry[0] if single else tuple(carry)
    last, ys = of_torchrecurrent(CELLS[name], params, state, xs)
    return [ys[-1]] if single else list(last), ys


def projected_lstm(params, carry, xs):
    import torch

    weights = [
        params.kernel.T,
        params.recurrent.T,
        params.bias,
        0 * params.bias,
        params.projection.T,
    ]
    ys, h, c = torch._VF.lstm(
        xs, tuple(c[None] for c in carry), weights, True, 1, 0.0, False, False, False
    )
    return [h[0], c[0]], ys


def slstm(params, carry, xs):
    """With a normaliser of 1 to start from, and the recurrent matrix whole."""
    import torch

    place = Path(importlib.util.find_spec("xlstm").origin).parent
    file = place / "blocks/slstm/src/vanilla/slstm.py"
    spec = importlib.util.spec_from_file_location("slstm_step", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    size = params.recurrent.shape[1]
    gates = [torch.block_diag(*params.recurrent[..., k * size : (k + 1) * size]) for k in range(4)]
    whole = torch.cat(gates, dim=-1)
    h, c, log_n = carry
    state, ys = torch.stack([h, c, torch.ones_like(c), log_n]), []
    for x in xs:
        wx, ry = x @ params.kernel, state[0] @ whole
        state, _ = module.slstm_forward_pointwise(wx, ry, params.bias[None], state, {})
        ys.append(state[0])
    h, c, n, m = state
    return [h, c / n, torch.log(n) + m], torch.stack(ys)


def m2rnn(params, carry, xs):
    import torch

    source = (
        Path(importlib.util.find_spec("xma").origin).parent / "layers/m2rnn/torch_implementation.py"
    ).read_text()
    tree = ast.parse(source)
    named = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "_m2rnn_torch"]
    heads = len(params.bias)
    scope = {
        "torch": torch,
        "tanh": torch.tanh,
        "clip_gradients": lambda h, _: h,
        "_get_num_heads": lambda **_: (heads,) * 6,
    }
    exec(compile(ast.Module(named, []), "m2rnn", "exec"), scope)
    first = xs.transpose(0, 1)  # the batch first
    q, k, v = (
        (first @ kernel).reshape(*first.shape[:2], heads, -1)
        for kernel in (params.query, params.key, params.value)
    )
    f = torch.sigmoid(first @ params.forget + params.bias)
    ys, last = scope["_m2rnn_torch"](
        q, k, v, params.recurrent, f, carry[0], None, cu_seqlens=None, max_seqlen=None
    )
    return [last], ys.transpose(0, 1).flatten(-2)


RUNS = {name: partial(stepped, name) for name in CELLS} | {
    "m2rnn": m2rnn,
    "projected_lstm": projected_lstm,
    "slstm": slstm,
}

if __name__ == "__main__":
    save(FILE, RUNS)
