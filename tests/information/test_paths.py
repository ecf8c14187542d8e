"""Entropies of paths against enumeration, hidden states given what they emitted, edges."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

INF = jnp.inf
PATHS = np.array(list(itertools.product(range(3), repeat=6))).T
# Both formulas, and where they meet.
ORDERS = 0.0, 0.5, 0.9 - 1e-9, 0.9 + 1e-9, 1 - 1e-7, 1.0, 1 + 1e-9, 1.05, 1.1, 2.0, 50.0
NEAR = np.abs(np.array(ORDERS) - 1) < 1e-3
WEIGHTS = np.random.default_rng(0).normal(size=len(ORDERS) + 3)
"""Of the sum whose gradient stands for those of all the quantities."""


def log_partition(theta):
    """A chain of one's own: `[T, S, S]`, of whose first slice the first row counts."""

    def body(a, theta):
        return info.logsumexp((a[:, None] + theta).T), None

    return info.logsumexp(jax.lax.scan(body, theta[0, 0], theta[1:])[0])


def scores(theta):
    """The score of every path of that chain."""
    rows = theta[jnp.arange(1, 6)[:, None], PATHS[:-1], PATHS[1:]]
    return theta[0, 0][PATHS[0]] + rows.sum(0)


@jax.jit
def by_forward_mode(theta, other):
    def every(theta, other):
        z = log_partition
        renyi = jax.vmap(lambda order: info.path_renyi(z, theta, order))(jnp.array(ORDERS))
        known = info.path_entropy(z, theta), info.path_varentropy(z, theta), *renyi
        return jnp.stack([*known, info.path_kl(z, theta, other)])

    return every(theta, other), jax.grad(lambda *z: WEIGHTS @ every(*z), (0, 1))(theta, other)


@jax.jit
def by_enumeration(theta, other):
    def every(theta, other):
        score, likely = scores(theta), scores(theta) > -INF
        log_p = info.log_softmax(score)
        p, safe = jnp.exp(log_p), jnp.where(likely, log_p, 0)
        h = -(p * safe).sum()
        v = (p * (safe + h) ** 2).sum()
        # Near 1 the quotient loses its digits, and the series does not.
        powers = [jnp.where(likely, order * safe, -INF) for order in np.where(NEAR, 2, ORDERS)]
        renyi = jax.nn.logsumexp(jnp.stack(powers), axis=1) / (1 - np.where(NEAR, 2, ORDERS))
        renyi = jnp.where(NEAR, h - (np.array(ORDERS) - 1) * v / 2, renyi)
        ratio = safe - jnp.where(likely, info.log_softmax(scores(other)), 0)
        return jnp.stack([h, v, *renyi, (p * ratio).sum()])

    return every(theta, other), jax.grad(lambda *z: WEIGHTS @ every(*z), (0, 1))(theta, other)


@jax.jit
def thetas():
    return tuple(jax.random.normal(jax.random.key(k), (6, 3, 3)) for k in (0, 1))


@pytest.mark.slow
def test_reference_values_and_enumeration(x64):
    got, gradients = by_forward_mode(*thetas())
    wanted, exact = by_enumeration(*thetas())
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    for gradient, other in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-12)
    references = 4.980662129179267, 2.3360486467094272, 4.121808821515714, 5.152776873089752
    np.testing.assert_allclose(
        got[np.array([0, 1, 2 + ORDERS.index(2), -1])], references, rtol=1e-12
    )


@pytest.mark.slow
def test_forbidden_arcs(x64):
    """Values and gradients against enumeration; 0 at what is forbidden."""
    theta, other = (t.at[1, 0].set(-INF).at[3, :, 2].set(-INF).at[4, 2].set(-INF) for t in thetas())
    got, gradients = by_forward_mode(theta, other)
    wanted, exact = by_enumeration(theta, other)
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    for gradient, other in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(gradient, other, atol=1e-12)
        np.testing.assert_array_equal(gradient[theta == -INF], 0)


@pytest.mark.slow
def test_where_no_path_or_no_other_path_is_possible(x64):
    theta, _ = thetas()
    nothing = theta.at[2].set(-INF)
    values, gradients = by_forward_mode(nothing, theta)
    np.testing.assert_array_equal(values, 0)
    np.testing.assert_array_equal(gradients[0], 0)
    assert by_forward_mode(theta, nothing)[0][-1] == INF
    assert by_forward_mode(theta, theta.at[2, 0].set(-INF))[0][-1] == INF
    # What p never reaches, q may forbid.
    unreached = theta.at[1, :, 2].set(-INF)
    kl = by_forward_mode(unreached, unreached.at[2, 2].set(-INF))[0][-1]
    np.testing.assert_allclose(kl, 0, atol=1e-12)


def hmm(observed):
    A, B = jnp.array([[0.7, 0.3], [0.4, 0.6]]), jnp.array([[0.9, 0.1], [0.2, 0.8]])
    emitted = jnp.log(B[:, jnp.asarray(observed)].T)
    return info.chain_potentials(emitted, jnp.log(A), jnp.log(jnp.array([0.6, 0.4])))


