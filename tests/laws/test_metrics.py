"""Every metric keeps every law, and each law can fail."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import metrics, testing
from tests import zoo
from tests.quick import some_of

ONE_OF_EACH_FORM = {
    *("nll", "mean", "entropy", "weighted", "map_inputs", "collect", "grouped", "windowed", "ema"),
    *("bootstrapped", "reliability", "auroc", "confusion_matrix"),
}


@pytest.mark.parametrize("name", some_of(zoo.METRICS, ONE_OF_EACH_FORM))
def test_every_law(name):
    metric, targets = zoo.METRICS[name]
    keys = jax.random.split(jax.random.key(2))
    outputs = 2 * jax.random.normal(keys[0], (6, 8, zoo.V))
    skip = ["splits"] if name in zoo.COUNT_UPDATES else []
    testing.check_metric(metric, outputs, targets(keys[1], outputs), skip=skip)


class Plain(metrics.Metric):
    """The mean of the first outputs; it keeps all laws, and what is given to it breaks one each."""

    kept: Callable = jax.tree.static(default=lambda where, x: jnp.where(where, x, 0))
    joined: Callable = jax.tree.static(default=lambda a, b: a + b)
    stop: Callable = jax.tree.static(default=jax.lax.stop_gradient)
    divisor: Callable = jax.tree.static(default=lambda count: count)
    dtype: Callable = jax.tree.static(default=lambda x: x.astype(jnp.float32))
    shared: bool = jax.tree.static(default=False)
    stretched: float = jax.tree.static(default=1.0)

    def init(self):
        zero = jnp.zeros(())
        return zero, (zero if self.shared else jnp.zeros(()))

    def add(self, state, seen):
        x = self.dtype(self.stop(seen.outputs[..., 0]))
        return state[0] + self.kept(seen.where, x).sum(), state[1] + jnp.sum(
            seen.where, dtype=jnp.float32
        )

    def update(self, state, outputs, targets, *, where=None, weight=None):
        where = jnp.ones(outputs.shape[:-1], bool) if where is None else where
        return self.add(state, metrics.Observed(outputs, targets, where, weight))

    def merge(self, earlier, later):
        return tuple(map(self.joined, earlier, later))

    def compute(self, state):
        return state[0] / self.divisor(state[1])

    def all_reduce(self, state, axis_name):
        total = jax.lax.psum(state, axis_name)
        return total[0] * self.stretched, total[1]


ONE_EACH = {
    "identity": Plain(divisor=lambda count: jnp.maximum(count, 1)),
    "state": Plain(dtype=lambda x: x, kept=lambda where, x: jnp.stack([x, x])),
    "splits": Plain(joined=jnp.maximum),
    "padding": Plain(kept=lambda where, x: where * x),
    "devices": Plain(stretched=2.0),
    "donation": Plain(shared=True),
    "gradients": Plain(stop=lambda x: x),
    "copies": Plain(divisor=lambda count: count + 0),
}
OUTPUTS = jax.random.normal(jax.random.key(0), (6, 8, 5))


@pytest.mark.parametrize("law", ONE_EACH)
def test_a_metric_that_breaks_the_law_is_found(law):
    metric = ONE_EACH[law]
    skip = [each.name for each in testing.laws(metric) if each.name != law]
    with pytest.raises(testing.BrokenLaws):
        testing.check_metric(metric, OUTPUTS, skip=skip)


def test_the_metric_that_they_are_made_of_breaks_none():
    report = testing.check_metric(Plain(), OUTPUTS, skip=["copies"], echo=False)
    assert {result.law.name for result in report.results} == {*ONE_EACH, "vmap"} - {"copies"}
