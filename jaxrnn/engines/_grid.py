"""The kernel of a scan: a grid of programs, written in Pallas for each kind of device."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr

from .._typing import Array
from ._tiles import Tiles, Tiling


class Kernel(NamedTuple):
    """What is static of a scan."""

    step: Jaxpr  # of `rows` sequences: what steps share, carry and inputs to carry and outputs
    shared: int  # the number of arrays that all steps share
    carried: int  # the number of arrays in the carry
    length: int
    groups: int  # of rows
    rows: int
    reverse: bool
    levels: tuple[tuple[bool, ...], ...] = ()  # of `vmap`, the inner ones first: what is mapped

    def split(self, leaves: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """What is shared, the carry, and the inputs."""
        carry = self.shared + self.carried
        return list(leaves[: self.shared]), list(leaves[self.shared : carry]), list(leaves[carry:])


def shape_of(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array without its numbers."""
    made: Any = jax.ShapeDtypeStruct  # which has no types
    return made(shape, dtype)


class Target(NamedTuple):
    """How a kernel is compiled."""

    name: str
    interpret: bool = False
    tiled: bool = False  # whether arrays are cut into powers of two
    memory: int | None = None  # bytes of steps that a program holds at once; None for any number


# Interpreted as for a GPU, so that what is tested there is what runs here.
CPU = Target("CPU", interpret=True, tiled=True)
GPU = Target("GPU", tiled=True)
TPU = Target("TPU", memory=2**21)


class Slot(NamedTuple):
    """An array of a step, and how it is stored outside of the kernel.

    There it has two axes at least, besides that of time, and numbers in place of flags.
    """

    shape: tuple[int, ...]
    dtype: Any
    shared: bool

    @property
    def missing(self) -> int:
        """How many axes are added: before those of what is shared, behind those of rows."""
        return max(0, 2 - len(self.shape))

    @property
    def stored(self) -> Any:
        """The array as it is stored."""
        ones = (1,) * self.missing
        shape = (*ones, *self.shape) if self.shared else (*self.shape, *ones)
        return shape_of(shape, jnp.int32 if self.dtype == bool else self.dtype)

    def store(self, x: Array) -> Array:
        """The array as it is stored; that of rows with or without axes in front."""
        shape = self.stored.shape if self.shared else (*x.shape, *(1,) * self.missing)
        return x.reshape(shape).astype(self.stored.dtype)

    def take(self, x: Array) -> Array:
        """The array of rows that was stored."""
        return x.reshape(x.shape[: x.ndim - self.missing]).astype(self.dtype)

    def read(self, tiling: Tiling, ref: Any, *at: Any) -> Tiles:
        """The tiles of what is stored in a reference."""

        def tile(place: tuple[int, ...]) -> Array:
            where = tiling.slices(self.shape, place)
            if self.shared:
                return ref[(*(0,) * self.missing, *where)].astype(self.dtype)
            return self.take(ref[(*at, *where, *(slice(0, 1),) * self.missing)])

        return tiling.each(self.shape, tile)

    def write(self, tiling: Tiling, ref: Any, tiles: Tiles, *at: Any) -> None:
        """Store tiles of rows in a reference."""
        last = (slice(0, 1),) * self.missing
        for place in np.ndindex(tiles.shape):
            where = (*at, *tiling.slices(self.shape, place), *last)
            ref[where] = self.store(tiles[place])

    def tiles(self, tiling: Tiling, flat: list[Array]) -> Tiles:
        """The tiles, from a list of them."""
        each = iter(flat)
        return tiling.each(self.shape, lambda _: next(each))


class Slots(NamedTuple):
    """All arrays of a step."""

    shared: list[Slot]
    carry: list[Slot]
    xs: list[Slot]
    ys: list[Slot]

    @classmethod
    def of(cls, kernel: Kernel) -> "Slots":
        """Those of a kernel."""
        shared, *others = kernel.split([v.aval for v in kernel.step.invars])
        others.append([v.aval for v in kernel.step.outvars[kernel.carried :]])
        data = ([Slot(k.shape, k.dtype, shared=False) for k in kinds] for kinds in others)
        return cls([Slot(k.shape, k.dtype, shared=True) for k in shared], *data)


