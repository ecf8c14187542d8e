"""The usual sections of a report: what was trained, its scores, where it comes from."""

import datetime
import importlib.metadata
import math
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check, _host
from .._checked import checked
from ..analysis import plot_history, plot_reliability
from ..networks import Layer, summary
from ..training import Result
from ._drawing import new_figure, plot_confusion
from ._estimate import IntervalEstimate
from ._parts import (
    Part,
    Section,
    facts,
    paragraph,
    picture,
    rows_of,
    section,
    side_by_side,
    table,
    written,
)


@checked
def training_section(network: Layer, result: Result, *, title: str = "Training") -> Section:
    """What was trained, and how that went: the layers, the curves, and the last row.

    Args:
        network: what was trained.
        result: what `training.fit` returned.
        title: the heading.

    Raises:
        ValueError: the result has no history.

    Example:
        >>> import jax, optax
        >>> from jaxrnn import evaluation, networks, objectives, training
        >>> xs = jax.random.normal(jax.random.key(0), (8, 4, 2))
        >>> network = networks.Dense(2, 1)
        >>> trainer = training.Trainer(network, objectives.SquaredError(), optax.adam(0.1))
        >>> result = training.fit(
        ...     trainer, [(xs, xs.sum(-1, keepdims=True))], steps=4, key=jax.random.key(1), every=2,
        ...     progress=None)
        >>> evaluation.training_section(network, result)
        <Section 'Training': 4 parts>
    """
    _check.kind("training_section", "result", result, Result, "Pass what `fit` returned.")
    if not result.history:
        raise ValueError("training_section: the result has no history, so there is nothing to show")
    last = {name: value for name, value in result.history[-1].items() if value is not None}
    layers = table(_layers(network), caption="The network: what each layer gives, and its size.")
    for line in layers.element.iterfind(".//tbody/tr"):
        for cell in line[:2]:
            cell.set("class", "layer")  # whose spaces show what lies inside what
    rows = [{"quantity": name, "value": value} for name, value in last.items()]
    return section(
        title,
        layers,
        paragraph(f"The parameters are those of step {result.step}."),
        curves(result.history),
        table(rows, caption="The last row of the history."),
    )


def curves(history: Iterable[Mapping[str, Any]]) -> Part:
    """Pictures of a history, one a quantity."""
    rows = list(history)
    names: dict[str, None] = {}
    for row in rows:
        for key, value in row.items():
            if key != "step" and isinstance(value, int | float) and math.isfinite(value):
                names[key.partition("/")[2] or key] = None
    if not names:
        return paragraph("The history holds no numbers to draw.")
    return side_by_side(
        picture(
            plot_history(rows, quantities=[name], figure=new_figure(4.2, 2.9)),
            alt=_said(rows, name),
        )
        for name in names
    )


def _said(rows: Sequence[Mapping[str, Any]], quantity: str) -> str:
    """A panel of curves in words."""
    sentences = []
    for key in dict.fromkeys(key for row in rows for key in row):
        curve, _, name = key.partition("/")
        points = [
            (row["step"], row[key])
            for row in rows
            if isinstance(row.get(key), int | float) and math.isfinite(row[key])
        ]
        if key != "step" and (name or key) == quantity and points:
            (begin, first), (end, last) = points[0], points[-1]
            sentences.append(
                f"{curve} is {written(float(first))} at step {begin} and {written(float(last))} at "
                f"step {end}"
            )
    return f"Curves of {quantity}: {'; '.join(sentences)}."


def _layers(network: Layer) -> list[dict[str, Any]]:
    """The table of `summary` in rows, cut where its titles begin."""
    title, *lines = summary(network).splitlines()
    gives = title.index("gives")
    rows = []
    for line in lines:
        shape, _, count = line[gives:].rstrip().rpartition(" ")
        rows.append(
            {
                "layer": line[:gives].rstrip(),
                "gives": shape.strip(),
                "parameters": int(count.replace(",", "")),
            }
        )
    return rows


