"""Record what other libraries compute for linear cells, in float64.

Run by hand: `python -m tests.golden.make_linear`. `tests/parity/test_textbook.py` reads the file.
It was made by torch 2.13.0, minGRU-pytorch 0.2.1, LRU-pytorch 0.1.3 and s5-pytorch 0.2.1 (all MIT).

Parameters, carry and inputs are those of the test, and so is the loss. Some numbers are of single
precision in s5-pytorch; while it runs here, what says float32 and complex64 means the double.
"""

from pathlib import Path

from tests import zoo
from tests.golden.torch_cells import save

FILE = Path(__file__).parent / "linear.npz"
I, H = zoo.I, zoo.H  # noqa: E741


def min_rnn(module, weight, carry, xs):
    """One step a call, which is the sequential form; the other asks for positive states."""
    import torch

    h, ys = carry[0][:, None], []
    xs = torch.cat([xs, torch.ones_like(xs[..., :1])], -1)  # for the biases
    for x in xs:
        y, h = torch.func.functional_call(module, weight, (x[:, None], h, True))
        ys.append(y[:, 0])
    return [h[:, 0]], torch.stack(ys)


def blocks(params, *order):
    """Kernel and bias of the gates, in another order."""
    import torch

    whole = torch.cat([params.kernel, params.bias[None]]).T.split(H)
    return torch.cat([whole[k] for k in order])


def min_gru(params, carry, xs):
    from minGRU_pytorch.minGRU import minGRU

    weight = {"to_hidden_and_gate.weight": blocks(params, 1, 0)}
    return min_rnn(minGRU(H), weight, carry, xs)


def min_lstm(params, carry, xs):
    from minGRU_pytorch.minLSTM import minLSTM

    weight = {"to_hidden_and_f_i_gate.weight": blocks(params, 2, 0, 1)}
    return min_rnn(minLSTM(H), weight, carry, xs)


def lru(params, carry, xs):
    """It forgets its last state, so that is read by kernels that give its parts as outputs."""
    import torch
    from LRU_pytorch import LRU

    made = {
        "D": params.skip.T,
        "nu_log": params.log_decay,
        "theta_log": params.log_phase,
        "gamma_log": params.log_scale,
        "B": torch.complex(*params.kernel).T,
        "C": torch.complex(*params.output).T,
    }

    def run(made):
        each = zip(xs.unbind(1), carry[0], strict=True)
        return torch.stack(
            [torch.func.functional_call(LRU(I, H, H), made, both) for both in each], 1
        )

    one = torch.eye(H, dtype=torch.complex128)
    real, imaginary = (
        run({**made, "C": part, "D": 0 * made["D"]})[-1] for part in (one, -1j * one)
    )
    return [torch.complex(real, imaginary)], run(made)


def s5(params, carry, xs):
    """A number of every conjugate pair is kept, so outputs count twice."""
    import torch
    from s5.s5_model import S5SSM

    size = len(params.log_decay)
    basis = torch.eye(size, dtype=torch.complex128)
    module = S5SSM(
        basis[0], basis, basis, I, size, 0.1, 1.0, discretization="bilinear", bcInit="dense"
    )
    module.forward = module.forward_rnn
    made = {
        "Lambda": torch.complex(-params.log_decay.exp(), params.frequency),
        "log_step": params.log_step,
        "B": params.kernel.permute(2, 1, 0),
        "C": 2 * torch.complex(*params.output).T,
        "D": params.skip,
    }
    states, ys = list(carry[0]), []
    for x in xs:
        both = [
            torch.func.functional_call(module, made, each) for each in zip(x, states, strict=True)
        ]
        states = [state for _, state in both]
        ys.append(torch.stack([y for y, _ in both]))
    return [torch.stack(states)], torch.stack(ys)


RUNS = {"lru": lru, "min_gru": min_gru, "min_lstm": min_lstm, "s5": s5}

if __name__ == "__main__":
    import torch

    torch.set_default_dtype(torch.float64)
    torch.float = torch.float32 = torch.float64
    torch.complex64 = torch.complex128
    save(FILE, RUNS)
