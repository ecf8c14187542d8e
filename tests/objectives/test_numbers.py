"""A leaf that is one number is one where it is used: an array would be stretched over something."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.objectives import (
    ConfidencePenalty,
    CrossEntropy,
    EntropyTemperature,
    FocalCrossEntropy,
    SquaredError,
)

RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(4, 4, 4)).astype(np.float32), RNG.integers(0, 4, (4, 4))


def nll(objective):
    return lambda number: objective(number)(Z, Y)


def faded(decay):
    metric = metrics.ema(metrics.nll(), decay)
    return metric.compute(metric.update(metric.init(), Z, Y))


def temperature(target):
    held = EntropyTemperature(target=target)
    return held.temperature(held.update(held.init(), jnp.float32(0.5)))


def started(initial):
    held = EntropyTemperature(target=1.0, initial=initial)
    return held.temperature(held.init())


def scaled(number):
    return (number * SquaredError())(Z, 0 * Z)


USES = {
    "CrossEntropy: smoothing": nll(lambda number: CrossEntropy(smoothing=number)),
    "FocalCrossEntropy: gamma": nll(lambda number: FocalCrossEntropy(gamma=number)),
    "ConfidencePenalty: threshold": nll(lambda number: ConfidencePenalty(threshold=number)),
    "Scaled: factor": scaled,
    "ema: decay": faded,
    "EntropyTemperature: target": temperature,
    "EntropyTemperature: initial": started,
}


@pytest.mark.parametrize("who", USES)
def test_an_array_is_refused_where_one_number_is_meant(who, as_users_run_it):
    """As large as the classes, the batch and the steps, so that nothing else would stop it."""
    use = USES[who]
    several = jnp.array([0.1, 0.2, 0.3, 0.4])
    for shape in ((4,), (1,), (4, 1)):
        numbers = jnp.resize(several, shape)
        says = rf"{who} must be one number, got an array \(.*vm"
        for run in (use, jax.jit(use)):
            with pytest.raises(ValueError, match=says), jax.numpy_rank_promotion("allow"):
                run(numbers)
    swept = jax.vmap(use)(several)
    for number, row in zip(several, swept, strict=True):
        np.testing.assert_allclose(row, use(number), rtol=1e-5)
