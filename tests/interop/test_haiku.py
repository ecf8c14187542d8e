"""Weights of haiku, and jaxrnn inside its functions, held to the library itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, interop, networks
from tests.quick import some_of

hk = pytest.importorskip("haiku")

CORES = {
    "vanilla": lambda: hk.VanillaRNN(3),
    "one_bias": lambda: hk.VanillaRNN(3, double_bias=False),
    "lstm": lambda: hk.LSTM(3),
    "gru": lambda: hk.GRU(3),
    "deep": lambda: hk.DeepRNN([hk.LSTM(3), jnp.tanh, hk.LSTM(2), hk.Linear(4)]),
}


@pytest.mark.parametrize("kind", some_of(CORES, {"lstm", "gru"}))
def test_the_numbers_of_its_cores(kind, x64, key):
    made = []

    def model(xs):
        core = CORES[kind]()
        made.append(interop.haiku.network(core, xs.shape[-1]))
        return hk.dynamic_unroll(core, xs, core.initial_state(xs.shape[1]))[0]

    model = hk.without_apply_rng(hk.transform(model))
    xs = jax.random.normal(key, (5, 2, 2), jnp.float64)
    weights = jax.tree.map(  # of float64, and no zeros
        lambda leaf: jax.random.normal(key, leaf.shape, jnp.float64), model.init(key, xs)
    )
    network = made[0]
    params = interop.haiku.load(network, weights)
    jax.tree.map(np.testing.assert_array_equal, interop.haiku.dump(network, params), weights)

    def graded(run):
        def loss(weights, xs):
            ys = run(weights, xs)
            return (jnp.cos(ys) * jnp.arange(float(ys.size)).reshape(ys.shape)).sum(), ys

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))

    (_, wanted), gradients = graded(model.apply)(weights, xs)
    (_, got), mine = graded(lambda params, xs: network.apply(params, xs)[1])(params, xs)
    near = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(got, wanted, **near)
    np.testing.assert_allclose(mine[1], gradients[1], **near)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **near),
        interop.haiku.dump(network, mine[0]),
        gradients[0],
    )


def test_a_plain_cell_has_the_forget_bias_in_its_bias():
    rng = np.random.default_rng(0)
    arrays = {"w": rng.normal(size=(5, 12)).astype("f"), "b": rng.normal(size=12).astype("f")}
    network = networks.stack(networks.Recurrent(cells.LSTM(2, 3)), networks.Dense(3, 1))
    readout = {"w": np.ones((3, 1), "f"), "b": np.ones(1, "f")}
    weights = {"net/~/lstm/linear": arrays, "net/~/linear": readout, "other": readout}
    params = interop.haiku.load(network, weights, prefix="net/~/")
    np.testing.assert_array_equal(params[0].bias[3:6], arrays["b"][6:9] + 1)
    back = interop.haiku.dump(network, params, prefix="net/~/")
    assert list(back) == ["net/~/lstm/linear", "net/~/linear"]
    np.testing.assert_allclose(back["net/~/lstm/linear"]["b"], arrays["b"], atol=1e-6)


def test_wrong_calls():
    with pytest.raises(
        ValueError, match=r"gru.w_i \[2, 9\] is missing; .*lstm/linear.w.* \[5, 12\] is left over"
    ):
        interop.haiku.load(
            cells.ResetBeforeGRU(2, 3), {"lstm/linear": {"w": np.ones((5, 12), "f")}}
        )
    for cell in (cells.GRU(2, 3), cells.Elman(2, 3), cells.LSTM(2, 3, use_bias=False)):
        with pytest.raises(TypeError, match=r"haiku: .* has no counterpart there"):
            interop.haiku.load(cell, {})
    for wrong in (None, 3, [1.0]):
        with pytest.raises(TypeError, match="weights must be a mapping"):
            interop.haiku.load(cells.LSTM(2, 3), wrong)
    for wrong in (None, object()):
        with pytest.raises(TypeError, match=r"haiku\.network: .* has no counterpart in jaxrnn"):
            interop.haiku.network(wrong, 2)
