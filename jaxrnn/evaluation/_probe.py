"""`linear_probe`: what can be read from hidden states by a linear model, and what of it means."""

from typing import Any, NamedTuple

import numpy as np

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from .._typing import ArrayLike
from ._components import check_states


class Probe(NamedTuple):
    """What `linear_probe` returns: accuracies of classes, or R² of numbers, on held-out sequences.

    Shapes:
        score: of the probe.
        control: of a probe for the control task, whose labels mean nothing.
        chance: of the most frequent class, or of the mean, which reads no state.
    """

    score: float
    control: float
    chance: float

    @property
    def selectivity(self) -> float:
        """`score - control`: what the states say beyond what a probe may learn by heart."""
        return self.score - self.control


@checked
def linear_probe(
    states: ArrayLike,
    labels: ArrayLike,
    *,
    types: ArrayLike | None = None,
    where: ArrayLike | None = None,
    estimator: Any = None,
    folds: int = 5,
    controls: int = 3,
    seed: int = 0,
) -> Probe:
    """Ask what hidden states say linearly, beside a control task.

    A probe is fitted to the states of some sequences and scored on others, in turn, so that no
    sequence is on both sides: its steps are alike. (One sequence alone is cut into pieces of time.)
    The control task has the same states, and labels that mean nothing: each *type* of input gets
    one of the labels by lot, and keeps it wherever it occurs; all in all each label is as frequent
    as before. A probe that learns it has learned the types by heart. Only what a probe scores
    beyond that speaks for the states: the `selectivity`.

    Args:
        states: `[T, *batch, H]`, such as one of `hidden_states`.
        labels: `[T, *batch]`, what is looked for: classes in integers or bools, or numbers with an
            estimator of numbers.
        types: `Int[T, *batch]`, the symbols that were read; without them each step is a type of its
            own, and the control is what a probe makes of noise.
        where: `Bool[T, *batch]`, False at padding.
        estimator: a linear model of scikit-learn: by default `LogisticRegression` on standardised
            states; `sklearn.linear_model.Ridge()` for numbers.
        folds: how many parts are held out in turn; at most as many as there are sequences.
        controls: how many control tasks are averaged.
        seed: the lot.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: labels of one class, in all or in the sequences that a probe is fitted to,
            states that are not finite (it says where), or fewer than two steps.

    Reference: J. Hewitt & P. Liang, "Designing and interpreting probes with control tasks",
    EMNLP 2019, arXiv 1909.03368.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import evaluation
        >>> random = np.random.default_rng(0)
        >>> states = random.normal(size=(20, 10, 8))
        >>> symbols = random.integers(0, 5, (20, 10))
        >>> probe = evaluation.linear_probe(states, states[..., 0] > 0, types=symbols)
        >>> probe.score > 0.9, probe.selectivity > 0.3
        (True, True)
    """
    who = "linear_probe"
    _check.sizes(who, controls=controls)
    _check.integers(who, 2, folds=folds)
    _check.integers(who, 0, seed=seed)
    x, y, kinds, groups = _table(who, states, labels, types, where)
    model, classes = _model(who, estimator, y)
    if classes and np.unique(y).size < 2:
        raise ValueError(
            f"{who}: labels must have two classes at least, got only {y[0]}. There is nothing to "
            "tell apart."
        )
    parts = _parts(who, groups, folds, y if classes else None)
    lot = np.random.default_rng(seed)
    drawn = [_lot(lot, y, kinds) for _ in range(controls)]
    control = [_score(model, classes, x, given, parts) for given in drawn]
    return Probe(
        _score(model, classes, x, y, parts),
        float(np.mean(control)),
        _chance(classes, y, parts),
    )


