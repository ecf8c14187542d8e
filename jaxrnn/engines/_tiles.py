"""A function of arrays, computed tile by tile, as the compiler of a GPU's kernels needs it.

The arrays of such a kernel have powers of two of entries along every axis, and cannot be cut or
joined at will. So every axis whose size is a multiple of `unit` is held as separate arrays of that
size: the gates of a cell side by side are one or more tiles each. To cut them apart is to choose
tiles, and to join them makes a longer list of tiles.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal

from .._numerics import bound
from .._typing import Array

Tiles = Any
"""An array of arrays: along each axis, as many as the axis has tiles."""


class Pair(NamedTuple):
    """Complex numbers, which a kernel has not: the tiles of two real arrays."""

    real: Tiles
    imag: Tiles


_ELEMENTWISE = """
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp complex conj
    convert_element_type copy cos cosh div eq erf erf_inv erfc exp exp2 expm1 floor ge gt imag
    integer_pow is_finite le log log1p logistic lt max min mul ne neg not or pow real rem round
    rsqrt select_n sign sin sinh sqrt square sub tan tanh xor
"""
_INSIDE = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "remat2": "jaxpr"}
_INSIDE |= {"checkpoint": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}
# What is done to complex numbers by doing it to both parts.
_BY_PARTS = """
    add add_any broadcast_in_dim concatenate copy neg pad reduce_sum reshape select_n slice split
    squeeze sub transpose
