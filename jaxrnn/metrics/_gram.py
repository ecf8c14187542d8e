"""Products of tall matrices, summed over their rows with more digits than float32 has."""

import math

import jax
import jax.numpy as jnp

from .._typing import Array
from ._compensated import Compensated, two_sum

_ROWS = 256  # of a block: sums of so many products of two parts are exact in float32


def gram(x: Array, y: Array) -> Compensated:
    """`sum x y^T` over rows `[T, *batch, A]` and `[T, *batch, B]`, to about 40 bits of the largest
    entries of each column.

    Float32 numbers are cut into three parts, of 8 bits the first two, whose products and their sums
    over a block have no more than 24 bits: matrix products of parts are exact, or nearly. Blocks
    are added with compensation.

    Reference: K. Ozaki et al., "Error-free transformations of matrix multiplication by using fast
    routines of matrix multiplication", Numerical Algorithms 59 (2012).
    """
    if jnp.result_type(x, y) == jnp.float64:
        return Compensated.of(_product(x.astype(jnp.float64), y.astype(jnp.float64)))
    x, y = x.astype(jnp.float32), y.astype(jnp.float32)

    def add(total: Compensated, both: tuple[Array, Array]) -> tuple[Compensated, None]:
        return total.plus(_block(*both)), None

    zeros = jnp.zeros_like(_product(x[:1], y[:1]))  # it varies, and is sharded, as the products are
    start = Compensated(zeros, jnp.copy(zeros))
    return jax.lax.scan(add, start, (_blocks(x), _blocks(y)))[0]


def _blocks(z: Array) -> Array:
    """`[blocks, t, *b, A]` of `[T, *batch, A]`, of at most `_ROWS` rows each.

    The axes of the batch stay apart from time and from each other, and a block takes its part of
    the first of them from everywhere, so that every device of a batch that lies on several has a
    share of every block.
    """
    total, *batch, width = z.shape
    left, parts = _ROWS, []
    for size in batch:
        parts.append(_part(size, left))
        left //= parts[-1]
    steps = max(1, min(left, total))
    count = -(-total // steps)
    z = jnp.pad(z, ((0, count * steps - total), *((0, 0) for _ in z.shape[1:])))
    apart = [(part, size // part) for part, size in zip(parts, batch, strict=True)]
    z = z.reshape(count, steps, *(size for pair in apart for size in pair), width)
    axes = range(z.ndim - 1)
    z = z.transpose(0, *axes[3::2], *axes[1:2], *axes[2::2], z.ndim - 1)
    return z.reshape(math.prod(z.shape[: 1 + len(batch)]), steps, *parts, width)


def _part(size: int, most: int) -> int:
    """The largest divisor up to `most`, of those with the most factors of 2, as devices have."""
    divisors = (d for d in range(1, min(size, most) + 1) if size % d == 0)
    return max(divisors, key=lambda d: (d & -d, d), default=1)


def _product(x: Array, y: Array) -> Array:
    """`sum x y^T` over all rows; a batch that lies on several devices is not brought together."""
    axes = tuple(range(x.ndim - 1))
    return jnp.tensordot(x, y, (axes, axes), precision=jax.lax.Precision.HIGHEST)


def _block(x: Array, y: Array) -> Compensated:
    """The product of one block: nine products of parts, added from the smallest on."""
    xs, x_scale = _parts(x)
    ys, y_scale = _parts(y)
    pairs = sorted(((i, j) for i in range(3) for j in range(3)), key=sum, reverse=True)
    hi = lo = jnp.zeros((x.shape[-1], y.shape[-1]), jnp.float32)
    for i, j in pairs:
        hi, error = two_sum(hi, _product(xs[i], ys[j]))
        lo = lo + error
    scale = x_scale[:, None] * y_scale[None]  # powers of 2, so that nothing is rounded
    return Compensated(hi * scale, lo * scale)


def _parts(x: Array) -> tuple[list[Array], Array]:
    """Three parts whose sum is `x`, over powers of 2 by which each column was divided."""
    largest = jnp.max(jnp.abs(x), axis=tuple(range(x.ndim - 1)))
    _, exponent = jnp.frexp(largest)
    scale = jnp.where(largest > 0, jnp.ldexp(jnp.ones_like(largest), exponent), 1)
    rest = x / jnp.broadcast_to(scale, x.shape)
    parts = []
    for bits in (8.0, 16.0):
        part = jnp.round(rest * 2**bits) / 2**bits
        rest = rest - part
        parts.append(part)
    return [*parts, rest], scale
