"""`report_training` and `report_sweep`: the usual page, in one call."""

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import _check
from .._checked import checked
from ..networks import parameter_count
from ..training import Evaluation, Result, Sweep, Trainer
from ._parts import Section, facts, section
from ._report import page, replacing
from ._runs import Better
from ._sections import provenance_section, scores_section, training_section
from ._sweep_section import sweep_section


@checked
def report_training(
    path: str | os.PathLike[str],
    trainer: Trainer,
    result: Result,
    *,
    test: Iterable[Any] | None = None,
    title: str = "A trained model",
    lead: str = "",
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    sections: Sequence[Section] = (),
    lang: str = "en",
) -> Path:
    """Write the page of a trained model: what it is, how it was trained, and its scores.

    The trainer's loss and metrics are computed on `test`. A metric that is a number is a row of the
    table of scores; a confusion matrix and `metrics.reliability()` are drawn. For intervals pass a
    section of your own, such as `scores_section(rows)`.

    Args:
        path: the file, which is replaced as a whole; its folder must exist. It is opened before any
            work is done.
        trainer: what was trained, and by which loss and metrics it is scored.
        result: what `training.fit` returned.
        test: batches that neither trained nor chose the model, as `trainer.evaluate` takes.
        title: the heading of the page.
        lead: a sentence below it.
        classes: their names, for a confusion matrix.
        settings: what makes the run again: the seed, the command, the data.
        sections: others, which come before the provenance.
        lang: the language of your texts.

    Returns:
        The absolute path of the file.

    Raises:
        OSError: the folder does not exist or cannot be written, or the path is a folder.
        ValueError: the result has no history.

    Example:
        >>> import pathlib, tempfile, jax, optax
        >>> from jaxrnn import evaluation, networks, objectives, training
        >>> xs = jax.random.normal(jax.random.key(0), (8, 4, 2))
        >>> batch = (xs, xs.sum(-1, keepdims=True))
        >>> trainer = training.Trainer(
        ...     networks.Dense(2, 1), objectives.SquaredError(), optax.adam(0.1))
        >>> result = training.fit(
        ...     trainer, [batch], steps=4, key=jax.random.key(1), every=2, progress=None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = evaluation.report_training(
        ...         pathlib.Path(folder) / "sums.html", trainer, result, test=[batch])
        ...     place.name
        'sums.html'
    """
    _check.kind("report_training", "result", result, Result, "Pass what `fit` returned.")
    with replacing("report_training", path) as (place, file):
        found = None if test is None else trainer.evaluate(result.state, test)
        headline = {} if found is None else _numbers(found)
        headline |= {"parameters": parameter_count(result.state.params), "step": result.step}
        written = [section("In short", facts(headline, large=True))]
        if found is not None:
            written.append(_scores(found, classes))
        written.append(training_section(trainer.network, result))
        said = {"optimizer": type(trainer.optimizer).__name__, "loss": repr(trainer.loss)}
        written += [*sections, provenance_section(said | dict(settings or {}))]
        file.write(page(title, tuple(written), lead, lang).encode("utf-8"))
    return place


@checked
def report_sweep(
    path: str | os.PathLike[str],
    swept: Sweep,
    *,
    column: str | None = None,
    better: Better = operator.lt,
    title: str = "A sweep",
    lead: str = "",
    settings: Mapping[str, Any] | None = None,
    sections: Sequence[Section] = (),
    lang: str = "en",
) -> Path:
    """Write the page of a sweep: how good and how stable every setting is over its seeds.

    Args:
        path: the file, which is replaced as a whole; its folder must exist. It is opened before any
            work is done.
        swept: what `training.sweep` or `training.join` returned.
        column: what members are judged by; `validation/loss`, or `train/loss` where nothing was
            held out.
        better: `operator.lt` where smaller scores are better, `operator.gt` where larger ones are.
        title: the heading of the page.
        lead: a sentence below it.
        settings: what makes the sweep again: the command, the data.
        sections: others, which come before the provenance.
        lang: the language of your texts.

    Returns:
        The absolute path of the file.

    Raises:
        OSError: the folder does not exist or cannot be written, or the path is a folder.
        ValueError: there is no such column.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from jaxrnn import evaluation, training
        >>> swept = training.Sweep(
        ...     settings=({"learning_rate": 0.1},) * 2, seeds=np.array([0, 1]),
        ...     steps=np.array([10, 20]), diverged_at=np.array([-1, -1]),
        ...     curves={"validation/loss": np.array([[2.0, 1.0], [2.0, 1.2]])})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = evaluation.report_sweep(pathlib.Path(folder) / "sweep.html", swept)
        ...     place.name
        'sweep.html'
    """
    _check.kind("report_sweep", "swept", swept, Sweep, "Pass what `sweep` returned.")
    with replacing("report_sweep", path) as (place, file):
        written = (
            sweep_section(swept, column=column, better=better),
            *sections,
            provenance_section(settings),
        )
        file.write(page(title, written, lead, lang).encode("utf-8"))
    return place


def _leaves(found: Evaluation) -> dict[str, Any]:
    """Loss and metrics by their names."""
    values: dict[str, Any] = {"loss": found.loss}

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{name}/{key}" if name else str(key), inner)
        elif value is not None:
            values[name or "metric"] = value

    add("", found.metrics)
    return values


def _numbers(found: Evaluation) -> dict[str, Any]:
    return {
        f"test {name}": float(value)
        for name, value in _leaves(found).items()
        if not isinstance(value, tuple) and np.ndim(value) == 0
    }


def _scores(found: Evaluation, classes: Sequence[str] | None) -> Section:
    rows: list[dict[str, Any]] = []
    drawn: dict[str, Any] = {}
    for name, value in _leaves(found).items():
        if all(hasattr(value, field) for field in ("confidence", "accuracy", "count")):
            drawn["reliability"] = value
        elif np.ndim(value) == 2 and np.shape(value)[0] == np.shape(value)[1]:
            drawn["confusion"] = value
        elif isinstance(value, tuple) and hasattr(value, "_asdict"):
            rows += [
                {"score": f"{name} {k}", "value": _plain(v)} for k, v in value._asdict().items()
            ]
        else:
            rows.append({"score": name, "value": _plain(value)})
    caption = f"Scores on the test data, {float(found.weight):g} steps that count."
    return scores_section(rows, caption=caption, classes=classes, **drawn)


def _plain(value: Any) -> Any:
    leaves = jax.tree.leaves(value)
    listed = [np.asarray(leaf).tolist() for leaf in leaves]
    return listed[0] if len(listed) == 1 else listed
