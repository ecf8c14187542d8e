"""Derivatives: of cdfs and quantiles by every parameter, and at the edges of what numbers hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import heads, objectives

HEADS = {
    "gaussian": heads.Gaussian(),
    "student_t": heads.StudentT(),
    "counts": heads.NegativeBinomial(),
    "yes_or_no": heads.Bernoulli(),
    "classes": heads.Categorical(3),
    "quantile": heads.Quantile((0.1, 0.5, 0.9)),
    "mixture": heads.Mixture(heads.Gaussian(), 2),
}
EVERY = pytest.mark.parametrize("name", HEADS)


@pytest.mark.parametrize("name", ["student_t", "counts", "mixture"])
def test_derivatives_of_cdf_and_quantile(name, x64):
    """Implicit where quantiles are found by bisection; those of counts do not move."""
    head = HEADS[name]
    theta = jnp.asarray(np.random.default_rng(3).normal(size=head.size))
    y = jnp.full(head.target_shape, 1.0)

    def both(theta, level):
        return jnp.stack([head.cdf(theta, y)[0], head.quantile(theta, level)[0]])

    level, compiled = jnp.array(0.7), jax.jit(both)
    jacobian, by_level = jax.jit(jax.jacrev(both, (0, 1)))(theta, level)
    steps = 1e-6 * np.eye(theta.size)
    moved = [compiled(theta + e, level) - compiled(theta - e, level) for e in steps]
    np.testing.assert_allclose(jacobian.T, np.array(moved) / 2e-6, atol=1e-7)
    if name == "counts":
        assert by_level[1] == 0
    else:
        density = jnp.exp(head.log_prob(theta, compiled(theta, level)[1:]))
        np.testing.assert_allclose(by_level[1], 1 / density, rtol=1e-10)


def test_derivative_by_a_floor(x64):
    def quantile(floor):
        head = heads.Mixture(heads.Gaussian(floor=floor), 1)
        return head.quantile(jnp.array([0.0, 0.3, 1.0]), 0.7)[0]

    wanted = (quantile(0.1 + 1e-6) - quantile(0.1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(quantile)(0.1), wanted, rtol=1e-8)


EDGES = np.array([-1e4, -100, -20, 0, 20, 100, 1e4], np.float32)


@EVERY
def test_at_the_edges_values_and_gradients_are_finite_and_right(name):
    """Floors reached, huge degrees of freedom, huge residuals, targets equal to the mean."""
    head = HEADS[name]
    rng = np.random.default_rng(0)
    theta = rng.choice(EDGES, (300, head.size))
    if head.discrete:
        largest = {"yes_or_no": 1, "classes": 2}.get(name, 100_000)
        y = np.minimum(rng.choice([0, 1, 2, 100, 100_000], 300), largest)
    else:
        y = rng.choice(np.array([0, 1e-6, 1, -20, 1e4, -1e8]), 300)
    y = y.reshape(300, *head.target_shape).astype(np.float32)

    def loss(theta):
        values = head.loss(theta, y)
        return values.sum(), values

    (_, values), gradient = jax.value_and_grad(loss, has_aux=True)(jnp.asarray(theta))
    assert np.isfinite(values).all() and np.isfinite(gradient).all()
    with jax.enable_x64(True):
        exact = head.loss(jnp.asarray(theta, float), jnp.asarray(y, float))
    # Of quantiles, what is asked is how far a target lies from numbers as large as 10,000.
    tolerance = 1e-3 if name == "quantile" else 1e-6
    np.testing.assert_allclose(values, exact, rtol=tolerance, atol=tolerance)


def test_a_gaussian_is_the_limit_of_student_t():
    theta = jnp.array([[0.3, 0.2, 1e9]])
    y = jnp.array([[1.5]])
    gaussian, student = heads.Gaussian(), heads.StudentT()
    for name in ("log_prob", "crps"):
        wanted = getattr(gaussian, name)(theta[:, :2], y)
        np.testing.assert_allclose(getattr(student, name)(theta, y), wanted, rtol=2e-6)


def test_components_far_away_and_impossible_ones():
    head = heads.Mixture(heads.Gaussian(), 3)
    theta = jnp.array([0.0, -jnp.inf, 1.0, 1e6, -1e4, 0.0, 0.0, -1e6, -1e4])
    value, gradient = jax.value_and_grad(lambda t: head.log_prob(t, jnp.zeros(1)))(theta)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[jnp.array([1, 4, 5])], 0)
    without = heads.Mixture(heads.Gaussian(), 2).log_prob(
        theta[jnp.array([0, 2, 3, 4, 7, 8])], [0.0]
    )
    np.testing.assert_allclose(value, without, rtol=1e-6)
    gap = jax.grad(lambda t: head.quantile(t, 0.5)[0])(theta)
    assert np.isfinite(gap).all()


@EVERY
def test_padding_under_jit(name):
    """What cannot be a target counts for nothing inside `jit`, and padding may hold anything."""
    head = HEADS[name]
    outputs = np.zeros((4, head.size), np.float32)
    outputs[2:] = np.nan
    y = np.zeros((4, *head.target_shape), np.float32)
    y[1] = -0.5 if head.discrete else 1
    y[2:] = np.nan
    where = jnp.array([True, True, False, False])

    @jax.jit
    def run(outputs, y):
        pair = objectives.reduce(head.loss, outputs, y, where=where)
        return pair.mean(), pair.weight

    (value, weight), gradient = jax.value_and_grad(run, has_aux=True)(jnp.asarray(outputs), y)
    assert weight == (1 if head.discrete else 2)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[2:], 0)
    if name in ("yes_or_no", "classes"):
        assert np.isnan(jax.jit(head.crps)(outputs[:2], y[:2])[1]).all()
        assert jax.jit(head.log_prob)(outputs[:2], y[:2])[1] == -jnp.inf


@pytest.mark.parametrize("name", ["gaussian", "classes", "mixture"])
def test_batches_and_transforms(name):
    """No axes in front, several, `vmap` and bfloat16 say the same."""
    head = HEADS[name]
    outputs = jax.random.normal(jax.random.key(0), (2, 3, head.size)).astype(jnp.bfloat16)
    y = jnp.ones((2, 3, *head.target_shape))

    def say(outputs, y):
        return head.cdf(outputs, y), head.mean(outputs), head.variance(outputs)

    whole = jax.jit(say)(outputs, y)
    apart = jax.jit(jax.vmap(jax.vmap(say)))(outputs.astype(jnp.float32), y)
    for values, alone in zip(whole, apart, strict=True):
        assert values.shape == (2, 3, *head.target_shape) and values.dtype == jnp.float32
        np.testing.assert_allclose(alone, values, rtol=1e-5)
    assert head.mean(outputs[:0]).shape == (0, 3, *head.target_shape)


def test_intervals_of_several_axes():
    head = heads.Gaussian(2)
    interval = head.interval(jnp.zeros((5, 3, 4)), jnp.array([[0.5, 0.8]]))
    assert interval.low.shape == interval.high.shape == (5, 3, 2, 1, 2)
