"""`MemoryCell`: cells whose state is a matrix that keys write to and queries read."""

import abc
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from .._dtypes import at_least_float32
from .._numerics import drop, select, summed_angles, turned
from .._typing import Array, Batch, Carry, Inputs, Params
from ._cell import Cell


class MemoryStep(NamedTuple):
    """What one step does to the memory `S` of each head, `[*batch, N, K, V]`.

        S   = exp(log_decay) S_{t-1}             one factor, or one for each row
        S_t = S + key (value - erase^T S)^T      without `erase`, S + key value^T
        out = query^T S_t

    With `turn`, each pair of rows `(j, j + K / 2)` is also turned by an angle when it decays, which
    all rows then do alike.

    With an axis more in key, value and erase, `[..., N, R, K]`, a step makes R updates one after
    another; the decay comes before the first of them.

    With `log_gate`, `exp(log_gate) key` takes the place of the key. The carry is then a
    `ScaledMemory` and the output `(out, log_scale)`, whose numbers are to be multiplied by
    `exp(log_scale)`, so that no gate overflows:

        log_scale_t = max(log_decay + log_scale_{t-1}, log_gate)

    Such a step has one update, one decay for each head, and no `erase`.

    Everything is of at least float32; time and batch lead. N heads, K features of a key, V of a
    value.
    """

    query: Float[Array, "... N K"]
    key: Float[Array, "... K"]
    value: Float[Array, "... V"]
    log_decay: Float[Array, "... N D"]
    """Not positive; of size K, or 1 where all rows decay alike."""
    erase: Float[Array, "... K"] | None = None
    """The direction along which the memory is read before it is written."""
    log_gate: Float[Array, "... N"] | None = None
    turn: Float[Array, "... N J"] | None = None
    """Angles, of size K / 2."""
    begins: Bool[Array, "..."] | None = None
    """Where the memory is empty before the step; engines set it."""

    def masked(self, valid: Bool[Array, "..."] | None) -> "MemoryStep":
        """The same steps, but for those that do not count, which leave the memory as it is."""
        if valid is None:
            return self
        step = drop(~valid, self)
        if self.log_gate is None:
            return step
        nothing = jnp.full_like(self.log_gate, -jnp.inf)
        return step._replace(log_gate=select(valid, self.log_gate, nothing))

    def turned_back(self) -> tuple["MemoryStep", Callable[[Carry], Carry]]:
        """The steps `[T, ...]` for a memory that does not turn, and what then turns its last carry.

        What meets the memory is turned back instead, which is less work, by as much as the memory
        would have turned since before the first step.
        """
        if self.turn is None:
            return self, lambda carry: carry
        # An angle that is not finite spoils its own step alone: what follows may be another
        # sequence. What it has spoilt of the memory stays spoilt.
        finite = jnp.isfinite(self.turn)
        total = summed_angles(jnp.where(finite, self.turn, 0))
        angle = -jnp.where(finite, total, jnp.nan)

        # All at once, as each of these operations costs more than what it computes.
        parts = [x for x in (self.query, self.key, self.erase) if x is not None]
        wide = [x if x.ndim > angle.ndim else x[..., None, :] for x in parts]
        ends = np.cumsum([x.shape[-2] for x in wide])[:-1].tolist()
        rows = jnp.split(turned(jnp.concatenate(wide, -2), angle[..., None, :]), ends, -2)
        back = (row.reshape(x.shape) for row, x in zip(rows, parts, strict=True))
        step = self._replace(query=next(back), key=next(back), erase=next(back, None), turn=None)
        return step, partial(_turned, angle=total[-1])


class ScaledMemory(NamedTuple):
    """A memory whose numbers are `exp(log_scale)` times those kept; zeros when it is empty."""

    memory: Float[Array, "*batch N K V"]
    log_scale: Float[Array, "*batch N"]


