import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import networks
from jaxrnn.data import Batch, Interleaved, Shuffled, Stream

SIZES = st.integers(1, 5)


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        jax.tree.leaves(jax.tree.map(np.array_equal, a, b))
    )


def like(a, b):
    return jax.tree.map(lambda x: (x.shape, x.dtype), a) == jax.tree.map(
        lambda x: (x.shape, x.dtype), b
    )


def examples_of(steps, count):
    """Example `n` holds `n` everywhere, and has `n % steps + 1` steps."""
    values = np.broadcast_to(np.arange(count), (steps, count))
    mask = np.arange(steps)[:, None] < np.arange(count) % steps + 1
    return Batch(values[..., None], values, mask)


# --- Stream -----------------------------------------------------------------------------------


@hypothesis.given(SIZES, SIZES, st.integers(1, 60))
def test_stream_predicts_every_token_but_the_first_once(batch, length, extra):
    tokens = np.arange(batch + extra) + 7
    stream = Stream(tokens, batch=batch, length=length)
    batches = list(stream.epoch(0))
    assert len(batches) == len(stream)
    seen = []
    for one in batches:
        assert like(one, batches[0])
        assert one.inputs.shape == (length, batch)
        assert one.inputs.dtype == one.targets.dtype == np.int32
        mask = np.ones((length, batch), bool) if one.mask is None else one.mask
        assert np.array_equal(one.targets[mask], one.inputs[mask] + 1)
        assert np.all(one.inputs[~mask] == 0)
        assert np.all(one.targets[~mask] == 0)
        seen.extend(one.targets[mask])
    assert sorted(seen) == tokens[1:].tolist()
    assert (batches[0].mask is None) == ((len(tokens) - 1) % (batch * length) == 0)
    assert batches[-1].mask is None or batches[-1].mask[0].any()


@hypothesis.given(SIZES, SIZES, st.integers(1, 60))
def test_stream_readers_go_on_from_batch_to_batch(batch, length, extra):
    stream = Stream(np.arange(batch + extra), batch=batch, length=length)
    batches = list(stream)
    inputs = np.concatenate([one.inputs for one in batches])
    for reader in range(batch):
        steps = len(inputs)
        if batches[0].mask is not None:
            mask = np.concatenate([one.mask for one in batches])[:, reader]
            steps = mask.sum()
            assert mask[:steps].all()  # padding stands at the end only
        assert np.all(np.diff(inputs[:steps, reader]) == 1)


def test_stream_resets_at_the_start_of_each_epoch_only():
    stream = Stream(np.arange(10), batch=2, length=3)
    assert len(stream) == 2
    for step in range(6):
        resets = stream[step].resets
        assert resets.shape == (3, 2)
        assert np.all(resets[0] == (step % 2 == 0))
        assert not resets[1:].any()


# --- Shuffled ---------------------------------------------------------------------------------


