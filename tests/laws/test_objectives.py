"""Every objective keeps every law, and each law can fail."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import objectives, testing
from tests import zoo
from tests.quick import some_of

ONE_OF_EACH_FORM = {
    *("cross_entropy", "cross_entropy_smoothed", "confidence_penalty", "squared_error", "sum"),
    *("ignore_index", "ignore_infinite", "class_weighted", "map_inputs", "function", "entropy"),
    *("activity_l1", "accuracy", "head_gaussian"),
}


@pytest.mark.parametrize("name", some_of(zoo.OBJECTIVES, ONE_OF_EACH_FORM))
def test_every_law(name):
    objective, targets = zoo.OBJECTIVES[name]
    keys = jax.random.split(jax.random.key(1))
    outputs = 2 * jax.random.normal(keys[0], (4, 3, zoo.V))
    skip = ["counts"] if name in zoo.WEIGH_STEPS else []
    testing.check_objective(objective, outputs, targets(keys[1], outputs), skip=skip)


class Plain(objectives.Objective):
    """It keeps all laws; what is given to it breaks one each."""

    value: Callable = jax.tree.static(default=lambda x: jnp.square(x).sum(-1))
    counted: Callable = jax.tree.static(default=lambda where: where)
    whole: Callable = jax.tree.static(default=lambda values, where: values)
    product: bool = jax.tree.static(default=True)

    def values(self, outputs, targets):
        return self.value(outputs.astype(jnp.float32))

    def weight(self, outputs, targets, where=None):
        return self.counted(where)

    def values_where(self, outputs, targets, where):
        return self.whole(super().values_where(outputs, targets, where), where)

    def __rmul__(self, factor):
        return super().__rmul__(factor) if self.product else self

    @property
    def stepwise(self):
        return True


class Narrow(objectives.Objective):
    def values(self, outputs, targets):
        return outputs.sum(-1)


class Unfilled(objectives.Objective):
    def values(self, outputs, targets):
        return jnp.square(outputs).sum(-1)

    def values_where(self, outputs, targets, where):
        return self.values(outputs, targets)


class Concrete(objectives.Objective):
    factor: Any = 1.0

    def values(self, outputs, targets):
        return outputs[..., 0] if float(outputs[0, 0, 0]) == 123.0 else outputs[..., 1]

    def __rmul__(self, factor):
        return self if float(factor) == 1.0 else super().__rmul__(factor)


def _own(values, where):
    """Values that are not those of a mask."""
    return values if where is None else 2 * values


ONE_EACH = {
    "values": Plain(lambda x: jnp.log(x[..., 0] - x[..., 0])),
    "precision": Narrow(),
    "mask": Plain(whole=_own),
    "padding": Unfilled(),
    "nothing": Plain(counted=lambda where: None if where is None else jnp.ones_like(where)),
    "algebra": Plain(product=False),
    "sweep": Concrete(),
    "batches": Plain(lambda x: x[..., 0] - x[..., 0].mean()),
    "counts": Plain(counted=lambda where: None if where is None else jnp.where(where, 2.0, 0.0)),
    "copies": Plain(lambda x: x[..., 1]),
}


@pytest.mark.parametrize("law", ONE_EACH)
def test_an_objective_that_breaks_the_law_is_found(law):
    outputs = jax.random.normal(jax.random.key(0), (4, 3, 5))
    objective = ONE_EACH[law]
    skip = [each.name for each in testing.laws(objective) if each.name != law]
    with pytest.raises(testing.BrokenLaws) as caught:
        testing.check_objective(objective, outputs, skip=skip)
    assert ("Error: " in str(caught.value)) == (law in ("copies", "sweep")), caught.value


def test_the_objective_that_they_are_made_of_breaks_none():
    outputs = jax.random.normal(jax.random.key(0), (4, 3, 5))
    report = testing.check_objective(Plain(), outputs, skip=["copies"], echo=False)
    assert {result.law.name for result in report.results} == {*ONE_EACH} - {"copies"}