def _table(
    who: str, states: Any, labels: Any, types: Any, where: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """One row a step that counts: its state, its label, its type, and its sequence."""
    array = _host.read(who, "states", states)
    if array.ndim < 2:
        raise ValueError(f"{who}: states must be [T, *batch, H], got shape {array.shape}")
    lead = array.shape[:-1]
    y = _host.read(who, "labels", labels)
    kinds = None if types is None else _host.read(who, "types", types)
    for name, value in {"labels": y, "types": kinds}.items():
        if value is not None and value.shape != lead:
            raise ValueError(f"{who}: {name} must be [T, *batch] = {lead}, got {value.shape}")
    counted = np.ones(lead, bool)
    if where is not None:
        counted = _host.read(who, "where", where)
        _check.flags(who, "where", counted, lead)
    if counted.sum() < 2:
        raise ValueError(f"{who}: needs two steps that count at least, got {counted.sum()}")
    check_states(who, array, counted)
    if not np.isfinite(np.asarray(y[counted], float)).all():
        raise ValueError(f"{who}: labels must be finite; mark steps without one with `where`")
    sequences = np.broadcast_to(np.arange(int(np.prod(lead[1:]))).reshape(lead[1:]), lead)
    x = np.asarray(array, np.float64)[counted]
    return x, y[counted], None if kinds is None else kinds[counted], sequences[counted]


def _model(who: str, estimator: Any, y: np.ndarray) -> tuple[Any, bool]:
    """The model, and whether it is one of classes."""
    try:
        from sklearn.base import BaseEstimator, is_classifier, is_regressor
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ImportError("Probes need scikit-learn: pip install 'jaxrnn[evaluation]'") from error
    if estimator is None:
        estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    known = isinstance(estimator, BaseEstimator)
    if not known or not (is_classifier(estimator) or is_regressor(estimator)):
        raise TypeError(
            f"{who}: estimator must be a classifier or a regressor of scikit-learn, such as "
            f"`sklearn.linear_model.Ridge()`, got {shown(estimator)}"
        )
    classes = is_classifier(estimator)
    if classes and y.dtype.kind not in "iub":
        raise TypeError(
            f"{who}: classes are integers or bools, got labels of {y.dtype}. For numbers pass an "
            "estimator of numbers, such as `sklearn.linear_model.Ridge()`."
        )
    return estimator, classes


def _parts(
    who: str, groups: np.ndarray, folds: int, y: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What is fitted and what is held out, in turn."""
    from sklearn.model_selection import GroupKFold, KFold

    sequences = np.unique(groups).size
    if sequences > 1:
        split = GroupKFold(min(folds, sequences)).split(groups, groups=groups)
    else:
        split = KFold(min(folds, groups.size)).split(groups)
    parts = list(split)
    for fitted, _ in parts:
        if y is not None and np.unique(y[fitted]).size < 2:
            raise ValueError(
                f"{who}: with some sequences held out, the others have labels of the one class "
                f"{y[fitted][0]}. Pass more sequences in which both classes occur, or more folds."
            )
    return parts


def _lot(lot: np.random.Generator, y: np.ndarray, kinds: np.ndarray | None) -> np.ndarray:
    """Labels of a control task: one a type, and each as often in all as it is among `y`."""
    if kinds is None:
        return lot.permutation(y)
    _, place, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    order = lot.permutation(counts.size)
    # Types in any order, laid along the sorted labels: each takes the one at its middle.
    middles = np.cumsum(counts[order]) - counts[order] / 2
    of_type = np.empty(counts.size, y.dtype)
    of_type[order] = np.sort(y)[middles.astype(int)]
    return of_type[place.reshape(-1)]


def _score(
    model: Any,
    classes: bool,
    x: np.ndarray,
    y: np.ndarray,
    parts: list[tuple[np.ndarray, np.ndarray]],
) -> float:
    from sklearn.base import clone

    said = np.empty(y.shape, y.dtype if classes else float)
    for fitted, held in parts:
        if classes and np.unique(y[fitted]).size < 2:  # a lot may give all types one label
            said[held] = y[fitted][0]
        else:
            said[held] = clone(model).fit(x[fitted], y[fitted]).predict(x[held])
    return _agreement(classes, y, said)


def _chance(classes: bool, y: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]) -> float:
    said = np.empty(y.shape, y.dtype if classes else float)
    for fitted, held in parts:
        values, counts = np.unique(y[fitted], return_counts=True)
        said[held] = values[counts.argmax()] if classes else y[fitted].mean()
    return _agreement(classes, y, said)


def _agreement(classes: bool, y: np.ndarray, said: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score, r2_score

    return float(accuracy_score(y, said) if classes else r2_score(y, said))
