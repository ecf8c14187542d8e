"""Objectives that read padding as it is: nothing of it leaks, and XLA computes logits once."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.objectives import Accuracy, CrossEntropy, Entropy, ZLoss, reduce

RNG = np.random.default_rng(3)
Z, DZ = RNG.normal(size=(2, 4, 3, 6)).astype(np.float32)
LABELS = RNG.integers(0, 6, (4, 3))
ROWS = np.asarray(jax.nn.softmax(RNG.normal(size=(4, 3, 6)).astype(np.float32)))
WHERE = RNG.random((4, 3)) < 0.6
ALL = CrossEntropy(smoothing=0.1) - 0.5 * Entropy() + 0.1 * ZLoss() + Accuracy() + CrossEntropy()


def spoiled(x, number):
    return np.where(WHERE[..., None], x, np.asarray(number, x.dtype))


def mean(objective, z, targets):
    return reduce(objective, z, targets, where=WHERE).mean()


def forward(objective, z, targets, dz):
    return jax.jvp(lambda z: mean(objective, z, targets), (z,), (dz,))


def reverse(objective, z, targets, dz):
    """Of the numbers of the objective, of the outputs and of floating targets."""
    labels = jnp.issubdtype(targets.dtype, jnp.integer)
    argnums = (0, 1) if labels else (0, 1, 2)
    return jax.grad(mean, argnums)(objective, z, targets)


def forward_over_reverse(objective, z, targets, dz):
    return jax.jvp(lambda z: jax.grad(mean, 1)(objective, z, targets), (z,), (dz,))


def reverse_over_forward(objective, z, targets, dz):
    return jax.grad(lambda z: forward(objective, z, targets, dz)[1])(z)


def reverse_over_reverse(objective, z, targets, dz):
    def slope(z):
        gradient = jax.grad(mean, 1)(objective, z, targets)
        return jnp.vdot(jnp.nan_to_num(dz, posinf=0, neginf=0), gradient)

    return jax.grad(slope)(z)


@pytest.mark.parametrize("targets", [LABELS, ROWS], ids=["labels", "rows"])
@pytest.mark.parametrize(
    "derivative",
    [forward, reverse, forward_over_reverse, reverse_over_forward, reverse_over_reverse],
)
def test_nothing_of_the_padding_reaches_a_derivative(derivative, targets):
    found = jax.jit(derivative)
    wanted = found(ALL, Z, targets, DZ)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(wanted))
    for number in (np.nan, np.inf, -np.inf):
        got = found(ALL, spoiled(Z, number), targets, spoiled(DZ, number))
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7), got, wanted)


def exponentials(loss, scores, where, of):
    """How many of about the size of the logits a step computes."""

    def step(z, state):
        value, gradient = jax.value_and_grad(lambda z: reduce(loss, z, LABELS, where=where).mean())(
            z
        )
        return value, gradient, scores.update(state, z, LABELS, where=where)

    program = jax.jit(step).lower(of, scores.init()).compile().as_text()
    shapes = re.findall(r"f32\[([\d,]+)\]\S* exponential\(", program)
    return sum(np.prod([*map(int, shape.split(","))]) > of.size / 2 for shape in shapes)


@pytest.mark.parametrize("where", [None, WHERE], ids=["all", "masked"])
def test_metrics_beside_a_loss_read_no_logits_anew(where):
    scores = metrics.collect(
        nll=metrics.nll(),
        accuracy=metrics.accuracy(),
        entropy=metrics.entropy(),
        perplexity=metrics.perplexity(),
    )
    z = RNG.normal(size=(4, 3, 600)).astype(np.float32)
    alone = exponentials(CrossEntropy(), metrics.collect(), where, z)
    assert alone == exponentials(CrossEntropy(), scores, where, z) == 2
