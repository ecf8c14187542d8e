"""`SelfAttention`: every step of a sequence reads all others."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import drop
from .._typing import Array, Carry, Key
from ._attend import attend
from ._layer import Layer
from ._multi_head import MultiHead, MultiHeadParams, check_heads, join_heads, numbered, split_heads
from ._positions import Positions, Rotary


class SelfAttention(Layer):
    """Multi-head attention of a sequence to itself, to steps before and after alike.

    Every step reads all steps of its own sequence: neither padding nor what lies beyond a reset. At
    masked steps the output is zero. It needs the whole sequence, so it cannot stream; see
    `CausalAttention`. Memory grows with the square of the number of steps.

    Equations and parameters are those of `MultiHead`, where the sequence is its own memory.

    Shapes: x and y `[T, *batch, features]`.

    Args:
        features: of x and of y; a multiple of `heads`.
        heads: how many heads there are.
        positions: how it knows the order: `Rotary()`, `ALiBi()` or `Unordered()`.
        use_bias: whether the four projections have biases.

    Raises:
        ValueError: features that the heads cannot share equally, or that `positions` cannot place.

    Reference: A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.SelfAttention(8, heads=2)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jax.numpy.ones((7, 3, 8)), lengths=[7, 5, 0])[1].shape
        (7, 3, 8)
    """

    features: int = jax.tree.static()
    heads: int = jax.tree.static()
    positions: Positions = Rotary()
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        check_heads("SelfAttention", self.features, self.heads)
        self.positions.check("SelfAttention", self.features // self.heads)

    def init(self, key: Key) -> MultiHeadParams:
        return MultiHead(self.features, self.features, self.heads, self.use_bias).init(key)

    def run(
        self,
        params: MultiHeadParams,
        xs: Float[Array, "T ..."],
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Float[Array, "T ..."]]:
        one: Any = self._one
        for _ in xs.shape[1:-1]:
            one = jax.vmap(one, 1, 1)
        q, k, v = (split_heads(p, xs, self.heads) for p in params[:3])
        ys = join_heads(params.output, one(q, k, v, mask, resets))
        return carry, ys if mask is None else drop(~mask, ys)

    def _one(
        self, q: Array, k: Array, v: Array, mask: Array | None, resets: Array | None
    ) -> Float[Array, "T N D"]:
        """The heads of one sequence."""
        there = jnp.ones(q.shape[0], bool) if mask is None else mask
        at = jnp.cumsum(there, dtype=jnp.int32)
        sequence = numbered(resets, q.shape[0])
        seen = there[None] & (sequence[:, None] == sequence[None])
        q, k = self.positions.place(q, at), self.positions.place(k, at)
        bias = self.positions.bias(at, at, self.heads)
        return attend(q[None], k[None], v[None], seen[None], bias)[0]

    @property
    def causal(self) -> bool:
        """No: every step reads the later ones."""
        return False

    @property
    def sees_all(self) -> bool:
        return True

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)
