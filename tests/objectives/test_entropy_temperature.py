"""The temperature that holds an entropy at its target."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn.objectives import Entropy, EntropyTemperature, as_objective, reduce

REWARDS = np.array([1.0, 0.5, 0.0, -0.5, -1.0])
TARGETS = np.array([0.3, 0.8, 1.4])


def regret(outputs, targets):
    return -jax.nn.softmax(outputs) @ jnp.asarray(REWARDS, outputs.dtype)


def entropy_at(temperature):
    p = np.exp(REWARDS / temperature)
    p /= p.sum()
    return -(p * np.log(p)).sum()


def test_a_policy_reaches_its_target_entropy():
    """The best policy at a temperature t is softmax(rewards / t), so the target says which t."""
    loss, steps = as_objective(regret), 2000

    def train(target):
        held = EntropyTemperature(target, optimizer=optax.sgd(0.3))

        def body(state, _):
            z, dual = state

            def total(z):
                objective = loss - held.temperature(dual) * Entropy()
                return reduce(objective, z, None).mean()

            z -= jax.grad(total)(z)
            dual = held.update(dual, reduce(Entropy(), z, None).mean())
            return (z, dual), None

        (z, dual), _ = jax.lax.scan(body, (jnp.zeros((1, 5)), held.init()), length=steps)
        return reduce(Entropy(), z, None).mean(), held.temperature(dual)

    entropies, temperatures = jax.jit(jax.vmap(train))(jnp.array(TARGETS, jnp.float32))
    np.testing.assert_allclose(entropies, TARGETS, atol=1e-4)
    np.testing.assert_allclose([entropy_at(t) for t in temperatures], TARGETS, atol=3e-3)


def test_one_step(x64):
    """Plain descent: the logarithm moves by rate * (target - H), from that of the initial."""
    held = EntropyTemperature(1.0, initial=0.5, optimizer=optax.sgd(0.1))
    state = held.init()
    np.testing.assert_allclose(held.temperature(state), 0.5, rtol=1e-15)
    np.testing.assert_allclose(
        held.temperature(held.update(state, 0.25)), 0.5 * np.exp(0.1 * 0.75), rtol=1e-15
    )
    assert jax.grad(lambda target: held.temperature(EntropyTemperature(target).init()))(1.0) == 0


def test_by_default_the_logarithm_moves_by_the_step_of_the_paper():
    held = EntropyTemperature(1.0)
    state = held.update(held.init(), jnp.float32(0.25))
    np.testing.assert_allclose(state.log_temperature, 3e-4, rtol=1e-4)
    assert state.log_temperature.dtype == jnp.float32


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: EntropyTemperature(np.nan), ValueError, "target must be finite, got nan"),
        (lambda: EntropyTemperature(1.0, 0.0), ValueError, "initial must be positive .* got 0.0"),
        (lambda: EntropyTemperature(1.0, optimizer="adam"), TypeError, "optax .* got 'adam'"),
        (
            lambda: EntropyTemperature(1.0).update(EntropyTemperature(1.0).init(), np.ones(3)),
            ValueError,
            r"a scalar, got float32\[3\]. Reduce it",
        ),
    ],
)
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=says):
        call()