def entropy_by_hand(theta):
    """Of a chain `[T, S + 1, S]` with two states."""
    theta = np.asarray(theta)
    paths = itertools.product((0, 1), repeat=len(theta))
    score = [sum(theta[t][(2, *path)[t], path[t]] for t in range(len(theta))) for path in paths]
    p = np.exp(np.array(score) - np.logaddexp.reduce(score))
    return -(p * np.log(p)).sum()


@pytest.mark.slow
def test_hidden_states_given_what_they_emitted(x64):
    """A batch of two lengths, garbage in the padding, a hole in the middle."""
    long, short = hmm([0, 1, 0, 0, 1]), hmm([1, 1, 0])
    mask = np.array([[1, 1], [1, 1], [1, 0], [1, 1], [1, 0]], bool)
    z = partial(info.chain_log_partition, mask=mask)

    @jax.jit
    def run(both):
        entropies, pullback = jax.vjp(lambda theta: info.path_entropy(z, theta), both)
        rest = info.path_varentropy(z, both), info.path_renyi(z, both, 2)
        return jnp.stack([z(both), entropies, *rest]), pullback(jnp.ones(2))[0]

    reference = -3.7513893143761674, 2.4159851341105343, 1.3156412784900144, 1.9505128159176102
    for bad in (np.nan, np.inf, -np.inf):
        both = np.full((5, 2, 3, 2), bad)
        both[:, 0], both[[0, 1, 3], 1] = long, short
        got, gradient = run(both)
        np.testing.assert_allclose(got[:, 0], reference, rtol=1e-12)
        np.testing.assert_allclose(got[1], [*map(entropy_by_hand, (long, short))], rtol=1e-12)
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[~mask], 0)


@pytest.mark.slow
def test_an_infinite_divergence_has_a_finite_gradient():
    f = jax.jit(
        jax.value_and_grad(lambda p, q: info.path_kl(info.chain_log_partition, p, q), (0, 1))
    )
    p = info.chain_potentials(jnp.zeros((3, 2)), jnp.zeros((2, 2)))
    for forbidden in (p.at[1, 0, 1].set(-INF), jnp.full_like(p, -INF)):
        value, gradients = f(p, forbidden)
        assert value == INF
        assert all(np.isfinite(gradient).all() for gradient in gradients)
    value, _ = f(p, p.at[0, 0, 1].set(-INF))  # the first step has no state before it
    assert value == 0


def test_logsumexp(x64):
    z = np.array([[1.0, 2.0, 3.0], [-INF, 0.0, -INF], [-INF] * 3, [800.0, 0.0, -800.0]])
    f = info.logsumexp
    each = jax.jit(jax.vmap(lambda z: (f(z), jax.grad(f)(z), jax.hessian(f)(z))))
    value, gradient, hessian = each(z)
    p = np.array([np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum(), [0, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(value, [np.log(np.exp([1, 2, 3]).sum()), 0, -INF, 800], rtol=1e-15)
    np.testing.assert_allclose(gradient, p, atol=1e-15)
    outer = p[:, :, None] * np.eye(3) - p[:, :, None] * p[:, None]
    np.testing.assert_allclose(hessian, outer, atol=1e-15)
    # Digits that the sum of a large and a small term keeps; terms that `classes` leaves out.
    value, *_ = each(np.array([[0.0, -40.0, -INF]]))
    np.testing.assert_allclose(value, np.exp(-40.0), rtol=1e-12)
    assert f(jnp.asarray(z[0]), classes=jnp.array([True, False, False])) == 1


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: info.path_entropy("z", jnp.ones(3)),
            TypeError,
            "log_partition must be a function",
        ),
        (lambda: info.path_entropy(info.logsumexp, jnp.arange(3)), TypeError, "must be floating"),
        (lambda: info.path_entropy(info.logsumexp, None), TypeError, "a tree of arrays, got None"),
        (
            lambda: info.path_entropy(dict, jnp.ones(3)),
            TypeError,
            "must be a function .* got <class",
        ),
        (
            lambda: info.path_entropy(lambda z: (z, z), jnp.ones(3)),
            TypeError,
            r"path_entropy: log_partition must give one floating array, .*float32\[3\]",
        ),
        (
            lambda: info.path_kl(lambda z: None, jnp.ones(3), jnp.ones(3)),
            TypeError,
            "path_kl: log_partition must give one floating array, .* got None",
        ),
        (lambda: info.path_renyi(info.logsumexp, jnp.ones(3), -1.0), ValueError, "not negative"),
        (
            lambda: info.path_renyi(info.logsumexp, jnp.ones(3), np.ones(2)),
            ValueError,
            "one number",
        ),
        (lambda: info.path_kl(info.logsumexp, jnp.ones(3), jnp.ones(2)), ValueError, "one shape"),
        (lambda: info.chain_log_partition(jnp.ones((4, 3))), ValueError, r"S \+ 1, S\], got float"),
        (
            lambda: info.chain_log_partition(jnp.ones((4, 3, 2)), mask=jnp.ones(3, bool)),
            ValueError,
            r"mask must be \[T, \*batch\] = \(4,\), got \(3,\)",
        ),
        (
            lambda: info.chain_potentials(jnp.ones((4, 3)), jnp.ones((2, 2))),
            ValueError,
            r"transition \[S, S\] and start \[S\], got \(4, 3\), \(2, 2\)",
        ),
    ],
)
def test_errors(call, error, says, as_users_run_it):
    with pytest.raises(error, match=says):
        call()
