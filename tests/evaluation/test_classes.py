"""Scores of classes against scikit-learn's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies
from sklearn import metrics as sklearn

from jaxrnn import evaluation, metrics
from jaxrnn.evaluation._auroc import cells_of, log_odds

C, N, R = 4, 40, 32
AVERAGES = {
    "macro": evaluation.Macro(),
    "micro": evaluation.Micro(),
    "weighted": evaluation.BySupport(),
}
SCORES = {
    **{
        f"{make.__name__} {name}": make(C, average)
        for make in (evaluation.f1, evaluation.precision, evaluation.recall)
        for name, average in AVERAGES.items()
    },
    "confusion_matrix": evaluation.confusion_matrix(C),
    "balanced_accuracy": evaluation.balanced_accuracy(C),
    "per class": evaluation.f1(C, evaluation.PerClass()),
    "auroc": evaluation.auroc(C, evaluation.PerClass(), resolution=R),
    "auroc weighted": evaluation.auroc(C, evaluation.BySupport(), resolution=R),
    "top_k": evaluation.top_k(2),
}
ALL = metrics.collect(**SCORES)


@jax.jit
def value(metric, outputs, labels, where, weight):
    state = metric.update(metric.init(), outputs, labels, where=where, weight=weight)
    return metric.compute(state)


@settings(max_examples=12)
@given(
    seed=strategies.integers(0, 10**6), used=strategies.integers(1, C), ties=strategies.booleans()
)
def test_scores_equal_those_of_scikit_learn(seed, used, ties):
    """Some classes never come, some are never guessed; ties, padding and weights."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(N, C)) + rng.normal(size=C)
    z = np.round(z) if ties else z
    y = rng.integers(0, used, N)
    where, weight = rng.random(N) < 0.8, rng.integers(1, 5, N) / 4
    where[0] = True
    with jax.enable_x64(True):
        got = value(ALL, np.where(where[:, None], z, np.nan), np.where(where, y, 99), where, weight)
        cells = np.asarray(cells_of(log_odds(jnp.asarray(z)), R))[where]
    z, y, weight = z[where], y[where], weight[where]
    guess, how = z.argmax(-1), {"sample_weight": weight, "zero_division": 0.0}
    for name in AVERAGES:
        for score in (sklearn.f1_score, sklearn.precision_score, sklearn.recall_score):
            wanted = score(y, guess, average=name, **how)
            own = f"{score.__name__.removesuffix('_score')} {name}"
            np.testing.assert_allclose(got[own], wanted, rtol=1e-12, err_msg=own)
    labels = range(C)
    counts = sklearn.confusion_matrix(y, guess, labels=labels, sample_weight=weight)
    np.testing.assert_allclose(got["confusion_matrix"], counts, rtol=1e-12)
    per_class = sklearn.f1_score(y, guess, labels=labels, average=None, **how)
    there = np.isin(labels, [*y, *guess])
    np.testing.assert_allclose(got["per class"], np.where(there, per_class, np.nan), rtol=1e-12)
    recalls = sklearn.recall_score(y, guess, labels=np.unique(y), average=None, **how)
    np.testing.assert_allclose(got["balanced_accuracy"], recalls.mean(), rtol=1e-12)
    rank = np.argsort(np.argsort(-z, kind="stable", axis=-1), axis=-1)  # the lower class first
    hits = np.take_along_axis(rank, y[:, None], -1)[:, 0] < 2
    np.testing.assert_allclose(got["top_k"], np.average(hits, weights=weight), rtol=1e-12)
    for k in labels:
        mine = y == k
        if mine.any() and not mine.all():
            wanted = sklearn.roc_auc_score(mine, cells[:, k], sample_weight=weight)
            np.testing.assert_allclose(got["auroc"][k], wanted, rtol=1e-12)
        else:
            assert np.isnan(got["auroc"][k])


def test_auroc_of_scores_that_cells_tell_apart_is_exact(x64):
    """And at any resolution it is wrong by at most half the share of pairs that share a cell."""
    rng = np.random.default_rng(1)
    x, y = rng.permutation(np.linspace(-3, 3, 60)), rng.integers(0, 2, 60)
    z, exact = np.stack([np.zeros(60), x], -1), sklearn.roc_auc_score(y, x)
    for resolution in (4, 1024):
        cells = np.asarray(cells_of(jnp.asarray(x), resolution))
        together = (cells[y == 1, None] == cells[y == 0]).mean()
        metric = evaluation.auroc(2, resolution=resolution)
        got = value(metric, z, y, np.ones(60, bool), np.ones(60))
        assert abs(got - exact) <= together / 2 + 1e-12
    assert together == 0


Z, Y = np.zeros((5, C)), np.arange(5) % C


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: evaluation.f1(1), ValueError, "at least 2"),
        (lambda: evaluation.auroc(C, evaluation.Micro()), TypeError, "micro average"),
        (lambda: evaluation.auroc(C, resolution=1), ValueError, "resolution"),
        (lambda: evaluation.f1(C, "macro"), TypeError, "evaluation.Macro"),
        (lambda: eager(evaluation.f1(C + 1), Z, Y), ValueError, "a score for each class"),
        (lambda: eager(evaluation.f1(C), Z, Y + 1), ValueError, r"lie in \[0, 4\), got 4"),
        (lambda: eager(evaluation.f1(C), Z, np.eye(C)[Y]), ValueError, "integer labels"),
        (lambda: eager(evaluation.auroc(C), Z * np.nan, Y), ValueError, "NaN at index"),
        (lambda: eager(evaluation.top_k(C + 1), Z, Y), ValueError, "5 guesses of 4 classes"),
    ],
)
def test_what_cannot_be_classified_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "balanced_accuracy"])
def test_errors_name_the_score_and_not_the_matrix_that_it_reads(name):
    metric = getattr(evaluation, name)(C + 1)
    with pytest.raises(ValueError, match=f"^{name}: outputs must be"):
        eager(metric, Z, Y)


def eager(metric, outputs, labels):
    outputs, labels = jnp.asarray(outputs, jnp.float32), jnp.asarray(labels)
    return metric.compute(metric.update(metric.init(), outputs, labels))


def test_nan_inside_jit_makes_every_score_nan():
    where, weight = np.ones(5, bool), np.ones(5, np.float32)
    got = value(ALL, np.where(np.arange(5)[:, None] == 2, np.nan, Z), Y, where, weight)
    del got["top_k"]  # where NaN is never right
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(got))
