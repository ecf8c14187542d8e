"""Record what other libraries compute for convolutional cells, and for cells in continuous time.

Run by hand: `python -m tests.golden.make_dynamics`. `tests/parity/test_textbook.py` reads the file.
It was made by torch 2.13.0, torchrecurrent 0.2.5 and ncps 1.0.1.

Parameters, carry and inputs are those of the test, and so is the loss. The libraries' weights are
made of the parameters inside the graph, so that gradients are with respect to those. The LEM of
torchrecurrent is left out: its second product reads the old memory, where the paper's, and its
authors' code, read the new one. PyTorch has no convolutional cells: their convolutions are its own.
"""

from functools import partial
from pathlib import Path

from tests import zoo
from tests.golden.torch_cells import of_torchrecurrent, save

FILE = Path(__file__).parent / "dynamics.npz"
I, H = zoo.I, zoo.H  # noqa: E741


def cornn(p):
    position, velocity = p.recurrent.split(H)
    return {
        "weight_ih": p.kernel.T,
        "weight_hh": position.T,
        "weight_ch": velocity.T,
        "bias_ih": p.bias,
    }


def unicornn(p):
    return {
        "weight_ih": p.kernel.T,
        "weight_hh": p.recurrent,
        "weight_ch": p.time_scale,
        "bias_ih": p.bias,
    }


def star(p):
    import torch

    k, z = p.kernel.T.split(H)
    b_k, b_z = p.bias.split(H)
    return {
        "weight_ih": torch.cat([z, k]),
        "weight_hh": p.recurrent.T,
        "bias_ih": torch.cat([b_z, b_k]),
    }


def wmc_lstm(p):
    import torch

    return {
        "weight_ih": p.kernel.T,
        "weight_hh": p.recurrent.T,
        "weight_mh": torch.cat([p.memory, p.output_memory], dim=-1).T,
        "bias_ih": p.bias,
        "bias_mh": p.memory_bias,
    }


CELLS = {
    "cornn": ("coRNNCell", {"dt": 0.3, "gamma": 0.7, "epsilon": 1.2}, cornn),
    "unicornn": ("UnICORNNCell", {"dt": 0.4, "alpha": 0.9}, unicornn),
    "star": ("STARCell", {}, star),
    "wmc_lstm": ("WMCLSTMCell", {}, wmc_lstm),
}


def stepped(name, params, carry, xs):
    state = carry[0] if len(carry) == 1 else tuple(carry)
    last, ys = of_torchrecurrent(CELLS[name], params, state, xs)
    return (list(last) if isinstance(last, tuple) else [last]), ys


def cfc(params, carry, xs):
    """Without a backbone, where ncps has no activation of its own that would differ."""
    import torch
    from ncps.torch.cfc_cell import CfCCell

    module = CfCCell(I, H, backbone_layers=0).double()
    whole = torch.cat([params.kernel, params.recurrent]).T
    made = {}
    for at, name in enumerate(["ff1", "ff2", "time_a", "time_b"]):
        made[f"{name}.weight"] = whole[at * H : (at + 1) * H]
        made[f"{name}.bias"] = params.bias[at * H : (at + 1) * H]
    h, ys = carry[0], []
    for x in xs:
        h, _ = torch.func.functional_call(module, made, (x, h, 0.7))
        ys.append(h)
    return [h], torch.stack(ys)


def ltc(params, carry, xs):
    """With positive parameters by `softplus`, all synapses there, and nothing added to a sum."""
    import torch
    from ncps.torch.ltc_cell import LTCCell
    from ncps.wirings import FullyConnected

    module = LTCCell(
        FullyConnected(H),
        in_features=I - 1,
        input_mapping=None,
        output_mapping=None,
        ode_unfolds=2,
        epsilon=0.0,
        implicit_param_constraints=True,
    ).double()
    names = {"weight": "w", "slope": "sigma", "threshold": "mu", "reversal": "erev"}
    made = {"cm": params.capacity, "gleak": params.leak, "vleak": params.rest}
    for field, name in names.items():
        made[name] = getattr(params.recurrent, field)
        made[f"sensory_{name}"] = getattr(params.sensory, field)
    module._params = {**module._params, **made}
    h, ys = carry[0], []
    for x in xs:
        _, h = module(x[:, :-1], h, x[:, -1:])
        ys.append(h)
    return [h], torch.stack(ys)


def convolved(x, kernel, bias=None, **options):
    """`x [*batch, *space, I]` with a kernel `[*window, I, O]`, which PyTorch has channels first."""
    import torch

    axes = kernel.ndim - 2
    convolution = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d}[axes]
    x, kernel = x.movedim(-1, -axes - 1), kernel.permute(-1, -2, *range(axes))
    return convolution(x, kernel, bias, **options).movedim(-axes - 1, -1)


def conv_lstm(params, carry, xs):
    """PyTorch pads no strided convolution: here one row and two columns, one of them before."""
    import torch

    h, c, ys = *carry, []
    for x in xs:
        padded = torch.nn.functional.pad(x, (0, 0, 1, 1, 0, 1))
        u = convolved(padded, params.kernel, params.bias, stride=(1, 2))
        i, f, g, o = (u + convolved(h, params.recurrent, padding="same")).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return [h, c], torch.stack(ys)


def conv_gru(params, carry, xs):
    import torch

    h, ys = carry[0], []
    bias = torch.nn.functional.pad(params.candidate_bias, (2 * len(params.candidate_bias), 0))
    for x in xs:
        u = convolved(x, params.kernel, params.bias, dilation=2).chunk(3, dim=-1)
        s = convolved(h, params.recurrent, bias, padding="same").chunk(3, dim=-1)
        r, z = (u[0] + s[0]).sigmoid(), (u[1] + s[1]).sigmoid()
        h = torch.lerp((u[2] + r * s[2]).tanh(), h, z)
        ys.append(h)
    return [h], torch.stack(ys)


def reset_before_conv_gru(params, carry, xs):
    import torch

    h, ys = carry[0], []
    for x in xs:
        u = convolved(x, params.kernel, padding="same").chunk(3, dim=-1)
        s = convolved(h, params.recurrent, padding="same").chunk(2, dim=-1)
        r, z = (u[0] + s[0]).sigmoid(), (u[1] + s[1]).sigmoid()
        n = (u[2] + convolved(r * h, params.candidate, padding="same")).tanh()
        h = torch.lerp(n, h, z)
        ys.append(h)
    return [h], torch.stack(ys)


RUNS = {name: partial(stepped, name) for name in CELLS} | {
    "cfc_without_backbone": cfc,
    "conv_gru": conv_gru,
    "conv_lstm": conv_lstm,
    "ltc": ltc,
    "reset_before_conv_gru": reset_before_conv_gru,
}

if __name__ == "__main__":
    save(FILE, RUNS)