def call(target: Target, kernel: Kernel, *leaves: Array) -> list[Array]:
    """Run the kernel: a grid of groups of rows, and for each of chunks of time, one by one."""
    from jax.experimental import pallas as pl  # it takes a while to load

    slots, reverse = Slots.of(kernel), kernel.reverse
    size = steps_at_once(target, kernel, slots)
    chunks, batch = kernel.length // size, kernel.groups * kernel.rows
    tiling = Tiling(_unit(slots) if target.tiled else None)

    def body(*refs: Any) -> None:
        shared, given, steps = kernel.split(refs[: len(leaves)])
        last = list(refs[len(leaves) : len(leaves) + kernel.carried])
        results = refs[len(leaves) + kernel.carried :]
        if chunks > 1:  # the carry stays where it is from one chunk of time to the next

            @pl.when(pl.program_id(1) == 0)
            def _() -> None:
                for new, old in zip(last, given, strict=True):
                    new[...] = old[...]

        start = last if chunks > 1 else given
        weights = [slot.read(tiling, r) for slot, r in zip(slots.shared, shared, strict=True)]

        def step(i: Array, carry: list[list[Array]]) -> list[list[Array]]:
            t = size - 1 - i if reverse else i
            states = [slot.tiles(tiling, c) for slot, c in zip(slots.carry, carry, strict=True)]
            xs = [slot.read(tiling, r, t) for slot, r in zip(slots.xs, steps, strict=True)]
            made = tiling.run(kernel.step, *weights, *states, *xs)
            for slot, ref, y in zip(slots.ys, results, made[kernel.carried :], strict=True):
                slot.write(tiling, ref, y, t)
            return [list(tiles.flat) for tiles in made[: kernel.carried]]

        carry = [
            list(slot.read(tiling, r).flat) for slot, r in zip(slots.carry, start, strict=True)
        ]
        carry = jax.lax.fori_loop(0, size, step, carry)
        for slot, ref, tiles in zip(slots.carry, last, carry, strict=True):
            slot.write(tiling, ref, slot.tiles(tiling, tiles))

    def of_shared(slot: Slot) -> Any:
        shape = slot.stored.shape
        return pl.BlockSpec(shape, lambda i, j: (0,) * len(shape), **_scalar(target, slot))

    def of_carry(slot: Slot) -> Any:
        shape = slot.stored.shape
        return pl.BlockSpec(shape, lambda i, j: (i, *(0,) * (len(shape) - 1)))

    def of_steps(slot: Slot) -> Any:
        shape = slot.stored.shape

        def place(i: Array, j: Array) -> tuple[Any, ...]:
            return chunks - 1 - j if reverse else j, i, *(0,) * (len(shape) - 1)

        return pl.BlockSpec((size, *shape), place)

    def whole(slot: Slot, *axes: int) -> Any:
        stored = slot.stored
        return shape_of((*axes, batch, *stored.shape[1:]), stored.dtype)

    given = [*slots.shared, *slots.carry, *slots.xs]
    made = [*slots.carry, *slots.ys]
    results = pl.pallas_call(
        body,
        grid=(kernel.groups, chunks),
        in_specs=[
            *map(of_shared, slots.shared),
            *map(of_carry, slots.carry),
            *map(of_steps, slots.xs),
        ],
        out_specs=[*map(of_carry, slots.carry), *map(of_steps, slots.ys)],
        out_shape=[
            *(whole(slot) for slot in slots.carry),
            *(whole(slot, kernel.length) for slot in slots.ys),
        ],
        interpret=target.interpret,
        **_compiler(target),
    )(*(slot.store(leaf) for slot, leaf in zip(given, leaves, strict=True)))
    return [slot.take(result) for slot, result in zip(made, results, strict=True)]


def _compiler(target: Target) -> dict[str, Any]:
    if target is GPU:
        from jax.experimental.pallas import triton

        return {"compiler_params": triton.CompilerParams()}
    if target is TPU:
        from jax.experimental.pallas import tpu

        return {
            "compiler_params": tpu.CompilerParams(dimension_semantics=("parallel", "arbitrary"))
        }
    return {}


def _scalar(target: Target, slot: Slot) -> dict[str, Any]:
    if target is not TPU or slot.shape:
        return {}
    from jax.experimental.pallas import tpu

    return {"memory_space": tpu.SMEM}


def _unit(slots: Slots) -> int | None:
    """The largest power of two that divides the sizes of all carries."""
    common = math.gcd(*(slot.shape[-1] for slot in slots.carry if len(slot.shape) > 1))
    unit = common & -common
    return unit if unit > 1 else None


def steps_at_once(target: Target, kernel: Kernel, slots: Slots) -> int:
    """Steps that a program holds at once: a divisor of their number."""
    if target.memory is None:
        return kernel.length
    stored = [slot.stored for slot in (*slots.xs, *slots.ys)]
    size = sum(math.prod(x.shape) * x.dtype.itemsize for x in stored)
    wanted = min(max(1, target.memory // max(1, size)), kernel.length)
    return max(d for d in range(1, wanted + 1) if kernel.length % d == 0)
