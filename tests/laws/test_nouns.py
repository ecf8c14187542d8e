"""What every noun owes as a pytree: JAX may put anything in the place of its numbers."""

import copy
import dataclasses
import datetime
import importlib
import inspect
import math
import pickle
import re
import typing

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest

import jaxrnn
from jaxrnn import cells, engines, generation, metrics, networks, objectives, tasks, training
from jaxrnn._config import Config
from tests import zoo

NOUNS = zoo.NOUNS
SAMPLERS = {name: NOUNS[name] for name in ("temperature", "top_k", "nucleus")}
EVERY = pytest.mark.parametrize("name", NOUNS)


def has_numbers(noun):
    return bool(jax.tree.leaves(noun))


def gradient_is_a_noun(noun, loss):
    """Compiled, so that the gradient is rebuilt around numbers and not around tracers."""
    gradient = jax.jit(jax.grad(loss))(noun)
    assert jax.tree.structure(gradient) == jax.tree.structure(noun)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    return gradient


@EVERY
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


# --- what a user makes ------------------------------------------------------------------------


def parts(noun):
    """A noun and those inside it."""
    yield noun
    for field in dataclasses.fields(noun):
        inside = jax.tree.leaves(getattr(noun, field.name), is_leaf=lambda x: isinstance(x, Config))
        for part in inside:
            if isinstance(part, Config):
                yield from parts(part)


def test_the_zoo_has_every_noun():
    """A new one is thereby copied, pickled, rebuilt and made of wrong things."""
    public = {
        value
        for package in dir(jaxrnn)
        if not package.startswith("_") and package != "unroll"
        for value in vars(importlib.import_module(f"jaxrnn.{package}")).values()
        if isinstance(value, type) and issubclass(value, Config) and not inspect.isabstract(value)
    }
    assert public <= {type(part) for noun in NOUNS.values() for part in parts(noun)}


UNCHECKED = {("SequenceModel", "step"), ("SequenceModel", "carry")}
"""The fields that may hold anything: a tree."""

STRANGERS = [object(), math, datetime.timedelta(1), print, [None], {1: 2}, NotImplemented, 1j]


@EVERY
def test_every_field_refuses_what_it_is_not_for(name, as_users_run_it):
    for noun in parts(NOUNS[name]):
        for field in dataclasses.fields(noun):
            who = type(noun).__name__
            if (who, field.name) in UNCHECKED:
                continue
            refused = 0
            for stranger in STRANGERS:
                try:
                    dataclasses.replace(noun, **{field.name: stranger})
                except (TypeError, ValueError) as error:
                    refused += 1
                    assert re.match(f"{who}: {field.name} must be .*, got ", str(error)), error
            # A function takes the one function, and a string or a path takes none of them.
            assert refused >= len(STRANGERS) - 1, field.name


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: networks.Residual(None), "Residual: layer must be a kind of `Layer`, got None."),
        (
            lambda: networks.Residual(networks.LastPool),
            r"layer .* got the class `LastPool`. Call it: `LastPool\(\)`.",
        ),
        (lambda: networks.Dropout("x"), "Dropout: rate must be a number or an array .*, got 'x'."),
        (lambda: networks.Dropout(True), "Dropout: rate .* real numbers, got True."),
        (lambda: networks.Dropout(np.array("x")), "Dropout: rate .* got array"),
        (
            lambda: networks.Stack([networks.LastPool()]),
            r"Stack: layers must be a tuple, each of it a kind of `Layer`, .*`tuple\(several\)`",
        ),
        (
            lambda: networks.Stack((networks.LastPool(), networks.Dense)),
            r"Stack: layers .* Call it: `Dense\(\.\.\.\)`.",
        ),
        (
            lambda: training.Trainer(-1, zoo.OBJECTIVES["entropy"][0], zoo.OPTIMIZER),
            "Trainer: network must be a kind of `Layer`, got -1.",
        ),
        (
            lambda: training.Trainer(networks.LastPool(), objectives.CrossEntropy, zoo.OPTIMIZER),
            r"Trainer: loss .* or a function, .* Call it: `CrossEntropy\(\)`.",
        ),
        (
            lambda: training.Trainer(networks.LastPool(), metrics.nll, zoo.OPTIMIZER),
            r"Trainer: loss .*, got the function `nll`.",
        ),
        (
            lambda: training.Trainer(
                networks.LastPool(), objectives.Entropy(), zoo.OPTIMIZER, metrics.accuracy
            ),
            r"Trainer: metrics .* got the function `accuracy`. .*Call it: `accuracy\(\)`.",
        ),
        (
            lambda: training.Trainer(networks.LastPool(), objectives.Entropy(), optax.sgd),
            r"optimizer must be an optax transformation such as `optax.adam\(1e-3\)`, got the func",
        ),
        (
            lambda: metrics.collect(a=metrics.accuracy),
            r"collect: a must be .* got the function `accuracy`. .*Call it: `accuracy\(\)`.",
        ),
        (lambda: metrics.Mean(metrics.nll()), "Mean: objective .* `Objective` or a function"),
        (
            lambda: generation.Temperature(datetime.date(2026, 1, 1)),
            "Temperature: temperature must be a number .* got datetime.date",
        ),
        (lambda: engines.Chunked(-1, 3), "Chunked: engine must be a kind of `Engine`, got -1."),
        (lambda: engines.BPTT("x"), "BPTT: block must be an integer or None, got 'x'."),
        (lambda: objectives.CrossEntropy("0.1"), "CrossEntropy: smoothing .* or None, got '0.1'."),
        (
            lambda: objectives.CrossEntropy([0.1, "x"]),
            r"CrossEntropy: smoothing .*Stack numbers: `jnp.asarray",
        ),
        (
            lambda: objectives.ClassWeighted(
                objectives.CrossEntropy(), np.ma.masked_array([1.0], [True])
            ),
            "ClassWeighted: weights .* got a masked float64.1.. Its mask would be lost",
        ),
        (
            lambda: jax.eval_shape(lambda n: cells.GRU(3, n), 4),
            r"GRU: hidden must be an integer, got a traced int32\[\]. .*`int\(x\)`",
        ),
        (
            lambda: metrics.bootstrapped(metrics.nll(), 0),
            r"ootstrapped: key must be .*`jax.random.key\(0\)`",
        ),
        (
            lambda: training.Carried(3),
            r"Carried: batch must be a tuple of sizes, .*Write `\(3,\)`.",
        ),
        (lambda: training.Carried((3, 0.5)), r"a tuple of sizes, .* got \(3, 0.5\)"),
        (lambda: training.Checkpoints(3), "directory must be a string or a `PathLike`, got 3."),
        (
            lambda: networks.Activation(cells.GRU),
            "must be a function.*got the class `GRU`",
        ),
        (
            lambda: networks.Activation(objectives.Scaled(objectives.Entropy(), np.ones(2))),
            "Activation: function .* It has no hash",
        ),
        (lambda: tasks.HMM([[[1], [2, 3]]]), r"HMM: transitions .* Stack numbers"),
    ],
)
def test_messages(make, says, as_users_run_it):
    with pytest.raises(TypeError, match=f"(?s){says}"):
        make()


