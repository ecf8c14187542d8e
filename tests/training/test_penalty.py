"""Penalties of parameters and activities: their numbers, their algebra, and in training."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, networks, objectives, training
from jaxrnn.objectives import L1, L2

PARAMS = {
    "kernel": np.array([[0.5, -2.0], [0.0, 1.0]]),
    "bias": np.array([3.0, -1.0]),
    "norm": {"scale": np.ones(2)},
}
NETWORK = networks.WithHidden(networks.Recurrent(cells.Elman(2, 3)), networks.Dense(3, 1))


def named_bias(path, leaf):
    return path.endswith("bias")


def every(path, leaf):
    return True


def predictions(outputs, targets):
    return outputs.outputs, targets


def hidden(outputs, targets):
    return outputs.hidden, targets


def double(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 3, 1))


def test_numbers_of_parameters(x64):
    params = double(PARAMS)
    assert float(L1()(params)) == 3.5 and float(L2()(params)) == 5.25
    assert float(L1(where=named_bias)(params)) == 4
    assert float(L2(where=every)(params)) == 5.25 + 10 + 2
    complex_ = {"kernel": jnp.array([[3 + 4j]])}
    assert float(L1()(complex_)) == 5 and float(L2()(complex_)) == 25


def test_algebra_and_gradients(x64):
    params = double(PARAMS)
    built = 2 * L1() - L2(where=named_bias) / 4 + -(3 * (L2() + L1()))
    wanted = 2 * 3.5 - 10 / 4 - 3 * (5.25 + 3.5)
    np.testing.assert_allclose(built(params), wanted, rtol=1e-15)
    gradient = jax.grad(np.float64(0.5) * L2() + L1())(params)
    w = PARAMS["kernel"]
    np.testing.assert_allclose(gradient["kernel"], w + np.sign(w), rtol=1e-15)  # at 0 it is 0
    assert not gradient["bias"].any() and not gradient["norm"]["scale"].any()
    of_weights = jax.grad(lambda penalty: penalty(params))(2.0 * L1() + 3.0 * L2())
    assert [float(weight) for weight in of_weights.weights] == [3.5, 5.25]
    swept = jax.vmap(lambda weight: (weight * L2() + L1())(params))(jnp.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(swept, 3.5 + 5.25 * np.arange(3), rtol=1e-15)


def test_narrow_parameters_are_added_in_float32():
    params = {"kernel": jnp.full((1000, 10), 0.01, jnp.bfloat16)}
    value = L2()(params)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, 1e4 * float(params["kernel"][0, 0]) ** 2, rtol=1e-5)


def test_what_does_not_fit(as_users_run_it):
    with pytest.raises(ValueError, match=r"L2: where chooses none .* are: bias \(2,\)"):
        L2()({"bias": PARAMS["bias"]})
    with pytest.raises(TypeError, match=r"a penalty of parameters .* `Trainer\(\.\.\., penalty="):
        objectives.SquaredError() + L2()
    with pytest.raises(TypeError, match="a penalty of parameters"):
        L2() + objectives.SquaredError()
    with pytest.raises(TypeError):
        L1() * L2()
    with pytest.raises(ValueError, match="one weight for each of its terms, got 1 for 0"):
        objectives.WeightedPenalties((), (1.0,))
    with pytest.raises(ValueError, match="weight must be one number"):
        (np.ones(2) * L2())(PARAMS)
    with pytest.raises(TypeError, match="Trainer: penalty must be"):
        training.Trainer(networks.Dense(2, 1), objectives.SquaredError(), optax.sgd(0.1), penalty=1)


def test_half_l2_under_sgd_is_weight_decay(batch, x64):
    network, loss = networks.Dense(2, 1), objectives.SquaredError()
    mask = networks.DenseParams(kernel=True, bias=False)
    decay = optax.chain(optax.add_decayed_weights(0.3, mask=mask), optax.sgd(0.1))
    decayed = training.Trainer(network, loss, decay)
    penalised = training.Trainer(network, loss, optax.sgd(0.1), penalty=0.15 * L2())
    start = decayed.init(jax.random.key(0))
    params = double(start.params)
    step = jax.jit(training.Trainer.step)
    one, _ = step(decayed, start._replace(params=params, opt_state=decay.init(params)), batch)
    other, report = step(
        penalised, penalised.init(jax.random.key(0))._replace(params=params), batch
    )
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12, rtol=0)
    np.testing.assert_allclose(report.penalty, 0.15 * (params.kernel**2).sum(), rtol=1e-12)
    alone = ((network.apply(params, batch[0])[1] - batch[1]) ** 2).mean()
    np.testing.assert_allclose(report.loss, alone, rtol=1e-12)  # without the penalty


def test_a_sweep_of_weights_in_one_program(batch):
    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), batch)

    def norm_after(weight):
        trainer = training.Trainer(
            networks.Dense(2, 1), objectives.SquaredError(), optax.sgd(0.1), penalty=weight * L2()
        )
        state, _ = jax.lax.scan(
            lambda state, _: trainer.step(state, batch), trainer.init(jax.random.key(0)), length=50
        )
        return jnp.sum(state.params.kernel**2)

    norms = jax.jit(jax.vmap(norm_after))(jnp.array([0.0, 0.1, 1.0]))
    assert norms[0] > norms[1] > norms[2]


def test_fit_reports_the_penalty(batch):
    batch = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), batch)
    trainer = training.Trainer(
        networks.Dense(2, 1), objectives.SquaredError(), optax.sgd(0.0), penalty=0.5 * L2()
    )
    key = jax.random.key(0)
    given = {"steps": 3, "every": 3, "key": key, "progress": None}
    row = training.fit(trainer, [batch], **given).history[0]
    kernel = trainer.init(key).params.kernel
    np.testing.assert_allclose(row["train/penalty"], 0.5 * (kernel**2).sum(), rtol=1e-6)


def test_activities_of_hidden_states_reach_the_parameters(batch, x64):
    params = double(NETWORK.init(jax.random.key(0)))
    loss = (
        objectives.map_inputs(objectives.SquaredError(), predictions)
        + 0.5 * objectives.map_inputs(objectives.ActivityL2(), hidden)
        + 0.25 * objectives.map_inputs(objectives.ActivityL1(), hidden)
        + 2.0 * objectives.map_inputs(objectives.TemporalActivityL2(), hidden)
    )
    mask = np.array([[True] * 3, [True] * 3, [True, False, True], [True, False, False]])

    def minimised(params, xs, mask):
        outputs = NETWORK.apply(params, xs, mask=mask)[1]
        return objectives.reduce(loss, outputs, batch[1], where=mask).mean()

    _, h = NETWORK.body.apply(params["body"], batch[0], mask=mask)
    h = np.asarray(h)
    change = np.concatenate([np.zeros((1, 3)), (np.diff(h, axis=0) ** 2).mean(-1)])
    y = np.asarray(NETWORK.readout.apply(params["readout"], h)[1])
    each = ((y - batch[1]) ** 2).mean(-1) + 0.5 * (h**2).mean(-1) + 0.25 * abs(h).mean(-1)
    wanted = (each + 2 * change)[mask].mean()
    spoiled = np.where(mask[..., None], batch[0], np.nan)
    gradient = jax.jit(jax.value_and_grad(minimised))
    clean, dirty = (gradient(params, xs, mask) for xs in (batch[0], spoiled))
    np.testing.assert_allclose(clean[0], wanted, rtol=1e-12)
    for a, b in zip(jax.tree.leaves(clean), jax.tree.leaves(dirty), strict=True):
        assert np.isfinite(a).all() and (a == b).all()
    assert not loss.stepwise


def test_with_hidden_is_a_stack_that_shows_more(batch):
    xs = jnp.asarray(batch[0], jnp.float32)
    params = NETWORK.init(jax.random.key(0))
    stack = networks.stack(body=NETWORK.body, readout=NETWORK.readout)
    outputs = NETWORK.apply(params, xs)[1]
    _, wanted = stack.apply(params, xs)
    np.testing.assert_array_equal(outputs.outputs, wanted)
    assert outputs.hidden.shape == (4, 3, 3)
    last = NETWORK.step(params, NETWORK.carry(params, (3,)), xs[0])[1]
    np.testing.assert_allclose(last.outputs, wanted[0], rtol=1e-6)
    np.testing.assert_allclose(last.hidden, outputs.hidden[0], rtol=1e-6)
    with pytest.raises(ValueError, match="WithHidden: the readout pools"):
        networks.WithHidden(NETWORK.body, networks.LastPool())
    with pytest.raises(ValueError, match="`readout` takes 4 inputs, layer `body` gives 3"):
        networks.WithHidden(NETWORK.body, networks.Dense(4, 1))
    pooled = networks.WithHidden(networks.stack(NETWORK.body, networks.LastPool()), NETWORK.readout)
    rows = training.predict(pooled, pooled.init(jax.random.key(0)), xs)
    assert rows.outputs.shape == (3, 1) and rows.hidden.shape == (3, 3) and pooled.pools


def test_map_inputs_needs_a_pair():
    with pytest.raises(TypeError, match="map_inputs: the function must give a pair"):
        objectives.map_inputs(objectives.Entropy(), _first)(jnp.zeros((2, 3)), None)


def _first(outputs, targets):
    return outputs
