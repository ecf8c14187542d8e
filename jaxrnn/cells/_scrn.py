"""The structurally constrained recurrent network."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, orthogonal, recur, zeros
from .._typing import Array, Batch, Inputs, Key, Leaf
from ._dense import DenseCell
from ._rule import Rule


class SCRNParams(NamedTuple):
    """Parameters of `SCRN`; `recurrent` has a row for each hidden unit, then for the context's."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H+C H"]
    context_kernel: Float[Array, "I C"]
    bias: Float[Array, " H"] | None


class SCRNCarry(NamedTuple):
    """Carry of `SCRN`."""

    hidden: Float[Array, "*batch H"]
    context: Float[Array, "*batch C"]


class SCRNRule(Rule):
    """`d_s' = decay * d_s + d_u_s` and `d_h' = h * (1 - h) * d_z`."""

    @property
    def replays(self) -> bool:
        return True

    def remember(self, cell: Any, params: Any, carry: SCRNCarry, u: Inputs, r: Array) -> Any:
        memory = jax.nn.sigmoid(u[0] + r), u[1]
        return self.replay(cell, params, carry, memory), memory

    def replay(self, cell: Any, params: Any, carry: SCRNCarry, memory: Any) -> Any:
        h, fresh = memory
        s = cell.kept(carry.context) + fresh
        return SCRNCarry(h, s), jnp.concatenate([h, s], axis=-1).astype(params.kernel.dtype)

    def linearize(self, cell: Any, params: Any, carry: SCRNCarry, memory: Any) -> Array:
        h, _ = memory
        return h * (1 - h)

    def merge(self, d_u: Any, d_r: Array) -> Any:
        return d_u[0] + d_r, d_u[1]

    def push(self, cell: Any, params: Any, point: Array, d_carry: SCRNCarry, d_z: Any) -> Any:
        h = point * d_z[0]
        s = cell.kept(d_carry.context) + d_z[1]
        return SCRNCarry(h, s), jnp.concatenate([h, s], axis=-1).astype(params.kernel.dtype)


class SCRN(DenseCell):
    """The structurally constrained network: quick hidden units, and context units that only fade.

        s_t = decay * s_{t-1} + (1 - decay) * (x_t @ context_kernel)
        h_t = sigmoid(x_t @ kernel + bias + (h_{t-1}, s_t) @ recurrent)
        y_t = (h_t, s_t) side by side

    The context is a slow average of the inputs, whose gradient fades no faster than `decay`. The
    layer above reads both, as the paper's output does.

    Shapes: x `[*batch, inputs]`; carry `SCRNCarry(hidden, context)`, `[*batch, hidden]` and
    `[*batch, context]`; y `[*batch, hidden + context]`.

    Args:
        inputs: features of the input.
        hidden: quick units.
        context: slow units.
        decay: what of the context remains at every step, in [0, 1); one number, a leaf.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: T. Mikolov et al., "Learning longer memory in recurrent neural networks", ICLR 2015
    workshop (arXiv 1412.7753).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.SCRN(3, 4, 2)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 6)
    """

    context: int = jax.tree.static()
    decay: Leaf = 0.95
    use_bias: bool = jax.tree.static(default=True)
    rule = SCRNRule()

    def __post_init__(self) -> None:
        """Check the sizes and the decay."""
        super().__post_init__()
        _check.sizes("SCRN", context=self.context)
        _check.number("SCRN", decay=self.decay)
        _check.fraction("SCRN", decay=self.decay)

    @property
    def output_shape(self) -> tuple[int]:
        """`(hidden + context,)`."""
        return (self.hidden + self.context,)

    def init(self, key: Key) -> SCRNParams:
        """Glorot kernels, an orthogonal one between the hidden units, a bias of zero."""
        kernel, recurrent, context, back = jax.random.split(key, 4)
        return SCRNParams(
            glorot(kernel, self.inputs, self.hidden, 1),
            jnp.concatenate(
                [
                    orthogonal(recurrent, self.hidden, 1),
                    glorot(back, self.context, self.hidden, 1),
                ]
            ),
            glorot(context, self.inputs, self.context, 1),
            jnp.zeros(self.hidden) if self.use_bias else None,
        )

    def carry(self, params: SCRNParams, batch: Batch = ()) -> SCRNCarry:
        sizes = self.hidden, self.context
        return SCRNCarry(*(zeros(batch, size, params.recurrent) for size in sizes))

    def project(self, params: SCRNParams, x: Array) -> Inputs:
        """What the inputs add to the hidden units, through the context too, and to the context."""
        fresh = dot(x, params.context_kernel)
        fresh = fresh - self.kept(fresh)
        u = dot(x, params.kernel) + recur(fresh, params.recurrent[self.hidden :])
        u = u if params.bias is None else add(u, params.bias)
        return u, fresh

    def mix(self, params: SCRNParams, carry: SCRNCarry) -> Array:
        """The product of the hidden units and of what remains of the context."""
        both = jnp.concatenate([carry.hidden, self.kept(carry.context)], axis=-1)
        return recur(both, params.recurrent)

    def gate(
        self, params: SCRNParams, carry: SCRNCarry, u: Inputs, r: Array
    ) -> tuple[SCRNCarry, Array]:
        """The hidden units and the context."""
        return self.rule.remember(self, params, carry, u, r)[0]

    def kept(self, context: Array) -> Array:
        """`decay * context`."""
        return jnp.asarray(self.decay, context.dtype) * context
