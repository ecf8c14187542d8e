"""One reading of logits that serves a loss, its gradient and every metric beside it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from .._typing import Array, Size
from ._placing import known

ROWS = 16  # XLA's CPU compiler writes a loop over so many out, and makes vectors of the columns


class Partition(NamedTuple):
    """What functions of logits `[..., V]` have in common; each is `[..., 1]`.

    Attributes:
        top: the largest logit; 0 where no class is possible.
        place: its place, the first of several.
        rest: how far the log-partition function is above it, to its full relative accuracy.
        below: how far a class is expected to be below it.
    """

    top: Array
    place: Array
    rest: Array
    below: Array


def partition(z: Array) -> Partition:
    """The parts of logits that `possible` made; they have no derivatives of their own.

    It is an operation of its own. Where several functions read the same logits, it is the same for
    all of them, and XLA computes it once.
    """
    return Partition(*_partition_p.bind(z))


def _partition(z: Array, block: Callable[[Size], Size] = lambda classes: classes) -> list[Array]:
    size = block(z.shape[-1])
    top, place = _largest(z, size)
    none = top == -jnp.inf
    top = jnp.where(none, 0, top)
    others, below = (jnp.where(none, 0, part) for part in _sums(z, top, place, size))
    return [top, place, jnp.log1p(others), below / (1 + others)]


def _largest(z: Array, block: Size) -> tuple[Array, Array]:
    """The largest logit, NaN if one is, and the first of its places."""
    classes = jnp.asarray(z.shape[-1], jnp.int32)
    start = jnp.asarray(-jnp.inf, z.dtype), classes
    tops, places = _in_blocks(lambda z, place: (z, place), (z,), start, _larger, block)
    top = jnp.max(tops, axis=-1, keepdims=True)
    places = jnp.where((tops == top) | jnp.isnan(tops), places, classes)
    return top, jnp.min(places, axis=-1, keepdims=True)


def _larger(a: Any, b: Any) -> tuple[Array, Array]:
    (x, i), (y, j) = a, b
    first = (x > y) | jnp.isnan(x) | ((x == y) & (i < j))
    return jnp.where(first, x, y), jnp.where(first, i, j)


def _sums(z: Array, top: Array, place: Array, block: Size) -> tuple[Array, Array]:
    """The sums of `exp(-d)` and `d exp(-d)` over all classes but the largest, `d` below it."""

    # It is left out by its place. XLA may compute `z` anew, and round it otherwise, in each of
    # several loops: were terms compared in two of them, one could leave out what the other counts.
    def terms(z: Array, top: Array, largest: Array, place: Array) -> tuple[Array, Array]:
        below = top - z
        term = jnp.where(place == largest, 0, jnp.exp(-below))
        return term, jnp.where(term == 0, 0, below * term)

    zero = jnp.zeros((), z.dtype)
    sums = _in_blocks(terms, (z, top, place), (zero, zero), _added, block)
    others, below = (jnp.sum(part, axis=-1, keepdims=True) for part in sums)
    return others - (place == z.shape[-1]).astype(z.dtype), below  # none was met, nor left out


def _added(a: Any, b: Any) -> tuple[Array, Array]:
    return a[0] + b[0], a[1] + b[1]


def _in_blocks(
    terms: Callable[..., tuple[Array, Array]],
    arrays: tuple[Array, ...],
    start: tuple[Any, Any],
    combine: Callable[..., tuple[Array, Array]],
    block: Size,
) -> tuple[Array, Array]:
    """Two terms of every class, combined over blocks of them, column by column.

    Classes `[..., V]` are read as `[..., block, V // block]`; those that are left over follow as
    columns of their own. Both terms are combined in one loop, so neither is ever written out.
    """
    shape, classes = arrays[0].shape, arrays[0].shape[-1]
    place = jax.lax.broadcasted_iota(np.int32, shape, len(shape) - 1)
    cut = classes - classes % block

    def folded(x: Array) -> Array:
        if x.shape[-1] == 1 != classes:
            return x[..., None]
        return x[..., :cut].reshape(*shape[:-1], block, cut // block)

    def left_over(x: Array) -> Array:
        return x if x.shape[-1] == 1 != classes else x[..., cut:]

    operands = terms(*map(folded, (*arrays, place)))
    combined = jax.lax.reduce(operands, start, combine, (len(shape) - 1,))
    if cut == classes:
        return combined[0], combined[1]
    rest = terms(*map(left_over, (*arrays, place)))
    first, second = (jnp.concatenate(pair, -1) for pair in zip(combined, rest, strict=True))
    return first, second


def _block(classes: Size) -> int:
    """How many blocks on a CPU: so few that columns fill a vector."""
    return max(1, min(ROWS, classes // ROWS)) if known(classes) else 1


def _batch(args: Any, dims: Any) -> Any:
    return _partition_p.bind(jnp.moveaxis(args[0], dims[0], 0)), [0] * len(Partition._fields)


_partition_p: Any = Primitive("partition")
_partition_p.multiple_results = True
_partition_p.def_impl(jax.jit(_partition))
_partition_p.def_abstract_eval(lambda z: jax.make_jaxpr(_partition)(z).out_avals)
mlir.register_lowering(_partition_p, mlir.lower_fun(_partition))
mlir.register_lowering(
    _partition_p, mlir.lower_fun(partial(_partition, block=_block)), platform="cpu"
)
batching.primitive_batchers[_partition_p] = _batch
