"""Entropy of a Gaussian."""

import math

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import real
from .._typing import Array, ArrayLike


def gaussian_entropy(std: ArrayLike) -> Float[Array, "*shape"]:
    r"""Differential entropy $\tfrac12 \log(2 \pi e \sigma^2)$ of a Gaussian, in nats; elementwise.

    It is that of a density, not of symbols: it is negative for a narrow one, and changes with the
    unit that the variable is measured in. For several variables, sum it over the diagonal of the
    Cholesky factor of their covariance; for independent ones, over their standard deviations.

    Args:
        std: the standard deviation, positive.

    Returns:
        The entropy of each, at least float32. Inside `jit`, where it cannot be read, a standard
        deviation of 0 gives `-inf` and a negative one NaN.

    Raises:
        TypeError: for a standard deviation that is not a real floating number.
        ValueError: for one that is not positive and finite.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import gaussian_entropy
        >>> print(f"{gaussian_entropy(1.0):.4f}")
        1.4189
        >>> covariance = jnp.array([[2.0, 1.0], [1.0, 2.0]])
        >>> print(f"{gaussian_entropy(jnp.diag(jnp.linalg.cholesky(covariance))).sum():.4f}")
        3.3872
    """
    array = real("gaussian_entropy", "std", std)
    if not _check.holds(lambda std: (std > 0) & (std < float("inf")), array):
        raise ValueError(
            f"gaussian_entropy: std must be positive and finite, got {std}. Of a network's output "
            "make one with `jax.nn.softplus` or `jnp.exp`."
        )
    return jnp.log(array) + 0.5 * math.log(2 * math.pi * math.e)
