"""`plot_reliability`: how often predictions are right, over how sure they are."""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from .._checked import checked
from ._plots import _BASELINES, _CURVES, clean, drawable, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure
else:
    Figure = SubFigure = Any


@runtime_checkable
class Table(Protocol):
    """Predictions in bins of their confidence: what `plot_reliability` draws.

    Shapes:
        confidence: `[bins]`, the mean probability of the predicted class.
        accuracy: `[bins]`, how often it was the observed one.
        count: `[bins]`, how many predictions; where it is 0 the others may be `nan`.
    """

    @property
    def confidence(self) -> Any:
        """`[bins]`, in [0, 1]."""

    @property
    def accuracy(self) -> Any:
        """`[bins]`, in [0, 1]."""

    @property
    def count(self) -> Any:
        """`[bins]`, not negative."""


@checked
def plot_reliability(
    table: Table, *, figure: "Figure | SubFigure | None" = None
) -> "Figure | SubFigure":
    r"""Draw accuracy over confidence, the diagonal that both share if calibrated, and the counts.

    Below the diagonal predictions are over-confident. The title has the expected calibration error,
    $\mathrm{ECE} = \sum_b \frac{n_b}{n} |\mathrm{acc}_b - \mathrm{conf}_b|$, in percentage points,
    and the two means. Bins without predictions are left out.

    Args:
        table: `confidence`, `accuracy` and `count`, each `[bins]`, as fields: what the metric
            `metrics.reliability()` computes, or anything that has them.
        figure: where to draw; a new figure, where not given.

    Returns:
        The figure; `.savefig(path)` writes it.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: for a table without these fields.
        ValueError: for fields of different shapes, values outside [0, 1], negative counts, or no
            predictions.

    Reference: M. Naeini, G. Cooper & M. Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI 2015, for the error; C. Guo, G. Pleiss, Y. Sun & K. Weinberger, "On
    calibration of modern neural networks", ICML 2017, arXiv 1706.04599.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.reliability(metrics.EqualWidth(4))
        >>> logits = jnp.log(jnp.array([[0.7, 0.3], [0.6, 0.4], [0.9, 0.1]]))
        >>> table = metric.compute(metric.update(metric.init(), logits, jnp.array([0, 1, 0])))
        >>> figure = plot_reliability(table)
        >>> figure.axes[0].get_title(loc="left")
        'ECE 13.3 %, accuracy 66.7 % at confidence 73.3 %'
    """
    if not isinstance(table, Table):
        raise TypeError(
            "plot_reliability: expected a table with the fields confidence, accuracy and count, "
            f"each [bins], got {type(table).__name__}"
        )
    confidence, accuracy, count = _bins(table.confidence, table.accuracy, table.count)
    if figure is None:
        figure = new_figure(5.6)
        figure.set_size_inches(6.0, 5.6)
    drawable("plot_reliability", "figure", figure, "subplots")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    share = count / count.sum()
    above.plot([0, 1], [0, 1], color="#999999", dashes=(5, 3), linewidth=1.4, label="calibrated")
    above.vlines(confidence, confidence, accuracy, color=_BASELINES[0], linewidth=1.4, label="gap")
    above.plot(
        confidence,
        accuracy,
        color=_CURVES["validation"],
        marker="o",
        markersize=4,
        label="accuracy",
    )
    error, right, sure = (
        100 * float(share @ values)
        for values in (np.abs(accuracy - confidence), accuracy, confidence)
    )
    above.set_title(
        f"ECE {error:.1f} %, accuracy {right:.1f} % at confidence {sure:.1f} %",
        loc="left",
        fontsize=12,
    )
    above.set_xlim(-0.02, 1.02)
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("accuracy")
    above.legend(frameon=False, fontsize=10, loc="upper left")
    below.vlines(confidence, 0, count, color=_CURVES["train"], linewidth=6)
    below.set_ylim(bottom=0)
    below.set_xlabel("confidence")
    below.set_ylabel("predictions")
    for axes in (above, below):
        clean(axes)
    return figure


def _bins(*fields: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, accuracy and count of the bins that hold predictions, by rising confidence."""
    confidence, accuracy, count = (np.asarray(field, float) for field in fields)
    if confidence.ndim != 1 or not confidence.shape == accuracy.shape == count.shape:
        raise ValueError(
            "plot_reliability: confidence, accuracy and count must be [bins] of one length, got "
            f"shapes {confidence.shape}, {accuracy.shape} and {count.shape}"
        )
    if not (count >= 0).all() or not (count > 0).any():
        raise ValueError(
            f"plot_reliability: counts must not be negative, and not all 0; got {count.tolist()}"
        )
    held = count > 0
    confidence, accuracy, count = confidence[held], accuracy[held], count[held]
    for name, values in (("confidence", confidence), ("accuracy", accuracy)):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(
                f"plot_reliability: {name} must lie in [0, 1] in every bin that holds predictions, "
                f"got {values.tolist()}"
            )
    order = np.argsort(confidence)
    return confidence[order], accuracy[order], count[order]
