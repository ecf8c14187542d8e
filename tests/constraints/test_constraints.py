"""Constraints hold whatever training does, start from what was drawn, and cost no step anything."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, constraints, networks, unroll
from jaxrnn.constraints import (
    Cayley,
    Frozen,
    Householder,
    LowRank,
    Masked,
    Orthogonal,
    Shifted,
    Signed,
    Sparse,
    SpectrallyBounded,
    Summed,
    WeightNormalised,
)

ROWS, COLUMNS = 4, 8
MASK = np.random.default_rng(0).random((ROWS, COLUMNS)) < 0.5
DRAWN = np.random.default_rng(1).normal(size=(ROWS, COLUMNS))
TARGET = np.random.default_rng(2).normal(size=(ROWS, COLUMNS))


def near(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def orthogonal(value, start):
    for block in np.split(value, COLUMNS // ROWS, axis=1):
        near(block @ block.T, np.eye(ROWS))


def bounded(value, start):
    assert np.linalg.norm(value, 2) <= 0.7 * (1 + 1e-12)


def normalised(value, start):
    near(start, DRAWN)


def of_rank_two(value, start):
    near(np.linalg.svd(value)[1][2:], 0)
    left, values, right = np.linalg.svd(DRAWN, full_matrices=False)
    near(start, left[:, :2] * values[:2] @ right[:2])


def sparse(value, start):
    np.testing.assert_array_equal(value != 0, start != 0)
    assert (start != 0).sum() == 8
    near(start[start != 0], 2 * DRAWN[start != 0])


def masked(value, start):
    np.testing.assert_array_equal(value != 0, MASK)
    near(start, np.where(MASK, DRAWN, 0))


def signed(value, start):
    assert (value[:3] >= 0).all() and (value[3:] <= 0).all()
    near(np.abs(start), np.abs(DRAWN))


def shifted(value, start):
    near(start, DRAWN)


def summed(value, start):
    np.testing.assert_array_equal(start, DRAWN)


def frozen(value, start):
    np.testing.assert_array_equal(value, DRAWN)


HOLDS = {
    "cayley": (Orthogonal(Cayley()), orthogonal),
    "householder": (Orthogonal(Householder()), orthogonal),
    "spectrally_bounded": (SpectrallyBounded(0.7), bounded),
    "weight_normalised": (WeightNormalised(), normalised),
    "low_rank": (LowRank(2), of_rank_two),
    "sparse": (Sparse(0.25), sparse),
    "masked": (Masked(MASK), masked),
    "signed": (Signed(0.75), signed),
    "shifted": (Shifted(0.5), shifted),
    "summed": (Summed(3), summed),
    "frozen": (Frozen(), frozen),
}


def test_they_hold_after_training(x64):
    """With weight decay, told what is held."""
    optimizer = optax.adamw(0.1, weight_decay=0.1, mask=constraints.trainable)

    @jax.jit
    def trained(drawn):
        results = {}
        for name, (constraint, _) in HOLDS.items():

            def loss(free, constraint=constraint):
                return ((constraint.value(free) - TARGET) ** 2).sum()

            def step(state, _, loss=loss):
                free, memory = state
                value, gradient = jax.value_and_grad(loss)(free)
                with jax.numpy_dtype_promotion("standard"):  # optax mixes types
                    updates, memory = optimizer.update(gradient, memory, free)
                return (optax.apply_updates(free, updates), memory), value

            free = constraint.init(jax.random.key(0), drawn)
            (last, _), losses = jax.lax.scan(step, (free, optimizer.init(free)), length=20)
            results[name] = constraint.value(free), constraint.value(last), losses
        return results

    for name, (start, value, losses) in trained(jnp.asarray(DRAWN)).items():
        HOLDS[name][1](np.asarray(value), np.asarray(start))
        assert losses[-1] == losses[0] if name == "frozen" else losses[-1] < 0.95 * losses[0], name


@pytest.mark.parametrize("map", [Cayley(), Householder()])
def test_orthogonal_matrices_are_kept(map, x64):
    """Of either determinant, and those that Cayley's transform alone does not reach."""
    turned, _ = np.linalg.qr(DRAWN[:, :ROWS])
    mirrored = turned * np.array([-1.0, 1, 1, 1])
    given = np.concatenate([turned, mirrored, -np.eye(ROWS), np.eye(ROWS)], axis=1)
    constraint = Orthogonal(map)
    free = constraint.init(jax.random.key(0), jnp.asarray(given))
    near(constraint.value(free), given)
    assert all(np.abs(leaf).max() < 1 + 1e-12 for leaf in jax.tree.leaves(free))
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), free)
    assert constraint.value(narrow).dtype == jnp.bfloat16


def test_gradients_exist_at_every_edge(x64):
    """Equal singular values, units and vectors of 0, weights of 0."""
    for constraint, free in [
        (SpectrallyBounded(0.5), constraints.SpectrallyBoundedParams(jnp.eye(3))),
        (SpectrallyBounded(0.5), constraints.SpectrallyBoundedParams(jnp.zeros((3, 3)))),
        (
            WeightNormalised(),
            constraints.WeightNormalisedParams(jnp.zeros((3, 2)), jnp.ones(2)),
        ),
        (
            Orthogonal(Householder()),
            constraints.HouseholderParams(jnp.zeros((1, 3, 3)), constraints.Held(jnp.ones((1, 3)))),
        ),
        (Signed(), constraints.SignedParams(jnp.zeros((3, 3)))),
    ]:
        gradient = jax.jit(jax.grad(lambda free, c=constraint: c.value(free).sum()))(free)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient)), constraint
    assert (gradient.magnitude != 0).all()  # of signed weights of 0


