"""Antisymmetric networks: a stable differential equation, stepped."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import glorot, recur
from .._typing import Array, Key, Leaf
from ._pointwise import PointwiseCell
from ._squash import SIGMOID, TANH


class AntisymmetricParams(NamedTuple):
    """Parameters of `Antisymmetric`."""

    kernel: Float[Array, "I H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " H"] | None


class GatedAntisymmetricParams(NamedTuple):
    """Parameters of `GatedAntisymmetric`; the blocks are concatenated in the order h, z."""

    kernel: Float[Array, "I 2*H"]
    recurrent: Float[Array, "H H"]
    bias: Float[Array, " 2*H"] | None


class Stepped(PointwiseCell):
    """What both antisymmetric networks share."""

    step_size: Leaf = 0.1
    diffusion: Leaf = 0.01
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes, the step and the diffusion."""
        super().__post_init__()
        who = type(self).__name__
        _check.number(who, step_size=self.step_size, diffusion=self.diffusion)
        _check.at_least_0(who, diffusion=self.diffusion)
        if not _check.holds(lambda step: (step > 0) & (step < jnp.inf), self.step_size):
            raise ValueError(f"{who}: step_size must be above 0, got {self.step_size}")

    def flow(self, params: Any, carry: Array) -> Array:
        """`h @ (recurrent - recurrent^T) - diffusion * h`."""
        swirl = recur(carry, params.recurrent - params.recurrent.T)
        return swirl - jnp.asarray(self.diffusion, swirl.dtype) * carry.astype(swirl.dtype)

    def drawn(self, key: Key, blocks: int) -> tuple[Array, Array, Array | None]:
        """Glorot kernels, recurrent weights of variance `1 / H`, biases of zero."""
        kernel, recurrent = jax.random.split(key)
        square = jax.random.normal(recurrent, (self.hidden, self.hidden))
        bias = jnp.zeros(blocks * self.hidden) if self.use_bias else None
        kernel = glorot(kernel, self.inputs, self.hidden, blocks)
        return kernel, square / self.hidden**0.5, bias


class Antisymmetric(Stepped):
    """The antisymmetric network: forward Euler steps of a stable differential equation.

        W   = recurrent - recurrent^T
        h_t = h_{t-1} + step_size * tanh(x_t @ kernel + bias + h_{t-1} @ W - diffusion * h_{t-1})
        y_t = h_t

    The eigenvalues of an antisymmetric matrix are imaginary, so that what the state holds neither
    grows nor fades; the diffusion makes up for what forward Euler adds.

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        step_size: of the discretisation, above 0; a leaf.
        diffusion: how fast the state fades, at least 0; a leaf.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: B. Chang et al., "AntisymmetricRNN: a dynamical system view on recurrent neural
    networks", ICLR 2019 (arXiv 1902.09689).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.Antisymmetric(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    blocks: ClassVar = {"slope": TANH}

    def init(self, key: Key) -> AntisymmetricParams:
        """Glorot kernel, recurrent weights of variance `1 / H`, a bias of zero."""
        return AntisymmetricParams(*self.drawn(key, 1))

    def mix(self, params: AntisymmetricParams, carry: Array) -> Array:
        """`h @ W - diffusion * h`."""
        return self.flow(params, carry)

    def update(
        self, params: AntisymmetricParams, carry: Array, *blocks: Array
    ) -> tuple[Array, Array]:
        h = carry + jnp.asarray(self.step_size, carry.dtype) * blocks[0]
        return h, h


class GatedAntisymmetric(Stepped):
    """The antisymmetric network with a gate, which reads the same product.

        u_h, u_z = split(x_t @ kernel + bias)
        r   = h_{t-1} @ (recurrent - recurrent^T) - diffusion * h_{t-1}
        h_t = h_{t-1} + step_size * sigmoid(u_z + r) * tanh(u_h + r),   y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        step_size: of the discretisation, above 0; a leaf.
        diffusion: how fast the state fades, at least 0; a leaf.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: B. Chang et al., "AntisymmetricRNN: a dynamical system view on recurrent neural
    networks", ICLR 2019 (arXiv 1902.09689).

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.GatedAntisymmetric(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    blocks: ClassVar = {"slope": TANH, "update": SIGMOID}

    def init(self, key: Key) -> GatedAntisymmetricParams:
        """Glorot kernels, recurrent weights of variance `1 / H`, biases of zero."""
        return GatedAntisymmetricParams(*self.drawn(key, 2))

    def mix(self, params: GatedAntisymmetricParams, carry: Array) -> Array:
        """r, once for each block."""
        r = self.flow(params, carry)
        return jnp.concatenate([r, r], axis=-1)

    def update(
        self, params: GatedAntisymmetricParams, carry: Array, *blocks: Array
    ) -> tuple[Array, Array]:
        slope, z = blocks
        h = carry + jnp.asarray(self.step_size, carry.dtype) * z * slope
        return h, h
