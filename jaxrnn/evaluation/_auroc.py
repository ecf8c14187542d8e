"""`auroc`: how well a score tells each class from the others."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._numerics import exact_log_softmax, margin
from .._typing import Array
from ..metrics import Compensated, Metric, Observed, Sums
from ._average import ClassAverage, Macro, Micro
from ._classes import check_classes, read_classes


class AUROCState(NamedTuple):
    """The weight of the steps of each class, and of all others, by the cell of its log-odds."""

    own: Compensated
    others: Compensated


class AUROC(Sums):
    """The area under the ROC curve; `auroc` says more."""

    classes: int = jax.tree.static()
    resolution: int = jax.tree.static()
    average: ClassAverage

    def __post_init__(self) -> None:
        _check.integers("auroc", 2, resolution=self.resolution)
        if isinstance(self.average, Micro):
            raise TypeError(
                "auroc: average must be `Macro()`, `BySupport()` or `PerClass()`: a micro average "
                "would compare scores of different classes."
            )

    def init(self) -> AUROCState:
        shape = self.classes, self.resolution
        return AUROCState(Compensated.zeros(shape), Compensated.zeros(shape))

    def add(self, state: Any, seen: Observed) -> AUROCState:
        read = read_classes("auroc", self.classes, seen)
        cells = cells_of(log_odds(read.scores), self.resolution)
        classes = jax.lax.broadcasted_iota(jnp.int32, cells.shape, cells.ndim - 1)
        weights = jnp.broadcast_to(read.weights[..., None], cells.shape)
        mine = jnp.broadcast_to(read.labels[..., None].astype(jnp.int32), cells.shape) == classes

        def counted(which: Array) -> Compensated:
            counts = jnp.zeros((self.classes, self.resolution), weights.dtype)
            counts = counts.at[classes, cells].add(jnp.where(which, weights, 0)) + read.poison
            return Compensated.of(jax.lax.stop_gradient(counts))

        return self.merge(state, AUROCState(counted(mine), counted(~mine)))

    def compute(self, state: Any) -> Array:
        own, others = state.own.value(), state.others.value()
        below = jnp.cumsum(others, axis=-1) - others
        won = jnp.sum(own * (below + others / 2), axis=-1)
        came = jnp.sum(own, axis=-1)
        pairs = came * jnp.sum(others, axis=-1)
        return self.average.reduce(won, pairs, came, pairs != 0)


def log_odds(scores: Array) -> Array:
    """`log(p / (1 - p))` of the probability of each class, to full precision."""
    log_p = exact_log_softmax(scores)
    top = jnp.argmax(scores, axis=-1)
    # Only the most probable class can be so sure that 1 - p loses its digits.
    p = jnp.minimum(jnp.exp(log_p), 0.5)
    surest = -margin(scores, top)
    is_top = jax.nn.one_hot(top, scores.shape[-1], dtype=bool)
    surest = jnp.broadcast_to(surest[..., None], scores.shape)
    return jnp.where(is_top, surest, log_p - jnp.log1p(-p))


def cells_of(odds: Array, resolution: int) -> Array:
    """The cells that log-odds fall into, equal ones of `x / (1 + |x|)`, which is in [-1, 1]."""
    squashed = jnp.where(jnp.isinf(odds), jnp.sign(odds), odds / (1 + jnp.abs(odds)))
    cells = jnp.floor((squashed + 1) / 2 * resolution).astype(jnp.int32)
    return jnp.clip(cells, 0, resolution - 1)


@checked
def auroc(
    classes: int,
    average: ClassAverage = Macro(),  # noqa: B008  (a frozen noun)
    *,
    resolution: int = 1024,
) -> Metric:
    """Area under the ROC curve of each class against all others, averaged over the classes.

    The probability that a step of the class has higher log-odds for it than a step of another
    class, ties counting half: 0.5 for chance, 1 for scores that tell the class from all others.

    Exact areas need all scores at once. Here the log-odds x fall into `resolution` equal cells of
    `x / (1 + |x|)`, in which they count as equal: the value is exact for scores so rounded. From
    that of the scores themselves it differs by at most half the share of those pairs, of a step of
    the class and one of another, that share a cell. Around x = 0 a cell of 1024 is 0.002 wide, at
    x = 10 it is 0.24. The state takes `16 * classes * resolution` bytes.

    A class that never came, or that alone came, has no area: it is NaN for `PerClass()`, and no
    part of an average.

    Shapes: outputs `[T, *batch, classes]`, read as logits, and labels `Int[T, *batch]`.

    Args:
        classes: how many there are.
        average: `Macro()`, `BySupport()` or `PerClass()`; of two classes both areas are equal.
        resolution: how many cells.

    Raises:
        TypeError: for sizes that are no integers, and for `Micro()`, which is not defined.
        ValueError: for fewer than two classes or cells; in `update` as `confusion_matrix` does.

    Reference:
        Hanley & McNeil (1982), The Meaning and Use of the Area under a Receiver Operating
        Characteristic (ROC) Curve, Radiology 143; Provost & Domingos (2000), Well-Trained PETs

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> metric = evaluation.auroc(2)
        >>> outputs = jnp.array([[0.0, -1.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
        >>> print(metric.compute(metric.update(metric.init(), outputs, jnp.array([0, 1, 0, 1]))))
        0.75
    """
    check_classes("auroc", classes)
    return AUROC(classes, resolution, average)