def test_numbers_of_numpy_and_lists(as_users_run_it):
    """A size is kept as an `int`, so that equal nouns are one program; a list is one leaf."""
    assert type(cells.GRU(np.int64(3), 4).inputs) is int
    assert hash(cells.GRU(np.int64(3), 4)) == hash(cells.GRU(3, 4))
    assert training.Carried((np.int32(3),)).batch == (3,)
    weighted = objectives.ClassWeighted(objectives.CrossEntropy(), [1.0, 2.0])
    assert [leaf.shape for leaf in jax.tree.leaves(weighted)] == [(2,)]


class Mine(Config):
    """A noun of someone else's, whose annotations say little, and one that cannot be read."""

    anything: typing.Any
    table: jaxtyping.Float[jax.Array, "N"]
    nobody: "NotDefinedAnywhere"
    size: int = jax.tree.static(default=1)


def test_annotations_that_cannot_be_checked_are_not():
    noun = Mine("x", jnp.ones(3), "y", 3)
    assert (noun.anything, noun.nobody, noun.size) == ("x", "y", 3)
    with pytest.raises(TypeError, match="Mine: size must be an integer, got 'x'"):
        Mine(None, None, None, "x")


# --- equality, copies -------------------------------------------------------------------------


@EVERY
def test_copies_and_pickles_are_equal(name):
    noun = NOUNS[name]
    for other in (copy.deepcopy(noun), copy.copy(noun), pickle.loads(pickle.dumps(noun))):
        assert other == noun and type(other) is type(noun)
        assert jax.tree.structure(other) == jax.tree.structure(noun)


@EVERY
def test_nouns_of_anything_are_copied(name):
    """Gradients, axes and placeholders too: their numbers need not pass the checks."""
    noun = jax.tree.map(lambda leaf: np.full(np.shape(leaf), -3.0), NOUNS[name])
    for other in (copy.deepcopy(noun), pickle.loads(pickle.dumps(noun))):
        assert other == noun


def test_the_gradient_by_a_noun_is_copied():
    gradient = jax.grad(lambda task: task.entropy_rate())(tasks.Dyck(0.3, kinds=2))
    assert copy.deepcopy(gradient) == gradient == pickle.loads(pickle.dumps(gradient))


