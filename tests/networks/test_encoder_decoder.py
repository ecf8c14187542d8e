"""Attention of a decoder, carries from a context, and encoder-decoders."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, data, generation, networks, objectives, training
from jaxrnn.networks import Context, Pair

S, T, B, V = 5, 4, 3, 6
ATTENTIONS = {
    "additive": networks.Additive(4, 6, 7),
    "multiplicative": networks.Multiplicative(4, 6),
    "multi_head": networks.MultiHead(4, 6, heads=2),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def made(noun, seed=0):
    params = noun.init(jax.random.key(seed))
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64) + 0.01, params)


def network(attention):
    width = attention.output_shape[0]
    return networks.EncoderDecoder(
        networks.stack(networks.Embedding(V, 4), networks.Recurrent(cells.GRU(4, 6))),
        networks.stack(
            networks.Embedding(V, 3),
            networks.CarryFromContext(networks.Recurrent(cells.LSTM(3, 3)), 6),
            networks.Attending(
                networks.CarryFromContext(networks.Recurrent(cells.LSTM(3 + width, 4)), 6),
                attention,
            ),
            networks.Dense(4 + width, V),
        ),
    )


def pair(key=1):
    keys = jax.random.split(jax.random.key(key), 2)
    return Pair(*(jax.random.randint(k, (n, B), 0, V) for k, n in zip(keys, (S, T), strict=True)))


SOURCE_LENGTHS, TARGET_LENGTHS = np.array([5, 2, 4]), np.array([4, 3, 1])


def softmax(scores, mask):
    weights = np.where(mask, np.exp(scores - scores.max()), 0)
    return weights / weights.sum()


@pytest.mark.parametrize("name", ["additive", "multiplicative"])
def test_formulas(name):
    attention = ATTENTIONS[name]
    params = made(attention)
    rng = np.random.default_rng(0)
    memory, queries = rng.normal(size=(S, B, 6)), rng.normal(size=(T, B, 4))
    mask = np.arange(S)[:, None] < SOURCE_LENGTHS
    prepared = attention.prepare(params, np.where(mask[..., None], memory, np.nan), mask)
    context, weights = attention.read(params, prepared, queries)
    for t in range(T):
        for b in range(B):
            q = queries[t, b]
            if name == "additive":
                p = jax.tree.map(np.asarray, params)
                scores = np.tanh(q @ p.query + memory[:, b] @ p.memory + p.bias) @ p.score
            else:
                scores = memory[:, b] @ (q @ params.kernel)
            w = softmax(scores, mask[:, b])
            np.testing.assert_allclose(weights[t, b], w, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(context[t, b], w @ memory[:, b], rtol=1e-12)
    alone, _ = attention.read(params, prepared, queries[2])
    np.testing.assert_allclose(alone, context[2], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["additive", "multiplicative"])
def test_with_nothing_to_see(name):
    attention = ATTENTIONS[name]
    params = made(attention)

    def loss(params, memory, query):
        prepared = attention.prepare(params, memory, jnp.zeros((S, 1), bool))
        context, weights = attention.read(params, prepared, query)
        return context.sum() + weights.sum()

    arguments = params, jnp.full((S, 1, 6), jnp.nan), jnp.ones((1, 4))
    value, gradient = jax.value_and_grad(loss, (0, 1, 2))(*arguments)
    assert value == 0 and all(np.all(leaf == 0) for leaf in jax.tree.leaves(gradient))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["additive", "multi_head"])  # the laws stream the other
def test_streaming_equals_the_whole(name):
    net = network(ATTENTIONS[name])
    params, xs = made(net), pair()
    whole = net.apply(params, xs)[1]
    carry = net.start(params, xs.source)
    for t in range(T):
        carry, logits = net.decoder.step(params.decoder, carry, xs.target[t])
        np.testing.assert_allclose(logits, whole[t], rtol=1e-12, atol=1e-14)
    weights = carry[2].weights
    assert weights.shape == (B, S)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-12)


def test_ragged_equals_one_at_a_time():
    net = network(ATTENTIONS["multi_head"])
    params, xs = made(net), pair()
    mask = np.arange(S)[:, None] < SOURCE_LENGTHS
    apply = jax.jit(net.apply)  # one program for each length, not one for each operation
    together = apply(params, xs._replace(mask=mask), lengths=TARGET_LENGTHS)[1]
    for b in range(B):
        source, target = xs.source[: SOURCE_LENGTHS[b], b], xs.target[: TARGET_LENGTHS[b], b]
        alone = apply(params, Pair(source, target))[1]
        kept = together[: TARGET_LENGTHS[b], b]
        np.testing.assert_allclose(kept, alone, rtol=1e-12, atol=1e-14)


def test_padding_reaches_nothing():
    """Of features, so that it can be NaN."""
    attention = networks.Additive(4, 4, 5)
    net = networks.EncoderDecoder(
        networks.Recurrent(cells.GRU(2, 4)),
        networks.Attending(
            networks.CarryFromContext(networks.Recurrent(cells.GRU(2 + 4, 4)), 4), attention
        ),
    )
    params = made(net)
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(S, B, 2)), rng.normal(size=(T, B, 2))
    mask = np.arange(S)[:, None] < np.array([5, 0, 3])
    lengths = np.array([4, 2, 0])

    def loss(params, source, target):
        ys = net.apply(params, Pair(source, target, mask), lengths=lengths)[1]
        return (ys**2).sum()

    spoilt = (
        np.where(mask[..., None], source, np.nan),
        np.where((np.arange(T)[:, None] < lengths)[..., None], target, np.inf),
    )
    differentiated = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))
    clean, dirty = differentiated(params, source, target), differentiated(params, *spoilt)
    for a, b in zip(jax.tree.leaves(clean), jax.tree.leaves(dirty), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_the_decoder_writes_as_any_layer():
    net = network(ATTENTIONS["additive"])
    params, xs = made(net), pair()
    carry = net.start(params, xs.source)
    written = generation.generate(
        net.decoder, params.decoder, xs.target[:1], 3, carry=carry, key=jax.random.key(0),
        sampler=generation.Greedy(),
    )  # fmt: skip
    for b in range(B):
        one = jax.tree.map(lambda leaf: leaf, net.start(params, xs.source[:, b]))
        step = partial(net.decoder.step, params.decoder)
        model = generation.SequenceModel(step, one, start=xs.target[0, b])
        found = generation.beam_search(model, 3, width=1)
        assert found.symbols[0].tolist() == written.symbols[:, b].tolist()


def test_it_trains_and_uses_its_source():
    """The target is the source's last symbol, which the decoder never reads."""
    net = network(ATTENTIONS["multiplicative"])
    xs = pair()
    targets = jnp.broadcast_to(xs.source[-1], (T, B))
    trainer = training.Trainer(net, objectives.CrossEntropy(), optax.adam(0.05))
    mask = jnp.ones((S, B), bool)
    batch = data.Batch(Pair(xs.source, xs.target, mask), targets)
    step = jax.jit(training.Trainer.step)
    state = trainer.init(jax.random.key(0))
    losses = []
    for _ in range(30):
        state, report = step(trainer, state, batch)
        losses.append(float(report.loss))
    assert losses[-1] < 0.1 * losses[0]


