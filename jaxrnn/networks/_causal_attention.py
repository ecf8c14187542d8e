"""`CausalAttention`: every step reads the last steps up to itself, and streams."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._numerics import drop, known
from .._typing import Array, Batch, Key
from ._attend import attend
from ._layer import Layer
from ._multi_head import MultiHead, MultiHeadParams, check_heads, join_heads, numbered, split_heads
from ._positions import Positions, Rotary


class CausalAttentionCarry(NamedTuple):
    """The last `context` steps as `CausalAttention` remembers them, the latest at the end.

    `filled` says which there are; keys and values are zero elsewhere.
    """

    keys: Float[Array, "*batch C N D"]
    values: Float[Array, "*batch C N D"]
    filled: Bool[Array, "*batch C"]


class CausalAttention(Layer):
    """Multi-head attention of every step to the last `context` steps, itself included.

    Steps that are masked do not count as steps: their output is zero, and a window reaches over
    them. A reset hides everything before it. The carry holds keys and values of the window, without
    their positions, so that streaming is exact after any number of steps.

    A whole sequence is computed in blocks of `context` steps, each of which reads the block before
    it and itself. So memory and work are `2 T context` scores for each head, not `T^2`. Sequences
    shorter than the context are one block, `T (context + T)`.

    Equations and parameters are those of `MultiHead`, where the window is the memory.

    Shapes: x and y `[T, *batch, features]`.

    Args:
        features: of x and of y; a multiple of `heads`.
        heads: how many heads there are.
        context: how many steps a step reads, at most.
        positions: how it knows the order: `Rotary()`, `ALiBi()` or `Unordered()`.
        use_bias: whether the four projections have biases.

    Raises:
        ValueError: features that the heads cannot share equally, or that `positions` cannot place.

    Reference: A. Vaswani et al., "Attention is all you need", NeurIPS 2017; of windows: I. Beltagy,
    M. E. Peters & A. Cohan, "Longformer", arXiv 2004.05150.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.CausalAttention(8, heads=2, context=4)
        >>> params = layer.init(jax.random.key(0))
        >>> xs = jax.random.normal(jax.random.key(1), (7, 3, 8))
        >>> carry, ys = layer.apply(params, xs)
        >>> carry.keys.shape
        (3, 4, 2, 4)
        >>> carry, begun = layer.apply(params, xs[:5])
        >>> carry, y = layer.step(params, carry, xs[5])
        >>> bool(abs(y - ys[5]).max() < 1e-6)
        True
    """

    features: int = jax.tree.static()
    heads: int = jax.tree.static()
    context: int = jax.tree.static()
    positions: Positions = Rotary()
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        check_heads("CausalAttention", self.features, self.heads)
        _check.sizes("CausalAttention", context=self.context)
        self.positions.check("CausalAttention", self.features // self.heads)

    def init(self, key: Key) -> MultiHeadParams:
        return MultiHead(self.features, self.features, self.heads, self.use_bias).init(key)

    def carry(self, params: MultiHeadParams, batch: Batch = ()) -> CausalAttentionCarry:
        shape = (*batch, self.context, self.heads, self.features // self.heads)
        keys, values = (jnp.zeros(shape, p.kernel.dtype) for p in (params.key, params.value))
        return CausalAttentionCarry(keys, values, jnp.zeros(shape[:-2], bool))

    def run(
        self,
        params: MultiHeadParams,
        xs: Float[Array, "T ..."],
        carry: CausalAttentionCarry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[CausalAttentionCarry, Float[Array, "T ..."]]:
        batch = xs.shape[1:-1]
        self._check_carry(params, carry, batch)
        one: Any = self._one
        for _ in batch:
            one = jax.vmap(one, (1, 1, 1, 0, 1, 1), (0, 1))
        q, k, v = (split_heads(p, xs, self.heads) for p in params[:3])
        carry, read = one(q, k, v, carry, mask, resets)
        ys = join_heads(params.output, read)
        return carry, ys if mask is None else drop(~mask, ys)

    def _check_carry(
        self, params: MultiHeadParams, carry: CausalAttentionCarry, batch: Batch
    ) -> None:
        fresh = jax.eval_shape(lambda: self.carry(params, batch))
        for name, wanted in fresh._asdict().items():
            got = getattr(carry, name).shape
            if got != wanted.shape:
                raise ValueError(
                    f"CausalAttention: carry.{name} must be of shape {wanted.shape}, got {got}. "
                    f"`carry(params, {batch})` makes one that fits."
                )

    def _one(
        self,
        q: Float[Array, "T N D"],
        k: Float[Array, "T N D"],
        v: Float[Array, "T N D"],
        carry: CausalAttentionCarry,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[CausalAttentionCarry, Float[Array, "T N D"]]:
        """The heads of one sequence: what counts is moved to the front, and the outputs back."""
        steps = q.shape[0]
        sequence = numbered(resets, steps)
        latest = jnp.zeros((), jnp.int32) if resets is None else resets.sum(dtype=jnp.int32)
        there = jnp.ones(steps, bool)
        count: Any = steps
        if mask is not None:
            order = jnp.argsort(~mask, stable=True)
            q, k, v, sequence, there = (x[order] for x in (q, k, v, sequence, mask))
            count = mask.sum(dtype=jnp.int32)
        old = jnp.zeros(self.context, jnp.int32)
        stored = _Steps(
            jnp.concatenate([carry.keys, k]),
            jnp.concatenate([carry.values, v]),
            jnp.concatenate([carry.filled, there]),
            jnp.concatenate([old, sequence]),
        )
        read = self._windowed(q, sequence, stored)
        if mask is not None:
            rank = jnp.cumsum(mask, dtype=jnp.int32) - 1
            read = read[jnp.maximum(rank, 0)]
        last = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, count, self.context), stored)
        filled = last.there & (last.sequence == latest)
        keys, values = drop(~filled, (last.keys, last.values))
        return CausalAttentionCarry(keys, values, filled), read

    def _windowed(
        self, q: Float[Array, "T N D"], sequence: Array, stored: "_Steps"
    ) -> Float[Array, "T N D"]:
        """What queries read of the stored steps, of which the first `context` are the carry's."""
        steps, size, blocks = q.shape[0], q.shape[0], 1
        if known(steps) and steps > self.context:  # else short, or a symbol
            size, blocks = self.context, -(-steps // self.context)
        padding = blocks * size - steps

        def cut(x: Array) -> Array:
            return _padded(x, padding).reshape(blocks, size, *x.shape[1:])

        def windows(x: Array) -> Array:
            if blocks == 1:
                return x[None]
            pieces = _padded(x, padding).reshape(blocks + 1, size, *x.shape[1:])
            return jnp.concatenate([pieces[:-1], pieces[1:]], axis=1)

        stored = jax.tree.map(windows, stored)
        keys_at = jnp.arange(self.context + size)
        queries_at = keys_at[self.context :]
        distance = queries_at[:, None] - keys_at[None]
        near = (distance >= 0) & (distance < self.context)
        same = cut(sequence)[:, :, None] == stored.sequence[:, None]
        read = attend(
            self.positions.place(cut(q), queries_at),
            self.positions.place(stored.keys, keys_at),
            stored.values,
            near[None] & stored.there[:, None] & same,
            self.positions.bias(queries_at, keys_at, self.heads),
        )
        return read.reshape(blocks * size, *q.shape[1:])[:steps]

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features,)


class _Steps(NamedTuple):
    """Steps that may be read, and to which sequence each belongs."""

    keys: Array
    values: Array
    there: Array
    sequence: Array


def _padded(x: Array, count: int) -> Array:
    return x if count == 0 else jnp.pad(x, [(0, count)] + [(0, 0)] * (x.ndim - 1))
