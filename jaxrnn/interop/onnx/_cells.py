"""Cells with every option of ONNX's recurrent operators: clipping and other activations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from ... import _check
from ..._numerics import add, glorot, orthogonal, recur, zeros
from ..._typing import Array, Batch, Key, Leaf
from ...cells import DenseCell, ElmanParams, LSTMCarry
from ._activation import SIGMOID, TANH, Activation


class OperatorCell(DenseCell):
    """A cell whose sums are clipped before every activation, if there is a `clip`."""

    activations: tuple[Activation, ...]
    clip: Leaf | None = None
    use_bias: bool = jax.tree.static(default=True)

    def _check_options(self, functions: str) -> None:
        """Check the sizes, and that there is one activation for each of the functions."""
        who = type(self).__name__
        _check.sizes(who, inputs=self.inputs, hidden=self.hidden)
        wanted = functions.split()
        if len(self.activations) != len(wanted):
            raise ValueError(
                f"{who}: takes {len(wanted)} activations, {', '.join(wanted)}, "
                f"got {len(self.activations)}"
            )
        if self.clip is not None:
            _check.positive(who, clip=self.clip)

    def squash(self, index: int, z: Array) -> Array:
        """One of the activations, of clipped sums."""
        if self.clip is not None:
            _check.number(type(self).__name__, clip=self.clip)
            bound = jnp.asarray(self.clip).astype(z.dtype)
            z = jnp.clip(z, -bound, bound)
        return self.activations[index](z)

    def _drawn(self, key: Key, blocks: int) -> tuple[Array, Array, Array | None]:
        first, second = jax.random.split(key)
        return (
            glorot(first, self.inputs, self.hidden, blocks),
            orthogonal(second, self.hidden, blocks),
            jnp.zeros(blocks * self.hidden) if self.use_bias else None,
        )


class RNN(OperatorCell):
    """The operator RNN with all its options; without `clip`, `cells.Elman` is the same.

        h_t = f(x_t @ kernel + bias + h_{t-1} @ recurrent),   y_t = h_t

    Every sum is clipped to `[-clip, clip]` before f.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activations: `(f,)`.
        clip: the bound of the sums; None for no bound.
        use_bias: whether there is a bias.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import onnx
        >>> cell = onnx.RNN(3, 4, (onnx.Activation("LeakyRelu", 0.1),), clip=2.0)
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    activations: tuple[Activation, ...] = (TANH,)

    def __post_init__(self) -> None:
        self._check_options("f")

    def init(self, key: Key) -> ElmanParams:
        """A Glorot and an orthogonal kernel, and a bias of zero."""
        return ElmanParams(*self._drawn(key, 1))

    def gate(self, params: ElmanParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """`f(u + r)`."""
        h = self.squash(0, u + r)
        return h, h.astype(params.kernel.dtype)


class GRUParams(NamedTuple):
    """Parameters of `GRU`; the blocks are z, r, h, as in ONNX, and the biases are apart."""

    kernel: Float[Array, "I 3*H"]
    recurrent: Float[Array, "H 3*H"]
    bias: Float[Array, " 3*H"] | None
    recurrent_bias: Float[Array, " 3*H"] | None


class GRU(OperatorCell):
    """The operator GRU with all its options.

        u_z, u_r, u_h = split(x_t @ kernel + bias)
        z, r = f(u_z + h_{t-1} @ recurrent_z + b_z),  f(u_r + h_{t-1} @ recurrent_r + b_r)
        n    = g(u_h + (r * h_{t-1}) @ recurrent_h + b_h)         linear_before_reset=False
        n    = g(u_h + r * (h_{t-1} @ recurrent_h + b_h))         linear_before_reset=True
        h_t  = (1 - z) * n + z * h_{t-1},   y_t = h_t

    where b is `recurrent_bias`. Every sum is clipped to `[-clip, clip]` before f and g. With the
    usual activations and without `clip`, `cells.ResetBeforeGRU` and `cells.GRU` compute the same,
    faster.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activations: `(f, g)`.
        clip: the bound of the sums; None for no bound.
        use_bias: whether there are biases.
        linear_before_reset: as in ONNX: whether the reset gate acts after the recurrent product.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import onnx
        >>> cell = onnx.GRU(3, 4, clip=2.0)
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    activations: tuple[Activation, ...] = (SIGMOID, TANH)
    linear_before_reset: bool = jax.tree.static(default=False)

    def __post_init__(self) -> None:
        self._check_options("f g")

    def init(self, key: Key) -> GRUParams:
        """Glorot kernels and orthogonal recurrent kernels per gate, biases of zero."""
        kernel, recurrent, bias = self._drawn(key, 3)
        return GRUParams(kernel, recurrent, bias, None if bias is None else jnp.zeros_like(bias))

    def mix(self, params: GRUParams, carry: Array) -> Float[Array, "... G"]:
        """`h @ recurrent` with its bias: of all blocks, or of z and r alone."""
        blocks = 3 if self.linear_before_reset else 2
        r = recur(carry, params.recurrent[:, : blocks * self.hidden])
        bias = params.recurrent_bias
        return r if bias is None else add(r, bias[: blocks * self.hidden])

    def gate(self, params: GRUParams, carry: Array, u: Array, r: Array) -> tuple[Array, Array]:
        """Update and reset, then the candidate."""
        cut = 2 * self.hidden
        z, reset = jnp.split(self.squash(0, u[..., :cut] + r[..., :cut]), 2, axis=-1)
        if self.linear_before_reset:
            n = self.squash(1, u[..., cut:] + reset * r[..., cut:])
        else:
            product = recur(reset * carry, params.recurrent[:, cut:])
            bias = params.recurrent_bias
            product = product if bias is None else add(product, bias[cut:])
            n = self.squash(1, u[..., cut:] + product)
        h = (1 - z) * n + z * carry
        return h, h.astype(params.kernel.dtype)


class LSTMParams(NamedTuple):
    """Parameters of `LSTM`; the gates are i, o, f, c, as in ONNX, the peepholes i, o, f."""

    kernel: Float[Array, "I 4*H"]
    recurrent: Float[Array, "H 4*H"]
    bias: Float[Array, " 4*H"] | None
    peepholes: Float[Array, "3 H"] | None


class LSTM(OperatorCell):
    """The operator LSTM with all its options.

        s_i, s_o, s_f, s_c = split(x_t @ kernel + bias + h_{t-1} @ recurrent)
        p_i, p_o, p_f      = peepholes
        i   = f(s_i + p_i * c_{t-1})
        f'  = f(s_f + p_f * c_{t-1}),  or 1 - i with input_forget
        c_t = f' * c_{t-1} + i * g(s_c)
        o   = f(s_o + p_o * c_t)
        h_t = o * h(c_t),   y_t = h_t

    What f, g and h read is clipped to `[-clip, clip]`; the cell itself is not. With the usual
    activations and without `clip`, `cells.LSTM`, `cells.PeepholeLSTM` and `cells.CoupledLSTM`
    compute the same, faster.

    Shapes: x `[*batch, inputs]`; carry `LSTMCarry(hidden, cell)`, each `[*batch, hidden]`, as y.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        activations: `(f, g, h)`.
        clip: the bound of the sums; None for no bound.
        use_bias: whether there is a bias.
        use_peepholes: whether the gates see the cell.
        input_forget: as in ONNX: whether what is forgotten is what is written. The block of f is
            there in any case, and is not used then.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.interop import onnx
        >>> cell = onnx.LSTM(3, 4, clip=2.0, input_forget=True)
        >>> jaxrnn.unroll(cell, cell.init(jax.random.key(0)), jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    activations: tuple[Activation, ...] = (SIGMOID, TANH, TANH)
    use_peepholes: bool = jax.tree.static(default=False)
    input_forget: bool = jax.tree.static(default=False)

    def __post_init__(self) -> None:
        self._check_options("f g h")

    def init(self, key: Key) -> LSTMParams:
        """As for `cells.LSTM`, with a forget bias of 1; peepholes of zero."""
        kernel, recurrent, bias = self._drawn(key, 4)
        if bias is not None:
            bias = bias.at[2 * self.hidden : 3 * self.hidden].add(1)
        peepholes = jnp.zeros((3, self.hidden)) if self.use_peepholes else None
        return LSTMParams(kernel, recurrent, bias, peepholes)

    def carry(self, params: LSTMParams, batch: Batch = ()) -> LSTMCarry:
        """Zeros."""
        return LSTMCarry(*(zeros(batch, self.hidden, params.recurrent) for _ in "hc"))

    def mix(self, params: LSTMParams, carry: LSTMCarry) -> Float[Array, "... G"]:
        """`h @ recurrent`."""
        return recur(carry.hidden, params.recurrent)

    def gate(
        self, params: LSTMParams, carry: LSTMCarry, u: Array, r: Array
    ) -> tuple[LSTMCarry, Array]:
        """Input and forget gate, the cell, the output gate."""
        s_i, s_o, s_f, s_c = jnp.split(u + r, 4, axis=-1)
        if params.peepholes is None:
            p_i = p_o = p_f = jnp.zeros_like(carry.cell)
        else:
            p_i, p_o, p_f = (
                jnp.broadcast_to(p.astype(s_i.dtype), s_i.shape) for p in params.peepholes
            )
        i = self.squash(0, s_i + p_i * carry.cell)
        f = 1 - i if self.input_forget else self.squash(0, s_f + p_f * carry.cell)
        c = f * carry.cell + i * self.squash(1, s_c)
        o = self.squash(0, s_o + p_o * c)
        h = o * self.squash(2, c)
        return LSTMCarry(h, c), h.astype(params.kernel.dtype)
