"""Entropy and varentropy of a prediction."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._names import named
from .._numerics import exact_entropy, exact_softmax, expectation, possible, real
from .._typing import Array, ArrayLike


def entropy(logits: ArrayLike, *, classes: ArrayLike | None = None) -> Float[Array, "*steps"]:
    r"""Shannon entropy $H = -\sum_k p_k \log p_k$ of `p = softmax(logits)`, in nats.

    Values, gradients and second derivatives are finite at `-inf` logits, at any margin and in a row
    without a possible class, whose entropy is 0.

    Args:
        logits: `[..., V]`, classes last; never probabilities.
        classes: `Bool[..., V]` or `Bool[V]`, the classes that are possible.

    Returns:
        `[...]`, at least float32.

    Raises:
        TypeError: for logits that are not real floating numbers, or `classes` that are not bool.
        ValueError: for a missing class axis, or `classes` of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import entropy
        >>> print(f"{entropy(jnp.log(jnp.array([0.7, 0.2, 0.1]))):.5f}")
        0.80182
        >>> print(f"{entropy(jnp.array([20.0, 0.0, -jnp.inf])):.4e}")
        4.3284e-08
    """
    return exact_entropy(possible("entropy", "logits", logits, classes))


@named
def varentropy(logits: ArrayLike, *, classes: ArrayLike | None = None) -> Float[Array, "*steps"]:
    r"""Variance of the surprisal, $\sum_k p_k (\log p_k + H)^2$, in squared nats.

    It says how far one symbol's surprisal strays from the entropy: 0 for a uniform distribution,
    whatever its support. Arguments and errors are those of `entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import varentropy
        >>> print(f"{varentropy(jnp.log(jnp.array([0.7, 0.2, 0.1]))):.5f}")
        0.49439
    """
    z = possible("varentropy", "logits", logits, classes)
    p = exact_softmax(z)
    # Logits deviate as their log-probabilities do; less the largest they are small if all are near.
    top = jax.lax.stop_gradient(jnp.max(z, axis=-1, keepdims=True))
    shifted = jnp.where(p == 0, 0, z - top)
    deviation = shifted - expectation(p, shifted)[..., None]
    return expectation(p, deviation**2)


def binary_entropy(logit: ArrayLike) -> Float[Array, "*shape"]:
    r"""Entropy of a coin that shows 1 with probability `sigmoid(logit)`, in nats.

    $H(z) = \log(1 + e^{-|z|}) + |z|\,\sigma(-|z|)$, which keeps its digits where the coin is almost
    certain: a logit of 50 gives `9.84e-21`. Elementwise; there is no class axis.

    Raises:
        TypeError: for logits that are not real floating numbers.

    Example:
        >>> from jaxrnn.information import binary_entropy, to_bits
        >>> print(f"{to_bits(binary_entropy(0.0)):.3f} {binary_entropy(50.0):.3e}")
        1.000 9.837e-21
    """
    return _binary_entropy(real("binary_entropy", "logit", logit))


@jax.custom_jvp
def _binary_entropy(z: Array) -> Array:
    z = jnp.abs(_finite(z))
    return jnp.log1p(jnp.exp(-z)) + z * jax.nn.sigmoid(-z)


@_binary_entropy.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (z,), (dz,) = primals, tangents
    slope = _finite(z) * jax.nn.sigmoid(z) * jax.nn.sigmoid(-z)
    return _binary_entropy(z), -slope * dz


def _finite(z: Array) -> Array:
    """The nearest finite number, so that a certain coin gives `finite * 0`, not `inf * 0`."""
    limit = np.finfo(z.dtype).max
    return jnp.clip(z, -limit, limit)
