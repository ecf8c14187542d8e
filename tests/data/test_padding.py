import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.data import Padded, bucket, length_mask, pad

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any)


def sequences_of(lengths):
    return [np.full((n, 2), i + 1.0, np.float32) for i, n in enumerate(lengths)]


@hypothesis.given(LENGTHS, st.integers(0, 3))
def test_pad_keeps_every_sequence(lengths, extra):
    sequences = sequences_of(lengths)
    padded = pad(sequences, length=max(lengths) + extra, value=-1)
    assert padded.values.shape == (max(lengths) + extra, len(lengths), 2)
    assert padded.values.dtype == np.float32
    assert padded.lengths.tolist() == lengths
    for i, sequence in enumerate(sequences):
        assert np.array_equal(padded.values[: lengths[i], i], sequence)
        assert np.all(padded.values[lengths[i] :, i] == -1)


def test_pad_takes_lists_some_empty():
    padded = pad([[], [1, 2], []])
    assert padded.values.dtype.kind == "i"
    assert padded.values.T.tolist() == [[0, 0], [1, 2], [0, 0]]
    assert padded.waste == pytest.approx(4 / 6)
    assert pad([np.zeros((0, 3)), np.ones((1, 3), bool)], value=True).values.all()


@hypothesis.given(LENGTHS, st.integers(1, 4))
def test_buckets_hold_every_sequence_once_with_least_padding(lengths, count):
    sequences = sequences_of(lengths)
    buckets = bucket(sequences, count=count)
    assert len(buckets) <= count
    assert sorted(np.concatenate([b.indices for b in buckets])) == list(range(len(lengths)))
    for padded, indices in buckets:
        assert len(padded.values) == max(1, padded.lengths.max())
        for column, i in enumerate(indices):
            assert padded.lengths[column] == lengths[i]
            assert np.array_equal(padded.values[: lengths[i], column], sequences[i])
    assert sum(b.padded.values[..., 0].size for b in buckets) == least_steps(lengths, count)


def least_steps(lengths, count):
    """By trying every way to cut the sorted lengths."""
    lengths = sorted(max(1, n) for n in lengths)
    if count == 1 or len(lengths) == 1:
        return lengths[-1] * len(lengths)
    cuts = range(1, len(lengths))
    rest = (lengths[i - 1] * i + least_steps(lengths[i:], count - 1) for i in cuts)
    return min(lengths[-1] * len(lengths), *rest)


@pytest.mark.parametrize("lengths", [2, [2, 0, 3], [[1, 3], [0, 2]]])
def test_length_mask_is_true_before_the_length(lengths):
    lengths = np.array(lengths)
    wanted = np.stack([t < lengths for t in range(3)])
    assert np.array_equal(length_mask(lengths, 3), wanted)
    assert np.array_equal(jax.jit(length_mask, static_argnums=1)(lengths, 3), wanted)
    assert length_mask(jnp.array(lengths, jnp.uint8), 3).dtype == bool


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad([]), ValueError, "nothing to pad in 0 sequences"),
        (lambda: pad([[], []]), ValueError, "nothing to pad in 2 sequences"),
        (lambda: bucket([]), ValueError, "nothing to pad"),
        (lambda: bucket([[1]], count=0), ValueError, "count must be at least 1"),
        (lambda: pad([[1], [1, 2]], length=1), ValueError, "sequence 1 has 2 steps"),
        (lambda: pad([[1]], length=-1), ValueError, "length must be at least 1"),
        (lambda: pad([np.ones((1, 2)), np.ones((1, 3))]), ValueError, "sequence 1 has features"),
        (lambda: pad([[1], np.array(2)]), TypeError, "sequence 1 must be"),
        (lambda: pad(["ab"]), TypeError, "Vocab.encode"),
        (
            lambda: pad([[1]], value=0.5),
            TypeError,
            "value must be a number that int64 holds, got 0.5",
        ),
        (lambda: length_mask([1.0], 2), TypeError, "integers, got float64"),
        (lambda: jax.jit(length_mask, static_argnums=1)(jnp.ones(1), 2), TypeError, "got float32"),
        (lambda: length_mask([3, -1], 3), ValueError, r"\[0, T=3\], got -1"),
        (lambda: length_mask([4], 3), ValueError, r"\[0, T=3\], got 4"),
        (lambda: length_mask([0], 0), ValueError, "T must be at least 1"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_waste_of_a_full_array_is_zero():
    assert Padded(np.ones((2, 3)), np.array([2, 2, 2])).waste == 0
