"""Stability over seeds and settings: against scipy, projections, and by hand."""

import operator

import jax
import numpy as np
import pytest
import scipy.stats

from jaxrnn import evaluation

KEY = jax.random.key(1)
RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 2, 5)) + np.arange(3)[:, None, None]
FEW = {"resamples": 60}
HOLED = SCORES.copy()
HOLED[0, 1, 2], HOLED[2, 0, 0] = np.nan, np.inf


def test_interquartile_mean_is_the_trimmed_mean_with_a_stratified_interval():
    got = evaluation.interquartile_mean(SCORES, KEY, **FEW)
    np.testing.assert_allclose(got.value, scipy.stats.trim_mean(SCORES.ravel(), 0.25), rtol=1e-12)
    wanted = scipy.stats.bootstrap(
        tuple(SCORES.reshape(6, 5)),
        lambda *rows, axis: scipy.stats.trim_mean(np.concatenate(rows, axis), 0.25, axis=axis),
        n_resamples=60,
        batch=100,
        method="percentile",
        random_state=np.random.default_rng(np.asarray(jax.random.key_data(KEY))),
    )
    np.testing.assert_allclose(got[1:3], wanted.confidence_interval, rtol=1e-12)
    settings_apart = evaluation.interquartile_mean(
        np.arange(4.0)[:, None] + np.zeros(5), KEY, **FEW
    )
    assert (
        settings_apart.low == settings_apart.high == 1.5
    )  # seeds are alike, settings are not drawn


def test_runs_that_diverged_are_counted_as_said():
    counted = np.where(np.isfinite(HOLED), HOLED, 9.0)
    got = evaluation.stability(HOLED, KEY, diverged=evaluation.CountedAs(9.0), **FEW)
    assert (got.worst, got.best, got.diverged, got.runs) == (9.0, SCORES.min(), 2 / 30, 30)
    np.testing.assert_allclose(got.mean.value, counted.mean(), rtol=1e-12)
    np.testing.assert_allclose(got.spread, np.sqrt(counted.var(-1, ddof=1).mean()), rtol=1e-12)
    left = evaluation.stability(
        HOLED, KEY, diverged=evaluation.LeftOut(), better=operator.gt, **FEW
    )
    kept = HOLED[np.isfinite(HOLED)]
    assert (left.worst, left.best, left.diverged) == (kept.min(), kept.max(), 2 / 30)
    np.testing.assert_allclose(left.median, np.median(kept), rtol=1e-12)
    wanted = scipy.stats.trim_mean(kept, 0.25)
    np.testing.assert_allclose(left.interquartile_mean.value, wanted, rtol=1e-12)


def test_performance_profile_is_the_distribution():
    marks = [-1.0, 0.5, 2.0]
    for better in (operator.lt, operator.gt):
        got = evaluation.performance_profile(SCORES, KEY, marks, better=better, **FEW)
        wanted = [better(SCORES, mark).mean() for mark in marks]
        np.testing.assert_allclose(got.share, wanted, rtol=1e-12)
        assert (got.low <= got.share).all() and (got.share <= got.high).all()
    by_default = evaluation.performance_profile(SCORES, KEY, resamples=2)
    assert by_default.share[0] == 0 and by_default.thresholds[-1] == SCORES.max()


