"""`Categorical`: one of several classes."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._numerics import exact_entropy, exact_softmax
from .._typing import Array, ArrayLike, Key
from ..information import surprisal
from ._head import Head


class Categorical(Head):
    r"""One of several classes, from their logits.

        theta    = z, [classes]
        p        = softmax(z)
        log p(y) = z_y - logsumexp(z)

    A constant added to all logits changes nothing. A class whose logit is `-inf` is impossible. The
    loss is that of `objectives.CrossEntropy()`.

    Mean, variance, cdf, quantiles, intervals and CRPS take labels for numbers, and mean something
    for ordered classes alone: ratings, bins, counts. The CRPS is then the ranked probability score.
    For other classes use `probabilities`.

    Shapes: outputs `[T, *batch, classes]`, targets `[T, *batch]`, labels in `[0, classes)`.

    Attributes:
        classes: how many there are.

    Raises:
        TypeError: for logits that are not real floating numbers.
        ValueError: for shapes that do not fit, and labels out of range where they can be read.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head, outputs = heads.Categorical(3), jnp.log(jnp.array([[0.2, 0.5, 0.3]]))
        >>> print(head.mean(outputs).round(2), head.quantile(outputs, 0.5))
        [1.1] [1.]
        >>> print(head.log_prob(outputs, jnp.array([1])).round(3))
        [-0.693]
    """

    discrete = True
    classes: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("Categorical", classes=self.classes)

    @property
    def parameters(self) -> int:
        return self.classes

    @property
    def target_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def support(self) -> str:  # type: ignore[override]
        """What targets may be, in words."""
        return f"labels in [0, {self.classes})"

    @checked
    def probabilities(self, outputs: ArrayLike) -> Float[Array, "*steps V"]:
        """The probability of every class, `[T, *batch, classes]`."""
        return exact_softmax(self._theta(outputs))

    def supports(self, y: Any) -> Any:
        return (y >= 0) & (y < self.classes) & (y % 1 == 0)

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        labels = jnp.clip(jnp.nan_to_num(y), 0, self.classes - 1).astype(jnp.int32)
        return -surprisal(theta, labels)

    def mean_at(self, theta: Array) -> Array:
        return jnp.sum(exact_softmax(theta) * self._labels(theta), axis=-1)

    def variance_at(self, theta: Array) -> Array:
        deviation = self._labels(theta) - self.mean_at(theta)[..., None]
        return jnp.sum(exact_softmax(theta) * deviation**2, axis=-1)

    def entropy_at(self, theta: Array) -> Array:
        return exact_entropy(theta)

    def sample_at(self, key: Key, theta: Array) -> Array:
        return jax.random.categorical(key, theta, axis=-1).astype(jnp.int32)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        below = self._labels(theta) <= y[..., None]
        found = jnp.sum(jnp.where(below, exact_softmax(theta), 0), axis=-1)
        # All of it is 1, however the probabilities are rounded.
        found = jnp.where((y >= self.classes - 1) & ~jnp.isnan(found), 1, found)
        return jnp.where(jnp.isnan(y), jnp.nan, found)

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        passed = self._cumulated(theta)[..., :-1] < levels[..., None]
        return jnp.sum(passed, axis=-1, dtype=theta.dtype)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        distance = jnp.abs(self._labels(theta) - y[..., None])
        return jnp.sum(exact_softmax(theta) * distance, axis=-1)

    def absolute_difference_at(self, theta: Array, other: Array) -> Array:
        f, g = self._cumulated(theta)[..., :-1], self._cumulated(other)[..., :-1]
        return jnp.sum(f * (1 - g) + g * (1 - f), axis=-1)

    def crps_at(self, theta: Array, y: Array) -> Array:
        reached = y[..., None] <= self._labels(theta)
        return jnp.sum((self._cumulated(theta) - reached.astype(theta.dtype)) ** 2, axis=-1)

    def _labels(self, theta: Array) -> Array:
        return jax.lax.broadcasted_iota(theta.dtype, theta.shape, theta.ndim - 1)

    def _cumulated(self, theta: Array) -> Array:
        return jnp.cumsum(exact_softmax(theta), axis=-1)
