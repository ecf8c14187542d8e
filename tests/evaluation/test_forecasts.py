"""Errors of forecasts against scikit-learn's and definitions; distributions against scipy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from sklearn import metrics as sklearn

from jaxrnn import evaluation, heads, metrics

T, B, D, M = 7, 3, 2, 6
RNG = np.random.default_rng(0)
Y, F = RNG.normal(size=(2, T, B, D))
LENGTHS = np.array([7, 4, 1])
WHERE = np.arange(T)[:, None] < LENGTHS
WEIGHT = RNG.integers(1, 5, (T, B)) / 4
DRAWS = np.round(RNG.normal(size=(T, B, D, M)), 1)  # with ties
LEVELS = (0.1, 0.5, 0.8, 0.9)
Q = np.sort(RNG.normal(size=(T, B, D, 4)), -1)
TRAIN = RNG.normal(size=(12, B, D))
SAMPLES, QUANTILES = evaluation.Samples(), evaluation.Quantiles(LEVELS)
GAUSS = RNG.normal(size=(T, B, 2 * D))


def value(metric, outputs, targets, where=WHERE, weight=WEIGHT):
    """With NaN in the padding."""
    hide = [
        jnp.where(np.broadcast_to(where.reshape(T, B, *(1,) * (x.ndim - 2)), x.shape), x, np.nan)
        for x in (outputs, targets)
    ]
    return metric.compute(metric.update(metric.init(), *hide, where=where, weight=weight))


@jax.jit
def update(metric, state, outputs, targets, weight):
    return metric.update(state, outputs, targets, weight=weight)


def one_by_one(metric, outputs, targets):
    """Every sequence alone, at its own length, in one state."""
    state = metric.init()
    for b, length in enumerate(LENGTHS):
        y = targets[:length, b]
        state = update(metric, state, outputs[:length, b], y, WEIGHT[:length, b])
    return metric.compute(state)


def weighed(values):
    return np.average(values[WHERE].mean(-1), weights=WEIGHT[WHERE])


def pinball(q, levels):
    u = Y[..., None] - q
    return np.maximum(np.array(levels) * u, (np.array(levels) - 1) * u).mean(-1)


def point_cases():
    how = {"sample_weight": np.where(WHERE, WEIGHT, 0).ravel()}
    y, f = Y.reshape(-1, D), F.reshape(-1, D)
    scale = np.abs(TRAIN[3:] - TRAIN[:-3]).mean(0)
    return {
        "rmse": (evaluation.rmse(), np.sqrt(sklearn.mean_squared_error(y, f, **how))),
        "mae": (evaluation.mae(), sklearn.mean_absolute_error(y, f, **how)),
        "smape": (evaluation.smape(), weighed(2 * abs(Y - F) / (abs(Y) + abs(F)))),
        "mase": (evaluation.mase(2.5), sklearn.mean_absolute_error(y, f, **how) / 2.5),
        "mase of series": (
            evaluation.mase(evaluation.seasonal_scale(TRAIN, 3)),
            weighed(abs(Y - F) / scale),
        ),
    }


@jax.jit
def values(cases):
    return {name: value(metric, *data) for name, (metric, *data) in cases.items()}


def test_errors_of_points(x64):
    cases = point_cases()
    got = values({name: (metric, F, Y) for name, (metric, _) in cases.items()})
    for name, (_, wanted) in cases.items():
        np.testing.assert_allclose(got[name], wanted, rtol=1e-12, err_msg=name)


def distribution_cases():
    pairs = np.abs(DRAWS[..., None] - DRAWS[..., None, :]).mean((-1, -2)) / 2
    low, high = np.quantile(DRAWS, [0.1, 0.9], axis=-1)
    mean, scale = GAUSS[..., 0::2], np.asarray(heads.Gaussian(D).variance(GAUSS)) ** 0.5
    gauss = scipy.stats.norm(mean, scale)
    z = (Y - mean) / scale
    normal = scipy.stats.norm
    closed = scale * (z * (2 * normal.cdf(z) - 1) + 2 * normal.pdf(z) - np.pi**-0.5)
    head, own = heads.Gaussian(D), np.abs(DRAWS - Y[..., None]).mean(-1)
    inside = (gauss.ppf(0.2) <= Y) & (gauss.ppf(0.8) >= Y)
    in_samples, in_quantiles = (low <= Y) & (high >= Y), (Q[..., 0] <= Y) & (Q[..., 3] >= Y)
    third = gauss.ppf(np.array([0.3, 0.7])[:, None, None, None])
    return {
        "crps of samples": (evaluation.crps(SAMPLES), DRAWS, own - pairs),
        "crps of quantiles": (evaluation.crps(QUANTILES), Q, 2 * pinball(Q, LEVELS)),
        "crps of a head": (evaluation.crps(head), GAUSS, closed),
        "pinball": (
            evaluation.pinball(QUANTILES, LEVELS[1:3]),
            Q,
            pinball(Q[..., 1:3], (0.5, 0.8)),
        ),
        "pinball of samples": (
            evaluation.pinball(SAMPLES, (0.1, 0.9)),
            DRAWS,
            pinball(np.stack([low, high], -1), (0.1, 0.9)),
        ),
        "pinball of a head": (
            evaluation.pinball(head, (0.3, 0.7)),
            GAUSS,
            pinball(np.moveaxis(third, 0, -1), (0.3, 0.7)),
        ),
        "coverage of a head": (evaluation.interval_coverage(head, 0.6), GAUSS, inside),
        "coverage of samples": (evaluation.interval_coverage(SAMPLES, 0.8), DRAWS, in_samples),
        "coverage of quantiles": (evaluation.interval_coverage(QUANTILES, 0.8), Q, in_quantiles),
        "width of a head": (
            evaluation.interval_width(head, 0.6),
            GAUSS,
            gauss.ppf(0.8) - gauss.ppf(0.2),
        ),
        "width of samples": (evaluation.interval_width(SAMPLES, 0.8), DRAWS, high - low),
    }


def test_scores_of_distributions(x64):
    cases = distribution_cases()
    got = values({name: (metric, outputs, Y) for name, (metric, outputs, _) in cases.items()})
    for name, (_, _, wanted) in cases.items():
        np.testing.assert_allclose(got[name], weighed(wanted), rtol=1e-12, err_msg=name)


def test_ragged_batches_equal_one_sequence_at_a_time(x64):
    scores = metrics.collect(
        crps=evaluation.crps(SAMPLES), rmse=metrics.map_inputs(evaluation.rmse(), first_draw)
    )
    got, wanted = jax.jit(value)(scores, DRAWS, Y), one_by_one(scores, DRAWS, Y)
    for name in got:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-12)


def first_draw(draws, targets):
    return draws[..., 0], targets


def test_crps_of_samples_is_the_integral(x64):
    """Of the squared distance of the distribution functions."""
    x, y = np.array([0.3, -1.0, 2.0]), 0.5
    edges = np.sort([*x, y])
    steps = [(np.mean(x <= left) - (y <= left)) ** 2 for left in edges[:-1]]
    got = SAMPLES.crps(x[None, None], np.array([[y]]))
    np.testing.assert_allclose(got, np.sum(steps * np.diff(edges)), rtol=1e-12)


def test_an_unknown_end_of_an_interval_is_not_a_miss():
    metric = evaluation.interval_coverage(evaluation.Samples(), 0.8)
    draws = jnp.full((1, 1, 5), jnp.nan)
    assert np.isnan(metric.compute(metric.update(metric.init(), draws, jnp.zeros((1, 1)))))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: evaluation.seasonal_scale(np.ones((5, 1))), "repeats itself exactly"),
        (lambda: evaluation.seasonal_scale(np.ones((3, 1)), 3), "longer than the period"),
        (lambda: evaluation.seasonal_scale(np.array([[1.0], [np.nan]])), r"nan at \[1, 0\]"),
        (lambda: evaluation.mase(0.0), "above 0"),
        (lambda: evaluation.mase(np.array([1.0, np.nan])), "finite"),
        (lambda: value(evaluation.mase(np.ones(3)), F, Y), "scale must be a number"),
        (lambda: value(evaluation.mae(), F, Y[..., :1]), "one shape"),
        (lambda: evaluation.interval_coverage(SAMPLES, 1.0), r"level must lie in \(0, 1\)"),
        (lambda: evaluation.interval_width(SAMPLES, float("nan")), r"level must lie in \(0, 1\)"),
        (lambda: evaluation.pinball(SAMPLES, (0.5, 0.5)), "rise"),
        (lambda: value(evaluation.pinball(QUANTILES, (0.2,)), Q, Y), "no quantile at 0.2"),
        (lambda: value(evaluation.interval_width(QUANTILES, 0.5), Q, Y), "no quantile at 0.25"),
        (lambda: value(evaluation.crps(QUANTILES), Q[..., :3], Y), "for each of the levels"),
        (lambda: value(evaluation.crps(SAMPLES), DRAWS, Y[..., :1]), "targets must be"),
        (lambda: SAMPLES.crps(DRAWS[..., :0], Y), "at least one number"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_all_masked_is_nan():
    scores = metrics.collect(mae=evaluation.mae(), rmse=evaluation.rmse())
    got = value(scores, F, Y, where=np.zeros((T, B), bool))
    assert all(np.isnan(x) for x in jax.tree.leaves(got))
