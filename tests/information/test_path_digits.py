"""Entropies of paths keep their digits, and what programmes they keep them for."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info
from jaxrnn.information import _tempered
from tests.quick import some

RNG = np.random.default_rng(0)
CHAIN = RNG.normal(size=(12, 2, 4, 3))
OTHER = CHAIN + 0.01 * RNG.normal(size=CHAIN.shape)
SCORES = 3 * RNG.normal(size=(9, 2, 4))
LABELS = np.array([[1, 2], [2, 2], [1, 1]], np.int32)
ctc = partial(info.ctc_log_partition, labels=LABELS)


def ten_factors(potentials):
    return info.logsumexp(potentials).sum()


@pytest.mark.parametrize(
    ("pair", "entropy", "varentropy", "renyi_2"),
    [
        ([0, 20], 4.328422605809599e-07, 8.244614455767e-06, 4.12230739283e-08),
        ([1000, 1004], 0.9009476776617596, 2.826032994126579, 0.3596444946272375),
        ([-3e5, -3e5 + 4], 0.9009476776617596, 2.826032994126579, 0.3596444946272375),
    ],
)
def test_ten_factors(pair, entropy, varentropy, renyi_2):
    """In float32; the difference of `log Z` and its slope gives 0 and 0.90039."""
    theta = jnp.tile(jnp.array(pair, jnp.float32), (10, 1))
    got = (
        info.path_entropy(ten_factors, theta),
        info.path_varentropy(ten_factors, theta),
        info.path_renyi(ten_factors, theta, 2),
        info.path_renyi(ten_factors, theta, 1),
    )
    np.testing.assert_allclose(got, [entropy, varentropy, renyi_2, entropy], rtol=1e-6)


def of_chain(theta, other):
    z = info.chain_log_partition
    return (
        info.path_entropy(z, theta),
        info.path_varentropy(z, theta),
        info.path_renyi(z, theta, 2.0),
        info.path_renyi(z, theta, 0.5),
        info.path_kl(z, theta, other),
    )


@jax.jit
def with_gradients(theta, other):
    values, pullback = jax.vjp(of_chain, theta, other)
    return values, pullback(jax.tree.map(jnp.ones_like, values))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 20])
@pytest.mark.parametrize("shift", [0, 7.3, 1000, -1e4])
def test_a_chain_does_not_feel_a_shift(scale, shift):
    """Held against float64, the same numbers in both; the other is shifted another way.

    Sums of some 100 are rounded by 4e-6, and so are the logarithms of probabilities.
    """
    theta = (scale * CHAIN + shift).astype(np.float32)
    other = (theta + (0.01 * CHAIN[::-1] - shift / 3)).astype(np.float32)
    got, gradients = with_gradients(theta, other)
    with jax.enable_x64(True):
        wanted, exact = with_gradients(*(x.astype(np.float64) for x in (theta, other)))
    for value, reference in zip(got, wanted, strict=True):
        np.testing.assert_allclose(value, reference, rtol=2e-6 if scale == 1 else 2e-5)
    for gradient, reference in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(gradient, reference, atol=2e-5 * np.abs(reference).max())


@pytest.mark.parametrize("shift", some(1000, slow=(0, -1e4)))
def test_alignments_do_not_feel_a_shift(shift):
    scores = (SCORES + shift).astype(np.float32)

    def values(scores):
        return jnp.stack([info.path_entropy(ctc, scores), info.path_varentropy(ctc, scores)])

    got = values(jnp.asarray(scores))
    with jax.enable_x64(True):
        wanted = values(jnp.asarray(scores.astype(np.float64)))
    np.testing.assert_allclose(got, wanted, rtol=2e-6)


@pytest.mark.slow
def test_a_near_divergence_is_no_difference_of_large_numbers():
    """Of the 12 steps' potentials of some 20 those of one differ by 1e-4."""
    theta = jnp.asarray(20 * CHAIN, jnp.float32)
    other = theta.at[5].add(1e-4 * jnp.asarray(CHAIN[3], jnp.float32))
    got = info.path_kl(info.chain_log_partition, theta, other)
    with jax.enable_x64(True):
        doubles = [jnp.asarray(np.asarray(x), jnp.float64) for x in (theta, other)]
        wanted = np.asarray(info.path_kl(info.chain_log_partition, *doubles))
    assert (got > 0).all() and (wanted < 1e-8).all()
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_what_the_first_forbids_and_the_second_does_not(x64):
    """Its probability under the second is missing there."""
    p, q = np.log([0.5, 0.5, 0.0001]), np.log([0.25, 0.25, 0.5])
    p[2] = -np.inf
    value = info.path_kl(ten_factors, np.stack([p, p]), np.stack([q, q]))
    np.testing.assert_allclose(value, 2 * np.log(2), rtol=1e-12)
    value = info.path_kl(info.logsumexp, p, q - 700 * np.array([1, 1, 0]))
    np.testing.assert_allclose(value, 700, rtol=1e-12)


