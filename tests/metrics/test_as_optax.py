"""A metric in the state of an optimizer."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import metrics, objectives

Z = 2 * jax.random.normal(jax.random.key(0), (4, 5, 3))
Y = jnp.arange(20).reshape(4, 5) % 3
WHERE = Y != 2
SCORES = metrics.collect(nll=metrics.nll(), accuracy=metrics.accuracy())


def test_it_folds_in_a_scan_and_leaves_the_updates_alone():
    optimizer = optax.chain(
        optax.clip(1.0), metrics.as_optax(SCORES), optax.contrib.reduce_on_plateau()
    )
    params = {"w": jnp.array([2.0, 0.5])}

    @jax.jit
    def run(state):
        def body(state, batch):
            outputs, targets, where = batch
            updates, state = optimizer.update(
                params, state, params, outputs=outputs, targets=targets, where=where, value=1.0
            )
            return state, updates

        return jax.lax.scan(body, state, (Z, Y, WHERE))

    with jax.numpy_dtype_promotion("standard"):  # optax's own
        state, updates = run(optimizer.init(params))
    np.testing.assert_array_equal(updates["w"], np.tile([[1.0, 0.5]], (4, 1)))
    got = SCORES.compute(optax.tree.get(state, "metric"))
    wanted = SCORES.compute(SCORES.update(SCORES.init(), Z, Y, where=WHERE))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, wanted)


def test_weights_reach_the_metric():
    optimizer, nll = metrics.as_optax(metrics.nll()), metrics.nll()
    state = optimizer.update((), optimizer.init(()), outputs=Z, targets=Y, weight=Y)[1]
    wanted = nll.update(nll.init(), Z, Y, weight=Y)
    jax.tree.map(np.testing.assert_array_equal, state.metric, wanted)


def test_what_is_missing_is_named():
    optimizer = metrics.as_optax(metrics.nll())
    with pytest.raises(TypeError, match=r"got no targets\. Pass them on: `optimizer.update"):
        optimizer.update((), optimizer.init(()), outputs=Z)
    with pytest.raises(TypeError, match="no outputs and no targets"):
        optimizer.update((), optimizer.init(()), value=1.0)
    with pytest.raises(TypeError, match="as_optax: metric must be a kind of `Metric`"):
        inspect.unwrap(metrics.as_optax)(objectives.CrossEntropy())
