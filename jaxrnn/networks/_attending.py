"""`Attending`: a layer that looks at a memory at every step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .._numerics import select
from .._typing import Array, Batch, Carry, Key, Params
from ._attention import Attention, Memory
from ._context import Context
from ._layer import Layer
from ._reading import Shape, say


class AttendingParams(NamedTuple):
    """Parameters of `Attending`."""

    layer: Params
    attention: Params


class AttendingCarry(NamedTuple):
    """Carry of `Attending`: the layer's, what it saw last, how, and the memory, batch first."""

    layer: Carry
    context: Float[Array, "*batch C"]
    weights: Float[Array, "*batch S"]
    memory: Memory | None


class Attending(Layer):
    """A recurrent layer that looks at a memory at every step, and is told what it saw.

        h_t = layer([x_t, c_{t-1}]),   c_t = attention(memory, h_t),   y_t = [h_t, c_t]

    `condition` gives it the memory, which stays in the carry, so that `step`, `generation.generate`
    and `beam_search` take this layer as any other. Before that the memory is empty, and what is
    seen is zero. `weights` of the carry says what the last step looked at. A memory belongs to one
    sequence, so that a layer that has one takes no `resets`.

    Args:
        layer: reads the input beside the last context: `Recurrent(GRU(I + C, H))`.
        attention: queried with what the layer gives; `Additive`, `Multiplicative`, `MultiHead`.

    Raises:
        ValueError: a layer that does not read a vector beside the context, or does not give what
            the attention is queried with; in `apply`, `resets` beside a memory.

    Reference: D. Bahdanau, K. Cho & Y. Bengio, ICLR 2015; M.-T. Luong, H. Pham & C. Manning, EMNLP
    2015, section 3.3 ("input feeding").

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks
        >>> attention = networks.Additive(8, 6, 10)  # queries of 8, a memory of 6
        >>> layer = networks.Attending(networks.Recurrent(cells.GRU(4 + 6, 8)), attention)
        >>> params = layer.init(jax.random.key(0))
        >>> memory = jnp.ones((7, 3, 6))
        >>> context = networks.Context(vector=memory[-1], memory=memory)
        >>> carry = layer.condition(params, layer.carry(params, (3,)), context)
        >>> carry, ys = layer.apply(params, jnp.ones((5, 3, 4)), carry)
        >>> ys.shape, carry.weights.shape
        ((5, 3, 14), (3, 7))
    """

    layer: Layer
    attention: Attention

    def __post_init__(self) -> None:
        """Check that layer and attention fit each other."""
        self.layer.check_causal()
        if self.layer.pools:
            raise ValueError("Attending: the layer pools; there are no steps to look from")
        takes, gives = self.layer.input_shape, self.layer.output_shape
        (width,) = self.attention.output_shape
        if takes is None or len(takes) != 1 or takes[0] is None or takes[0] <= width:
            raise ValueError(
                f"Attending: the layer must read the input and a context of {width} features side "
                f"by side, it takes {'any features' if takes is None else say(takes)}"
            )
        if gives != self.attention.query_shape:
            raise ValueError(
                f"Attending: the layer gives {'any features' if gives is None else say(gives)}, "
                f"the attention is queried with {self.attention.query_shape[0]}"
            )

    def init(self, key: Key) -> AttendingParams:
        layer, attention = jax.random.split(key)
        return AttendingParams(self.layer.init(layer), self.attention.init(attention))

    def carry(self, params: Params, batch: Batch = ()) -> AttendingCarry:
        """The layer's, with an empty memory."""
        inner = self.layer.carry(params.layer, batch)
        dtype = jax.tree.leaves(params.attention)[0].dtype
        nothing = jnp.zeros((0, *batch, *self.attention.memory_shape), dtype)
        return self._over(params, inner, self.attention.prepare(params.attention, nothing))

    def condition(self, params: Params, carry: Carry, context: Context) -> AttendingCarry:
        if context.memory is None:
            raise ValueError("Attending: the context must have a memory, [S, *batch, M]")
        inner = self.layer.condition(params.layer, carry.layer, context)
        memory = self.attention.prepare(params.attention, context.memory, context.mask)
        return self._over(params, inner, memory)

    def run(
        self,
        params: Params,
        xs: Float[Array, "T ..."],
        carry: AttendingCarry,
        *,
        key: Key | None,
        mask: Bool[Array, "T ..."] | None,
        resets: Bool[Array, "T ..."] | None,
    ) -> tuple[AttendingCarry, Array]:
        """Step by step: what is seen at one step is read at the next."""
        batch = carry.context.shape[:-1]
        memory = _time_first(carry.memory, len(batch))
        if resets is not None and memory.mask.size:
            raise ValueError(
                "Attending: the memory belongs to one sequence. Give each sequence a place of its "
                "own in the batch instead of `resets`."
            )
        own = self.layer.carry(params.layer, batch)
        unseen = jnp.zeros_like(carry.context), jnp.zeros_like(carry.weights)
        first = AttendingCarry(own, *unseen, memory=None)

        def body(
            moving: AttendingCarry, now: tuple[Array, Array | None, Array | None]
        ) -> tuple[AttendingCarry, Array]:
            x, counts, begins = now
            if begins is not None:
                moving = select(begins, first, moving)
            after, y = self._look(params, moving, memory, x)
            if counts is not None:
                after = select(counts, after, moving)
                y = select(counts, y, jnp.zeros_like(y))
            return after, y

        # The memory does not change, so that it is not carried along.
        moving, ys = jax.lax.scan(body, carry._replace(memory=None), (xs, mask, resets))
        return moving._replace(memory=carry.memory), ys

    def advance(
        self, params: Params, carry: AttendingCarry, x: Array
    ) -> tuple[AttendingCarry, Array]:
        memory = _time_first(carry.memory, carry.context.ndim - 1)
        after, y = self._look(params, carry, memory, x)
        return after._replace(memory=carry.memory), y

    def _look(
        self, params: Params, carry: AttendingCarry, memory: Memory, x: Array
    ) -> tuple[AttendingCarry, Array]:
        both = jnp.concatenate([x, carry.context.astype(x.dtype)], axis=-1)
        inner, h = self.layer.advance(params.layer, carry.layer, both)
        context, weights = self.attention.read(params.attention, memory, h)
        y = jnp.concatenate([h, context.astype(h.dtype)], axis=-1)
        seen = context.astype(carry.context.dtype), weights.astype(carry.weights.dtype)
        return AttendingCarry(inner, seen[0], seen[1], None), y

    def _over(self, params: Params, inner: Carry, memory: Memory) -> AttendingCarry:
        """A carry that has not looked at anything yet."""
        batch, dtype = memory.mask.shape[1:], jax.tree.leaves(params.attention)[0].dtype
        context = jnp.zeros((*batch, *self.attention.output_shape), dtype)
        weights = jnp.zeros((*batch, memory.mask.shape[0]), dtype)
        return AttendingCarry(inner, context, weights, _batch_first(memory, len(batch)))

    @property
    def input_shape(self) -> Shape:
        (takes,) = self.layer.input_shape or (0,)
        return ((takes or 0) - self.attention.output_shape[0],)

    @property
    def output_shape(self) -> Shape:
        return (self.attention.query_shape[0] + self.attention.output_shape[0],)


def _batch_first(memory: Memory, axes: int) -> Memory:
    """As a carry holds it; attention has time first."""
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, axes), memory)


def _time_first(memory: Any, axes: int) -> Any:
    """As attention reads it, from a carry with so many axes of batch."""
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, axes, 0), memory)