class MemoryCell(Cell):
    """A cell whose state is a matrix for each head, which keys write to and queries read.

        m   = project(params, x)           time-parallel: a `MemoryStep` for each step
        S_t, out = what the step does      in the loop; see `MemoryStep`
        y   = read(params, out, x)         time-parallel

    The memory is read inside the loop, so that states are never stacked: at 1000 steps they would
    take 1000 times as much as the memory itself. It starts empty, and is kept in at least float32.
    `Chunkwise` runs many steps at once as products of matrices.

    """

    @property
    @abc.abstractmethod
    def memory_shape(self) -> tuple[int, int, int]:
        """Heads, features of a key and features of a value: `(N, K, V)`."""

    @abc.abstractmethod
    def project(self, params: Params, x: Inputs) -> MemoryStep:
        """What the steps with inputs `[..., I]` do to the memory."""

    @abc.abstractmethod
    def read(self, params: Params, out: Inputs, x: Inputs) -> Inputs:
        """The output, from what the queries read `[..., N, V]` and the inputs `[..., I]`."""

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """Zeros."""
        widest = max((leaf.dtype for leaf in jax.tree.leaves(params)), key=lambda d: d.itemsize)
        return jnp.zeros((*batch, *self.memory_shape), at_least_float32(widest))

    def step(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        carry, out = self.advance(params, carry, self.project(params, x))
        return carry, self.read(params, out, x)

    def prepare(self, params: Params, xs: Inputs) -> MemoryStep:
        step = self.project(params, xs)
        _check_step(type(self).__name__, self.memory_shape, step)
        return step

    def advance(self, params: Params, carry: Carry, u: MemoryStep) -> tuple[Carry, Inputs]:
        # The memory is turned before it decays, as the two commute: twice would cost too much.
        if u.begins is not None:
            carry = drop(u.begins, carry)
        if u.log_gate is None:
            return _write(_turned(carry, u.turn), u)
        log_decay = u.log_decay[..., 0]
        log_scale = jnp.maximum(log_decay + carry.log_scale, u.log_gate)
        decay = log_decay + carry.log_scale - log_scale
        factor = jnp.exp(u.log_gate - log_scale)
        key = u.key * jnp.broadcast_to(factor[..., None], u.key.shape)
        memory, out = _write(
            _turned(carry.memory, u.turn), u._replace(log_decay=decay[..., None], key=key)
        )
        return ScaledMemory(memory, log_scale), (out, log_scale)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Inputs:
        return self.read(params, outs, xs)

    @property
    def kind(self) -> type[Cell]:
        return MemoryCell


def _check_step(who: str, shape: tuple[int, int, int], step: MemoryStep) -> None:
    """Raise unless the parts of a step fit the memory and one another."""
    n, k, v = shape
    for name, leaf, sizes in (
        ("query", step.query, (k,)),
        ("key", step.key, (k,)),
        ("value", step.value, (v,)),
        ("erase", step.erase, (k,)),
        ("log_decay", step.log_decay, (1, k)),
        ("turn", step.turn, (k // 2,)),
    ):
        if leaf is not None and leaf.shape[-1] not in sizes:
            raise ValueError(
                f"{who}: the memory is {n} heads of [{k}, {v}], so the last axis of a step's "
                f"{name} must be {' or '.join(map(str, sizes))}, got {leaf.shape}"
            )
    each = step.log_decay.shape[-1] > 1
    if step.turn is not None and each:
        raise ValueError(f"{who}: rows that are turned must decay alike, so log_decay is [..., 1]")
    several = step.key.ndim > step.query.ndim
    if step.log_gate is not None and (step.erase is not None or each or several):
        raise ValueError(
            f"{who}: a step with a log_gate has no erase, one update, and a log_decay [..., 1]"
        )


def _turned(carry: Carry, angle: Array | None) -> Carry:
    """The memory with its pairs of rows turned."""
    if angle is None:
        return carry
    if isinstance(carry, ScaledMemory):
        return carry._replace(memory=_turned(carry.memory, angle))
    return jnp.matrix_transpose(turned(jnp.matrix_transpose(carry), angle[..., None, :]))


@partial(jax.checkpoint, prevent_cse=False)  # a loop prevents it
def _write(memory: Array, u: MemoryStep) -> tuple[Array, Array]:
    """The memory after a step, and what the query reads.

    For the derivative, the memory before the step is kept and the rest computed again: it is in the
    cache, where three more arrays of the memory's size for each step would not be.
    """
    memory = memory * jnp.broadcast_to(jnp.exp(u.log_decay)[..., None], memory.shape)
    several = u.key.ndim > u.query.ndim
    updates = (u.key, u.value, u.erase)
    for r in range(u.key.shape[-2] if several else 1):
        key, value, erase = (
            jax.tree.map(lambda x, r=r: x[..., r, :], updates) if several else updates
        )
        if erase is not None:
            value = value - _read(erase, memory)
        memory = memory + key[..., :, None] * value[..., None, :]
    return memory, _read(u.query, memory)


def _read(query: Array, memory: Array) -> Array:
    return (query[..., None, :] @ memory)[..., 0, :]