@checked
def scores_section(
    scores: Iterable[Mapping[str, Any]] | Mapping[str, Any],
    *,
    caption: str = "Scores on held-out data.",
    confusion: Any = None,
    classes: Sequence[str] | None = None,
    reliability: Any = None,
    title: str = "Scores",
) -> Section:
    """How good the model is: scores with their intervals, its confusions, and its calibration.

    Args:
        scores: by their names, numbers or what `bootstrap_interval` returns; or rows for `table`,
            such as `{"score": "accuracy", "value": 0.97, "low": 0.96, "high": 0.98,
            "baseline": 0.1}`.
        caption: what the scores are of.
        confusion: `[classes, classes]`, rows are what was observed, columns what was predicted.
        classes: their names; numbers, where not given.
        reliability: what the metric `metrics.reliability()` computes.
        title: the heading.

    Raises:
        ValueError: a matrix that is not square or holds anything but counts, or other than one name
            for each class, of which no two are alike.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation
        >>> evaluation.scores_section(
        ...     {"accuracy": 0.75}, confusion=np.array([[2, 1], [0, 1]]), classes=["odd", "even"])
        <Section 'Scores': 3 parts>
    """
    rows = (
        [row for name, value in scores.items() for row in _score_rows(name, value)]
        if isinstance(scores, Mapping)
        else scores
    )
    parts = [table(rows, caption=caption)]
    if confusion is not None:
        parts += _confusions(confusion, classes)
    if reliability is not None:
        figure = plot_reliability(reliability, figure=new_figure(5.2, 5.0))
        told = figure.axes[0].get_title(loc="left")
        parts.append(
            picture(
                figure,
                alt=f"Accuracy over confidence, in bins: {told}.",
                caption="On the diagonal the model is right as often as it says.",
            )
        )
    return section(title, *parts)


def _score_rows(name: str, value: Any) -> Iterator[dict[str, Any]]:
    """One row, or where an estimate is of several numbers, one for each."""
    if not isinstance(value, IntervalEstimate):
        yield {"score": name, "value": value}
        return
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(value.value)]
    columns = [jax.tree.leaves(part) for part in value]
    for path, *parts in zip(paths, *columns, strict=True):
        for place in np.ndindex(np.shape(parts[0])):
            said = [float(np.asarray(part)[place]) for part in parts]
            number = f"[{', '.join(map(str, place))}]" if place else ""
            titles = "value", "low", "high", "standard error"
            yield {"score": name + path + number} | dict(zip(titles, said, strict=True))


def _confusions(confusion: Any, classes: Sequence[Any] | None) -> list[Part]:
    matrix = np.asarray(_host.read("scores_section", "confusion", confusion), float)
    wrong = np.argwhere(~np.isfinite(matrix))
    if len(wrong):
        raise ValueError(
            f"scores_section: confusion must hold counts, got {matrix[tuple(wrong[0])]} at "
            f"{wrong[0].tolist()}. It is NaN where outputs were, of inputs that are not finite or "
            "a model that diverged."
        )
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
    if not square or (matrix < 0).any():
        raise ValueError(
            "scores_section: confusion must be a square matrix of counts [classes, classes], got "
            f"{_check.describe(matrix)}"
        )
    classes = range(len(matrix)) if classes is None else classes
    _check.kind("scores_section", "classes", classes, Sequence, 'Such as `["odd", "even"]`.')
    names = list(map(str, classes))
    if len(names) != len(matrix):
        raise ValueError(
            f"scores_section: classes must have {len(matrix)} names, one a row of the matrix, got "
            f"{len(names)}"
        )
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(
            f"scores_section: classes must have names that differ, got {twice!r} twice"
        )
    if (matrix == np.round(matrix)).all():
        matrix = matrix.astype(int)
    off = matrix - np.diag(np.diag(matrix))
    worst = np.unravel_index(off.argmax(), off.shape)
    said = "No class is taken for another."
    if off.max() > 0:
        said = f"Most often {names[worst[0]]} is taken for {names[worst[1]]}, {off.max():g} times."
    figure = plot_confusion(matrix, names, figure=None)
    title = "observed"
    while title in names:  # a class may be called so
        title = f"{title} class"
    counted = [
        {title: names[i]} | dict(zip(names, row, strict=True))
        for i, row in enumerate(matrix.tolist())
    ]
    return [
        picture(figure, alt=f"Confusion matrix of {len(names)} classes. {said}", caption=said),
        table(counted, caption="How often each class (row) was predicted as each (column)."),
    ]


@checked
def provenance_section(
    settings: Mapping[str, Any] | None = None, *, title: str = "Provenance"
) -> Section:
    """Where the figures come from: versions, the device, the time, and your settings.

    Args:
        settings: whatever makes the run again: the seed, the command, the data.
        title: the heading.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.provenance_section({"seed": 0, "data": "digits of scikit-learn"})
        <Section 'Provenance': 2 parts>
    """
    device = jax.devices()[0]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    versions = {
        name: importlib.metadata.version(name) for name in ("jaxrnn", "jax", "jaxlib", "numpy")
    }
    found = {
        "written": now,
        **versions,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": f"{device.device_kind} ({len(jax.devices())})",
        "numbers": str(jnp.zeros(()).dtype),
    }
    parts = [facts(found)]
    if settings:
        parts.append(
            table(
                rows_of(["setting", "value"], [list(settings), list(settings.values())]),
                caption="Settings.",
            )
        )
    return section(title, *parts)
