"""`Additive` and `Multiplicative` attention, for decoders that read one step at a time."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, dot, glorot
from .._typing import Array, Key
from ._attend import masked_softmax
from ._attention import Attention, Memory


def average(scores: Float[Array, "T ..."], memory: Memory, dtype: jnp.dtype) -> tuple[Array, Array]:
    """The memory's values weighted by a softmax of scores `[T, *batch, S]`, and the weights."""
    mask = jnp.broadcast_to(jnp.moveaxis(memory.mask, 0, -1), scores.shape)
    weights = masked_softmax(scores, mask)
    values = memory.values.astype(weights.dtype)
    context = jnp.einsum("t...s,s...m->t...m", weights, values)
    return context.astype(dtype), weights


class AdditiveParams(NamedTuple):
    """Parameters of `Additive`."""

    query: Float[Array, "Q A"]
    memory: Float[Array, "M A"]
    bias: Float[Array, " A"]
    score: Float[Array, " A"]


class Additive(Attention):
    r"""Attention that scores by a small network (Bahdanau).

        e_s = score . tanh(query W_q + m_s W_m + bias),   w = softmax(e),   context = sum_s w_s m_s

    The memory itself is what is averaged. Scores take `T * S * size` numbers: for a decoder, which
    has one query a step, rather than for whole sequences of queries.

    Shapes: memory `[S, *batch, memory_features]`, queries `[T, *batch, features]`, contexts
    `[T, *batch, memory_features]`.

    Args:
        features: those of a query.
        memory_features: those of the memory.
        size: how many hidden units compare a query with an entry.

    Reference: D. Bahdanau, K. Cho & Y. Bengio, "Neural machine translation by jointly learning to
    align and translate", ICLR 2015.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> attention = networks.Additive(8, 6, 10)
        >>> params = attention.init(jax.random.key(0))
        >>> memory = attention.prepare(params, jnp.ones((5, 3, 6)))
        >>> context, weights = attention.read(params, memory, jnp.ones((3, 8)))
        >>> context.shape, weights.shape
        ((3, 6), (3, 5))
    """

    features: int = jax.tree.static()
    memory_features: int = jax.tree.static()
    size: int = jax.tree.static()

    def __post_init__(self) -> None:
        sizes = {"features": self.features, "memory_features": self.memory_features}
        _check.sizes("Additive", **sizes, size=self.size)

    def init(self, key: Key) -> AdditiveParams:
        """Glorot matrices, no bias."""
        query, memory, score = jax.random.split(key, 3)
        return AdditiveParams(
            glorot(query, self.features, self.size, 1),
            glorot(memory, self.memory_features, self.size, 1),
            jnp.zeros(self.size),
            glorot(score, self.size, 1, 1)[:, 0],
        )

    def project(
        self, params: AdditiveParams, memory: Float[Array, "S ..."]
    ) -> tuple[Float[Array, "S ..."], Float[Array, "S ..."]]:
        return add(dot(memory, params.memory), params.bias), memory

    def look(
        self, params: AdditiveParams, memory: Memory, queries: Float[Array, "T ..."]
    ) -> tuple[Float[Array, "T ..."], Float[Array, "T ..."]]:
        query = dot(queries, params.query)[:, None]
        keys = memory.keys[None]
        shape = (query.shape[0], *keys.shape[1:])
        hidden = jnp.tanh(jnp.broadcast_to(query, shape) + jnp.broadcast_to(keys, shape))
        kind = at_least_float32(hidden.dtype)
        scores = jnp.einsum("ts...a,a->t...s", hidden, params.score, preferred_element_type=kind)
        return average(scores, memory, queries.dtype)

    @property
    def query_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def memory_shape(self) -> tuple[int]:
        return (self.memory_features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.memory_features,)


class MultiplicativeParams(NamedTuple):
    """Parameters of `Multiplicative`."""

    kernel: Float[Array, "Q M"]


class Multiplicative(Attention):
    r"""Attention that scores by a product (Luong, "general").

        e_s = query W . m_s,   w = softmax(e),   context = sum_s w_s m_s

    The memory itself is what is averaged.

    Shapes: memory `[S, *batch, memory_features]`, queries `[T, *batch, features]`, contexts
    `[T, *batch, memory_features]`.

    Args:
        features: those of a query.
        memory_features: those of the memory.

    Reference: M.-T. Luong, H. Pham & C. Manning, "Effective approaches to attention-based neural
    machine translation", EMNLP 2015.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> attention = networks.Multiplicative(8, 6)
        >>> params = attention.init(jax.random.key(0))
        >>> memory = attention.prepare(params, jnp.ones((5, 6)), jnp.arange(5) < 4)
        >>> print(attention.read(params, memory, jnp.ones(8))[1])
        [0.25 0.25 0.25 0.25 0.  ]
    """

    features: int = jax.tree.static()
    memory_features: int = jax.tree.static()

    def __post_init__(self) -> None:
        sizes = {"features": self.features, "memory_features": self.memory_features}
        _check.sizes("Multiplicative", **sizes)

    def init(self, key: Key) -> MultiplicativeParams:
        """A Glorot matrix."""
        return MultiplicativeParams(glorot(key, self.features, self.memory_features, 1))

    def project(
        self, params: MultiplicativeParams, memory: Float[Array, "S ..."]
    ) -> tuple[Float[Array, "S ..."], Float[Array, "S ..."]]:
        # Projected once a sequence, so that a step is one product.
        return dot(memory, params.kernel.T), memory

    def look(
        self, params: MultiplicativeParams, memory: Memory, queries: Float[Array, "T ..."]
    ) -> tuple[Float[Array, "T ..."], Float[Array, "T ..."]]:
        kind = at_least_float32(queries.dtype)
        scores = jnp.einsum("t...q,s...q->t...s", queries, memory.keys, preferred_element_type=kind)
        return average(scores, memory, queries.dtype)

    @property
    def query_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def memory_shape(self) -> tuple[int]:
        return (self.memory_features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.memory_features,)
