"""Calibration: whether predictions are right as often as they are sure."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._checked import checked
from .._names import named
from .._numerics import exact_softmax, real
from .._typing import Array
from ..objectives import Accuracy, score
from ._binning import Binning, EqualWidth, check_binning
from ._combine import map_value
from ._compensated import Compensated
from ._mean import ratio
from ._metric import Metric, Observed, State
from ._sums import Sums
from ._weights import weigh


class Reliability(NamedTuple):
    """Predictions in bins of their confidence; NaN in a bin without any, which has count 0.

    count is how many there are; confidence their mean probability of the most probable class;
    accuracy how often that class came; brier the mean of `(confidence - correct)^2`.
    """

    count: Float[Array, "*shape"]  # type: ignore[assignment]  # hides a tuple's method
    confidence: Float[Array, "*shape"]
    accuracy: Float[Array, "*shape"]
    brier: Float[Array, "*shape"]


class CalibrationState(NamedTuple):
    """Sums over predictions, by intervals of confidence."""

    weight: Compensated
    confidence: Compensated
    correct: Compensated
    squares: Compensated


class Calibration(Sums):
    """The reliability table; `reliability` says more."""

    binning: Binning

    def init(self) -> CalibrationState:
        cells = (self.binning.cells,)
        return CalibrationState(*(Compensated.zeros(cells) for _ in CalibrationState._fields))

    def add(self, state: State, seen: Observed) -> CalibrationState:
        correct, counted = score(Accuracy(), seen.outputs, seen.targets, seen.where)
        weights = weigh(counted, seen.weight)
        confidence = jnp.max(exact_softmax(real("calibration", "outputs", seen.outputs)), axis=-1)
        confidence = jnp.where(weights == 0, 0, confidence).astype(weights.dtype)
        cells = self.binning.cells
        # A confidence of 1 belongs to the last interval.
        cell = jnp.clip(jnp.floor(confidence * cells).astype(jnp.int32), 0, cells - 1)

        def by_cell(values: Array) -> Compensated:
            sums = jnp.zeros(cells, values.dtype).at[cell].add(weights * values)
            return Compensated.of(jax.lax.stop_gradient(sums))

        values = jnp.ones_like(weights), confidence, correct, (confidence - correct) ** 2
        return self.merge(state, CalibrationState(*map(by_cell, values)))

    def compute(self, state: State) -> Reliability:
        cells = tuple(sums.value() for sums in state)
        weight = cells[0]
        count, *sums = self.binning.pool(weight, cells)
        return Reliability(count, *(ratio(total, count) for total in sums))


@checked
def reliability(binning: Binning = EqualWidth()) -> Metric:  # noqa: B008  (a frozen noun)
    """The reliability table: how often predictions are right, by how sure they are.

    Predictions go by their confidence, the probability of their most probable class. Where accuracy
    is below confidence the model is over-confident there.

    Args:
        binning: `EqualWidth(bins)` or `EqualMass(bins)`.

    Returns:
        A metric whose value is `Reliability(count, confidence, accuracy, brier)`, each `[bins]`, of
        labels or distributions, which count as their most probable class.

    Raises:
        TypeError: for a binning that is none.

    Reference:
        Guo et al. (2017), On Calibration of Modern Neural Networks,
        https://arxiv.org/abs/1706.04599

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.reliability(metrics.EqualWidth(4))
        >>> outputs = jnp.log(jnp.array([[0.7, 0.3], [0.6, 0.4], [0.9, 0.1]]))
        >>> table = metric.compute(metric.update(metric.init(), outputs, jnp.array([0, 1, 0])))
        >>> print(table.count, table.confidence, table.accuracy)
        [0. 0. 2. 1.] [ nan  nan 0.65 0.9 ] [nan nan 0.5 1. ]
    """
    check_binning("reliability", binning)
    return Calibration(binning)


@named
def _expected_error(table: Reliability) -> Array:
    gap = jnp.where(table.count == 0, 0, table.accuracy - table.confidence)
    return ratio(jnp.sum(table.count * jnp.abs(gap)), jnp.sum(table.count))


@checked
def calibration_error(binning: Binning = EqualWidth()) -> Metric:  # noqa: B008  (a frozen noun)
    r"""Expected calibration error: $\sum_k n_k / n \cdot |\mathrm{acc}_k - \mathrm{conf}_k|$.

    0 for a model that is right as often as it is sure, in the limit of many predictions; of few it
    is above 0 by chance, the more so the more bins there are. A confident language model crowds
    into the last bins of equal width; `EqualMass(bins)`, the adaptive error, divides them evenly.
    `calibration_z_score` needs no bins.

    Args:
        binning: `EqualWidth(bins)` or `EqualMass(bins)`.

    Raises:
        TypeError: for a binning that is none.

    Reference:
        Naeini, Cooper & Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian
        Binning, AAAI; Guo et al. (2017), https://arxiv.org/abs/1706.04599; for equal mass Nixon et
        al. (2019), Measuring Calibration in Deep Learning, https://arxiv.org/abs/1904.01685

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.calibration_error()
        >>> outputs = jnp.log(jnp.full((4, 2), jnp.array([0.9, 0.1])))
        >>> state = metric.update(metric.init(), outputs, jnp.array([0, 0, 0, 1]))
        >>> print(f"{metric.compute(state):.4f}")
        0.1500
    """
    check_binning("calibration_error", binning)
    return map_value(Calibration(binning), _expected_error)
