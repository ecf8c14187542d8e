"""`interop.nnx`: flax's numbers on jaxrnn's engines, and weights there and back."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxrnn
from jaxrnn import cells, networks
from jaxrnn.interop import nnx as ours
from jaxrnn.interop._flax_run import run
from jaxrnn.interop.nnx import _rnn
from tests.interop.test_linen import CALLS, LENGTHS, drawn, far, same

STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 3, 4
KEY = jax.random.key(0)
SLOW = pytest.mark.slow
MODULES = {
    "simple": (nnx.SimpleCell, {"residual": True, "dtype": None}),
    "lstm": (nnx.LSTMCell, {}),
    "optimized_lstm": (nnx.OptimizedLSTMCell, {}),
    "gru": (nnx.GRUCell, {}),
}
FAST = ("gru",)


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """What engines have run, by cell."""
    seen = []

    def noted(found, *args, **options):
        seen.append(type(found.cell).__name__)
        return run(found, *args, **options)

    monkeypatch.setattr(_rnn, "run", noted)
    return seen


def named(name, **options):
    """A cell of flax with numbers drawn anew, and inputs `[batch, time, ...]` for it."""
    make, given = MODULES[name]
    cell = make(INPUTS, HIDDEN, rngs=nnx.Rngs(0), **given, **options)
    nnx.update(cell, drawn(nnx.state(cell, nnx.Param)))
    return cell, jax.random.normal(KEY, (BATCH, STEPS, INPUTS), options.get("param_dtype"))


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=SLOW) for n in MODULES])
def test_the_numbers_and_weights_are_those_of_flax(name, x64, ran):
    cell, xs = named(name, param_dtype=jnp.float64)

    @functools.partial(nnx.jit, static_argnums=0)
    def both(kind, cell, xs):
        """Values, and the gradients of weights and inputs, of several calls in one program."""

        def loss(cell, xs):
            found = [kind(cell)(xs, **call) for call in CALLS]
            return sum(jnp.sin(leaf).sum() for leaf in jax.tree.leaves(found)), found

        return nnx.grad(loss, argnums=(0, 1), has_aux=True)(cell, xs)

    theirs, mine = both(nnx.RNN, cell, xs), both(ours.RNN, cell, xs)
    assert len(ran) == len(CALLS) and far(theirs, mine) < 1e-12
    module = nnx.RNN(cell)
    net = ours.network(module)
    params, weights = ours.load(net, module), nnx.to_pure_dict(nnx.state(module, nnx.Param))
    back = ours.dump(net, params, lstm=type(cell) if "lstm" in name else nnx.LSTMCell)
    assert same(back, weights) and same(ours.load(net, back), params)
    assert (
        far(net.apply(params, jnp.swapaxes(xs, 0, 1))[1], jnp.swapaxes(theirs[1][0][1], 0, 1))
        < 1e-12
    )


@SLOW
def test_bidirectional_and_a_stack_convert_and_update_a_module(x64):
    def make(seed):
        rngs, wide = nnx.Rngs(seed), {"param_dtype": jnp.float64}
        pair = (ours.RNN(nnx.LSTMCell(INPUTS, HIDDEN, rngs=rngs, **wide)) for _ in "fb")
        return nnx.Sequential(
            nnx.Embed(7, INPUTS, rngs=rngs, **wide),
            ours.Bidirectional(*pair),
            nnx.relu,
            nnx.Linear(2 * HIDDEN, 2, rngs=rngs, **wide),
        )

    module, symbols = make(0), jnp.arange(STEPS * BATCH).reshape(BATCH, STEPS) % 7
    net = ours.network(module)
    params, ys = ours.load(net, nnx.state(module)), module(symbols)
    assert far(jnp.swapaxes(net.apply(params, symbols.T)[1], 0, 1), ys) < 1e-12
    other = make(1)
    nnx.update(other, ours.dump(net, params))
    assert same(other(symbols), ys)


class Own(nnx.GRUCell):
    """A subclass may compute anything."""

    def __call__(self, carry, inputs):
        carry, y = super().__call__(carry, inputs)
        return carry, 2 * y


def test_what_no_engine_computes_is_run_by_flax(ran):
    xs = jax.random.normal(KEY, (BATCH, STEPS, INPUTS))
    adapted, _ = named("gru")
    adapted.dense_i = nnx.LoRALinear(INPUTS, 3 * HIDDEN, lora_rank=1, rngs=nnx.Rngs(0))
    rectified = nnx.OptimizedLSTMCell(INPUTS, HIDDEN, activation_fn=nnx.relu, rngs=nnx.Rngs(0))
    for cell in (Own(INPUTS, HIDDEN, rngs=nnx.Rngs(0)), adapted, rectified):
        assert same(ours.RNN(cell)(xs), nnx.RNN(cell)(xs)) and not ran


@SLOW
def test_streams_of_random_numbers_advance_as_in_flax():
    cell, xs = named("optimized_lstm")
    for make in (lambda: True, lambda: nnx.Rngs(carry=3), lambda: False):
        mine, theirs = (kind(cell, rngs=make()) for kind in (ours.RNN, nnx.RNN))
        rngs = make()
        given = nnx.Rngs(1), nnx.Rngs(1)
        for call in ({}, {"rngs": True}):
            for rnn, stream in zip((mine, theirs), given, strict=True):
                if rngs or call:
                    rnn(xs, **({"rngs": stream} if call else {}))
        assert same(nnx.state(mine.rngs), nnx.state(theirs.rngs)) if rngs else mine.rngs is None
        assert same(nnx.state(given[0]), nnx.state(given[1]))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_types_are_those_of_flax(dtype, ran):
    with jax.numpy_dtype_promotion("standard"):
        cell, xs = named("lstm", dtype=dtype, param_dtype=dtype)
        theirs, mine = (kind(cell, return_carry=True)(xs) for kind in (nnx.RNN, ours.RNN))
    assert ran and {leaf.dtype for leaf in jax.tree.leaves(mine)} == {jnp.dtype(dtype)}
    assert far(*(jax.tree.map(lambda x: x.astype(jnp.float32), t) for t in (theirs, mine))) < 0.1


class Model(nnx.Module):
    """A layer of jaxrnn among modules of flax."""

    def __init__(self, rngs):
        layers = networks.Recurrent(cells.LSTM(INPUTS, HIDDEN)), networks.Dropout(0.5)
        self.read = ours.Layer(networks.stack(*layers), rngs=rngs)
        self.tag = nnx.Linear(HIDDEN, 1, rngs=rngs)

    def __call__(self, xs, rngs=None, **options):
        return self.tag(self.read(xs, rngs=rngs, **options)[1])


def test_a_layer_inside_a_module_is_trained():
    xs, model = jax.random.normal(KEY, (STEPS, BATCH, INPUTS)), Model(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        value, gradient = nnx.value_and_grad(lambda m: (m(xs, lengths=LENGTHS) ** 2).mean())(model)
        optimizer.update(model, gradient)
        return value

    before = model.read.params["0"]["recurrent"][...]
    with jax.numpy_dtype_promotion("standard"):
        values = [float(step(model, optimizer)) for _ in range(5)]
    assert values[-1] < values[0] and far(before, model.read.params["0"]["recurrent"][...]) > 1e-3
    drops = [model(xs, rngs=nnx.Rngs(dropout=seed)) for seed in (1, 1, 2)]
    assert same(drops[0], drops[1]) and far(drops[0], drops[2]) > 1e-3
    graph, state = nnx.split(model)
    assert same(nnx.merge(graph, state)(xs), model(xs))
    _, y = model.read.step(None, xs[0])
    assert far(y, model.read(xs[:1])[1][0]) < 1e-6


@SLOW
def test_a_layer_whose_numbers_are_arrays():
    leaky = cells.Leaky(INPUTS, HIDDEN, jnp.array(0.3))
    layer = ours.Layer(networks.Recurrent(leaky), rngs=nnx.Rngs(0))
    xs = jnp.ones((STEPS, BATCH, INPUTS))
    assert nnx.jit(lambda layer, xs: layer(xs)[1])(layer, xs).shape == (STEPS, BATCH, HIDDEN)
    assert "layer" not in nnx.state(layer, nnx.Param)


class Running(nnx.Module):
    """A cell with a running mean, or with dropout."""

    def __init__(self, part, rngs):
        self.part = part(rngs=rngs)

    def __call__(self, carry, inputs):
        return carry, self.part(inputs)

    def initialize_carry(self, input_shape, rngs):
        return jnp.zeros(input_shape)


@SLOW
def test_a_cell_of_flax_runs_as_a_cell_of_jaxrnn(x64):
    make = functools.partial(nnx.GRUCell, INPUTS, HIDDEN, param_dtype=jnp.float64)
    cell, module = ours.NnxCell(make, INPUTS), make(rngs=nnx.Rngs(0))
    assert (cell.input_shape, cell.output_shape) == ((INPUTS,), (HIDDEN,))
    params, xs = drawn(cell.init(KEY)), jax.random.normal(KEY, (STEPS, BATCH, INPUTS))
    net = ours.network(module)
    for options in ({}, {"lengths": LENGTHS, "reverse": True}):
        mine = jaxrnn.unroll(cell, params, xs, **options)
        assert far(mine, jaxrnn.unroll(net, ours.load(net, params), xs, **options)) < 1e-12


def test_what_has_no_counterpart_says_what_to_do():
    rngs = nnx.Rngs(0)
    gru = nnx.GRUCell(INPUTS, HIDDEN, rngs=rngs)
    for module, message in {
        nnx.Conv(3, 3, (3,), rngs=rngs): "Conv has no counterpart.*RNN, Bidirectional",
        Own(INPUTS, HIDDEN, rngs=rngs): r"Own as it is.*`NnxCell\(make, inputs\)`",
        nnx.RNN(gru, reverse=True): "Set keep_order=True",
    }.items():
        with pytest.raises(TypeError, match=message):
            ours.network(module)
    norm = functools.partial(nnx.BatchNorm, INPUTS)
    drop = functools.partial(nnx.Dropout, 0.5)
    with pytest.raises(TypeError, match=r"keeps part.mean, part.var besides"):
        ours.NnxCell(functools.partial(Running, norm), INPUTS).init(KEY)
    with pytest.raises(TypeError, match="draws random numbers in its step"):
        ours.NnxCell(functools.partial(Running, drop), INPUTS).step({}, (), jnp.ones(INPUTS))
    net, weights = ours.network(gru), nnx.to_pure_dict(nnx.state(gru, nnx.Param))
    with pytest.raises(TypeError, match="lstm must be"):
        ours.dump(net, net.init(KEY), lstm=nnx.GRUCell)
    weights["dense_h"]["bias"] = jnp.zeros(3 * HIDDEN)
    del weights["dense_i"]["bias"]
    with pytest.raises(
        ValueError, match=r"dense_i.bias \[12\] is missing; dense_h.bias \[12\] is left"
    ):
        ours.load(net, weights)
    weights = jax.tree.map(lambda leaf: np.zeros(leaf.shape), ours.dump(net, net.init(KEY)))
    with pytest.raises(TypeError, match="float64, which JAX would narrow"):
        ours.load(net, weights)