def test_equal_nouns():
    def leaky(leak):
        return cells.Leaky(1, 2, leak)

    ones = jnp.ones(2)
    assert leaky(ones) == leaky(jnp.ones(2)) == leaky(np.ones(2, np.float32))
    assert leaky(ones) != leaky(2 * ones)
    assert leaky(ones) != leaky(jnp.ones(3))
    assert leaky(ones) != leaky(jnp.ones(2, jnp.bfloat16))
    assert leaky(ones * jnp.nan) == leaky(ones * jnp.nan)
    assert leaky(0.5) == leaky(0.5) != leaky(ones)
    assert leaky(1) != leaky(1.0)  # as static arguments they are two programs
    assert leaky(0.5) != cells.Elman(1, 2)
    assert hash(leaky(0.5)) == hash(leaky(0.5))
    with pytest.raises(TypeError, match="unhashable"):
        hash(leaky(ones))
    keys = [metrics.bootstrapped(metrics.nll(), jax.random.key(seed)) for seed in (0, 0, 1)]
    assert keys[0] == keys[1] != keys[2]

    @jax.jit
    def compare(leak):
        assert leaky(leak) == leaky(leak) != leaky(leak + 0)
        return leak

    compare(0.5)


# --- what is passed to methods ------------------------------------------------------------------


class Sum(cells.Cell):
    """A cell of someone else's, which checks nothing."""

    size: int = jax.tree.static()

    def init(self, key):
        return {"scale": jax.random.normal(key, (self.size,))}

    def carry(self, params, batch: tuple[int, ...] = ()):
        return jnp.zeros((*batch, *params["scale"].shape))

    def step(self, params, carry, x):
        carry = carry + params["scale"] * x
        return carry, carry


SUM, SUM_PARAMS = Sum(3), Sum(3).init(jax.random.key(0))
GRU = cells.GRU(2, 3)
GRU_PARAMS = GRU.init(jax.random.key(0))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: GRU.init(0), TypeError, r"GRU: key must be a key, got 0. .*`jax.random.key\(0\)`"),
        (
            lambda: GRU.init(jax.random.split(jax.random.key(0), 3)),
            TypeError,
            r"GRU: key must be a key, got key<fry>\[3\]. It holds several: `keys\[0\]`",
        ),
        (
            lambda: SUM.carry(SUM_PARAMS, 8),
            TypeError,
            r"Sum: batch must be .* got 8. Write `\(8,\)`",
        ),
        (
            lambda: SUM.carry((), (2,)),
            ValueError,
            r"Sum: the parameters are not those of Sum\(size=3\): params\['scale'\] is missing. "
            r"`init\(key\)` makes them",
        ),
        (
            lambda: GRU.step(SUM_PARAMS, jnp.zeros(3), jnp.zeros(2)),
            ValueError,
            "GRU: the parameters are not those of GRU.*params.kernel is missing",
        ),
        (
            lambda: SUM.step({"scale": jnp.ones(2)}, jnp.zeros(3), jnp.zeros(3)),
            ValueError,
            r"Sum: the parameters .*params\['scale'\] is float32\[2\], not of shape \(3,\)",
        ),
        (
            lambda: networks.Recurrent(GRU).carry(None, (2,)),
            ValueError,
            "GRU: the parameters are not those of GRU.*params.kernel is missing",
        ),
        (
            lambda: SUM.step(SUM_PARAMS, jnp.zeros(4), jnp.zeros(3)),
            TypeError,
            r"Sum: the carry is not one of Sum\(size=3\): carry is float32\[4\], not .*makes",
        ),
        (
            lambda: GRU.step(GRU_PARAMS, jnp.zeros(3), jnp.zeros(4)),
            ValueError,
            r"GRU: x must be \[\*batch, \*features\], features \(2,\), got float32\[4\]",
        ),
        (
            lambda: GRU.step(GRU_PARAMS, jnp.zeros(3), "x"),
            TypeError,
            "GRU: x must be an array of numbers, got 'x'",
        ),
        (
            lambda: tasks.Adding(5).batch(2.0, key=jax.random.key(0)),
            TypeError,
            "Adding.batch: size",
        ),
        (lambda: tasks.even().sample(5, 2, key=jax.random.key(0)), TypeError, "HMM.sample: batch"),
    ],
)
def test_arguments_of_methods(call, error, says, as_users_run_it):
    with pytest.raises(error, match=f"(?s){says}"):
        call()


def test_errors_of_ones_own_are_left_as_they_are():
    """Where parameters, inputs and carry are right, nothing is said of them."""

    class Broken(cells.Cell):
        size: int = jax.tree.static()
        init, carry = Sum.init, Sum.carry

        def step(self, params, carry, x):
            return None.mine

    with pytest.raises(AttributeError, match="mine"):
        Broken(3).step(SUM_PARAMS, jnp.zeros(3), jnp.zeros(3))


@pytest.mark.slow
def test_arguments_are_given_by_name_as_well():
    """A local variable of the name of an argument is none."""
    trainer, batch = NOUNS["trainer"], (np.zeros((2, 3), int),) * 2
    state = trainer.init(key=jax.random.key(0))
    assert trainer.step(state=state, batch=batch)[0].step == 1


def test_methods_are_called_with_lists_of_sizes_and_numpy_integers(as_users_run_it):
    assert SUM.carry(SUM_PARAMS, [np.int64(2)]).shape == (2, 3)
    keys = jax.random.split(jax.random.key(0), 4)
    assert jax.vmap(GRU.init)(keys).bias.shape == (4, 9)
