"""Sums in float32 that lose nothing over millions of terms."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike


class Compensated(NamedTuple):
    """The unevaluated sum `hi + lo` of two float32, about 48 bits.

    Alone, float32 stops counting at 2**24, and a mean of 1e6 terms is off in the third digit.
    """

    hi: Float[Array, "*shape"]
    lo: Float[Array, "*shape"]

    @classmethod
    def zeros(cls, shape: tuple[int, ...] = ()) -> "Compensated":
        """Sums of nothing; two arrays, so that a state of them can be donated."""
        return cls(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))

    @classmethod
    def of(cls, value: ArrayLike) -> "Compensated":
        """A value of any precision as a pair."""
        value = _check.numbers("Compensated", "value", value)
        hi = value.astype(jnp.float32)
        rest = (value - hi.astype(value.dtype)).astype(jnp.float32)
        return cls(hi, jnp.where(jnp.isfinite(hi), rest, 0))

    def plus(self, other: "Compensated") -> "Compensated":
        """The sum of two pairs."""
        hi, error = two_sum(self.hi, other.hi)
        return Compensated(*two_sum(hi, error + self.lo + other.lo))

    def value(self) -> Array:
        """`hi + lo`, in the default precision."""
        dtype = jnp.result_type(float)
        return self.hi.astype(dtype) + self.lo.astype(dtype)


@checked
def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """`a + b` rounded, and the exact error of the rounding; error 0 where the sum is not finite.

    Reference:
        Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.metrics import two_sum
        >>> hi, lo = two_sum(jnp.float32(2.0**24), jnp.float32(1.0))
        >>> float(hi), float(lo)
        (16777216.0, 1.0)
    """
    total = a + b
    virtual = total - a
    error = (a - (total - virtual)) + (b - virtual)
    return total, jnp.where(jnp.isfinite(total), error, 0)