"""
_NOTHING = frozenset(["together", "optimization_barrier"])  # barriers to what a kernel has not


class Tiling:
    """How arrays are cut; with a `unit` of None they are not."""

    def __init__(self, unit: int | None) -> None:
        self.unit = unit

    def counts(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The number of tiles along each axis."""
        return tuple(
            n // self.unit if self.unit and n > self.unit and n % self.unit == 0 else 1
            for n in shape
        )

    def each(self, shape: Sequence[int], tile: Callable[[tuple[int, ...]], Array]) -> Tiles:
        """An array of tiles, made one by one from their places."""
        counts = self.counts(shape)
        tiles = np.empty(counts, object)
        for place in itertools.product(*map(range, counts)):
            tiles[place] = tile(place)
        return tiles

    def sizes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of a tile."""
        return tuple(n // count for n, count in zip(shape, self.counts(shape), strict=True))

    def slices(self, shape: Sequence[int], place: tuple[int, ...]) -> tuple[slice, ...]:
        """Where in the array a tile is."""
        sizes = self.sizes(shape)
        return tuple(slice(i * n, (i + 1) * n) for i, n in zip(place, sizes, strict=True))

    def cut(self, x: Any) -> Tiles:
        """The tiles of an array."""
        if math.prod(self.counts(x.shape)) == 1:
            return self.each(x.shape, lambda _: x)
        return self.each(x.shape, lambda place: x[self.slices(x.shape, place)])

    def joined(self, tiles: Tiles) -> Array:
        """The array that was cut."""
        for axis in reversed(range(tiles.ndim)):
            rows = np.moveaxis(tiles, axis, -1)
            joined = np.empty(rows.shape[:-1], object)
            for place in np.ndindex(joined.shape):
                row = list(rows[place])
                joined[place] = row[0] if len(row) == 1 else jnp.concatenate(row, axis)
            tiles = np.expand_dims(joined, axis)
        return tiles.reshape(-1)[0]

    def run(self, jaxpr: Jaxpr, *args: Any) -> list[Any]:
        """The results of a function, from the tiles of its arguments."""
        values: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Any:
            return self._constant(v) if isinstance(v, Literal) else values[v]

        for equation in jaxpr.eqns:
            results = self._equation(equation, [read(v) for v in equation.invars])
            values.update(zip(equation.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, args: list[Any]) -> list[Any]:
        name, params = equation.primitive.name, equation.params
        if name in _NOTHING:
            return args
        if name in _INSIDE:
            inside = params[_INSIDE[name]]
            consts = [self._whole(const) for const in getattr(inside, "consts", ())]
            jaxpr = getattr(inside, "jaxpr", inside)
            given = dict(zip(jaxpr.constvars, consts, strict=True))
            return self._with(given, jaxpr, args)
        of_pairs = any(
            jnp.issubdtype(v.aval.dtype, jnp.complexfloating)
            for v in (*equation.invars, *equation.outvars)
        )
        return self._of_pairs(equation, args) if of_pairs else self._real(equation, args)

    def _whole(self, x: Any) -> Any:
        """The tiles of an array, which may be complex."""
        return Pair(self.cut(x.real), self.cut(x.imag)) if jnp.iscomplexobj(x) else self.cut(x)

    def _constant(self, literal: Any) -> Any:
        """The tiles of a number in the code, whose parts are taken now and not in the kernel."""
        parts = self._whole(np.asarray(literal.val, literal.aval.dtype))

        def traced(tiles: Tiles) -> Tiles:
            made = np.empty(tiles.shape, object)
            for place in np.ndindex(tiles.shape):
                made[place] = jnp.asarray(tiles[place])
            return made

        return Pair(*map(traced, parts)) if isinstance(parts, Pair) else traced(parts)

    def _of_pairs(self, equation: Any, args: list[Any]) -> list[Any]:
        """An equation with complex numbers."""
        name, (out, *_) = equation.primitive.name, equation.outvars
        each = partial(self._tilewise, out.aval.shape)
        if name == "complex":
            sizes = self.sizes(out.aval.shape)
            return [Pair(*(each(lambda x: jnp.broadcast_to(x, sizes), x) for x in args))]
        if name in ("real", "imag"):
            return [getattr(args[0], name)]
        if name in _BY_PARTS.split():
            parts = [
                self._real(equation, [a[i] if isinstance(a, Pair) else a for a in args])
                for i in (0, 1)
            ]
            return [Pair(*both) for both in zip(*parts, strict=True)]
        if name == "conj" and isinstance(args[0], Pair):
            return [Pair(args[0].real, each(jnp.negative, args[0].imag))]
        if name == "mul":
            (a, b), (c, d) = args
            return [
                Pair(
                    each(lambda a, b, c, d: a * c - b * d, a, b, c, d),
                    each(lambda a, b, c, d: a * d + b * c, a, b, c, d),
                )
            ]
        whole = [
            jax.lax.complex(*map(self.joined, a)) if isinstance(a, Pair) else self.joined(a)
            for a in args
        ]
        return [self._whole(x) for x in bound(equation, whole)]

    def _tilewise(self, out: Any, apply: Callable[..., Array], *args: Tiles) -> Tiles:
        """A function of tiles at the same places; a scalar is at all of them."""
        return self.each(out, lambda at: apply(*(a[at] if a.ndim else a[()] for a in args)))

    def _real(self, equation: Any, args: list[Tiles]) -> list[Tiles]:
        """An equation without complex numbers."""
        name, params = equation.primitive.name, equation.params
        apply = partial(equation.primitive.bind, **params)
        shapes = [v.aval.shape for v in equation.invars]
        out = equation.outvars[0].aval.shape
        if name in _ELEMENTWISE.split() and all(shape in ((), out) for shape in shapes):
            return [self._tilewise(out, apply, *args)]
        if name == "reduce_sum":
            return [_summed(apply, args[0], params["axes"])]
        rule = getattr(self, f"_{name}", None)
        results = rule(args, shapes, out, params) if rule else None
        if results is not None:
            return results
        whole = apply(*map(self.joined, args))
        return [self.cut(x) for x in (whole if equation.primitive.multiple_results else [whole])]

    def _with(self, given: dict[Any, Any], jaxpr: Jaxpr, args: list[Any]) -> list[Any]:
        inside: Any = jaxpr  # whose methods have no types
        whole = inside.replace(invars=[*given, *jaxpr.invars], constvars=[])
        return self.run(whole, *given.values(), *args)

    # Rules by the names of operations; one gives None where tiles do not fit to what is asked.

    def _broadcast_in_dim(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        (x, *_), (shape, *_) = args, shapes
        axes, sizes = params["broadcast_dimensions"], self.sizes(out)

        def tile(place: tuple[int, ...]) -> Array:
            own = tuple(0 if n == 1 else place[axis] for n, axis in zip(shape, axes, strict=True))
            return jax.lax.broadcast_in_dim(x[own], sizes, axes)

        return [self.each(out, tile)]

    def _transpose(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        order = params["permutation"]
        tiles = args[0].transpose(order)
        return [self.each(out, lambda place: jax.lax.transpose(tiles[place], order))]

    def _concatenate(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        axis = params["dimension"]
        if sum(x.shape[axis] for x in args) != self.counts(out)[axis]:
            return None
        if {self.sizes(shape) for shape in shapes} != {self.sizes(out)}:
            return None
        return [np.concatenate(args, axis)]

    def _split(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        (x,), axis, sizes = args, params["axis"], params["sizes"]
        tile = self.sizes(shapes[0])[axis]
        if any(n % tile for n in sizes):
            return None
        ends = np.cumsum([n // tile for n in sizes])[:-1]
        return np.split(x, ends, axis)

    def _slice(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        (x,), (shape,) = args, shapes
        size, strides = self.sizes(shape), params["strides"]
        limits = (params["start_indices"], params["limit_indices"])
        if any(i % n for at in limits for i, n in zip(at, size, strict=True)):
            return None
        if strides is not None and any(n != 1 for n in strides):
            return None
        return [x[tuple(slice(i // n, j // n) for i, j, n in zip(*limits, size, strict=True))]]

    def _pad(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        (x, value), size = args, self.sizes(out)
        config = params["padding_config"]
        if any(inner or low < 0 or high < 0 for low, high, inner in config):
            return None
        if self.sizes(shapes[0]) != size:
            return None
        if any(low % n for (low, _, _), n in zip(config, size, strict=True)):
            return None
        first = [low // n for (low, _, _), n in zip(config, size, strict=True)]

        def tile(place: tuple[int, ...]) -> Array:
            own = tuple(i - j for i, j in zip(place, first, strict=True))
            inside = all(0 <= i < n for i, n in zip(own, x.shape, strict=True))
            return x[own] if inside else jnp.broadcast_to(value[()], size)

        return [self.each(out, tile)]

    def _dot_general(self, args: list[Tiles], shapes: Any, out: Any, params: Any) -> Any:
        (x, y), ((inner_x, inner_y), (batch_x, batch_y)) = args, params["dimension_numbers"]
        dot: Any = partial(jax.lax.dot_general, **_without(params, "out_sharding"))
        own_x = [i for i in range(x.ndim) if i not in (*inner_x, *batch_x)]
        own_y = [i for i in range(y.ndim) if i not in (*inner_y, *batch_y)]
        kinds = (x.flat[0].dtype, y.flat[0].dtype)
        kind = max(kinds, key=lambda kind: kind.itemsize)  # Triton takes factors of one type
        inner = list(np.ndindex(*(x.shape[i] for i in inner_x)))

        def tile(place: tuple[int, ...]) -> Array:
            batch, rest = place[: len(batch_x)], place[len(batch_x) :]
            at_x, at_y = rest[: len(own_x)], rest[len(own_x) :]

            def term(within: tuple[int, ...]) -> Array:
                a = _place([*inner_x, *batch_x, *own_x], [*within, *batch, *at_x])
                b = _place([*inner_y, *batch_y, *own_y], [*within, *batch, *at_y])
                return dot(x[a].astype(kind), y[b].astype(kind))

            return reduce(jnp.add, map(term, inner))

        return [self.each(out, tile)]


def _without(params: Any, name: str) -> Any:
    return {key: value for key, value in params.items() if key != name}


def _place(axes: list[int], at: list[int]) -> tuple[int, ...]:
    """An index, from what it is along each of the axes."""
    return tuple(i for _, i in sorted(zip(axes, at, strict=True)))


def _summed(apply: Callable[[Array], Array], x: Tiles, axes: Sequence[int]) -> Tiles:
    """The sums over some axes: within each tile, then of tiles."""
    within = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        within[place] = apply(x[place])
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = within.transpose(*kept, *axes).reshape(*(x.shape[axis] for axis in kept), -1)
    total = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(total.shape):
        total[place] = reduce(jnp.add, list(rows[place]))
    return total