@hypothesis.given(SIZES, SIZES, st.integers(1, 12), st.integers(0, 2**64), st.integers(0, 9))
def test_shuffled_has_every_example_once_an_epoch(batch, steps, count, seed, number):
    examples = examples_of(steps, count)
    dataset = Shuffled(examples, batch=batch, seed=seed)
    batches = list(dataset.epoch(number))
    assert len(batches) == len(dataset) == -(-count // batch)
    seen = []
    for one in batches:
        assert like(one, batches[0])
        assert one.inputs.shape == (steps, batch, 1)
        chosen = one.targets[0]
        for column in np.flatnonzero(one.mask.any(axis=0)):
            seen.append(chosen[column])
            assert np.array_equal(one.inputs[:, column], examples.inputs[:, chosen[column]])
            assert np.array_equal(one.mask[:, column], examples.mask[:, chosen[column]])
    assert sorted(seen) == list(range(count))


def test_shuffled_masks_only_where_it_must():
    whole = Batch(np.zeros((3, 6)), np.zeros((3, 6)))
    assert Shuffled(whole, batch=2, seed=0)[0].mask is None
    first, last = Shuffled(whole, batch=4, seed=0)
    assert first.mask.all()
    assert last.mask.sum(axis=1).tolist() == [2, 2, 2]


def test_shuffled_takes_pairs_of_two_lengths():
    numbers = np.arange(6)
    source, target = np.broadcast_to(numbers, (5, 6)), np.broadcast_to(numbers, (3, 6))
    examples = Batch(networks.Pair(source, target, source > 1), target)
    for one in Shuffled(examples, batch=4, seed=0):
        assert one.inputs.source.shape == one.inputs.mask.shape == (5, 4)
        assert one.inputs.target.shape == one.mask.shape == (3, 4)
        assert np.array_equal(one.inputs.source[0], one.targets[0])
        assert np.array_equal(one.inputs.mask, one.inputs.source > 1)


def test_shuffled_takes_trees_resets_and_one_target_per_sequence():
    numbers = np.arange(4)
    whole = np.broadcast_to(numbers, (3, 4))
    examples = Batch({"a": whole, "b": whole[..., None]}, numbers[:, None], resets=whole == 2)
    one = Shuffled(examples, batch=3, seed=1, target_axis=0)[0]
    chosen = one.targets[:, 0]
    assert one.targets.shape == (3, 1)
    assert np.array_equal(one.inputs["a"][0], chosen)
    assert np.array_equal(one.inputs["b"][0, :, 0], chosen)
    assert np.array_equal(one.resets[0], chosen == 2)


def test_the_order_follows_from_seed_and_epoch_alone():
    numbers = np.arange(20)[None]

    def order(seed, number):
        one = Shuffled(Batch(numbers, numbers), batch=20, seed=seed).at(number, 0)
        return tuple(one.targets[0].tolist())

    assert len({order(seed, number) for seed in (0, 1, 2**32) for number in (0, 1)}) == 6
    # Every version of numpy must give this order.
    golden = (9, 0, 6, 12, 7, 10, 15, 5, 8, 19, 2, 13, 1, 17, 4, 14, 3, 18, 11, 16)
    assert order(3, 1) == golden


def test_every_order_is_about_equally_likely():
    examples = Batch(np.arange(3)[None], np.arange(3)[None])
    dataset = Shuffled(examples, batch=3, seed=0)
    orders = [tuple(dataset[step].targets[0]) for step in range(1200)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert sum((n - 200) ** 2 / 200 for n in counts) < 20.5  # chi-squared, 5 degrees: p = 0.001


# --- Interleaved ------------------------------------------------------------------------------


@hypothesis.given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(0, 3))
def test_interleaved_has_every_batch_once_an_epoch(counts, number):
    parts = [Shuffled(examples_of(i + 1, count), batch=2, seed=5) for i, count in enumerate(counts)]
    dataset = Interleaved(parts, seed=6)
    batches = list(dataset.epoch(number))
    assert len(batches) == len(dataset) == sum(map(len, parts))
    for i, part in enumerate(parts):
        mine = [one for one in batches if len(one.inputs) == i + 1]
        assert len(mine) == len(part)
        assert all(map(same, mine, part.epoch(number)))


# --- all of them ------------------------------------------------------------------------------

DATASETS = {
    "stream": Stream(np.arange(30), batch=2, length=4),
    "shuffled": Shuffled(examples_of(2, 7), batch=3, seed=0),
    "interleaved": Interleaved([Shuffled(examples_of(2, 7), batch=3, seed=0)] * 2, seed=0),
}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS.keys())
def test_a_step_alone_gives_its_batch(dataset):
    run = [one for number in range(3) for one in dataset.epoch(number)]
    assert len(run) == 3 * len(dataset)
    for step in np.random.default_rng(0).permutation(len(run)):
        assert same(dataset[step], run[step])
    assert same(dataset[jnp.asarray(5)], run[5])
    assert len(list(dataset)) == len(dataset)
    assert all(map(same, dataset, run))


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS.keys())
@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (1.0, TypeError), ("0", TypeError)])
def test_a_step_is_an_integer_from_zero(dataset, step, error):
    with pytest.raises(error):
        dataset[step]
    with pytest.raises(error):
        dataset.epoch(step)


WHOLE = Batch(np.zeros((3, 4, 2)), np.zeros((3, 4)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Stream(np.arange(4), batch=4, length=2), ValueError, "at least 5 tokens .9 fill"),
        (lambda: Stream([], batch=1, length=1), TypeError, "integers, got float64"),
        (lambda: Stream(np.ones((4, 2), int), batch=1, length=1), ValueError, r"must be \[N\]"),
        (lambda: Stream([1.0, 2.0], batch=1, length=1), TypeError, "Vocab.encode"),
        (lambda: Stream([1, -2], batch=1, length=1), ValueError, "got -2 to 1"),
        (lambda: Stream([1, 2**31], batch=1, length=1), ValueError, "got 1 to 2147483648"),
        (lambda: Stream([1, 2], batch=0, length=1), ValueError, "batch must be at least 1"),
        (lambda: Stream([1, 2], batch=1, length=-1), ValueError, "length must be at least 1"),
        (lambda: Stream([1, 2], batch=1, length=2.0), TypeError, "length"),
        (lambda: Shuffled(WHOLE, batch=0, seed=0), ValueError, "batch must be at least 1"),
        (lambda: Shuffled(WHOLE, batch=1, seed=-1), ValueError, "seed must be at least 0"),
        (lambda: Shuffled(WHOLE, batch=1, seed=0.0), TypeError, "seed"),
        (lambda: Shuffled(WHOLE, batch=1, seed=0, target_axis=2), ValueError, "must be 0 or 1"),
        (lambda: Shuffled(WHOLE, batch=1, seed=0, target_axis=0), ValueError, "targets must have"),
        (lambda: Shuffled(WHOLE[0], batch=1, seed=0), TypeError, "Batch"),
        (
            lambda: Shuffled(Batch(np.zeros((3, 4)), np.zeros(4)), batch=1, seed=0),
            ValueError,
            "pass target_axis=0",
        ),
        (
            lambda: Shuffled(Batch(np.zeros((3, 0)), np.zeros((3, 0))), batch=1, seed=0),
            ValueError,
            "at least one step and one example",
        ),
        (
            lambda: Shuffled(WHOLE._replace(mask=np.ones((3, 5), bool)), batch=1, seed=0),
            ValueError,
            "mask must have 4 examples along axis 1",
        ),
        (lambda: Interleaved([], seed=0), ValueError, "no datasets"),
        (lambda: Interleaved(list(DATASETS.values()), seed=-1), ValueError, "at least 0"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
