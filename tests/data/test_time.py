"""Splits by time, windows of several series, rolling origins: nothing of a later part leaks."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxrnn.data import Windows, rolling_origins, shift, time_split, windows

SIZES = st.integers(1, 4)
DAYS = np.arange("2020-01-30", "2020-02-09", dtype="datetime64[D]")


@hypothesis.given(st.integers(3, 60), st.floats(0.05, 0.6), st.integers(1, 20))
def test_a_split_has_every_step_in_one_part_and_in_order(steps, test, validation):
    held_out = round(test * steps)
    hypothesis.assume(held_out >= 1 and held_out + validation < steps)
    split = time_split(steps, validation=validation, test=test)
    places = np.arange(steps)
    parts = [places[part] for part in split]
    assert np.concatenate(parts).tolist() == places.tolist()
    assert [len(part) for part in parts] == [steps - validation - held_out, validation, held_out]


@hypothesis.given(SIZES, SIZES, SIZES, st.integers(0, 9), st.booleans())
def test_no_target_of_a_later_part_is_in_an_earlier_one(length, horizon, stride, extra, own):
    """Steps are their own values, so that what a window holds says where it is from."""
    series = np.arange(3 * (length + horizon) + 3 * extra)
    size = length + horizon + extra
    split = time_split(len(series), validation=size, test=size)
    sizes = {"length": length, "horizon": horizon, "stride": stride}
    seen = windows(series[split.train], **sizes)
    learnt = {*seen.inputs.ravel().tolist(), *seen.targets.ravel().tolist()}
    assert learnt <= set(series[split.train].tolist())
    for part in (split.validation, split.test):
        if own:
            batch, steps = rolling_origins(series[part], **sizes)
            steps = steps + part.start
        else:
            batch, steps = rolling_origins(series, part=part, **sizes)
            assert steps[0] == part.start  # context reaches back
        assert set(batch.targets.ravel().tolist()) <= set(series[part].tolist())
        assert not learnt & set(batch.targets.ravel().tolist())
        assert np.all(batch.inputs < steps[None, :, None])  # nothing from the origin on is read


@hypothesis.given(
    SIZES, SIZES, SIZES, st.integers(0, 9), st.integers(0, 9), st.integers(1, 2), st.booleans()
)
def test_origins_are_those_of_a_naive_loop(length, horizon, stride, begin, extra, features, gaps):
    steps = length + horizon + begin + extra
    end = steps - extra // 2
    series = np.arange(steps * features, dtype=np.float64).reshape(steps, features)
    targets = -series[:, :1]
    known = np.arange(steps) % 5 != 3 if gaps else None
    wanted = [
        (series[o - length : o], targets[o : o + horizon].ravel(), o)
        for o in range(max(begin, length), end - horizon + 1, stride)
        if known is None or known[o : o + horizon].all()
    ]
    hypothesis.assume(wanted)
    batch, origins = rolling_origins(
        series,
        length=length,
        horizon=horizon,
        stride=stride,
        part=slice(begin, end),
        targets=targets,
        known=known,
    )
    assert origins.tolist() == [o for *_, o in wanted]
    assert np.array_equal(batch.inputs, np.stack([x for x, *_ in wanted], axis=1))
    assert np.array_equal(batch.targets, np.stack([y for _, y, _ in wanted]))


def test_origins_a_horizon_apart_are_the_folds_of_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    series, horizon, folds = np.arange(29), 4, 3
    splitter = selection.TimeSeriesSplit(folds, test_size=horizon)
    split = time_split(len(series), test=folds * horizon)
    batch, _ = rolling_origins(series, length=5, horizon=horizon, stride=horizon, part=split.test)
    for n, (train, test) in enumerate(splitter.split(series)):
        assert batch.targets[n].tolist() == test.tolist()
        assert batch.inputs[:, n, 0].tolist() == train[-5:].tolist()


@hypothesis.given(
    SIZES, SIZES, SIZES, st.lists(st.integers(0, 6), min_size=1, max_size=3), SIZES, st.booleans()
)
def test_windows_of_several_series_are_those_of_each(length, horizon, stride, extra, batch, other):
    several = [
        1000 * n + np.arange(2.0 * (length + horizon + more)).reshape(-1, 2)
        for n, more in enumerate(extra)
    ]
    targets = [-one[:, :1] for one in several] if other else None
    sizes = {"length": length, "horizon": horizon, "stride": stride}
    dataset = Windows(several, targets=targets, batch=batch, seed=3, **sizes)
    wanted = [
        windows(one, targets=None if targets is None else targets[n], **sizes)
        for n, one in enumerate(several)
    ]
    wanted = {
        (x.tobytes(), y.tobytes())
        for one in wanted
        for x, y in zip(
            one.inputs.swapaxes(0, 1).copy(), one.targets.swapaxes(0, 1).copy(), strict=True
        )
    }
    for epoch in (0, 2):
        found = []
        for one in dataset.epoch(epoch):
            assert one.inputs.shape == (length, batch, 2)
            assert one.targets.shape[:2] == (length, batch)
            mask = np.ones((length, batch), bool) if one.mask is None else one.mask
            assert (mask == mask[0]).all()
            found += [
                (one.inputs[:, n].copy().tobytes(), one.targets[:, n].copy().tobytes())
                for n in np.flatnonzero(mask[0])
            ]
        assert len(found) == len(wanted)
        assert set(found) == wanted
    again = Windows(several, targets=targets, batch=batch, seed=3, **sizes)
    step = len(dataset) + len(dataset) // 2
    assert np.array_equal(dataset[step].inputs, again[step].inputs)


def test_epochs_of_windows_have_orders_of_their_own():
    series = [np.arange(40.0)]
    dataset = Windows(series, length=2, batch=38, seed=0)
    other = Windows(series, length=2, batch=38, seed=1)
    orders = [d[step].inputs[0, :, 0].tolist() for d in (dataset, other) for step in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


@hypothesis.given(st.lists(st.integers(1, 7), min_size=1, max_size=4), SIZES)
def test_shift_predicts_what_comes_after_each_step(extra, by):
    several = [np.arange(n * 100, n * 100 + by + more) for n, more in enumerate(extra)]
    inputs, targets, mask, resets = shift(several, by=by)
    assert mask.sum(axis=0).tolist() == extra
    assert resets is None
    assert np.array_equal(targets[mask], inputs[mask] + by)
    assert not inputs[~mask].any()
    assert not targets[~mask].any()


def test_dates_cut_several_series_at_one_time():
    assert time_split(10, validation="2020-02-01", test=DAYS[5], times=DAYS) == (
        slice(0, 2),
        slice(2, 5),
        slice(5, 10),
    )
    later = DAYS[1:]
    assert time_split(9, validation="2020-02-01", test=DAYS[5], times=later).test == slice(4, 9)
    listed = [str(day) for day in DAYS]
    assert time_split(10, test="2020-02", times=listed).train == slice(0, 2)


def test_a_split_without_validation_has_an_empty_part():
    split = time_split(5, test=2)
    assert np.arange(5)[split.validation].size == 0
    with pytest.raises(ValueError, match=r"rolling_origins: the part is empty.*validation"):
        rolling_origins(np.arange(5), length=1, part=split.validation)


NAN = np.array([[1.0, 2.0], [3.0, np.nan], [np.nan, 6.0], [7.0, 8.0]])
SERIES = np.arange(9.0)
WRONG = {
    "windows: no part": (lambda: time_split(9, test=9), ValueError, "nothing to learn from, of 9"),
    "windows: long": (
        lambda: rolling_origins(SERIES, length=8, horizon=2),
        ValueError,
        "length=8 and horizon=2 need a series of at least 10 steps, got 9",
    ),
    "several: long": (
        lambda: Windows([SERIES, SERIES[:3]], length=3, batch=1, seed=0),
        ValueError,
        "Windows: length=3 and horizon=1 need series 1 of at least 4 steps, got 3",
    ),
    "windows: nan": (
        lambda: windows(NAN, length=1),
        ValueError,
        r"windows: series must be finite, got nan at step 1, feature 1 and at 1 more.*fill_missing",
    ),
    "windows: inf target": (
        lambda: windows(SERIES, targets=np.where(SERIES == 4, np.inf, 0), length=1),
        ValueError,
        "windows: targets must be finite, got inf at step 4[.] Fill",
    ),
    "several: nan": (
        lambda: Windows([SERIES, NAN[:, 0]], length=1, batch=1, seed=0),
        ValueError,
        "Windows: series 1 must be finite, got nan at step 2[.]",
    ),
    "origins: nan": (lambda: rolling_origins(NAN, length=1), ValueError, "step 1, feature 1"),
    "shift: nan": (
        lambda: shift([SERIES, NAN]),
        ValueError,
        "shift: sequence 1 has features of shape",
    ),
    "shift: nan alone": (lambda: shift([NAN]), ValueError, "shift: sequence 0 must be finite"),
    "shift: short": (lambda: shift([SERIES, SERIES[:1]]), ValueError, "sequence 1 has 1 steps"),
    "targets: other length": (
        lambda: windows(SERIES, targets=SERIES[1:], length=2),
        ValueError,
        "targets must have the 9 steps of the series, got 8.*step ahead is taken here",
    ),
    "several: an array": (
        lambda: Windows(SERIES, length=2, batch=1, seed=0),
        TypeError,
        r"Windows: series must be a list of arrays, got .*Of one: \[series\]",
    ),
    "several: none": (lambda: Windows([], length=2, batch=1, seed=0), ValueError, "no series"),
    "several: features": (
        lambda: Windows([SERIES, NAN[:1].repeat(9, 0)], length=2, batch=1, seed=0),
        ValueError,
        "series 1 has 2 features, those before it 1",
    ),
    "several: targets": (
        lambda: Windows([SERIES], targets=[SERIES] * 2, length=2, batch=1, seed=0),
        ValueError,
        "targets must be one for each of 1 series, got 2",
    ),
    "several: seed": (
        lambda: Windows([SERIES], length=2, batch=1, seed=-1),
        ValueError,
        "seed must be at least 0",
    ),
    "origins: no room": (
        lambda: rolling_origins(SERIES, length=2, horizon=3, part=slice(7, 9)),
        ValueError,
        "no origin lies in the part, steps 7 to 9, with length=2",
    ),
    "origins: none known": (
        lambda: rolling_origins(SERIES, length=2, known=SERIES < 0),
        ValueError,
        "no origin with known targets lies in the part",
    ),
    "origins: known": (
        lambda: rolling_origins(SERIES, length=2, known=SERIES),
        TypeError,
        "known must be Bool, got float64",
    ),
    "origins: known shape": (
        lambda: rolling_origins(SERIES, length=2, known=SERIES[1:] > 0),
        ValueError,
        r"known must be \(9, 1\) or \(9,\), got \(8,\)",
    ),
    "origins: part": (
        lambda: rolling_origins(SERIES, length=2, part=0.5),
        TypeError,
        "part must be a slice of steps, as from time_split, got 0.5",
    ),
    "origins: text": (
        lambda: rolling_origins(SERIES, length=2, part=slice("a", None)),
        TypeError,
        "part must be a slice of steps, got slice",
    ),
    "origins: step": (
        lambda: rolling_origins(SERIES, length=2, part=slice(0, 9, 2)),
        TypeError,
        "part must be a slice",
    ),
    "split: empty": (lambda: time_split(9, test=0.01), ValueError, "leaves the test part empty"),
    "split: share": (lambda: time_split(9, test=1.5), ValueError, "share between 0 and 1, got 1.5"),
    "split: zero": (lambda: time_split(9, test=0), ValueError, "test must be at least 1"),
    "split: flag": (lambda: time_split(9, test=True), TypeError, "test must be a number of steps"),
    "split: date": (
        lambda: time_split(9, test="2020-01-01"),
        TypeError,
        "test must be a number of steps or a share .*A date needs the `times`",
    ),
    "split: no date": (
        lambda: time_split(10, test="tomorrow", times=DAYS),
        ValueError,
        "time_split: test must be dates, got .*tomorrow",
    ),
    "split: late date": (
        lambda: time_split(10, test="2021-01-01", times=DAYS),
        ValueError,
        "leaves the test part empty",
    ),
    "split: crossed": (
        lambda: time_split(10, validation="2020-02-05", test="2020-02-03", times=DAYS),
        ValueError,
        "leaves the validation part empty",
    ),
    "split: order": (
        lambda: time_split(10, test=1, times=DAYS[::-1]),
        ValueError,
        r"times must be in order, but 2020-02-07 comes after 2020-02-08 \(step 1\)",
    ),
    "split: count": (lambda: time_split(9, test=1, times=DAYS), ValueError, "each of 9 .*got 10"),
    "split: gap": (
        lambda: time_split(2, test=1, times=np.array(["2020-01-01", "NaT"], "datetime64[D]")),
        ValueError,
        r"times has no date at step 1 \(NaT\)",
    ),
    "split: numbers": (lambda: time_split(9, test=1, times=SERIES), TypeError, "must be dates"),
}


@pytest.mark.parametrize(("call", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
