"""`calibration_z_score`: a test of calibration without bins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array
from ..information import varentropy
from ..objectives import CrossEntropy, Entropy, score
from ._compensated import Compensated
from ._metric import Metric, Observed, State
from ._of_outputs import check_labels_only
from ._sums import Sums
from ._weights import total, weigh


class ZScoreState(NamedTuple):
    """Surprisal beyond the entropy, and its variance under the model, both summed."""

    excess: Compensated
    variance: Compensated


class ZScore(Sums):
    """Surprisal beyond the entropy, in standard deviations; see `calibration_z_score`."""

    def init(self) -> ZScoreState:
        return ZScoreState(Compensated.zeros(), Compensated.zeros())

    def add(self, state: State, seen: Observed) -> ZScoreState:
        check_labels_only("calibration_z_score", seen.outputs, seen.targets)
        surprise = CrossEntropy() - Entropy()
        excess, counted = score(surprise, seen.outputs, seen.targets, seen.where)
        weights = weigh(counted, seen.weight)
        sums = total(excess, weights), total(varentropy(seen.outputs), weights**2)
        batch = map(Compensated.of, jax.lax.stop_gradient(sums))
        return self.merge(state, ZScoreState(*batch))

    def compute(self, state: State) -> Array:
        excess, variance = state.excess.value(), state.variance.value()
        certain = variance == 0
        z = excess / jnp.sqrt(jnp.where(certain, 1, variance))
        return jnp.where(certain, jnp.where(excess > 0, jnp.inf, jnp.nan), z)


def calibration_z_score() -> Metric:
    r"""How far the labels are from drawn by the model: $\sum_t (s_t - h_t) / \sqrt{\sum_t v_t}$.

    `s` is the surprisal of the label, `h` the entropy of the prediction, the surprisal that the
    model expects, and `v` its varentropy, the variance that it expects. If every label is drawn
    from the prediction made for it, given all before it, the terms are the increments of a
    martingale, and over many steps the score is standard normal: beyond 1.96 to either side with
    probability 0.05. Above 0 the model is over-confident, more surprised than it expects; below 0
    under-confident. It needs no bins, and no two steps to be independent.

    With weights w it is $\sum w (s - h) / \sqrt{\sum w^2 v}$, standard normal as well where the
    weights do not read the labels. Among predictions that are all certain it is NaN, and `inf` once
    one of them fails.

    Raises:
        ValueError: in `update`, for targets that are not labels.

    Reference:
        Seillier-Moiseiwitsch & Dawid (1993), On Testing the Validity of Sequential Probability
        Forecasts, Journal of the American Statistical Association 88

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> z = metrics.calibration_z_score()
        >>> logits = jax.random.normal(jax.random.key(0), (1000, 10))
        >>> labels = jax.random.categorical(jax.random.key(1), logits)
        >>> for scale in (0.8, 1.0, 1.3):
        ...     print(f"{z.compute(z.update(z.init(), scale * logits, labels)):.1f}")
        -4.7
        0.4
        8.1
    """
    return ZScore()
