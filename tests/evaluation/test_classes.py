"""Scores of classes against scikit-learn's."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, strategies
from sklearn import metrics as sklearn

from jaxrnn import evaluation, metrics
from jaxrnn.evaluation._auroc import cells_of, log_odds

C, N, R = 4, 40, 32
AVERAGES = {
    "macro": evaluation.Macro(),
    "micro": evaluation.Micro(),
    "weighted": evaluation.Weighted(),
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
    "auroc weighted": evaluation.auroc(C, evaluation.Weighted(), resolution=R),
    "top_k": evaluation.top_k(2),
}
ALL = metrics.collect(**SCORES)


@jax.jit
def value(metric, outputs, labels, where, weight):
    state = metric.update(metric.init(), outputs, labels, where=where, weight=weight)
    return metric.compute(state)


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
