"""The steps of a matrix memory, a chunk at a time.

With `G` the sum of the log-decays since the start of a chunk, the memory and what is written are

    S_t = exp(G_t) S_0 + sum_{s <= t} exp(G_t - G_s) k_s w_s^T
    w_t = v_t - exp(G_t) b_t^T S_0 - sum_{s < t} (b_t^T exp(G_t - G_s) k_s) w_s

so that `w` solves a unit lower triangular system, whose matrix does not depend on `S_0`. Only the
products with `S_0` are in the loop over chunks; the rest is computed for all of them at once.

Layout: `[chunks, *batch, N, C, features]`. A step of several updates is as many steps in here, of
which the first decays and the last is read.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._numerics import decayed_products, drop, inverse_of_unit_lower, known, select
from .._typing import Array, Carry, Size
from ..cells import MemoryStep, ScaledMemory

FORGOTTEN = -1e4
"""A log-decay after which nothing is left, in float64 too; sums of it stay finite."""

UPDATES_PER_FEATURE = 16
"""The most updates of a chunk that erases, for each feature of a key.

Among many more keys than features, what is written and what is erased nearly cancel, and the sums
over a chunk round; the triangular system costs more than a longer loop would.
"""


def in_chunks(steps: MemoryStep, carry: Carry, size: int) -> tuple[Carry, Any]:
    """The carry after all steps, and what they read."""
    total = steps.query.shape[0]
    steps, turned = steps.turned_back()
    steps, bad = _cleaned(_folded(steps, _at_most(size, steps)))
    if steps.log_gate is None:
        memory, outs = _run(steps, bad, carry)
        return turned(memory), _unfolded(outs, total, -2)
    # A scale that is not finite would reach the whole chunk; the memory says as much, and resets
    # drop it.
    lost = ~jnp.isfinite(carry.log_scale)
    memory = select(lost, jnp.full_like(carry.memory, jnp.nan), carry.memory)
    steps, log_scale, last = _scaled(steps, drop(lost, carry.log_scale))
    memory, outs = _run(steps, bad, memory)
    carry = turned(ScaledMemory(memory, last))
    return carry, (_unfolded(outs, total, -2), _unfolded(log_scale, total, -1))


def _at_most(size: int, steps: MemoryStep) -> int:
    """The steps of a chunk."""
    if steps.erase is None:
        return size
    updates = steps.key.shape[-2] if steps.key.ndim > steps.query.ndim else 1
    return min(size, max(1, UPDATES_PER_FEATURE * steps.key.shape[-1] // updates))


def _folded(steps: MemoryStep, size: int) -> MemoryStep:
    """Leaves `[T, *batch, N, ...]` as `[chunks, *batch, N, C, ...]`; what is added does nothing."""
    total, axes = steps.query.shape[0], steps.query.ndim - 3
    count = (total + size - 1) // size
    if known(total):
        size = -(-total // count)  # the chunks are as equal as can be
    times = jnp.arange(count)[:, None] * size + jnp.arange(size)[None]
    steps = jax.tree.map(lambda leaf: _cut(leaf, times), steps)
    if not known(total) or count * size > total:
        inside = jax.lax.broadcast_in_dim(times < total, steps.query.shape[: 2 + axes], (0, 1))
        steps = steps.masked(inside)
    if steps.begins is not None:
        steps = steps._replace(
            begins=jnp.broadcast_to(steps.begins[..., None], steps.query.shape[:-1])
        )
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 2 + axes), steps)


def _cut(leaf: Array, times: Array) -> Array:
    """`[T, ...]` as `[chunks, C, ...]`; anything may stand after the end."""
    if not known(times.shape[0]):
        return leaf[jnp.minimum(times, leaf.shape[0] - 1)]
    more = times.size - leaf.shape[0]
    filled = jnp.pad(leaf, [(0, more)] + [(0, 0)] * (leaf.ndim - 1)) if more else leaf
    return filled.reshape(*times.shape, *leaf.shape[1:])


def _unfolded(outs: Array, total: Size, axis: int) -> Array:
    """Back to `[T, *batch, N, ...]`; the axis is that of the steps in a chunk."""
    outs = jnp.moveaxis(outs, axis, 1)
    if known(total):
        return outs.reshape(-1, *outs.shape[2:])[:total]
    times, size = jnp.arange(total), outs.shape[1]
    return outs[times // size, times % size]


def _cleaned(steps: MemoryStep) -> tuple[MemoryStep, Array]:
    """The steps without those that hold NaN or infinity, and which of each head they are.

    Products of whole chunks would carry them to the steps before, and across resets.
    """
    axes = steps.query.ndim - 1
    good = (steps.log_decay < jnp.inf).all(-1)
    for leaf in (steps.key, steps.value, steps.erase):
        if leaf is not None:
            good &= jnp.isfinite(leaf).all(tuple(range(axes, leaf.ndim)))
    if steps.log_gate is not None:
        good &= steps.log_gate < jnp.inf
    return steps._replace(begins=None).masked(good)._replace(begins=steps.begins), ~good


def _scaled(steps: MemoryStep, log_scale: Array) -> tuple[MemoryStep, Array, Array]:
    """The steps in terms of the scaled memory, the log-scale after each and after the last.

    It is a recurrence in sums and maxima, and its steps compose.
    """
    assert steps.log_gate is not None
    log_decay, gate = steps.log_decay[..., 0], steps.log_gate
    element = log_decay, gate
    if steps.begins is not None:
        fresh = jnp.maximum(log_decay, gate)  # from a log-scale of zero
        element = (
            jnp.where(steps.begins, -jnp.inf, log_decay),
            jnp.where(steps.begins, fresh, gate),
        )

    def compose(earlier: tuple[Array, Array], later: tuple[Array, Array]) -> tuple[Array, Array]:
        return earlier[0] + later[0], jnp.maximum(earlier[1] + later[0], later[1])

    decays, gates = jax.lax.associative_scan(compose, element, axis=gate.ndim - 1)

    def body(before: Array, chunk: tuple[Array, Array]) -> tuple[Array, Array]:
        return jnp.maximum(before + chunk[0], chunk[1]), before

    last, before = jax.lax.scan(body, log_scale, (decays[..., -1], gates[..., -1]))
    after = jnp.maximum(before[..., None] + decays, gates)
    before = jnp.concatenate([before[..., None], after[..., :-1]], -1)
    decay = (log_decay + before - after)[..., None]
    factor = jnp.exp(gate - after)[..., None]
    key = steps.key * jnp.broadcast_to(factor, steps.key.shape)
    return steps._replace(log_decay=decay, key=key), after, last


class _Chunk(NamedTuple):
    """What the loop reads of a chunk."""

    query: Array
    """Queries, decayed since the start."""
    key: Array
    """Keys, decayed until the end."""
    value: Array
    """What is written if the memory was empty."""
    seen: Array
    """What each query reads of each key."""
    erase: Array | None
    """What is subtracted from the value is this times the memory."""
    decay: Array
    poisoned: Array
    """Which outputs depend on numbers that are not finite."""
    kept: Array | None
    """Which outputs depend on the memory before the chunk."""


def _run(steps: MemoryStep, bad: Array, memory: Array) -> tuple[Array, Array]:
    return jax.lax.scan(_advance, memory, _prepared(steps, bad))


def _prepared(steps: MemoryStep, bad: Array) -> _Chunk:
    log_decay = jnp.maximum(steps.log_decay, FORGOTTEN)
    poisoned, kept = _poisoned(bad, None), None
    if steps.begins is not None:
        wide = jnp.broadcast_to(steps.begins[..., None], log_decay.shape)
        log_decay = jnp.where(wide, FORGOTTEN, log_decay)
        poisoned, kept = _poisoned(bad, steps.begins), ~_ever(steps.begins)
    query, key, value, erase = steps.query, steps.key, steps.value, steps.erase
    updates = 1
    if key.ndim > query.ndim:
        updates = key.shape[-2]
        key, value, erase = jax.tree.map(_joined_updates, (key, value, erase))
        later = jnp.zeros(
            (*log_decay.shape[:-1], updates - 1, log_decay.shape[-1]), log_decay.dtype
        )
        log_decay = _joined_updates(jnp.concatenate([log_decay[..., None, :], later], -2))
        query = jnp.repeat(query, updates, axis=-2)
    rows = (query,) if erase is None else (query, erase)
    (seen, *reads), since, until = decayed_products(rows, key, log_decay)
    last = slice(updates - 1, None, updates)
    from_start = jnp.exp(since)
    factor = None
    if erase is not None:
        inverse = inverse_of_unit_lower(jnp.tril(reads[0], -1))
        factor = inverse @ (erase * jnp.broadcast_to(from_start, erase.shape))
        value = inverse @ value
    return _Chunk(
        query=(query * jnp.broadcast_to(from_start, query.shape))[..., last, :],
        key=key * jnp.broadcast_to(jnp.exp(until), key.shape),
        value=value,
        seen=seen[..., last, :],
        erase=factor,
        decay=jnp.matrix_transpose(from_start[..., -1:, :]),
        poisoned=poisoned,
        kept=kept,
    )


def _advance(memory: Array, chunk: _Chunk) -> tuple[Array, Array]:
    poisoned = chunk.poisoned
    if chunk.kept is not None:
        # What a reset drops must not reach what comes after it, NaN and infinity included.
        bad = ~jnp.isfinite(memory).all((-2, -1))
        memory = drop(bad, memory)
        poisoned = poisoned | (chunk.kept & bad[..., None])
    written = chunk.value if chunk.erase is None else chunk.value - chunk.erase @ memory
    out = chunk.query @ memory + chunk.seen @ written
    memory = memory * jnp.broadcast_to(chunk.decay, memory.shape)
    memory = memory + jnp.matrix_transpose(chunk.key) @ written
    nan = jnp.full_like(memory, jnp.nan)
    out = jnp.where(jnp.broadcast_to(poisoned[..., None], out.shape), jnp.nan, out)
    last = jnp.broadcast_to(poisoned[..., -1:, None], memory.shape)
    return jnp.where(last, nan, memory), out


def _joined_updates(x: Array) -> Array:
    """`[..., C, R, K]` as `[..., C R, K]`."""
    return x.reshape(*x.shape[:-3], -1, x.shape[-1])


def _ever(flags: Array) -> Array:
    """Whether a flag is set at a step or before it."""
    return jax.lax.cummax(flags.astype(jnp.int32), flags.ndim - 1) > 0


def _poisoned(bad: Array, begins: Array | None) -> Array:
    """Which steps come after a bad one of their own sequence, or are one."""
    if begins is None:
        return _ever(bad)
    times = jnp.broadcast_to(jnp.arange(1, bad.shape[-1] + 1), bad.shape)
    latest = jax.lax.cummax(jnp.where(bad, times, 0), bad.ndim - 1)
    start = jax.lax.cummax(jnp.where(begins, times, 1), bad.ndim - 1)
    return latest >= start
