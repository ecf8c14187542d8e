"""`MultiHead` attention, and projections that it shares with layers of attention."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import select
from .._typing import Array, Key, Size
from ._attend import attend, weigh
from ._attention import Attention, Memory
from ._dense import Dense, DenseParams


class MultiHeadParams(NamedTuple):
    """Parameters of `MultiHead`, `SelfAttention` and `CausalAttention`: four matrices and biases.

    The outputs of `query`, `key` and `value` are those of the heads, side by side.
    """

    query: DenseParams
    key: DenseParams
    value: DenseParams
    output: DenseParams


class MultiHead(Attention):
    """Multi-head attention: every head compares and returns a projection of its own.

        q = query(x)    k = key(m)    v = value(m)              each cut into heads of D features
        w_h = softmax_s(q_h . k_h,s / sqrt(D))                  over the entries s of the memory
        context = output([sum_s w_1,s v_1,s, ..., sum_s w_N,s v_N,s])

    `read` gives the weights averaged over the heads. Where there is nothing to read the context is
    zero, without the bias of the output.

    Shapes: memory `[S, *batch, memory_features]`, queries and contexts `[T, *batch, features]`.

    Args:
        features: those of queries and contexts; a multiple of `heads`.
        memory_features: those of the memory.
        heads: how many heads there are.
        use_bias: whether the four projections have biases.

    Raises:
        ValueError: features that the heads cannot share equally.

    Reference: A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> attention = networks.MultiHead(8, 6, heads=2)
        >>> params = attention.init(jax.random.key(0))
        >>> memory = attention.prepare(params, jnp.ones((5, 3, 6)))
        >>> context, weights = attention.read(params, memory, jnp.ones((3, 8)))  # one step
        >>> context.shape, weights.shape
        ((3, 8), (3, 5))
        >>> attention.read(params, memory, jnp.ones((7, 3, 8)))[0].shape  # seven
        (7, 3, 8)
    """

    features: int = jax.tree.static()
    memory_features: int = jax.tree.static()
    heads: int = jax.tree.static()
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        check_heads("MultiHead", self.features, self.heads)
        _check.sizes("MultiHead", memory_features=self.memory_features)

    def init(self, key: Key) -> MultiHeadParams:
        sizes = [self.features, self.memory_features, self.memory_features, self.features]
        keys = jax.random.split(key, 4)
        layers = [Dense(size, self.features, self.use_bias) for size in sizes]
        return MultiHeadParams(*(layer.init(k) for layer, k in zip(layers, keys, strict=True)))

    def project(
        self, params: MultiHeadParams, memory: Float[Array, "S ..."]
    ) -> tuple[Float[Array, "S ..."], Float[Array, "S ..."]]:
        keys = split_heads(params.key, memory, self.heads)
        return keys, split_heads(params.value, memory, self.heads)

    def look(
        self, params: MultiHeadParams, memory: Memory, queries: Float[Array, "T ..."]
    ) -> tuple[Float[Array, "T ..."], Float[Array, "T ..."]]:
        def one(queries: Array, keys: Array, values: Array, mask: Array) -> tuple[Array, Array]:
            seen = jnp.broadcast_to(mask, (1, queries.shape[0], mask.shape[0]))
            read = attend(queries[None], keys[None], values[None], seen)[0]
            return read, weigh(queries[None], keys[None], seen)[0].mean(0)

        for _ in memory.mask.shape[1:]:
            one = jax.vmap(one, 1, 1)
        queries = split_heads(params.query, queries, self.heads)
        read, weights = one(queries, *memory)
        context = join_heads(params.output, read)
        found = jnp.broadcast_to(memory.mask.any(0), context.shape[:-1])
        return select(found, context, jnp.zeros_like(context)), weights

    @property
    def query_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def memory_shape(self) -> tuple[int]:
        return (self.memory_features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)


def check_heads(who: str, features: int, heads: int) -> None:
    """Raise unless the heads can share the features equally."""
    _check.sizes(who, features=features, heads=heads)
    if features % heads:
        raise ValueError(
            f"{who}: features must be a multiple of heads, got {features} features and "
            f"{heads} heads"
        )


def split_heads(params: DenseParams, xs: Float[Array, "..."], heads: int) -> Float[Array, "..."]:
    """A projection of `xs`, cut into heads: `[..., N, D]`."""
    ys = dense(params, xs)
    return ys.reshape(*ys.shape[:-1], heads, ys.shape[-1] // heads)


def join_heads(params: DenseParams, xs: Float[Array, "..."]) -> Float[Array, "..."]:
    """A projection of the outputs of all heads, side by side."""
    return dense(params, xs.reshape(*xs.shape[:-2], xs.shape[-2] * xs.shape[-1]))


def dense(params: DenseParams, xs: Float[Array, "..."]) -> Float[Array, "..."]:
    """What `Dense` computes, of any sizes."""
    inputs, outputs = params.kernel.shape
    return Dense(inputs, outputs).transform(params, xs)


def numbered(resets: Array | None, steps: Size) -> Array:
    """To which sequence each step belongs, counted from 0, which goes on from the carry."""
    if resets is None:
        return jnp.zeros(steps, jnp.int32)
    return jnp.cumsum(resets, dtype=jnp.int32)
