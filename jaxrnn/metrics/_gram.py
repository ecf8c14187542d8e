"""Products of tall matrices, summed over their rows with more digits than float32 has."""

import jax
import jax.numpy as jnp

from .._typing import Array
from ._compensated import Compensated, two_sum

_ROWS = 256  # of a block: sums of so many products of two parts are exact in float32


def gram(x: Array, y: Array) -> Compensated:
    """`x^T y` for `[N, A]` and `[N, B]`, to about 40 bits of the largest entries of each column.

    Float32 numbers are cut into three parts, of 8 bits the first two, whose products and their sums
    over a block have no more than 24 bits: matrix products of parts are exact, or nearly. Blocks
    are added with compensation.

    Reference: K. Ozaki et al., "Error-free transformations of matrix multiplication by using fast
    routines of matrix multiplication", Numerical Algorithms 59 (2012).
    """
    if jnp.result_type(x, y) == jnp.float64:
        return Compensated.of(x.astype(jnp.float64).T @ y.astype(jnp.float64))
    x, y = x.astype(jnp.float32), y.astype(jnp.float32)
    count = -(-x.shape[0] // _ROWS)

    def blocks(z: Array) -> Array:
        padded = jnp.pad(z, ((0, count * _ROWS - z.shape[0]), (0, 0)))
        return padded.reshape(count, _ROWS, z.shape[1])

    def add(total: Compensated, both: tuple[Array, Array]) -> tuple[Compensated, None]:
        return total.plus(_block(*both)), None

    zeros = jnp.zeros_like(x[:1].T @ y[:1])  # it varies, and is sharded, as the products are
    start = Compensated(zeros, jnp.copy(zeros))
    return jax.lax.scan(add, start, (blocks(x), blocks(y)))[0]


def _block(x: Array, y: Array) -> Compensated:
    """The product of one block: nine products of parts, added from the smallest on."""
    xs, x_scale = _parts(x)
    ys, y_scale = _parts(y)
    pairs = sorted(((i, j) for i in range(3) for j in range(3)), key=sum, reverse=True)
    hi = lo = jnp.zeros((x.shape[1], y.shape[1]), jnp.float32)
    for i, j in pairs:
        product = jnp.matmul(xs[i].T, ys[j], precision=jax.lax.Precision.HIGHEST)
        hi, error = two_sum(hi, product)
        lo = lo + error
    scale = x_scale[:, None] * y_scale[None]  # powers of 2, so that nothing is rounded
    return Compensated(hi * scale, lo * scale)


def _parts(x: Array) -> tuple[list[Array], Array]:
    """Three parts whose sum is `x`, over powers of 2 by which each column was divided."""
    largest = jnp.max(jnp.abs(x), axis=0)
    _, exponent = jnp.frexp(largest)
    scale = jnp.where(largest > 0, jnp.ldexp(jnp.ones_like(largest), exponent), 1)
    rest = x / scale[None]
    parts = []
    for bits in (8.0, 16.0):
        part = jnp.round(rest * 2**bits) / 2**bits
        rest = rest - part
        parts.append(part)
    return [*parts, rest], scale
