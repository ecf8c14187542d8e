"""How the weights and options of each cell are written in ONNX's recurrent operators.

Facts of the operators (ONNX's own schema, versions 7 to 22), of one direction:

    W [g*H, I], R [g*H, H]       blocks i o f c of an LSTM, z r h of a GRU; rows are outputs
    B [2*g*H]                    the bias of W, then that of R
    P [3*H]                      peepholes i o f

Where a cell has one bias, it is written as that of W. That of R is -0.0 then, which added to a
number leaves every bit of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..._typing import Params
from ...cells import (
    GRU,
    LSTM,
    Cell,
    CoupledLSTM,
    CoupledLSTMParams,
    Elman,
    ElmanParams,
    GRUParams,
    LSTMParams,
    PeepholeLSTM,
    PeepholeLSTMParams,
    ResetBeforeGRU,
    ResetBeforeGRUParams,
)
from . import _cells
from ._activation import SIGMOID, TANH, Activation, of_function, plain, write_activations


class Weights(NamedTuple):
    """The weights of one direction, as the operator names them: arrays of numpy or of JAX."""

    W: Any
    R: Any
    B: Any = None
    P: Any = None


class Options(NamedTuple):
    """What of a node concerns the cell of one direction."""

    operator: str
    inputs: int
    hidden: int
    bias: bool = True
    peepholes: bool = False
    activations: tuple[Activation, ...] = ()
    clip: float | None = None
    input_forget: bool = False
    linear_before_reset: bool = False


class Form(NamedTuple):
    """What an operator and a cell have in common."""

    operator: str
    read: Callable[[Weights], Params]
    write: Callable[[Params], Weights]
    attributes: Callable[[Any], dict[str, Any]] = lambda cell: {}


BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}
USUAL = {"RNN": (TANH,), "GRU": (SIGMOID, TANH), "LSTM": (SIGMOID, TANH, TANH)}


def cell_of(options: Options) -> Cell:
    """The plain cell that computes this, or, if there is none, one with all options."""
    given: dict[str, Any] = {
        "inputs": options.inputs,
        "hidden": options.hidden,
        "use_bias": options.bias,
    }
    full = {**given, "activations": options.activations, "clip": options.clip}
    usual = options.activations == USUAL[options.operator] and options.clip is None
    if options.operator == "RNN":
        function = plain(options.activations[0])
        if function is None or options.clip is not None:
            return _cells.RNN(**full)
        return Elman(activation=function, **given)
    if options.operator == "GRU":
        if usual:
            return (GRU if options.linear_before_reset else ResetBeforeGRU)(**given)
        return _cells.GRU(linear_before_reset=options.linear_before_reset, **full)
    if usual and not (options.peepholes and options.input_forget):
        return _plain_lstm(options)(**given)
    return _cells.LSTM(use_peepholes=options.peepholes, input_forget=options.input_forget, **full)


def _plain_lstm(options: Options) -> type[Cell]:
    if options.peepholes:
        return PeepholeLSTM
    return CoupledLSTM if options.input_forget else LSTM


def form_of(cell: Cell) -> Form | None:
    """How this cell is written; None if no operator computes it."""
    return FORMS.get(type(cell))


def refused(cell: Cell) -> str:
    """Why a cell of a known form cannot be written all the same; empty if it can."""
    if isinstance(cell, Elman) and of_function(cell.activation) is None:
        return (
            f"the activation {cell.activation!r} of `Elman` is none of ONNX's: tanh, relu, "
            "sigmoid, soft_sign, softplus, leaky_relu, elu, hard_sigmoid of JAX, or an `Activation`"
        )
    return ""


# --- one direction ------------------------------------------------------------------------------


def _turned(matrix: Any, order: list[int]) -> Any:
    """`[g*H, n]` as `[n, g*H]`, or back, with the blocks of H in another order."""
    blocks = matrix.reshape(-1, matrix.shape[0] // len(order), *matrix.shape[1:])
    return blocks[np.array(order)].reshape(matrix.shape[0], *matrix.shape[1:])


def _halves(weights: Weights, order: list[int]) -> Any:
    """Both biases, with the blocks in another order."""
    if weights.B is None:
        return None
    first, second = weights.B.reshape(2, -1)
    return _turned(first, order), _turned(second, order)


def _sum(halves: Any) -> Any:
    """The sum of both biases, in silence where they are not finite."""
    with np.errstate(all="ignore"):
        return None if halves is None else halves[0] + halves[1]


def _both(bias: Any, order: list[int]) -> Any:
    if bias is None:
        return None
    first = _turned(np.asarray(bias), order)
    return np.concatenate([first, np.full_like(first, -0.0)])


def _one_bias(
    kind: Callable[..., Params], read: list[int], write: list[int]
) -> tuple[Callable[[Weights], Params], Callable[[Params], Weights]]:
    """Both ways for a cell of a kernel, a recurrent kernel and one bias."""

    def reading(weights: Weights) -> Params:
        kernels = _turned(weights.W, read).T, _turned(weights.R, read).T
        return kind(*kernels, _sum(_halves(weights, read)))

    def writing(params: Params) -> Weights:
        w, r = (_turned(np.asarray(params[i]).T, write) for i in (0, 1))
        return Weights(w, r, _both(params[2], write))

    return reading, writing


def _read_gru(weights: Weights) -> GRUParams:
    size, order = weights.R.shape[1], [1, 0, 2]
    bias = candidate = None
    if (halves := _halves(weights, order)) is not None:
        here = jnp if isinstance(halves[0], jax.Array) else np
        summed = _sum([half[: 2 * size] for half in halves])
        bias = here.concatenate([summed, halves[0][2 * size :]])
        candidate = halves[1][2 * size :]
    return GRUParams(_turned(weights.W, order).T, _turned(weights.R, order).T, bias, candidate)


def _write_gru(params: GRUParams) -> Weights:
    order, size = [1, 0, 2], params.recurrent.shape[0]
    both = _both(params.bias, order)
    if both is not None and params.candidate_bias is not None:
        both[5 * size :] = params.candidate_bias
    w, r = (_turned(np.asarray(m).T, order) for m in (params.kernel, params.recurrent))
    return Weights(w, r, both)


def _read_reset_before(weights: Weights) -> ResetBeforeGRUParams:
    size, order = weights.R.shape[1], [1, 0, 2]
    recurrent = _turned(weights.R, order).T
    return ResetBeforeGRUParams(
        _turned(weights.W, order).T,
        recurrent[:, : 2 * size],
        recurrent[:, 2 * size :],
        _sum(_halves(weights, order)),
    )


def _write_reset_before(params: ResetBeforeGRUParams) -> Weights:
    order = [1, 0, 2]
    recurrent = np.concatenate([params.recurrent, params.candidate], axis=1)
    w, r = (_turned(np.asarray(m).T, order) for m in (params.kernel, recurrent))
    return Weights(w, r, _both(params.bias, order))


def _read_coupled(weights: Weights) -> CoupledLSTMParams:
    """A gate of 1 - sigmoid(z) is sigmoid(-z): the input gate, its sign changed, is the forget."""

    def gates(matrix: Any) -> Any:
        i, o, _, c = matrix.reshape(4, -1, *matrix.shape[1:])
        here = jnp if isinstance(matrix, jax.Array) else np
        return here.concatenate([-i, c, o])

    bias = None if (both := _halves(weights, [0, 1, 2, 3])) is None else gates(_sum(both))
    return CoupledLSTMParams(gates(weights.W).T, gates(weights.R).T, bias)


def _write_coupled(params: CoupledLSTMParams) -> Weights:
    def gates(matrix: Any) -> Any:
        f, c, o = np.asarray(matrix).reshape(3, -1, *matrix.shape[1:])
        return np.concatenate([-f, o, np.zeros_like(f), c])

    bias = None if params.bias is None else gates(params.bias)
    return Weights(gates(params.kernel.T), gates(params.recurrent.T), _both(bias, [0, 1, 2, 3]))


def _read_peepholes(weights: Weights) -> PeepholeLSTMParams:
    peepholes = weights.P.reshape(3, -1)[np.array([0, 2, 1])]
    return PeepholeLSTMParams(**_LSTM[0](weights)._asdict(), peepholes=peepholes)


def _write_peepholes(params: PeepholeLSTMParams) -> Weights:
    peepholes = np.asarray(params.peepholes)[[0, 2, 1]].reshape(-1)
    return _LSTM[1](params)._replace(P=peepholes)


def _read_full_gru(weights: Weights) -> _cells.GRUParams:
    halves = (None, None) if weights.B is None else weights.B.reshape(2, -1)
    return _cells.GRUParams(weights.W.T, weights.R.T, *halves)


def _write_full_gru(params: _cells.GRUParams) -> Weights:
    bias = None if params.bias is None else np.concatenate([params.bias, params.recurrent_bias])
    return Weights(np.asarray(params.kernel).T, np.asarray(params.recurrent).T, bias)


def _read_full_lstm(weights: Weights) -> _cells.LSTMParams:
    size = weights.R.shape[1]
    bias = _sum(_halves(weights, [0, 1, 2, 3]))
    peepholes = None if weights.P is None else weights.P.reshape(3, size)
    return _cells.LSTMParams(weights.W.T, weights.R.T, bias, peepholes)


def _write_full_lstm(params: _cells.LSTMParams) -> Weights:
    peepholes = None if params.peepholes is None else np.asarray(params.peepholes).reshape(-1)
    both = _both(params.bias, [0, 1, 2, 3])
    return Weights(np.asarray(params.kernel).T, np.asarray(params.recurrent).T, both, peepholes)


def _elman_attributes(cell: Elman) -> dict[str, Any]:
    activation = of_function(cell.activation)
    return {} if activation is None else write_activations([activation])


def _full_attributes(cell: Any) -> dict[str, Any]:
    clip = {} if cell.clip is None else {"clip": float(cell.clip)}
    return {**write_activations(cell.activations), **clip}


_LSTM = _one_bias(LSTMParams, [0, 2, 3, 1], [0, 3, 1, 2])
_ELMAN = _one_bias(ElmanParams, [0], [0])

FORMS: dict[type[Cell], Form] = {
    Elman: Form("RNN", *_ELMAN, _elman_attributes),
    _cells.RNN: Form("RNN", *_ELMAN, _full_attributes),
    GRU: Form("GRU", _read_gru, _write_gru, lambda cell: {"linear_before_reset": 1}),
    ResetBeforeGRU: Form("GRU", _read_reset_before, _write_reset_before),
    _cells.GRU: Form(
        "GRU",
        _read_full_gru,
        _write_full_gru,
        lambda cell: {
            **_full_attributes(cell),
            "linear_before_reset": int(cell.linear_before_reset),
        },
    ),
    LSTM: Form("LSTM", *_LSTM),
    PeepholeLSTM: Form("LSTM", _read_peepholes, _write_peepholes),
    CoupledLSTM: Form("LSTM", _read_coupled, _write_coupled, lambda cell: {"input_forget": 1}),
    _cells.LSTM: Form(
        "LSTM",
        _read_full_lstm,
        _write_full_lstm,
        lambda cell: {**_full_attributes(cell), "input_forget": int(cell.input_forget)},
    ),
}
