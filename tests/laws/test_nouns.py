"""What every noun owes as a pytree: JAX may put anything in the place of its numbers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation, objectives
from tests import zoo

SAMPLERS = {
    "temperature": generation.Temperature(0.5),
    "top_k": generation.TopK(2),
    "nucleus": generation.Nucleus(0.9),
}
NOUNS = {
    **zoo.CELLS,
    **zoo.ENGINES,
    **zoo.LAYERS,
    **{f"objective_{name}": objective for name, (objective, _) in zoo.OBJECTIVES.items()},
    **{f"metric_{name}": metric for name, (metric, _) in zoo.METRICS.items()},
    **SAMPLERS,
}


def has_numbers(noun):
    return bool(jax.tree.leaves(noun))


def gradient_is_a_noun(noun, loss):
    """Compiled, so that the gradient is rebuilt around numbers and not around tracers."""
    gradient = jax.jit(jax.grad(loss))(noun)
    assert jax.tree.structure(gradient) == jax.tree.structure(noun)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    return gradient


@pytest.mark.parametrize("name", NOUNS)
def test_rebuilt_around_anything(name):
    noun = NOUNS[name]
    leaves, structure = jax.tree.flatten(noun)
    again = structure.unflatten(leaves)
    assert jax.tree.structure(again) == structure
    assert all(a is b for a, b in zip(jax.tree.leaves(again), leaves, strict=True))
    rebuilt = structure.unflatten(["x"] * len(leaves))
    assert type(rebuilt) is type(noun) and jax.tree.leaves(rebuilt) == ["x"] * len(leaves)
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(noun)]
    fields = {field.name for field in dataclasses.fields(noun)}
    assert all(path[0].name in fields for path in paths)


@pytest.mark.parametrize(
    "name", [n for n, (noun, _) in zoo.OBJECTIVES.items() if has_numbers(noun)]
)
def test_gradient_by_the_numbers_of_an_objective(name):
    objective, targets = zoo.OBJECTIVES[name]
    outputs = jax.random.normal(jax.random.key(0), (3, 2, zoo.V))
    targets = targets(jax.random.key(1), outputs)
    gradient_is_a_noun(objective, lambda o: objectives.reduce(o, outputs, targets).mean())


@pytest.mark.parametrize("name", ["leaky", "lstm", "lru"])
def test_gradient_by_the_numbers_of_a_cell(name):
    def total(cell):
        params = cell.init(jax.random.key(0))
        y = cell.step(params, cell.carry(params), jnp.ones(zoo.I))[1]
        return y.sum()

    assert has_numbers(zoo.CELLS[name])
    gradient_is_a_noun(zoo.CELLS[name], total)


@pytest.mark.parametrize("name", ["dropout", "variational_dropout"])
def test_gradient_by_the_numbers_of_a_layer(name):
    def total(layer):
        return layer.apply((), jnp.ones((3, 2, 4)), key=jax.random.key(0))[1].sum()

    gradient = gradient_is_a_noun(zoo.LAYERS[name], total)
    assert gradient.rate > 1  # a rate it could not have been made with


@pytest.mark.parametrize("name", SAMPLERS)
def test_gradient_by_the_numbers_of_a_sampler(name):
    def likeliest(sampler):
        return jax.nn.softmax(sampler.adjust(jnp.array([3.0, 2.0, 1.5, 0.0])))[0]

    gradient = gradient_is_a_noun(SAMPLERS[name], likeliest)
    assert gradient.temperature < 0