def test_a_bias_in_two_parts_has_two_gradients(x64):
    free = constraints.SummedParams(jnp.arange(3.0), jnp.ones(2))
    weight = jnp.array([1.0, 2.0, 4.0])
    gradient = jax.grad(lambda free: (Summed(2).value(free) * weight).sum())(free)
    np.testing.assert_array_equal(gradient.first, weight)
    np.testing.assert_array_equal(gradient.second, weight[:2])


def test_a_constrained_cell_is_the_cell_with_other_parameters(x64, key):
    inside = cells.LearnedCarry(cells.GRU(3, 4))
    cell = cells.Constrained(inside, "recurrent", Orthogonal())
    assert cell.kind is inside.kind
    params = jax.jit(cell.init)(key)
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 3)))

    @jax.jit
    def results(params):
        def loss(run, params):
            ys = run(params)[1]
            return (ys**2).sum(), ys

        def through(params):
            return unroll(cell, params, xs)

        def apart(params):
            return unroll(inside, cell.resolve(params)[1], xs)

        _, y = cell.step(params, cell.carry(params, (2,)), xs[0])
        each = [
            jax.value_and_grad(partial(loss, run), has_aux=True)(params) for run in (through, apart)
        ]
        return each, y

    (got, wanted), y = results(params)
    assert cell.resolve(params)[0] == inside
    jax.tree.map(near, got, wanted)
    near(y, got[0][1][0])


def test_they_nest(x64, key):
    """Dale's law over a sparse matrix, whose spectral norm is bounded and whose mask is held."""
    cell = cells.Constrained(cells.Leaky(3, 10), "recurrent", SpectrallyBounded(0.5))
    cell = cells.Constrained(cell, "recurrent.weight", Sparse(0.3))
    cell = cells.Constrained(cell, "values", Signed(0.8))
    params = jax.jit(cell.init)(key)
    recurrent = jax.jit(lambda params: cell.resolve(params)[1].recurrent)(params)
    assert (recurrent != 0).sum() == 30
    assert (recurrent[:8] >= 0).all() and (recurrent[8:] <= 0).all()
    assert jnp.linalg.norm(recurrent, 2) <= 0.5 + 1e-12
    flags = constraints.trainable(params)
    assert flags.recurrent.weight.values.magnitude and not flags.recurrent.weight.mask.value


def test_a_constrained_network_trains_saves_and_streams(key, tmp_path):
    network = networks.stack(networks.Recurrent(cells.GRU(3, 4)), networks.Dense(4, 2))
    network = networks.Constrained(network, "kernel", WeightNormalised())
    network = networks.Constrained(network, "0.recurrent", Frozen())
    params, xs = jax.jit(network.init)(key), np.ones((5, 2, 3), np.float32)
    networks.save(tmp_path / "network.safetensors", params)
    loaded = networks.load(tmp_path / "network.safetensors", like=params)
    jax.tree.map(np.testing.assert_array_equal, loaded, params)

    @jax.jit
    def results(params):
        def loss(params):
            ys = network.apply(params, xs)[1]
            return (ys**2).sum(), ys

        return jax.grad(loss, has_aux=True)(params), network.step(params, None, xs[0])[1]

    (gradient, ys), y = results(params)
    np.testing.assert_allclose(y, ys[0], rtol=1e-5, atol=1e-6)
    assert not gradient[0].recurrent.value.any()
    assert gradient[1].kernel.scale.all() and gradient[0].kernel.direction.any()


def test_wrong_calls(as_users_run_it, key):
    elman = cells.Elman(3, 4)
    names = r"There are kernel \(3, 4\), recurrent \(4, 4\), bias \(4,\)\."
    for make in (
        lambda: cells.Constrained(elman, "weights", Frozen()),
        lambda: cells.Constrained(elman, lambda path, leaf: leaf.ndim > 2, Frozen()),
        lambda: networks.Constrained(networks.Recurrent(elman), "weights", Frozen()),
    ):
        with pytest.raises(ValueError, match=f"Constrained: where must be the name .*{names}"):
            make()
    for constraint, says in [
        (Orthogonal(), r"Orthogonal: it constrains square blocks .* shape \(3, 4\)"),
        (LowRank(4), r"LowRank: rank must be at most 3 .*, got 4"),
        (Masked(jnp.ones((2, 2))), r"Masked: mask must have the shape .*\(3, 4\), got \(2, 2\)"),
        (Summed(5), r"Summed: size must be at most 4 .* shape \(3, 4\), got 5"),
        (Shifted(jnp.ones(3)), r"Shifted: shift must .* \(3, 4\), got \(3,\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            cells.Constrained(elman, "kernel", constraint)
    for constraint in (Orthogonal(), LowRank(1), SpectrallyBounded(), WeightNormalised(), Signed()):
        with pytest.raises(ValueError, match=r"it constrains matrices, got .* shape \(4,\)"):
            cells.Constrained(elman, "bias", constraint)
    for make in (Sparse, SpectrallyBounded, Signed, LowRank, Summed):
        with pytest.raises(ValueError, match=r"must be .*, got -1"):
            make(-1)
