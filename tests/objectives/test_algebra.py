"""Nouns that combine: functions, sums, weights, pairs."""

import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import (
    Accuracy,
    CrossEntropy,
    Entropy,
    Objective,
    SquaredError,
    Weighted,
    as_objective,
    reduce,
)

Z = jax.random.normal(jax.random.key(0), (3, 2, 4))
Y = jnp.array([[0, 1], [2, 3], [3, 0]])


def distance(outputs, targets):
    return jnp.linalg.norm(outputs - targets, axis=-1)


def log_likelihood(outputs, targets):
    return jnp.log(outputs[..., 0])


class Doubly(Objective):
    """Counts the first feature's steps twice: an objective that weighs."""

    def values(self, outputs, targets):
        return outputs[..., 0]

    def weight(self, outputs, targets, where=None):
        twice = 2 * jnp.ones(outputs.shape[:-1])
        return twice if where is None else jnp.where(where, twice, 0)


def test_functions_stand_where_objectives_do():
    targets = Z[::-1]
    np.testing.assert_array_equal(as_objective(distance)(Z, targets), distance(Z, targets))
    loss = SquaredError() + distance
    np.testing.assert_allclose(
        loss(Z, targets), SquaredError()(Z, targets) + distance(Z, targets), rtol=1e-6
    )
    loss = distance - 0.5 * SquaredError()
    np.testing.assert_allclose(
        loss(Z, targets), distance(Z, targets) - 0.5 * SquaredError()(Z, targets), rtol=1e-6
    )
    assert reduce(distance, Z, targets).weight == 6


@pytest.mark.parametrize("number", [4, 4.0, np.float32(4), jnp.float32(4)])
def test_objectives_divide_by_a_number(number):
    np.testing.assert_array_equal((SquaredError() / number)(Z, 0 * Z), SquaredError()(Z, 0 * Z) / 4)


def test_outputs_that_are_a_tree_may_give_values_of_any_leading_shape():
    def difference(outputs, targets):
        return outputs["ahead"] - outputs["behind"]

    pair = {"ahead": Z[..., 0], "behind": Z[..., 1]}
    np.testing.assert_array_equal(as_objective(difference)(pair, None), Z[..., 0] - Z[..., 1])


def divergence(outputs, targets):
    return jnp.sum(targets * jnp.log(targets / outputs), -1)


@pytest.mark.parametrize("function", [distance, log_likelihood, divergence])
def test_masked_steps_are_harmless_to_common_functions(function):
    """Norms, logarithms and ratios have no finite derivative at 0, where padding often stands."""
    where = jnp.array([[True, False]] * 3)
    outputs = jnp.where(where[..., None], jnp.abs(Z), 0)
    targets = 2 * outputs
    gradient = jax.grad(lambda z: reduce(function, z, targets, where=where).mean())(outputs)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[:, 1], 0)


def test_a_label_out_of_range_weighs_nothing_inside_jit():
    labels = Y.at[0, 0].set(-1).at[2, 1].set(4)
    kept = jnp.ones((3, 2), bool).at[0, 0].set(False).at[2, 1].set(False)
    spoiled = jnp.where(kept[..., None], Z, jnp.nan)
    for objective in (CrossEntropy(), CrossEntropy() - 0.1 * Entropy(), Accuracy()):
        run = jax.jit(jax.value_and_grad(lambda z, o, y: reduce(o, z, y).mean()))
        value, gradient = run(spoiled, objective, labels)
        wanted = reduce(objective, Z, Y, where=kept)
        assert jax.jit(reduce)(objective, Z, labels).weight == wanted.weight == 4
        np.testing.assert_allclose(value, wanted.mean(), rtol=1e-6)
        np.testing.assert_array_equal(gradient[~kept], 0)


def test_weights_multiply_sums_and_counts():
    where = jnp.array([[True, False]] * 3)
    got = reduce(Doubly(), Z, None, where=where)
    assert got.weight == 6
    np.testing.assert_allclose(got.sum, 2 * Z[:, 0, 0].sum(), rtol=1e-6)
    np.testing.assert_allclose(got.mean(), Z[:, 0, 0].mean(), rtol=1e-6)
    assert reduce(Doubly() + CrossEntropy(), Z, Y, where=where).weight == 6


def test_the_sum_of_pairs():
    assert sum([Weighted(8.0, 2.0), Weighted(1.0, 1.0)]) == Weighted(9.0, 3.0)
    with pytest.raises(TypeError):
        1 + Weighted(8.0, 2.0)


def test_a_mean_of_sums_is_not_a_mean_of_means():
    """Transformers 24725 and its kin: one token at ln 100 beside 99 at 0 is a mean of 0.046."""
    pair = Weighted(jnp.log(100.0), jnp.float32(1)) + Weighted(jnp.float32(0), jnp.float32(99))
    np.testing.assert_allclose(jnp.exp(pair.mean()), 1.0471285, rtol=1e-6)
    total = jax.vmap(lambda w: jax.lax.psum(w, "d").mean(), axis_name="d")(
        Weighted(jnp.log(jnp.array([100.0, 1.0])), jnp.array([1.0, 99.0]))
    )
    np.testing.assert_allclose(jnp.exp(total), 1.0471285, rtol=1e-6)


def test_another_weight_does_not_trace_again():
    @jax.jit
    @chex.assert_max_traces(n=1)
    def loss(objective):
        return reduce(objective, Z, Y).mean()

    first = loss(CrossEntropy(smoothing=0.05) - 0.01 * Entropy())
    second = loss(CrossEntropy(smoothing=0.1) - 0.5 * Entropy())
    assert first != second
    chex.clear_trace_counter()


def test_repr_and_pickle():
    loss = CrossEntropy(smoothing=0.05) - 0.01 * Entropy() + distance
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert eval(repr(CrossEntropy(smoothing=0.05))) == CrossEntropy(smoothing=0.05)
    assert "Function(function=distance)" in repr(loss)


def test_a_numpy_mask_is_a_mask():
    where = np.array([[True, False]] * 3)
    np.testing.assert_array_equal(
        CrossEntropy()(Z, np.asarray(Y), where=where), CrossEntropy()(Z, Y, where=jnp.array(where))
    )
