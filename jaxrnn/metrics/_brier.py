"""The Brier score, and what it is made of."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .._checked import checked
from .._names import named
from .._numerics import are_labels, class_weight, exact_softmax, one_hot, real
from .._typing import Array
from ..objectives import Objective
from ._binning import Binning, EqualWidth, check_binning
from ._calibration import Calibration, Reliability
from ._combine import map_value
from ._mean import Mean, ratio
from ._metric import Metric


class SquaredDistance(Objective):
    """The squared distance of `softmax(outputs)` from the target."""

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return class_weight("brier", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        p = exact_softmax(real("brier", "outputs", outputs))
        if not are_labels("brier", outputs, targets):
            return jnp.sum((p - jnp.asarray(targets).astype(p.dtype)) ** 2, axis=-1)
        # The label's term is that of what the others have: 1 less a number near 1 has no digits.
        others = jnp.where(one_hot(jnp.asarray(targets), p), 0, p)
        return jnp.sum(others, axis=-1) ** 2 + jnp.sum(others**2, axis=-1)


def brier() -> Metric:
    r"""Mean Brier score $\sum_k (p_k - y_k)^2$ over all classes; in `[0, 2]`, 0 the best.

    `y` is 1 at the label, or a distribution over the classes. `brier_decomposition` says what the
    score of the most probable class is made of.

    Reference:
        Brier (1950), Verification of Forecasts Expressed in Terms of Probability, Monthly Weather
        Review 78

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.brier()
        >>> state = metric.update(metric.init(), jnp.log(jnp.array([[0.7, 0.3]])), jnp.array([0]))
        >>> print(f"{metric.compute(state):.2f}")
        0.18
    """
    return Mean(SquaredDistance())


class BrierDecomposition(NamedTuple):
    """What `brier_decomposition` reports: `score = reliability - resolution + uncertainty`.

    reliability is how far confidence is from accuracy, smaller is better; resolution how far the
    bins' accuracies are from that of all, larger is better; uncertainty the score of the accuracy
    of all as a prediction.
    """

    score: Float[Array, "*shape"]
    reliability: Float[Array, "*shape"]
    resolution: Float[Array, "*shape"]
    uncertainty: Float[Array, "*shape"]


@named
def _decompose(table: Reliability) -> BrierDecomposition:
    total = jnp.sum(table.count)
    filled = table.count > 0

    def mean(values: Array) -> Array:
        return ratio(jnp.sum(jnp.where(filled, table.count * values, 0)), total)

    accuracy = mean(table.accuracy)
    return BrierDecomposition(
        score=mean(table.brier),
        reliability=mean((table.confidence - table.accuracy) ** 2),
        resolution=mean((table.accuracy - accuracy) ** 2),
        uncertainty=accuracy * (1 - accuracy),
    )


@checked
def brier_decomposition(binning: Binning = EqualWidth()) -> Metric:  # noqa: B008  (a frozen noun)
    r"""The Brier score of the most probable class, and its parts after Murphy.

        score = mean (c - o)^2 = reliability - resolution + uncertainty

        reliability = sum_k n_k / n (conf_k - acc_k)^2
        resolution  = sum_k n_k / n (acc_k - acc)^2
        uncertainty = acc (1 - acc)

    with `c` the confidence, the probability of the most probable class, and `o` 1 where that class
    came, else 0: a forecast of one event, so the score lies in `[0, 1]` and is not that of `brier`.
    The sum is exact where the confidences in each bin are all equal; else it misses the variance of
    `c` within the bins less twice its covariance with `o`, which narrower bins make smaller. Bins
    that hold only a few predictions make both reliability and resolution too large.

    Args:
        binning: `EqualWidth(bins)` or `EqualMass(bins)`.

    Returns:
        A metric whose value is `BrierDecomposition(score, reliability, resolution, uncertainty)`.

    Raises:
        TypeError: for a binning that is none.

    Reference:
        Murphy (1973), A New Vector Partition of the Probability Score, Journal of Applied
        Meteorology 12; for the terms within bins Stephenson, Coelho & Jolliffe (2008), Two Extra
        Components in the Brier Score Decomposition, Weather and Forecasting 23

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.brier_decomposition()
        >>> outputs = jnp.log(jnp.full((4, 2), jnp.array([0.9, 0.1])))
        >>> state = metric.update(metric.init(), outputs, jnp.array([0, 0, 0, 1]))
        >>> print(*(f"{part:.4f}" for part in metric.compute(state)))
        0.2100 0.0225 0.0000 0.1875
    """
    check_binning("brier_decomposition", binning)
    return map_value(Calibration(binning), _decompose)