# --- which programmes --------------------------------------------------------------------------


def step(carry, theta):
    return info.logsumexp((carry[:, None] + theta).T), None


def plain_loop(theta):
    carry = theta[0, 0]
    for t in range(1, len(theta)):
        carry, _ = step(carry, theta[t])
    return info.logsumexp(carry)


def scanned(theta):
    return info.logsumexp(jax.lax.scan(step, theta[0, 0], theta[1:])[0])


def counted(theta):
    """Which place of the potentials is read depends on a whole number in the carry."""

    def body(t, carry):
        return step(carry, jax.lax.dynamic_index_in_dim(theta, t, keepdims=False))[0]

    return info.logsumexp(jax.lax.fori_loop(1, 6, body, theta[0, 0]))


def mapped(theta):
    """Over an axis that is not the first of what is summed."""

    def body(carry, theta):
        return jax.vmap(info.logsumexp, in_axes=1)(carry[:, None] + theta), None

    return info.logsumexp(jax.lax.scan(body, theta[0, 0], theta[1:])[0])


def normalised(theta):
    """The largest is taken off at each step, and added up apart, a derivative and all."""

    def body(state, theta):
        carry, total = state
        carry, _ = step(carry, theta)
        top = carry.max()
        return (carry - top, total + top), None

    (carry, total), _ = jax.lax.scan(body, (theta[0, 0], jnp.zeros((), theta.dtype)), theta[1:])
    return info.logsumexp(carry) + total


def selected(theta):
    """With comparisons of what depends on the potentials."""
    total = scanned(theta)
    return jnp.where(total == -jnp.inf, total, jnp.where(total > 3, total, total + 0))


PROGRAMMES = {
    "loop": plain_loop,
    "scan": scanned,
    "fori": counted,
    "vmap": mapped,
    "normalised": normalised,
    "selected": selected,
    "jit": jax.jit(scanned),
    "checkpoint": jax.checkpoint(scanned),
    "partial": partial(scanned),
}


@jax.custom_jvp
def _of_its_own(x):
    return jnp.log(jnp.exp(x).sum(-1))


@_of_its_own.defjvp
def _(primals, tangents):
    return _of_its_own(*primals), (jax.nn.softmax(primals[0]) * tangents[0]).sum(-1)


def other_sums(theta):
    return _of_its_own(jax.lax.scan(step, theta[0, 0], theta[1:])[0])


def exponentials(theta):
    """Products of matrices, whose logarithm is taken at the end."""
    last, _ = jax.lax.scan(
        lambda a, theta: (a @ jnp.exp(theta), None), jnp.exp(theta[0, 0]), theta[1:]
    )
    return jnp.log(last.sum())


def every(programme, theta, other):
    return jnp.stack(
        [
            info.path_entropy(programme, theta),
            info.path_varentropy(programme, theta),
            info.path_renyi(programme, theta, 0.3),
            info.path_renyi(programme, theta, 1),
            info.path_kl(programme, theta, other),
        ]
    )


def pair():
    return CHAIN[:6, 0, :3], OTHER[:6, 0, :3]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMMES)
def test_programmes_that_add_paths_up(name, x64, monkeypatch):
    """None of them needs derivatives of the sum, and all agree with these."""
    wanted = every(other_sums, *pair())
    for way in ("entropy", "varentropy", "renyi", "divergence"):
        monkeypatch.delattr(_tempered, way)
    np.testing.assert_allclose(every(PROGRAMMES[name], *pair()), wanted, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("programme", [other_sums, exponentials])
def test_programmes_of_other_sums(programme, x64):
    """They agree, to the digits that differences leave in float64."""
    np.testing.assert_allclose(every(programme, *pair()), every(scanned, *pair()), rtol=1e-9)


@pytest.mark.slow
def test_under_vmap_and_jit(x64):
    theta = np.stack([CHAIN[:6, 0, :3], CHAIN[:6, 1, :3]], 1)
    single = [info.path_entropy(scanned, theta[:, b]) for b in (0, 1)]
    f = jax.vmap(partial(info.path_entropy, scanned), in_axes=1)
    for run in (f, jax.jit(f)):
        np.testing.assert_allclose(run(theta), single, rtol=1e-12)
    orders = jax.vmap(lambda order: info.path_renyi(scanned, theta[:, 0], order))
    alone = [info.path_renyi(scanned, theta[:, 0], order) for order in (0.5, 2.0)]
    np.testing.assert_allclose(orders(jnp.array([0.5, 2.0])), alone, rtol=1e-12)
