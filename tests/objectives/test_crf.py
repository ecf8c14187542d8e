"""The conditional random field against enumeration of all label sequences."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import information as info
from jaxrnn import networks, training
from jaxrnn.objectives import CRF, Entropy, reduce

INF = jnp.inf
T, B, S = 5, 3, 3
LENGTHS = (5, 3, 4)
HOLES = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0, 1], [1, 0, 1]], bool)
"""Padding at the end, in the middle and at the beginning."""


def outputs():
    return jnp.asarray(2 * np.random.default_rng(0).normal(size=(T, B, (S + 1) * S)))


def labels():
    return np.random.default_rng(9).integers(0, S, (T, B))


def every_path(potentials):
    """Of one sequence without padding `[t, S + 1, S]`: all label sequences and their scores."""
    theta = np.asarray(potentials)
    paths = list(itertools.product(range(S), repeat=len(theta)))
    scores = [sum(theta[t][[S, *p][t], p[t]] for t in range(len(theta))) for p in paths]
    return np.array(paths), np.array(scores)


def by_enumeration(potentials, mask):
    """Of every sequence of the batch: `log Z`, the best labels, and the marginals."""
    totals, best, marginals = [], np.zeros((T, B), int), np.zeros((T, B, S))
    for b in range(B):
        steps = np.flatnonzero(mask[:, b])
        paths, scores = every_path(np.asarray(potentials)[steps, b])
        total = np.logaddexp.reduce(scores)
        totals.append(total)
        best[steps, b] = paths[scores.argmax()]
        for i, t in enumerate(steps):
            for s in range(S):
                marginals[t, b, s] = np.exp(scores[paths[:, i] == s] - total).sum()
    return np.array(totals), best, marginals


def score_of(potentials, labels, mask):
    total = np.zeros(B)
    for b in range(B):
        before = S
        for t in np.flatnonzero(mask[:, b]):
            total[b] += potentials[t, b, before, labels[t, b]]
            before = labels[t, b]
    return total


@jax.jit
def known(outputs, labels, mask):
    field = CRF(S)
    loss = lambda z: field(z, labels, where=mask).sum()  # noqa: E731
    return (
        field(outputs, labels, where=mask),
        jax.grad(loss)(outputs),
        field.decode(outputs, where=mask),
        field.marginals(outputs, where=mask),
        info.chain_log_partition(field.potentials(outputs), mask=mask),
    )


@pytest.mark.parametrize("mask", [np.ones((T, B), bool), HOLES], ids=["whole", "holes"])
def test_against_enumeration(mask, x64):
    z, y = outputs(), labels()
    values, gradient, best, marginals, total = known(z, y, mask)
    theta = np.asarray(CRF(S).potentials(z))
    log_z, wanted_best, wanted_marginals = by_enumeration(theta, mask)
    np.testing.assert_allclose(total, log_z, rtol=1e-12)
    np.testing.assert_allclose(values.sum(0), log_z - score_of(theta, y, mask), rtol=1e-12)
    np.testing.assert_array_equal(best, wanted_best)
    np.testing.assert_allclose(marginals, wanted_marginals, atol=1e-12)
    # The derivative of the loss by a label's scores is its marginal less what was seen.
    by_label = np.asarray(gradient).reshape(T, B, S + 1, S).sum(2)
    seen = np.eye(S)[np.asarray(y)] * mask[..., None]
    np.testing.assert_allclose(by_label, wanted_marginals - seen, atol=1e-12)


def test_every_value_is_a_surprisal_of_its_label(x64):
    """Given the label before and the whole input, by enumeration; and never negative."""
    z, y = outputs(), labels()
    values = known(z, y, np.ones((T, B), bool))[0]
    theta = np.asarray(CRF(S).potentials(z))
    for b in range(B):
        paths, scores = every_path(theta[:, b])
        p = np.exp(scores - np.logaddexp.reduce(scores))
        for t in range(T):
            past = p[(paths[:, :t] == y[:t, b]).all(1)].sum()
            now = p[(paths[:, : t + 1] == y[: t + 1, b]).all(1)].sum()
            np.testing.assert_allclose(values[t, b], -np.log(now / past), rtol=1e-11)


def test_padding_changes_nothing(x64):
    z, y = outputs(), labels()
    clean = known(z, y, HOLES)
    for bad in (jnp.nan, INF, -INF):
        spoiled = np.where(HOLES[..., None], z, bad), np.where(HOLES, y, -(10**6))
        for got, wanted in zip(known(*spoiled, HOLES), clean, strict=True):
            np.testing.assert_array_equal(got, wanted)
    for got in clean[:4]:
        np.testing.assert_array_equal(got[~HOLES], 0)


def test_forbidden_transitions(x64):
    """Finite gradients, no probability, and labels that no path gives."""
    z = outputs().reshape(T, B, S + 1, S)
    z = z.at[:, :, 0, 1].set(-INF).at[2, 1, :, 2].set(-INF).reshape(T, B, -1)
    mask, y = np.ones((T, B), bool), np.zeros((T, B), int)
    values, gradient, best, marginals, _ = known(z, y, mask)
    _, wanted_best, wanted_marginals = by_enumeration(CRF(S).potentials(z), mask)
    np.testing.assert_array_equal(best, wanted_best)
    np.testing.assert_allclose(marginals, wanted_marginals, atol=1e-12)
    assert np.isfinite(gradient).all() and np.isfinite(values).all()
    y[1] = 1
    values, gradient, *_ = known(z, y, mask)
    assert (values[1] == INF).all() and np.isfinite(gradient).all()
    _, gradient, _, marginals, total = known(jnp.full_like(z, -INF), y, mask)
    assert (total == -INF).all() and np.isfinite(gradient).all()
    np.testing.assert_array_equal(marginals, 0)


def test_entropy_of_the_labels(x64):
    z = outputs()[:, :1]
    theta = CRF(S).potentials(z)
    _, scores = every_path(theta[:, 0])
    p = np.exp(scores - np.logaddexp.reduce(scores))
    got = jax.jit(lambda theta: info.path_entropy(info.chain_log_partition, theta))(theta)
    np.testing.assert_allclose(got[0], -(p * np.log(p)).sum(), rtol=1e-12)


def test_without_transitions_it_is_a_cross_entropy(x64):
    """The layer adds nothing at first, so that labels are independent."""
    scores, y = outputs()[..., :S], labels()
    layer = networks.Transitions(S)
    params = networks.TransitionsParams(jnp.array([1.0, 2.0, 3.0]), jnp.arange(9.0).reshape(3, 3))
    at_first, later, wanted, surprisals = jax.jit(
        lambda: (
            layer.apply(layer.init(jax.random.key(0)), scores)[1],
            CRF(S).potentials(layer.apply(params, scores)[1]),
            info.chain_potentials(scores, params.transition, params.start),
            info.surprisal(scores, y),
        )
    )()
    np.testing.assert_allclose(known(at_first, y, HOLES)[0], np.where(HOLES, surprisals, 0))
    np.testing.assert_array_equal(later, wanted)


def test_inside_the_algebra_and_jit():
    """It adds to other objectives; a label that cannot be read weighs nothing."""
    z, y = outputs(), labels()
    score = jax.jit(
        lambda y, mask: [
            reduce(loss, z, y, where=mask) for loss in (CRF(S), Entropy(), CRF(S) - 0.1 * Entropy())
        ]
    )
    field, entropy, both = score(y, HOLES)
    np.testing.assert_allclose(both.sum, field.sum - 0.1 * entropy.sum, rtol=1e-6)
    wrong, kept = y.copy(), np.ones((T, B), bool)
    for at, bad in (((1, 0), -1), ((4, 2), S)):
        wrong[at], kept[at] = bad, False
    got, wanted = score(wrong, np.ones((T, B), bool))[::2], score(y, kept)[::2]
    assert got[0].weight == T * B - 2
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_bfloat16_is_computed_in_float32():
    z = outputs().astype(jnp.bfloat16)
    low, high = jax.jit(lambda *zs: [CRF(S)(z, labels()) for z in zs])(z, z.astype(jnp.float32))
    assert low.dtype == jnp.float32
    np.testing.assert_array_equal(low, high)


def test_training_learns_what_follows_what():
    """Labels that alternate, whatever the input: only the transitions can tell."""
    network = networks.stack(networks.Dense(1, 2), networks.Transitions(2))
    trainer = training.Trainer(network, CRF(2), optax.adam(0.3))
    steps = jnp.arange(6)[:, None] + jnp.arange(8)[None]
    batch = (jnp.zeros((6, 8, 1)), steps % 2, jnp.arange(6)[:, None] < jnp.array([[6, 4] * 4]))

    @jax.jit
    def run(key):
        first = trainer.init(key)
        return jax.lax.scan(lambda s, _: trainer.step(s, batch), first, None, 60)

    state, report = run(jax.random.key(0))
    assert report.loss[-1] < 0.2 and report.loss[0] > 0.6
    transition = state.params[1].transition
    assert transition[0, 1] > transition[0, 0] and transition[1, 0] > transition[1, 1]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: CRF(S)(np.zeros((T, B, S)), np.zeros((T, B), int)),
            ValueError,
            r"must be \[T, \*batch, 12\].*after none, got float32\[5,3,3\].*Transitions\(3\)",
        ),
        (
            lambda: CRF(S)(outputs(), np.full((T, B), S)),
            ValueError,
            r"CRF: labels must lie in \[0, 3",
        ),
        (lambda: CRF(S)(outputs(), np.zeros((T, B))), TypeError, "CRF: labels must be integers"),
        (lambda: CRF(S)(outputs(), np.zeros((B, T), int)), ValueError, "one label for each row"),
        (
            lambda: CRF(S).decode(outputs(), where=np.ones((B, T), bool)),
            ValueError,
            "CRF: where must be",
        ),
        (lambda: CRF(0), ValueError, "labels must be at least 1"),
        (
            lambda: networks.Transitions(2).apply(
                networks.Transitions(2).init(jax.random.key(0)), outputs()
            ),
            ValueError,
            "takes 2 features",
        ),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()
