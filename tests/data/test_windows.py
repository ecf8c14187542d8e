import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxrnn.data import Batch, Stream, split, windows

SIZES = st.integers(1, 4)


@hypothesis.given(SIZES, SIZES, SIZES, st.integers(0, 9), st.integers(1, 2))
def test_targets_are_what_follows_each_step(length, horizon, stride, extra, features):
    steps = length + horizon + extra
    series = np.arange(steps * features).reshape(steps, features)
    inputs, targets, mask, resets = windows(series, length=length, horizon=horizon, stride=stride)
    count = len(range(0, extra + 1, stride))
    assert inputs.shape == (length, count, features)
    assert targets.shape == (length, count, horizon * features)
    assert mask is resets is None
    for n in range(count):
        for t in range(length):
            now = n * stride + t
            assert np.array_equal(inputs[t, n], series[now])
            assert np.array_equal(targets[t, n], series[now + 1 : now + 1 + horizon].reshape(-1))


def test_no_window_could_be_added():
    assert windows(np.arange(5), length=3, horizon=2).inputs.shape == (3, 1, 1)
    assert windows(np.arange(6), length=3, horizon=2).inputs.shape == (3, 2, 1)


@hypothesis.given(st.lists(st.integers(-9, 9), min_size=2), st.floats(0.01, 0.99))
def test_split_keeps_order_and_loses_nothing(series, held_out):
    hypothesis.assume(0 < round(held_out * len(series)) < len(series))
    head, tail = split(series, held_out=held_out)
    assert head + tail == series
    assert len(tail) == round(held_out * len(series))
    for part, whole in zip(split(np.array(series), held_out=held_out), (head, tail), strict=True):
        assert part.tolist() == whole


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: windows(np.arange(4), length=3, horizon=2), ValueError, "at least 5 steps, got 4"),
        (lambda: windows(np.zeros((9, 2, 2)), length=3), ValueError, "got shape .9, 2, 2."),
        (lambda: windows(np.zeros(()), length=3), ValueError, "got shape"),
        (lambda: windows(np.arange(9), length=0), ValueError, "length must be at least 1"),
        (lambda: windows(np.arange(9), length=2, stride=0), ValueError, "stride"),
        (lambda: windows(np.arange(9), length=2, horizon=-1), ValueError, "horizon"),
        (lambda: windows(np.arange(9), length=2.0), TypeError, "length"),
        (lambda: split("abc", held_out=0.0), ValueError, "between 0 and 1"),
        (lambda: split("abc", held_out=1.0), ValueError, "between 0 and 1"),
        (lambda: split("abc", held_out=0.1), ValueError, "leaves one part empty"),
        (lambda: split("", held_out=0.5), ValueError, "leaves one part empty"),
        (
            lambda: split(Batch(np.zeros((4, 9)), np.zeros((4, 9))), held_out=0.5),
            TypeError,
            "split: series must be .* got a `Batch` of inputs, targets, .* the same held_out",
        ),
        (lambda: split((np.zeros(4), np.zeros(4)), held_out=0.5), TypeError, "got a tuple.*list"),
        (lambda: split({"x": np.zeros(4)}, held_out=0.5), TypeError, "split: .* got a dict"),
        (
            lambda: split(Stream([1, 2, 3], batch=1, length=1), held_out=0.5),
            TypeError,
            "split: series must be .* got a Stream",
        ),
        (lambda: split(3, held_out=0.5), TypeError, "split: series must be .* got 3"),
        (lambda: split(np.array(3), held_out=0.5), TypeError, "split: series must be .* unsized"),
        (lambda: split("abc", held_out="half"), TypeError, "held_out must be a number, got 'half'"),
        (lambda: split("abc", held_out=np.nan), ValueError, "between 0 and 1, got nan"),
    ],
)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
