"""The structured linear controlled differential equation, SLiCE."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, zeros
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell
from ._transition import DenseBlocks


class SLiCEParams(NamedTuple):
    """Parameters of `SLiCE`; the biases are what time itself does."""

    recurrent: Float[Array, "I H*b"]
    recurrent_bias: Float[Array, " H*b"]
    kernel: Float[Array, "I H"]
    bias: Float[Array, " H"]


class SLiCE(LinearCell):
    """A linear equation that the inputs control: they move the state by matrices, block by block.

        A = blocks of b x b, from x_t @ recurrent + recurrent_bias
        h_t = h_{t-1} + step_size * (A h_{t-1} + x_t @ kernel + bias),   y_t = h_t

    Matrices that do not commute can track a state, which no diagonal ones can; dense blocks of 4
    suffice for what a full matrix expresses, at the cost `hidden * block`. Nothing bounds the
    products of the matrices: keep `step_size` small against the length of the sequences, or
    normalise the inputs.

    Shapes: x `[*batch, inputs]`, carry `[*batch, hidden / block, block]`, y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state, a multiple of `block`.
        block: how many units share a matrix.
        step_size: of time, above 0; it scales what each input does.

    Raises:
        ValueError: for units that do not divide into blocks, or a step at or below 0.

    Reference: B. Walker et al., "Structured linear CDEs: maximally expressive and
    parallel-in-time sequence models", NeurIPS 2025 (arXiv 2505.17761).

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.SLiCE(3, 4, block=2), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    block: int = jax.tree.static(default=4)
    step_size: Leaf = 0.025
    transition = DenseBlocks()

    def __post_init__(self) -> None:
        """Check the sizes and the step."""
        _check.sizes("SLiCE", inputs=self.inputs, hidden=self.hidden, block=self.block)
        if self.hidden % self.block:
            raise ValueError(
                f"SLiCE: hidden must be a multiple of block, got {self.hidden} and {self.block}"
            )
        if not _check.holds(lambda step: step > 0, self.step_size):
            raise ValueError(f"SLiCE: step_size must be greater than 0, got {self.step_size}")

    @property
    def input_shape(self) -> tuple[int]:
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.hidden,)

    def init(self, key: Key) -> SLiCEParams:
        """Gaussian: of variance `1 / block` for the matrices, and 1 for what is added."""
        names = jax.random.split(key, 4)
        size = self.hidden * self.block
        return SLiCEParams(
            recurrent=jax.random.normal(names[0], (self.inputs, size)) / jnp.sqrt(self.block),
            recurrent_bias=jax.random.normal(names[1], (size,)) / jnp.sqrt(self.block),
            kernel=jax.random.normal(names[2], (self.inputs, self.hidden)),
            bias=jax.random.normal(names[3], (self.hidden,)),
        )

    def carry(self, params: SLiCEParams, batch: Batch = ()) -> Float[Array, "*batch n b"]:
        """Zeros."""
        return zeros((*batch, self.hidden // self.block), self.block, params.kernel)

    def coefficients(
        self, params: SLiCEParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... n b b"], Float[Array, "... n b"]]:
        """`1 + step_size * A` and what is added."""
        blocks = (*x.shape[:-1], self.hidden // self.block, self.block)
        a = add(dot(x, params.recurrent), params.recurrent_bias)
        step = jnp.asarray(self.step_size, a.dtype)
        a = step * a.reshape(*blocks, self.block)
        b = step * add(dot(x, params.kernel), params.bias)
        return a + jnp.broadcast_to(jnp.eye(self.block, dtype=a.dtype), a.shape), b.reshape(blocks)

    def read(
        self, params: SLiCEParams, h: Float[Array, "... n b"], x: Float[Array, "... I"]
    ) -> Float[Array, "... H"]:
        """The state."""
        return h.reshape(*h.shape[:-2], self.hidden).astype(params.kernel.dtype)
