"""Data parallelism: a batch that lies on several devices stays there, and nothing else changes.

Every noun is run under plain `jit`, its inputs divided over the devices of a mesh: of what is
compiled, only sums over the batch may pass between devices. The same is run inside `shard_map` with
its check of what varies. Values and gradients are those of one device, both times.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxrnn import cells, engines, heads, metrics, networks, objectives, unroll
from tests import devices, zoo
from tests.laws.conftest import problem
from tests.quick import some_of

T, B = 6, devices.BATCH
COLUMNS = (None, "data")
MASK = np.arange(T)[:, None] < np.arange(B) % (T + 1)
RESETS = np.arange(T)[:, None] % 3 == np.arange(B) % 4

ENGINES = {
    **zoo.ENGINES,
    "auto": engines.Auto(),
    "bptt_in_blocks": engines.BPTT(block=2),
    "newton": engines.Newton(),
    "offloaded": engines.Offloaded(engines.BPTT(), 2),
    "truncated_bptt": engines.Truncated(engines.BPTT(), 2),
}


def _transitions(outputs, labels):
    return jnp.concatenate([outputs, outputs, outputs[..., :2]], -1), labels


def _labels(key, outputs):
    return jax.random.randint(key, outputs.shape[:-1], 0, 3)


def _words(key, outputs):
    """Up to two labels for each sequence, 0 behind them."""
    return jax.random.randint(key, (2, *outputs.shape[1:-1]), 0, zoo.V)


def _transcript(outputs, words):
    return outputs, objectives.Transcript(words, 2 * (words > 0).all(0).astype(jnp.int32))


ALL_CELLS = zoo.CELLS | {
    name: noun
    for name, noun in zoo.OTHERS.items()
    if isinstance(noun, cells.Cell) and name != "as_cell"  # whose inputs are outputs and targets
}
ALL_LAYERS = zoo.LAYERS | {
    name: noun for name, noun in zoo.OTHERS.items() if isinstance(noun, networks.Layer)
}
ALL_OBJECTIVES = zoo.OBJECTIVES | {
    "crf": (objectives.map_inputs(zoo.OTHERS["crf"], _transitions), _labels),
    "ctc": (
        objectives.map_inputs(objectives.IgnoreInfinite(objectives.CTC()), _transcript),
        _words,
    ),
}
DRAW = {"dropout", "variational_dropout", "language_model", "classifier"}
OF_EVERY_KIND = ("functions", "lstm", "learned_carry", "lru", "mlstm")


def pairs():
    """Every cell as it is run by default, and every engine on a cell of each kind that it takes."""
    yield from ((cell, "auto") for cell in ALL_CELLS)
    for cell in OF_EVERY_KIND:
        for name, engine in ENGINES.items():
            if name != "auto" and issubclass(ALL_CELLS[cell].kind, engine.takes):
                yield cell, name


CELLS = pytest.mark.parametrize("name, engine", some_of(pairs(), {("lstm", "bptt")}))
LAYERS = pytest.mark.parametrize("name", some_of(ALL_LAYERS, {"classifier"}))
OBJECTIVES = pytest.mark.parametrize("name", some_of(ALL_OBJECTIVES, {"class_weighted"}))
METRICS = pytest.mark.parametrize("name", some_of(zoo.METRICS, {"confusion_matrix"}))


def total(tree):
    numbers = (x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.inexact))
    return sum((jnp.abs(x) ** 2).sum() for x in numbers)


class Case(NamedTuple):
    """A program of `whole` arguments, `divided` ones, of other divided ones, and of a key.

    Of a loss it gives the gradients too, with respect to the arguments that `by` says.
    """

    run: Callable
    whole: Any
    divided: Any
    others: Any
    key: Any = None
    by: tuple[int, ...] = ()
    tolerance: float = 2e-4


def differentiated(loss, by, *args):
    return Case(jax.jit(jax.value_and_grad(loss, by)), *args, by=by)


def of_cell(name, engine):
    cell = ALL_CELLS[name]
    params, xs, _ = problem(cell, jax.random.key(0), steps=T, batch=(B,))

    def loss(params, xs, flags, key):
        mask, resets = flags
        return total(unroll(cell, params, xs, mask=mask, resets=resets, engine=ENGINES[engine]))

    return differentiated(loss, (0, 1), params, xs, (MASK, RESETS))


def of_layer(name):
    layer, symbols = ALL_LAYERS[name], name in zoo.READ_SYMBOLS
    draw = np.random.default_rng(0)
    xs = draw.integers(zoo.SYMBOLS, size=(T, B)) if symbols else draw.normal(size=(T, B, zoo.I))
    xs = jnp.asarray(xs, jnp.int32 if symbols else jnp.float32)

    def loss(params, xs, mask, key):
        pair = isinstance(layer, networks.EncoderDecoder)
        return total(layer.apply(params, (xs, xs) if pair else xs, key=key, mask=mask))

    case = differentiated(
        loss, (0,) if symbols else (0, 1), layer.init(jax.random.key(0)), xs, MASK
    )
    if isinstance(layer, networks.Precision):
        case = case._replace(tolerance=1e-2)  # bfloat16
    return case._replace(key=jax.random.key(3) if name in DRAW else None)


def of_objective(name):
    objective, targets = ALL_OBJECTIVES[name]
    outputs = 2 * jax.random.normal(jax.random.key(1), (T, B, zoo.V))
    targets = targets(jax.random.key(2), outputs)

    def loss(objective, outputs, others, key):
        targets, mask = others
        return objectives.reduce(objective, outputs, targets, where=mask).sum

    return differentiated(loss, (1,), objective, outputs, (targets, MASK))


def of_metric(name):
    metric, targets = zoo.METRICS[name]
    outputs = 2 * jax.random.normal(jax.random.key(1), (T, B, zoo.V))

    @jax.jit
    def value(metric, outputs, others, key):
        targets, mask = others
        return metric.compute(metric.update(metric.init(), outputs, targets, where=mask))

    return Case(value, metric, outputs, (targets(jax.random.key(2), outputs), MASK))


def near(got, wanted, tolerance):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance / 10)


def stays_where_it_is(case):
    """Under `jit` nothing of the batch passes between devices, and the results are those of one."""
    args = case.whole, case.divided, case.others, case.key
    places = (), COLUMNS, COLUMNS, ()
    program = case.run.lower(*map(devices.put, args, places)).compile()
    moved = devices.batch_sent(program.as_text())
    assert not moved, "the batch leaves its devices:\n" + "\n".join(map(str, moved))
    near(program(*map(devices.put, args, places)), case.run(*args), case.tolerance)


def equals_one_device(case):
    """Inside `shard_map`, with its check of what varies; of parameters JAX sums the gradients.

    Without a key, as with one every device would draw the same numbers for its own sequences.
    """
    columns, everywhere = PartitionSpec(*COLUMNS), PartitionSpec()
    places = everywhere, columns, columns, everywhere

    @jax.jit
    @jax.shard_map(
        mesh=devices.mesh(),
        in_specs=places,
        out_specs=(everywhere, tuple(places[i] for i in case.by)),
        check_vma=True,
    )
    def sharded(*args):
        value, gradients = case.run(*args)
        return jax.lax.psum(value, "data"), gradients

    args = case.whole, case.divided, case.others, None
    near(sharded(*args), case.run(*args), case.tolerance)


def keeps_both(case):
    stays_where_it_is(case)
    equals_one_device(case)


@CELLS
def test_cells(name, engine):
    keeps_both(of_cell(name, engine))


@LAYERS
def test_layers(name):
    """What is drawn at random under `jit` does not depend on the devices either."""
    keeps_both(of_layer(name))


@OBJECTIVES
def test_objectives(name):
    keeps_both(of_objective(name))


@METRICS
def test_metrics(name):
    """What they give inside `shard_map` is the law `devices` of `check_metric`."""
    stays_where_it_is(of_metric(name))


# --- other meshes, and what finds a fault -----------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec", [(None, "data", "more"), (None, ("data", "more")), (None, None, "data")]
)
@pytest.mark.parametrize(
    "name, engine", [("lstm", "bptt_in_blocks"), ("lru", "associative"), ("kda", "chunkwise")]
)
def test_a_batch_of_two_axes_on_a_mesh_of_two(name, engine, spec):
    """The axes of the mesh hold one of the batch each, or both the first, or one the second."""
    mesh = jax.make_mesh((2, 2), ("data", "more"), axis_types=(AxisType.Auto,) * 2)
    cell, batch = zoo.CELLS[name], (4 * devices.EACH, 2 * devices.EACH)
    params, xs, _ = problem(cell, jax.random.key(0), steps=T, batch=batch)

    @jax.jit
    def run(params, xs):
        loss = lambda *args: total(unroll(cell, *args, engine=ENGINES[engine]))  # noqa: E731
        moments = metrics.SecondMoments(zoo.I, zoo.I)
        state = moments.update(moments.init(), xs, xs)
        return jax.value_and_grad(loss, (0, 1))(params, xs), moments.compute(state)

    args = devices.put(params, on=mesh), devices.put(xs, spec, on=mesh)
    program = run.lower(*args).compile()
    moved = devices.batch_sent(program.as_text())
    assert not moved, moved
    near(program(*args), run(params, xs), 1e-3)


def test_a_merge_of_time_and_batch_is_found():
    """It is what BPTT did, and metrics of calibration."""
    xs = devices.put(jnp.ones((T, B, zoo.I)), COLUMNS)
    program = jax.jit(lambda x: jnp.sort(jnp.sin(x).reshape(-1, zoo.I), 0)).lower(xs).compile()
    (first, *_) = devices.batch_sent(program.as_text())
    assert "reshape" in first.source or "sort" in first.source
    same = jax.jit(lambda x: jnp.sin(x).sum((0, 1))).lower(xs).compile()
    assert [one.kind for one in devices.sent(same.as_text())] == ["all-reduce"]
    assert not devices.batch_sent(same.as_text())


def _verbs(outputs, words):
    """What loops over time besides the losses; all of `[..., B]`."""
    field, mask, labels = zoo.OTHERS["crf"], jnp.asarray(outputs[..., 0] > -2), words[:1] % 3
    many = _transitions(outputs, None)[0]
    labels = jnp.broadcast_to(labels, mask.shape)
    folded = objectives.reduce_folded(objectives.CrossEntropy(), jnp.sin, outputs, labels, size=2)
    return {
        "best": field.decode(many, where=mask),
        "marginals": field.marginals(many, where=mask).sum(-1),
        "surprisals": field(many, labels, where=mask),
        "transcript": zoo.OTHERS["ctc"].decode(outputs, where=mask).labels,
        "folded": jnp.broadcast_to(folded.sum, mask.shape),
        "quantiles": heads.StudentT().quantile(outputs[..., :3], 0.3)[..., 0],
    }


@pytest.mark.slow
def test_loops_of_verbs_in_shard_map():
    outputs = 2 * jax.random.normal(jax.random.key(1), (T, B, zoo.V))
    words = _words(jax.random.key(2), outputs)
    columns = PartitionSpec(*COLUMNS)

    @jax.jit
    @jax.shard_map(mesh=devices.mesh(), in_specs=columns, out_specs=columns, check_vma=True)
    def sharded(*args):
        return _verbs(*args)

    got, wanted = sharded(outputs, words), jax.jit(_verbs)(outputs, words)
    parts = got.pop("folded")[:, :: devices.EACH].sum(-1)
    near(parts, wanted.pop("folded")[:, 0], 1e-4)
    near(got, wanted, 1e-4)
