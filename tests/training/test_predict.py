"""`predict`: the outputs of each sequence alone, whatever stands beside it; and scores likewise."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, data, metrics, networks, objectives, training
from tests.compilations import compilations
from tests.training.small import TRAINER, V

LENGTHS = [3, 1, 0, 6, 3, 6, 1]
BODY = networks.stack(networks.Recurrent(cells.GRU(2, 3)), networks.Dense(3, 4))
POOLED = networks.stack(BODY, networks.LastPool())
READS = networks.stack(networks.Embedding(5, 2), networks.Dense(2, 3))


def double(network):
    params = network.init(jax.random.key(0))
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)


@pytest.fixture(scope="module")
def sequences():
    """In float64, with the outputs of each alone."""
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=(n, 2)) for n in LENGTHS]
    with jax.enable_x64(True):
        params = double(BODY)
        apply = jax.jit(BODY.apply)
        alone = [
            np.asarray(apply(params, x)[1]) if len(x) else np.zeros((0, 4), np.float64) for x in xs
        ]
    return params, xs, alone


def same(got, wanted):
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("batch", "buckets"), [(2, 2), (64, 1)])
def test_ragged_equals_one_sequence_at_a_time(batch, buckets, sequences, x64):
    params, xs, alone = sequences
    outputs = training.predict(BODY, params, xs, batch=batch, buckets=buckets)
    assert all(type(one) is np.ndarray and one.flags.owndata for one in outputs)
    for got, wanted in zip(outputs, alone, strict=True):
        same(got, wanted)


def test_pooling_gives_one_row_a_sequence(sequences, x64):
    params, xs, alone = sequences
    wanted = np.stack([one[-1] if len(one) else np.zeros(4) for one in alone])
    same(training.predict(POOLED, (params, ()), xs, batch=4), wanted)
    assert training.predict(POOLED, (params, ()), []).shape == (0, 4)
    longest = np.stack([xs[3], xs[5]], axis=1)
    same(training.predict(POOLED, (params, ()), longest[:, :, None]), wanted[[3, 5], None])
    same(training.predict(POOLED, (params, ()), xs[3]), wanted[3])


def test_arrays_have_any_batch_axes(sequences, x64):
    params, xs, alone = sequences
    both, wanted = (np.stack([of[3], of[5]], axis=1) for of in (xs, alone))
    state = training.TrainState(params, (), (), (), jax.random.key(0), 0)
    same(training.predict(BODY, state, both), wanted)
    same(training.predict(BODY, params, jnp.asarray(both)[:, None], batch=1), wanted[:, None])
    same(training.predict(BODY, params, xs[3]), alone[3])
    same(training.predict(BODY, params, both[:, :0]), wanted[:, :0])


def test_data_of_the_library(sequences, x64):
    params, xs, alone = sequences
    padded = data.pad(xs, value=np.nan)
    for got, wanted in zip(training.predict(BODY, params, padded, batch=2), alone, strict=True):
        same(got, wanted)
    mask = np.asarray(data.length_mask(padded.lengths, len(padded.values)))
    wanted = np.zeros((*mask.shape, 4))
    for place, one in enumerate(alone):
        wanted[: len(one), place] = one
    batch = data.Batch(padded.values, None, mask)
    same(training.predict(BODY, params, batch, batch=2), wanted)
    for several in ([batch, batch], iter([batch, batch])):
        assert [len(one) for one in training.predict(BODY, params, several)] == [6, 6]
    halves = data.Stacked(data.Batch(np.stack([xs[3], xs[5]])[:, :, None], np.zeros(2)))
    for got, place in zip(training.predict(BODY, params, halves), (3, 5), strict=True):
        same(got[:, 0], alone[place])
    examples = data.Batch(np.stack([xs[3], xs[5]], axis=1), np.zeros((6, 2)))
    several = training.predict(BODY, params, data.Shuffled(examples, batch=1, seed=0))
    assert sorted(one[0, 0, 0] for one in several) == sorted(alone[at][0, 0] for at in (3, 5))


def test_empty_lists_and_sequences():
    params = READS.init(jax.random.key(0))
    assert training.predict(READS, params, []) == []
    assert [one.shape for one in training.predict(READS, params, [[], []])] == [(0, 3), (0, 3)]


def test_few_programs():
    params = BODY.init(jax.random.key(0))
    xs = [np.ones((n, 2), np.float32) for n in range(1, 30)]
    with compilations() as programs:
        training.predict(BODY, params, xs, batch=5, buckets=3)
    assert len(programs) <= 3


def test_what_is_not_finite_is_named():
    params = BODY.init(jax.random.key(0))
    xs = [np.ones((n, 2), np.float32) for n in (2, 4)]
    xs[1][3, 0] = np.nan
    with pytest.raises(ValueError, match="got nan at step 3, feature 0 of sequence 1"):
        training.predict(BODY, params, xs)
    both = np.ones((4, 3, 2), np.float32)
    both[2, 1, 1] = both[3, 2, 0] = np.inf
    with pytest.raises(ValueError, match="got inf at sequence 1, step 2, feature 1, and 1 more"):
        training.predict(BODY, params, both)
    counts = np.isfinite(both).all(-1)
    outputs = training.predict(BODY, params, data.Batch(both, None, counts))
    assert np.isfinite(outputs).all() and not outputs[~counts].any()
    both[2, 1, 1] = 1
    with pytest.raises(ValueError, match="sequence 2, step 3, feature 0 of batch 1"):
        training.predict(BODY, params, [data.Batch(np.ones_like(both), ()), data.Batch(both, ())])


@pytest.mark.parametrize(
    ("inputs", "kind", "says"),
    [
        (
            [[1, 2], [4, 5]],
            ValueError,
            "sequence 1: Embedding: symbols must lie in .* got 5",
        ),
        (np.array([[0, -1]]), ValueError, "sequence 1: Embedding: .* got -1"),
        ([[1], [2**40]], ValueError, "fit into .* to 1099511627776, which"),
        ([1, 2], TypeError, r"sequence 0 must be \[T, ...\], got the number 1. A list is one of"),
        ("abc", TypeError, "text goes through Vocab.encode"),
        (["abc"], TypeError, "sequence 0 must be an array of numbers, got 'abc'"),
        (([1], [2]), TypeError, "reads one array, got a tuple of 2. A batch is a `data.Batch"),
        ([[[1, 2]]], ValueError, r"sequence 0 must be \[T\], got an array \(1, 2\)"),
        ([[1], {"a": [1]}], TypeError, "sequence 1 is a tree .*, and sequence 0 one array"),
        (np.zeros((0, 2), int), ValueError, "at least one step, got T = 0"),
        (np.ma.masked_array([1, 2], [0, 1]), TypeError, "masked"),
        ([np.ma.masked_array([1, 2], [0, 1])], TypeError, "sequence 0 must hold all its values"),
        (None, TypeError, "inputs must hold an array, got None"),
        (np.array([[1], [2, 3]], object), TypeError, r"of shape \(2,\). Sequences .* `list\(inp"),
        ([(np.zeros((2, 1), int), np.zeros(1, int))], TypeError, "tuple of 2 as sequence 0. A ba"),
        ([data.Batch(np.zeros((2, 1), int), None), 3], TypeError, "item 1 of the batches must be"),
    ],
)
def test_wrong_inputs(inputs, kind, says):
    params = READS.init(jax.random.key(0))
    with pytest.raises(kind, match="^predict: .*" + says):
        training.predict(READS, params, inputs)


def test_features_that_differ():
    params = BODY.init(jax.random.key(0))
    xs = [np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32)]
    with pytest.raises(ValueError, match=r"sequence 1 must be \[T, 2\], got an array \(2, 3\)"):
        training.predict(BODY, params, xs)


def test_not_under_jit():
    params = BODY.init(jax.random.key(0))
    with pytest.raises(TypeError, match="cannot run inside jit"):
        jax.jit(lambda xs: training.predict(BODY, params, xs))(jnp.zeros((2, 2)))


def test_progress_is_shown(capsys):
    params = READS.init(jax.random.key(0))
    training.predict(READS, params, [[1, 2], [3]], progress=training.Progress(unit="characters"))
    assert "3/3" in capsys.readouterr().out
    training.predict(READS, params, [[1, 2], [3]])
    assert capsys.readouterr().out == ""


def test_evaluate_and_metrics_equal_one_sequence_at_a_time(x64):
    """Sums over steps and not means of means: how sequences are batched changes nothing."""
    rng = np.random.default_rng(1)
    tokens = [rng.integers(0, V, n) for n in (4, 2, 3, 4)]
    labels = [rng.integers(0, V, len(one)) for one in tokens]
    scores = metrics.collect(
        nll=metrics.nll(), perplexity=metrics.perplexity(), accuracy=metrics.accuracy()
    )
    trainer = training.Trainer(TRAINER.network, objectives.CrossEntropy(), optax.sgd(0.1), scores)
    state = trainer.init(jax.random.key(0))
    state = state._replace(params=jax.tree.map(lambda x: x.astype(jnp.float64), state.params))
    each = [
        trainer.evaluate(state, (x[:, None], y[:, None]))
        for x, y in zip(tokens, labels, strict=True)
    ]
    together = []
    for group in data.bucket(tokens, count=2):
        xs, lengths = group.padded
        ys = data.pad([labels[at] for at in group.indices], length=len(xs), value=-1).values
        together.append(data.Batch(xs, ys, np.asarray(data.length_mask(lengths, len(xs)))))
    got = trainer.evaluate(state, together)
    weights = np.array([float(one.weight) for one in each])
    assert float(got.weight) == weights.sum() == 13

    def mean(values):
        return np.average([float(value) for value in values], weights=weights)

    nll = mean(one.loss for one in each)
    np.testing.assert_allclose(got.loss, nll, rtol=1e-12)
    np.testing.assert_allclose(got.metrics["nll"], nll, rtol=1e-12)
    np.testing.assert_allclose(got.metrics["perplexity"], np.exp(nll), rtol=1e-12)
    accuracy = mean(one.metrics["accuracy"] for one in each)
    np.testing.assert_allclose(got.metrics["accuracy"], accuracy, rtol=1e-12)


TRANSLATES = networks.EncoderDecoder(
    networks.Recurrent(cells.GRU(2, 3)),
    networks.Attending(
        networks.CarryFromContext(networks.Recurrent(cells.GRU(2 + 3, 4)), 3),
        networks.Multiplicative(4, 3),
    ),
)


def test_pairs_equal_one_pair_at_a_time(x64):
    """Sources and targets of other lengths than one another, with any padding."""
    params, rng = double(TRANSLATES), np.random.default_rng(0)
    lengths = [(3, 2), (5, 4), (0, 3), (2, 0)]
    pairs = [networks.Pair(*(rng.normal(size=(n, 2)) for n in some)) for some in lengths]
    together, alone = training.predict(TRANSLATES, params, pairs), jax.jit(TRANSLATES.apply)
    source, target = (data.pad([p[n] for p in pairs], value=np.nan) for n in (0, 1))
    there, counts = (np.arange(len(p.values))[:, None] < p.lengths for p in (source, target))
    batch = data.Batch(networks.Pair(source.values, target.values, there), (), counts)
    padded = training.predict(TRANSLATES, params, batch, batch=2)
    for at, (pair, got) in enumerate(zip(pairs, together, strict=True)):
        assert got.shape == (len(pair.target), 7)
        same(padded[: len(got), at], got)
        if len(pair.source) and len(pair.target):
            same(got, np.asarray(alone(params, pair)[1]))
    assert not np.isfinite(source.values).all()  # its padding, which is hidden
    source.values[4, 1, 0] = np.inf
    batch = batch._replace(inputs=batch.inputs._replace(source=source.values))
    with pytest.raises(ValueError, match="inf at sequence 1, step 4, feature 0 of the source"):
        training.predict(TRANSLATES, params, batch)
    with pytest.raises(ValueError, match=r"sequence 0 has a mask\. In a list a pair is without"):
        training.predict(TRANSLATES, params, [pairs[0]._replace(mask=np.ones(3, bool))])
