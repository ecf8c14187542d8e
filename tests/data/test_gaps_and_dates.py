import datetime

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxrnn.data import (
    Constant,
    Cycle,
    DayOfWeek,
    DayOfYear,
    Filling,
    Forward,
    HourOfDay,
    MonthOfYear,
    calendar_features,
    fill_missing,
)

GAPS = np.array([[1.0, 2.0], [np.nan, np.nan], [np.nan, 5.0], [7.0, np.nan]])


class Ahead(Filling):
    """Fills nothing, or changes what is known."""

    def __init__(self, value):
        self.value = value

    def fill(self, columns, known):
        return np.full_like(columns, self.value)


class Backward(Cycle):
    def phase(self, dates):
        return np.full(len(dates) + 1, 0.5)


def test_forward_carries_the_last_value_on():
    values, known = fill_missing(GAPS)
    assert values.tolist() == [[1, 2], [1, 2], [1, 5], [7, 5]]
    assert np.array_equal(known, ~np.isnan(GAPS))
    assert fill_missing([np.nan, 2.0, np.nan], Forward(initial=0.5)).values.tolist() == [0.5, 2, 2]


@hypothesis.given(st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=1), st.integers(0, 30))
def test_forward_never_looks_ahead(values, cut):
    series = np.array([np.nan if value is None else value for value in values])
    whole, known = fill_missing(series, Forward(0.0))
    cut = cut % len(series) + 1
    assert np.array_equal(fill_missing(series[:cut], Forward(0.0)).values, whole[:cut])
    assert np.array_equal(whole[known], series[known])


def test_what_a_masked_array_hides_is_missing_too():
    hidden = np.ma.array([1.0, 99.0, np.nan], mask=[False, True, False])
    values, known = fill_missing(hidden, Constant(-1.0))
    assert (values.tolist(), known.tolist()) == ([1, -1, -1], [True, False, False])
    inside = np.ma.array([1.0, np.inf], mask=[False, True])
    assert fill_missing(inside).values.tolist() == [1, 1]


def test_dtypes_stay():
    assert fill_missing(GAPS.astype(np.float32)).values.dtype == np.float32
    assert fill_missing([1, 2]).values.dtype == np.float64


MOMENTS = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))


@hypothesis.given(st.lists(MOMENTS, min_size=1, max_size=5), st.sampled_from(["s", "us"]))
def test_phases_are_those_of_the_calendar(moments, unit):
    dates = np.array(moments, f"datetime64[{unit}]")
    days = [366 if m.year % 4 == 0 and m.year not in (1900, 2100) else 365 for m in moments]
    second = [3600 * m.hour + 60 * m.minute + m.second for m in moments]
    wanted = {
        MonthOfYear(): [(m.month - 1) / 12 for m in moments],
        DayOfYear(): [(m.timetuple().tm_yday - 1) / n for m, n in zip(moments, days, strict=True)],
        DayOfWeek(): [m.weekday() / 7 for m in moments],
        HourOfDay(): [s / 86400 for s in second],
    }
    for cycle, phases in wanted.items():
        np.testing.assert_allclose(cycle.phase(dates), phases, atol=1e-15)
    features = calendar_features(dates, *wanted)
    assert features.shape == (len(moments), 8)
    for c, phases in enumerate(wanted.values()):
        angles = 2 * np.pi * np.array(phases)
        np.testing.assert_allclose(features[:, 2 * c], np.sin(angles), atol=1e-14)
        np.testing.assert_allclose(features[:, 2 * c + 1], np.cos(angles), atol=1e-14)


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-07", "2024-02-29"],
        [datetime.date(2024, 1, 7), datetime.date(2024, 2, 29)],
        [datetime.datetime(2024, 1, 7), datetime.datetime(2024, 2, 29)],
        np.array(["2024-01-07", "2024-02-29"], "datetime64[ns]"),
    ],
)
def test_dates_come_in_many_forms(dates):
    wanted = calendar_features(np.array(["2024-01-07", "2024-02-29"], "datetime64[D]"), DayOfYear())
    assert np.array_equal(calendar_features(dates, DayOfYear()), wanted)


WRONG = {
    "starts with a gap": (
        lambda: fill_missing(GAPS[1:]),
        ValueError,
        r"Forward: feature 0 is missing from the first step on.*Forward\(initial=0.0\)",
    ),
    "infinite": (lambda: fill_missing([1.0, np.inf]), ValueError, "infinite at step 1"),
    "three axes": (lambda: fill_missing(GAPS[None]), ValueError, r"must be \[S\] or \[S, F\]"),
    "flags": (lambda: fill_missing([True]), TypeError, "series must be floating, got bool"),
    "text": (lambda: fill_missing(["a"]), TypeError, "series must be an array of numbers"),
    "kind": (
        lambda: fill_missing([1.0], "ffill"),
        TypeError,
        "filling must be a kind of `Filling`",
    ),
    "class": (lambda: fill_missing([1.0], Forward), TypeError, "filling must be a kind of"),
    "unfilled": (lambda: fill_missing(GAPS, Ahead(np.nan)), ValueError, "must fill every gap"),
    "changed": (lambda: fill_missing(GAPS, Ahead(3.0)), ValueError, "change nothing else"),
    "constant": (lambda: Constant(np.nan), ValueError, "Constant: value must be finite"),
    "initial": (lambda: Forward("0"), TypeError, "Forward: initial must be a number"),
    "no cycle": (lambda: calendar_features(["2024"]), ValueError, "there is no cycle"),
    "cycle": (
        lambda: calendar_features(["2024"], "month"),
        TypeError,
        "cycle 0 must be a kind of `Cycle`",
    ),
    "no dates": (lambda: calendar_features([1, 2], DayOfWeek()), TypeError, "dates must be dates"),
    "no date": (
        lambda: calendar_features(["2024-13-01"], DayOfWeek()),
        ValueError,
        "dates must be dates, got .*2024-13-01",
    ),
    "gap": (
        lambda: calendar_features(np.array(["NaT"], "datetime64[D]"), DayOfWeek()),
        ValueError,
        "no date at step 0",
    ),
    "time zone": (
        lambda: calendar_features(
            [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)], HourOfDay()
        ),
        TypeError,
        "dates must be dates without a time zone",
    ),
    "too large": (
        lambda: fill_missing(np.array([1, np.nan], np.float16), Constant(1e9)),
        ValueError,
        r"Constant\(value=1000000000.0\) must fill every gap",
    ),
    "phase": (
        lambda: calendar_features(["2024"], Backward()),
        ValueError,
        "the phase of .*Backward.* must be finite and",
    ),
    "one date": (
        lambda: calendar_features(np.datetime64("2024-01-01"), DayOfWeek()),
        ValueError,
        r"dates must be \[S\]",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()


def test_dates_keep_their_mask_and_their_hour():
    hidden = np.ma.array(np.array(["2024-01-01"], "datetime64[D]"), mask=[True])
    with pytest.raises(TypeError, match="dates must hold all its values"):
        calendar_features(hidden, HourOfDay())
    with pytest.raises(ValueError, match="without a time zone"):
        calendar_features(["2024-01-01T08:00+01:00"], HourOfDay())