def test_probability_of_improvement_is_that_of_mann_and_whitney():
    a, b = np.round(SCORES[:, 0]), np.round(SCORES[:, 1, :4])  # with ties
    got = evaluation.probability_of_improvement(a, b, KEY, better=operator.gt, **FEW)
    each = [scipy.stats.mannwhitneyu(x, y).statistic / 20 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(got.value, np.mean(each), rtol=1e-12)
    turned = evaluation.probability_of_improvement(b, a, KEY, better=operator.gt, **FEW)
    np.testing.assert_allclose(turned.value, 1 - got.value, rtol=1e-12)
    assert got.low <= got.value <= got.high


def test_sensitivity_is_the_analysis_of_variance():
    got = evaluation.sensitivity(SCORES, ["rate", "leak"])
    parts = [*got.settings.values(), got.interactions, got.seeds]
    np.testing.assert_allclose(sum(parts), 1, rtol=1e-12)
    # By orthogonal projections, one after another.
    i, j, _ = np.indices(SCORES.shape).reshape(3, -1)
    y, fitted, wanted = SCORES.ravel() - SCORES.mean(), [], []
    for columns in (np.eye(3)[i], np.eye(2)[j], np.eye(6)[2 * i + j]):
        fitted.append(columns)
        design = np.concatenate(fitted, 1)
        left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        wanted.append(1 - left @ left / (y @ y) - sum(wanted))
    np.testing.assert_allclose(parts[:3], wanted, atol=1e-12)
    np.testing.assert_allclose(got.effects["leak"], SCORES.mean((0, 2)), rtol=1e-12)


def test_runs_in_any_order_become_a_table(as_users_run_it):
    settings = [{"rate": r, "leak": np.float32(k)} for r in (1, 2, 3) for k in (0.5, 1)]
    runs = [
        (s, seed, SCORES[a, b, seed])
        for (a, b), s in zip(np.ndindex(3, 2), settings, strict=True)
        for seed in range(5)
    ]
    named, seeds, scores = zip(*runs[::-1], strict=True)
    turned = evaluation.runs_of(named, np.array(seeds), scores)
    np.testing.assert_array_equal(turned.scores, SCORES[::-1, ::-1, ::-1])
    table = evaluation.runs_of(*zip(*runs, strict=True))
    assert table.names == ("rate", "leak") and table.values == ((1, 2, 3), (0.5, 1.0))
    np.testing.assert_array_equal(table.scores, SCORES)
    with pytest.raises(ValueError, match="1 of 30 combinations"):
        evaluation.runs_of(*zip(*runs[:-1], strict=True))
    with pytest.raises(ValueError, match="is there twice"):
        evaluation.runs_of(*zip(*runs, runs[0], strict=True))
    with pytest.raises(TypeError, match="list of dictionaries"):
        evaluation.runs_of(["rate"], [0], [1.0])
    with pytest.raises(TypeError, match="names must be a list"):
        evaluation.sensitivity(SCORES, "ab")


def test_pictures_show_what_they_are_given():
    profile = evaluation.performance_profile(SCORES, KEY, **FEW)
    axes = evaluation.plot_profiles({"GRU": profile}, xlabel="loss")
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), profile.share)
    axes = evaluation.plot_intervals(
        {"a": evaluation.IntervalEstimate(1.0, 0.5, 2.0, 0.1)}, axes=axes
    )
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), [0.5, 2.0])


OUT = evaluation.LeftOut()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: evaluation.interquartile_mean(HOLED, KEY), "2 of 30 runs have diverged"),
        (lambda: evaluation.interquartile_mean(SCORES[..., :1], KEY), "two seeds"),
        (
            lambda: evaluation.interquartile_mean(np.ones((0, 3)), KEY),
            r"must be \[\*settings, seed",
        ),
        (lambda: evaluation.interquartile_mean(SCORES, KEY, level=0.0), "level"),
        (lambda: evaluation.stability([[1.0, np.nan]], KEY, diverged=OUT), "fewer than two runs"),
        (lambda: evaluation.stability(SCORES, KEY, better=operator.le), "better must be"),
        (lambda: evaluation.performance_profile(SCORES, KEY, [np.nan]), "finite numbers"),
        (lambda: evaluation.probability_of_improvement(SCORES, SCORES[:2], KEY), "same settings"),
        (lambda: evaluation.sensitivity(SCORES, ["rate"]), "one name for each axis"),
        (lambda: evaluation.sensitivity(HOLED, ["rate", "leak"], diverged=OUT), "holes"),
        (lambda: evaluation.sensitivity(np.ones((2, 3)), ["rate"]), "no variance"),
        (lambda: evaluation.CountedAs(np.nan), "finite"),
        (lambda: evaluation.plot_profiles({}), "nothing to draw"),
    ],
)
def test_what_says_nothing_of_stability_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