def test_an_image_is_a_context():
    layer = networks.CarryFromContext(networks.Recurrent(cells.LSTM(2, 4)), 5)
    params = made(layer)
    image = Context(jax.random.normal(jax.random.key(2), (B, 5)))
    carry = layer.condition(params, layer.carry(params, (B,)), image)
    kernel, bias = map(np.asarray, params.start.cell)
    wanted = np.tanh(np.asarray(image.vector) @ kernel + bias)
    np.testing.assert_allclose(carry.cell, wanted, rtol=1e-12)
    xs = jnp.ones((T, B, 2))
    resets = jnp.zeros((T, B), bool).at[2].set(True)
    after = layer.apply(params, xs, carry, resets=resets)[1]
    np.testing.assert_allclose(after[2:], layer.apply(params, xs[2:])[1], rtol=1e-12)


def test_both_branches_of_parallel_are_told():
    """As any layers that hold others, they pass the context on."""
    layer = networks.CarryFromContext(networks.Recurrent(cells.GRU(2, 4)), 5)
    both = networks.Parallel(networks.Recurrent(cells.GRU(2, 4)), layer)
    params, image = made(both), Context(jnp.ones((B, 5)))
    carry = both.condition(params, both.carry(params, (B,)), image)
    wanted = layer.condition(params.second, layer.carry(params.second, (B,)), image)
    np.testing.assert_array_equal(carry.second, wanted)
    assert np.all(carry.first == 0) and np.any(carry.second != 0)


GRU = networks.Recurrent(cells.GRU(10, 4))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: networks.Attending(GRU, networks.Additive(4, 10, 3)),
            ValueError,
            "a context of 10 features side by side, it takes 10 features",
        ),
        (
            lambda: networks.Attending(GRU, networks.Additive(5, 6, 3)),
            ValueError,
            "the layer gives 4 features, the attention is queried with 5",
        ),
        (
            lambda: networks.EncoderDecoder(networks.LastPool(), GRU),
            ValueError,
            "the encoder pools",
        ),
        (
            lambda: networks.EncoderDecoder(
                networks.Bidirectional(cells.GRU(4, 5), cells.GRU(4, 5)), GRU
            ),
            ValueError,
            "running backward, has read that step only",
        ),
        (
            lambda: network(ATTENTIONS["additive"]).apply(None, jnp.ones((T, B))),
            TypeError,
            r"must be a `Pair\(source, target, mask\)`, got float",
        ),
        (
            lambda: network(ATTENTIONS["additive"]).leading(
                Pair(np.zeros((S, 2), int), np.zeros((T, 3), int))
            ),
            ValueError,
            r"the same batch, got \(2,\) and \(3,\)",
        ),
        (
            lambda: network(ATTENTIONS["additive"]).apply(None, pair(), jnp.zeros(3)),
            ValueError,
            "it has no carry, as the decoder starts from the source",
        ),
        (
            lambda: networks.stack(network(ATTENTIONS["additive"]), networks.Dense(V, 2)).apply(
                ({}, {}), Pair(np.zeros((T, B), int), np.zeros((T, B), int)), ((), ())
            ),
            TypeError,
            "no layer can hold it",
        ),
        (
            lambda: network(ATTENTIONS["additive"]).step(None, None, None),
            TypeError,
            "its decoder streams",
        ),
        (
            lambda: networks.Attending(GRU, networks.Additive(4, 6, 3)).condition(
                None, None, Context(jnp.ones(6))
            ),
            ValueError,
            "must have a memory",
        ),
        (
            lambda: networks.CarryFromContext(GRU, 5).condition(None, None, Context(jnp.ones(6))),
            ValueError,
            "must have 5 features, got float",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
