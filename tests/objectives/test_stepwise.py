"""Objectives whose steps depend on each other, and what must not take their steps apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.objectives import (
    CRF,
    CTC,
    ClassWeighted,
    CrossEntropy,
    Entropy,
    IgnoreIndex,
    IgnoreInfinite,
    Objective,
    SquaredError,
    as_objective,
    reduce,
    reduce_folded,
)

Z = np.random.default_rng(0).normal(size=(6, 2, 1)).astype(np.float32)


class Jumps(Objective):
    """How far each step's error is from that of the step before: no step stands alone."""

    def values(self, outputs, targets):
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs, targets, where):
        error = (outputs - targets)[..., 0]
        jumps = jnp.concatenate([jnp.zeros_like(error[:1]), jnp.diff(error, axis=0)])
        return jumps**2 if where is None else jnp.where(where, jumps**2, 0)


class Halved(Objective):
    """A wrapper that passes `values` on, and nothing else."""

    objective: Objective

    def values(self, outputs, targets):
        return self.objective.values(outputs, targets) / 2


class Known(Objective):
    """One that looks at each step alone, though it defines `values_where`, and says so."""

    @property
    def stepwise(self):
        return True

    def values(self, outputs, targets):
        return jnp.square(outputs - targets)[..., 0]

    def values_where(self, outputs, targets, where):
        return self.values(outputs, targets)


JOINT = [
    CRF(2),
    CTC(),
    Jumps(),
    Jumps() / 2,
    -CTC(),
    CrossEntropy() + 0.5 * CTC(),
    IgnoreIndex(CRF(2), 7),
    IgnoreInfinite(CTC() - Entropy()),
    Halved(Jumps()),
    Halved(Halved(CRF(2))) + SquaredError(),
]
APART = [
    CrossEntropy(0.1) - Entropy(),
    ClassWeighted(IgnoreIndex(IgnoreInfinite(CrossEntropy()), 7), np.ones(2)),
    Halved(SquaredError()),
    as_objective(lambda outputs, targets: outputs[..., 0]),
    Known() + SquaredError(),
]


@pytest.mark.parametrize("objective", JOINT, ids=repr)
def test_the_steps_of_one_whose_steps_depend_on_each_other_stay_together(objective):
    assert not objective.stepwise
    with pytest.raises(TypeError, match=r"the steps of (CRF|CTC|Jumps)\(.*\) depend on one"):
        reduce_folded(objective, lambda h: h, Z, Z, size=2)
    with pytest.raises(TypeError, match=r"the steps of (CRF|CTC|Jumps)\(.*do not count one by one"):
        ClassWeighted(objective, np.ones(2))
    mean = metrics.Mean(objective)
    for metric in (mean, metrics.ema(metrics.collect(a=metrics.entropy(), b=mean), 0.9)):
        assert not metric.stepwise
        with pytest.raises(TypeError, match=r"per_step: the steps of (CRF|CTC|Jumps|Mean|Ema)"):
            metrics.per_step(metric, 6)
        with pytest.raises(TypeError, match=r"as_cell: the steps of (CRF|CTC|Jumps|Mean|Ema)"):
            metrics.as_cell(metric)


@pytest.mark.parametrize("objective", APART, ids=lambda objective: type(objective).__name__)
def test_others_come_apart(objective):
    assert objective.stepwise and metrics.Mean(objective).stepwise
    metrics.as_cell(metrics.per_step(metrics.Mean(objective), 6))


def test_the_fold_of_a_known_one_is_the_sum():
    target = np.zeros_like(Z)
    folded = reduce_folded(Known(), lambda h: 2 * h, Z, target, size=4)
    np.testing.assert_allclose(folded, reduce(Known(), 2 * Z, target), rtol=1e-6)
    # What the pieces of another would have come to, had it not been refused.
    whole = reduce(Jumps(), Z, target)
    pieces = sum(reduce(Jumps(), Z[k : k + 2], target[:2]) for k in (0, 2, 4))
    assert abs(whole.mean() - pieces.mean()) > 0.1


def test_a_sweep_keeps_the_answer():
    swept = jax.vmap(lambda w: (w * Jumps())(Z, 0 * Z))(jnp.arange(2.0))
    np.testing.assert_allclose(swept[1], Jumps()(Z, 0 * Z), rtol=1e-6)
