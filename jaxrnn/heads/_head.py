"""`Head`: what a network's outputs say about its targets, as a distribution."""

import abc
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._config import Config
from .._numerics import narrow, real
from .._typing import Array, ArrayLike, Batch, Key
from ..objectives import Objective
from ._reading import check_levels, read_outputs, read_targets, refuse_unsupported, within_range

_FROM_SAMPLES = (
    "Estimate it from samples x and x2: `abs(x - y).mean(0) - 0.5 * abs(x - x2).mean(0)`."
)


class Interval(NamedTuple):
    """A central interval: it misses the target below and above equally often."""

    low: Array
    high: Array


class Head(Config):
    """A distribution of the target of every step, read from the raw outputs of a network.

    A head has no parameters: end the network with `networks.Dense(hidden, head.size)`, train with
    `head.loss`, and ask the head what the outputs mean. The coordinates of a target are independent
    given the outputs.

    Shapes: outputs `[T, *batch, size]`; targets `[T, *batch, dim]`, or labels `[T, *batch]` of a
    `Categorical`. The outputs of one step are `dim` groups of `parameters` numbers, one group for
    each coordinate: `outputs.reshape(T, *batch, dim, parameters)`. `log_prob` and `entropy` are
    summed over the coordinates, `[T, *batch]`; everything else has a value for each,
    `[T, *batch, dim]`. Any number of leading axes will do, none too.

    Inputs of less than float32 are computed in float32. A value that cannot be a target (a negative
    count) is an error where it can be read; inside `jit` its log-probability is `-inf`, and its
    step has weight 0 in the loss.

    A head of your own defines `parameters`, and the methods that end in `_at`, as far as they
    exist. They work on `theta`, `[..., parameters]`, and on targets, levels and results `[...]`,
    elementwise. Any head of scalars can be the component of a `Mixture`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head = heads.Gaussian(dim=2)
        >>> head.size
        4
        >>> head.log_prob(jnp.zeros((7, 3, head.size)), jnp.zeros((7, 3, 2))).shape
        (7, 3)
    """

    discrete = False
    """Whether targets are integers, and `log_prob` that of a probability rather than a density."""

    support = "real numbers"
    """What targets may be, in words."""

    # --- sizes ---

    @property
    @abc.abstractmethod
    def parameters(self) -> int:
        """How many outputs describe one coordinate."""

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of one step's target: `(dim,)`, or `()` for a label."""
        return (getattr(self, "dim", 1),)

    @property
    def size(self) -> int:
        """How many outputs describe one step."""
        return self.parameters * math.prod(self.target_shape)

    @property
    def level_range(self) -> tuple[float, float]:
        """The levels between which there are quantiles."""
        return 0.0, 1.0

    @property
    def loss(self) -> Objective:
        """What is minimised, in training: the surprisal of the target."""
        return NLL(self)

    # --- what a head says ---

    @checked
    def log_prob(self, outputs: ArrayLike, targets: ArrayLike) -> Float[Array, "*steps"]:
        """Log-probability, or log-density, of the targets, in nats; summed over the coordinates."""
        refuse_unsupported(self, targets, None)
        return _log_prob(self, outputs, targets)

    @checked
    @jax.jit
    def mean(self, outputs: ArrayLike) -> Float[Array, "..."]:
        """The mean; NaN where there is none."""
        return self.mean_at(self._theta(outputs))

    @checked
    @jax.jit
    def variance(self, outputs: ArrayLike) -> Float[Array, "..."]:
        """The variance; `inf` where it is infinite, NaN where there is no mean."""
        return self.variance_at(self._theta(outputs))

    @checked
    @jax.jit
    def entropy(self, outputs: ArrayLike) -> Float[Array, "*steps"]:
        """Entropy in nats, of a density the differential one; summed over the coordinates."""
        return self._over_coordinates(self.entropy_at(self._theta(outputs)))

    @checked
    @jax.jit
    def cdf(self, outputs: ArrayLike, targets: ArrayLike) -> Float[Array, "..."]:
        """The probability of at most the target, for each coordinate."""
        theta = self._theta(outputs)
        return self.cdf_at(theta, read_targets(self, theta, targets))

    @checked
    def quantile(self, outputs: ArrayLike, levels: ArrayLike) -> Float[Array, "..."]:
        """The least value that is reached with probability `levels`: `[T, *batch, dim, *levels]`.

        Args:
            outputs: what the network gave.
            levels: in (0, 1), a number or an array of any shape and order.

        Raises:
            ValueError: for levels outside (0, 1); inside `jit` they give NaN.
        """
        return _quantile(self, outputs, check_levels(self, "levels", levels, outputs))

    @checked
    def interval(self, outputs: ArrayLike, level: ArrayLike) -> Interval:
        """The quantiles `(1 - level) / 2` and `(1 + level) / 2`: `level` = 0.8 covers 80 %.

        Raises:
            ValueError: for a level outside (0, 1); inside `jit` it gives NaN.
        """
        level = check_levels(self, "level", level, outputs, central=True)
        low, high = (1 - level) / 2, (1 + level) / 2
        return Interval(_quantile(self, outputs, low), _quantile(self, outputs, high))

    @checked
    @functools.partial(jax.jit, static_argnames="shape")
    def sample(self, key: Key, outputs: ArrayLike, shape: Batch = ()) -> Array:
        """Draw independent targets: `[*shape, T, *batch, dim]`; no gradient passes the draw.

        The labels of a `Categorical` are integers, and all else is floating, counts too.
        """
        theta = jax.lax.stop_gradient(self._theta(outputs))
        _check.integers(f"{type(self).__name__}.sample", 0, shape=min(shape, default=0))
        return self.sample_at(key, jnp.broadcast_to(theta, (*shape, *theta.shape)))

    @checked
    def crps(self, outputs: ArrayLike, targets: ArrayLike) -> Float[Array, "..."]:
        r"""Continuous ranked probability score of each coordinate, in the unit of the target.

        $\int (F(x) - 1[y \le x])^2 dx = E|X - y| - \tfrac12 E|X - X'|$: the absolute error, for a
        distribution that is one point. It is least, in the mean, for the true distribution.

        Reference: T. Gneiting & A. Raftery (2007), Strictly proper scoring rules, prediction, and
            estimation, https://doi.org/10.1198/016214506000001437
        """
        refuse_unsupported(self, targets, None)
        return _crps(self, outputs, targets)

    # --- what a head defines, elementwise ---

    def supports(self, y: Any) -> Any:
        """Which values may be targets, of numpy's arrays as of JAX's: use operators alone."""
        return (y >= 0) | ~(y >= 0)

    @abc.abstractmethod
    def log_prob_at(self, theta: Array, y: Array) -> Array:
        """Log-probability or log-density of values that the head supports."""

    def mean_at(self, theta: Array) -> Array:
        """The mean."""
        raise self._nothing("mean", "Draw samples and average them: `head.sample(...).mean(0)`.")

    def variance_at(self, theta: Array) -> Array:
        """The variance."""
        raise self._nothing("variance", "Draw samples: `head.sample(...).var(0)`.")

    def entropy_at(self, theta: Array) -> Array:
        """The entropy."""
        raise self._nothing(
            "entropy",
            "Estimate it: the mean of `-head.log_prob(outputs, head.sample(key, outputs))`.",
        )

    def sample_at(self, key: Key, theta: Array) -> Array:
        """One value for each row of `theta`, independent."""
        raise self._nothing("way to draw samples", "Define `sample_at`.")

    def cdf_at(self, theta: Array, y: Array) -> Array:
        """The probability of at most `y`, which may be any number."""
        raise self._nothing("cdf", "Define `cdf_at`.")

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        """The quantiles at `levels`, which lie in (0, 1)."""
        raise self._nothing("quantiles", "Define `quantile_at`.")

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        """The mean distance of the target from `y`."""
        raise self._nothing("CRPS", _FROM_SAMPLES)

    def absolute_difference_at(self, theta: Array, other: Array) -> Array:
        """The mean distance of two targets, independent, of `theta` and of `other`."""
        raise self._nothing("CRPS", _FROM_SAMPLES)

    def crps_at(self, theta: Array, y: Array) -> Array:
        """The continuous ranked probability score."""
        spread = self.absolute_difference_at(theta, theta)
        return self.absolute_error_at(theta, y) - spread / 2

    # --- reading ---

    def _theta(self, outputs: ArrayLike) -> Array:
        return read_outputs(self, real(type(self).__name__, "outputs", outputs))

    def _read(self, outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
        theta = self._theta(outputs)
        return theta, read_targets(self, theta, targets)

    def _over_coordinates(self, values: Array) -> Array:
        return jnp.sum(values, axis=-1) if self.target_shape else values

    def _nothing(self, what: str, remedy: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__}: it has no closed {what}. {remedy}")


# Compiled as a whole, even if called outside of `jit`, after the checks of what can be read.


@jax.jit
def _log_prob(head: Head, outputs: ArrayLike, targets: ArrayLike) -> Array:
    theta, y = head._read(outputs, targets)
    known = head.supports(y)
    values = head.log_prob_at(theta, jnp.where(known, y, 0))
    return head._over_coordinates(jnp.where(known, values, -jnp.inf))


@jax.jit
def _surprisal(head: Head, outputs: ArrayLike, targets: ArrayLike) -> Array:
    return -head._over_coordinates(head.log_prob_at(*head._read(outputs, targets)))


@jax.jit
def _supported(head: Head, outputs: ArrayLike, targets: ArrayLike) -> Array:
    """Which steps have a target that the head supports."""
    known = head.supports(head._read(outputs, targets)[1])
    return jnp.all(known, axis=-1) if head.target_shape else known


@jax.jit
def _crps(head: Head, outputs: ArrayLike, targets: ArrayLike) -> Array:
    theta, y = head._read(outputs, targets)
    known = head.supports(y)
    return jnp.where(known, head.crps_at(theta, jnp.where(known, y, 0)), jnp.nan)


@jax.jit
def _quantile(head: Head, outputs: ArrayLike, levels: Array) -> Array:
    theta = head._theta(outputs)
    steps, parameters = theta.shape[:-1], theta.shape[-1]
    wide = theta.reshape(*steps, *(1 for _ in levels.shape), parameters)
    wide = jnp.broadcast_to(wide, (*steps, *levels.shape, parameters))
    levels = levels.reshape(*(1 for _ in steps), *levels.shape)
    levels = jnp.broadcast_to(levels, wide.shape[:-1])
    inside = within_range(head, levels)
    return jnp.where(inside, head.quantile_at(wide, jnp.where(inside, levels, 0.5)), jnp.nan)


class NLL(Objective):
    r"""Negative log-likelihood of the targets under a head, in nats: $-\sum_d \log p(y_d)$.

    Summed over the coordinates of a step. That of a density may be negative, and changes by
    $\log c$ for each coordinate if targets are multiplied by `c`. `head.loss` makes it.

    Shapes: outputs and targets those of the head. A target that the head does not support is an
    error where it can be read; inside `jit` its step has weight 0.

    Attributes:
        head: the distribution.

    Raises:
        TypeError: for outputs or targets of a dtype that the head does not read.
        ValueError: for shapes that do not fit, and targets that the head does not support.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads, objectives
        >>> head = heads.Gaussian()
        >>> outputs, targets = jnp.zeros((5, 2, head.size)), jnp.zeros((5, 2, 1))
        >>> print(f"{objectives.reduce(head.loss, outputs, targets).mean():.4f}")
        0.5524
    """

    head: Head

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        _check.one_array("NLL", outputs=outputs, targets=targets)
        refuse_unsupported(self.head, targets, where)
        return narrow("NLL", where, _supported(self.head, outputs, targets))

    def values(self, outputs: Any, targets: Any) -> Array:
        return _surprisal(self.head, outputs, targets)
