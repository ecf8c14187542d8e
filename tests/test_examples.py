"""The parts of the examples that a figure rests on; CI runs them whole."""

import datetime
import importlib.util
import pathlib

import jax
import numpy as np
import pytest

from jaxrnn import data

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def char_lm():
    return example("char_lm")


def test_what_is_held_out_was_hardly_seen(char_lm):
    """Of every topic as it stands it is 8 to 9 %."""
    text = char_lm.python_documentation()
    assert len(text) > 300_000
    assert char_lm.seen_share(*data.split(text, held_out=0.1)) < 0.01


def test_the_share_of_windows_that_were_seen(char_lm, monkeypatch):
    monkeypatch.setattr(char_lm, "WINDOW", 3)
    assert char_lm.seen_share("abcdef", "xbcdx") == 1 / 3  # of xbc, bcd and cdx
    assert char_lm.seen_share("abcdef", "bcdbcd") == 2 / 4  # bcd twice, cdb and dbc
    assert char_lm.seen_share("abcdef", "ab") == char_lm.seen_share("", "abcd") == 0


@pytest.fixture(scope="module")
def forecast():
    return example("forecast")


def test_paths_of_the_autoregression_are_those_of_statsmodels(forecast):
    from statsmodels.tsa.ar_model import ar_select_order

    one = forecast.load("sunspots")
    past, origins = slice(0, 120), np.array([120, 121])
    fitted = ar_select_order(one.x[past], maxlag=20, ic="aic").model.fit()
    theirs = fitted.forecast(one.sizes["horizon"])
    mean = forecast.autoregression(one, past, origins)[..., 0]
    np.testing.assert_allclose(mean[0], theirs, rtol=1e-10)
    draws = forecast.autoregression(one, past, origins, 20_000)
    np.testing.assert_allclose(draws.mean(axis=-1), mean, atol=0.1)
    spread = fitted.get_prediction(120, 120 + one.sizes["horizon"] - 1).se_mean
    np.testing.assert_allclose(draws[0].std(axis=-1), spread, rtol=0.03)


def test_no_forecast_reads_what_it_is_about(forecast):
    """What comes from the first origin on is exchanged; what is read and learnt stays."""
    one = forecast.load("co2")
    split = data.time_split(len(one.x), validation=one.held, test=one.held)
    (inputs, targets, *_), origins = one.examples(split.test)
    x = one.x.copy()
    x[origins[0] :] = 99.0
    other = one._replace(x=x, inputs=np.c_[x, one.inputs[:, 1:]])
    changed = other.examples(split.test).batch
    assert np.array_equal(changed.inputs[:, 0], inputs[:, 0])
    assert np.all(changed.targets[0] == 99.0)
    past = slice(0, split.test.start)
    assert np.array_equal(*(s.examples(past).batch.targets for s in (one, other)))
    paths = (forecast.autoregression(s, past, origins[:1]) for s in (one, other))
    assert np.array_equal(*paths)
    np.testing.assert_allclose(
        one.units(targets[..., None], origins)[..., 0], one.ahead(one.values, origins), rtol=1e-12
    )


def test_calibrated_intervals_hold_their_share(forecast):
    rng = np.random.default_rng(0)
    draws, truth = rng.normal(size=(50, 4, 200)), 3 * rng.normal(size=(50, 4))
    spread = forecast.calibrated(draws, truth)
    assert spread == pytest.approx(3, rel=0.3)
    wide = spread * draws + (1 - spread) * np.median(draws, axis=-1, keepdims=True)
    low, high = np.quantile(wide, [0.1, 0.9], axis=-1)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.8, abs=0.005)


def test_every_form_of_a_date_can_be_read_in_one_way():
    """So that what a network gets wrong is its own fault, and the rules are a fair baseline."""
    translate, rng = example("translate"), np.random.default_rng(0)
    days = [datetime.date(1950, 1, 1) + datetime.timedelta(int(n)) for n in range(0, 36525, 30)]
    pairs = translate.written(days, rng)
    assert [translate.by_rule(string) for string, _ in pairs] == [iso for _, iso in pairs]
    assert max(len(string) for string, _ in pairs) <= translate.LENGTH


def test_the_maze_shows_its_cue_once_and_ends_at_the_turn(key):
    ppo = example("recurrent_ppo")

    @jax.jit
    def run(goal, left, age, action):
        def one(*maze):
            return ppo.observe(ppo.Maze(*maze[:3])), ppo.act(ppo.Maze(*maze[:3]), maze[3], key)

        return jax.vmap(one)(goal, left, age, action)

    grid = np.meshgrid([ppo.LEFT, ppo.RIGHT], [5, 0], [0, 3, ppo.PATIENCE - 1], range(3))
    goal, left, age, action = (axis.ravel().astype(np.int32) for axis in grid)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        seen, (after, come) = jax.device_get(run(goal, left, age, action))
    rewards, done, success = come
    assert np.array_equal(seen[:, 0] + seen[:, 1], age == 0)
    assert np.array_equal(success, (left == 0) & (action == goal))
    assert np.array_equal(done, ((left == 0) & (action > 0)) | (age == ppo.PATIENCE - 1))
    np.testing.assert_allclose(rewards, success - 0.01, atol=1e-6)
    goes_on = ~done
    walked = left - ((action == ppo.FORWARD) & (left > 0))
    assert np.array_equal(after.left[goes_on], walked[goes_on])
    assert np.array_equal(after.age, np.where(goes_on, age + 1, 0))
    assert np.all((after.left[done] >= 8) & (after.left[done] <= 16))


def test_what_is_to_be_copied_stands_among_the_blanks(key):
    batch = example("which_cell").drawn("copying 12, 3", 0, 5, key)
    assert batch.inputs.shape == (12, 5) and batch.targets.shape == (5, 3)
    for symbols, asked in zip(np.asarray(batch.inputs).T, np.asarray(batch.targets), strict=True):
        assert np.array_equal(symbols[symbols < 8], asked) and np.sum(symbols == 8) == 9


def test_copying_counts_whole_sequences_and_parity_the_bits_beyond_those_trained_on():
    which_cell = example("which_cell")
    right = np.array([[[True, True], [True, False]]])  # a seed, two sequences of two symbols
    assert which_cell.score("copying 12, 2", right) == [0.5]
    bits = np.arange(256)[:, None] >= [39, 40]  # a sequence is right from bit 40 on, one from 41 on
    np.testing.assert_allclose(which_cell.score("parity", bits[None]), [1 - 2 / (2 * 217)])
