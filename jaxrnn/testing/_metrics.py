"""`check_metric`: the laws of metrics, run on one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from .._checked import checked
from ..metrics import Metric
from . import _trees as trees
from ._law import Law, LawReport, Shared, examine
from ._noun_laws import COPIES

PARTS, TRIES = 3, 12
BAD = (float("nan"), float("inf"), float("-inf"))


class Seen(NamedTuple):
    """All that the laws look at, of one batch and of its parts."""

    state: Any
    with_init: list[Any]
    value: Any
    nothing: Any
    bracketed: list[Any]
    folded: Any
    halved: Any
    gradient: Any


class MetricCase:
    """A metric with outputs and targets, and the one program that says all about them."""

    def __init__(self, metric: Metric, outputs: Any, targets: Any) -> None:
        self.noun, self.outputs, self.targets = metric, outputs, targets
        self.steps = jnp.shape(jax.tree.leaves(outputs)[0])[:2]
        self.whole = np.zeros(self.steps, np.int8)
        self.everywhere = np.ones(self.steps, bool)
        self.draw = np.random.default_rng(0)

    def masks(self) -> list[Any]:
        """Masks of all steps, of none, of one, and others."""
        one = ~self.everywhere
        one[-1, 0] = True
        drawn = [self.draw.random(self.steps) < share for share in np.linspace(0.1, 0.9, TRIES)]
        return [self.everywhere, ~self.everywhere, one, *drawn]

    def parts(self) -> Any:
        return self.draw.integers(PARTS, size=self.steps).astype(np.int8)

    @Shared
    def program(self) -> Any:
        return jax.jit(_summarize)

    def seen(self, where: Any, part: Any = None, outputs: Any = None, targets: Any = None) -> Seen:
        outputs = self.outputs if outputs is None else outputs
        targets = self.targets if targets is None else targets
        part = self.whole if part is None else part
        return self.program(self.noun, outputs, targets, where, part)

    @Shared
    def usual(self) -> Any:
        """A mask with holes, and what is seen under it."""
        where = self.draw.random(self.steps) < 0.7
        where[0] = True
        return where, self.seen(where)


def _summarize(metric: Any, outputs: Any, targets: Any, where: Any, part: Any) -> Seen:
    """One program for each metric, since compiling is what takes time."""
    columns = next(size for size in (4, 3, 2, 1) if where.shape[1] % size == 0)

    def state_of(outputs: Any, where: Any) -> Any:
        return metric.update(metric.init(), outputs, targets, where=where)

    def update(state: Any, batch: Any) -> tuple[Any, None]:
        outputs, targets, where = batch
        return metric.update(state, outputs, targets, where=where), None

    def slices(leaf: Any) -> Any:
        steps, batch, *rest = leaf.shape
        return jnp.moveaxis(leaf.reshape(steps, columns, batch // columns, *rest), 1, 0)

    def total(own: list[Any]) -> Any:
        value = metric.compute(state_of(trees.with_numbers(outputs, own), where))
        return sum(jnp.nansum(leaf) for leaf in trees.numbers(value))

    halves = jax.tree.map(lambda leaf: (leaf * 0.5).astype(leaf.dtype), trees.numbers(outputs))
    halved = trees.with_numbers(outputs, halves)
    wheres = [where, *(where & (part == i) for i in range(PARTS)), where]
    several = [outputs] * (1 + PARTS) + [halved]
    state, a, b, c, of_halved = _apart(jax.vmap(state_of)(_stack(several), _stack(wheres)))
    init, merge = metric.init(), jax.vmap(metric.merge)
    pairs = merge(_stack([init, state, a, b]), _stack([state, init, b, c]))
    *with_init, ab, bc = _apart(pairs)
    bracketed = _apart(merge(_stack([ab, a]), _stack([c, bc])))
    folded, _ = jax.lax.scan(update, init, jax.tree.map(slices, (outputs, targets, where)))
    results = jax.vmap(metric.compute)(_stack([state, init, *bracketed, folded, of_halved]))
    value, nothing, early, late, folded, of_halved = _apart(results)
    gradient = jax.grad(total)(trees.numbers(outputs))
    return Seen(state, with_init, value, nothing, [early, late], folded, of_halved, gradient)


def _stack(several: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)


def _apart(tree: Any) -> list[Any]:
    leaves, structure = jax.tree.flatten(tree)
    return [jax.tree.unflatten(structure, row) for row in zip(*leaves, strict=True)]


def _close(got: Any, wanted: Any, what: str, tolerance: float = 1e-6) -> None:
    """Near, number by number, NaN where the other is."""
    trees.alike(got, wanted, what)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        a, b = np.asarray(a), np.asarray(b)  # noqa: PLW2901
        if not np.allclose(a, b, rtol=tolerance, atol=0, equal_nan=True):
            raise AssertionError(f"{what} is {a.tolist()}, not {b.tolist()}")


def identity(case: MetricCase) -> None:
    _, seen = case.usual
    for leaf in jax.tree.leaves(seen.nothing):
        assert np.isnan(leaf).all(), f"without data the value is {np.asarray(leaf).tolist()}"
    for side, state in zip(("init, state", "state, init"), seen.with_init, strict=True):
        trees.same(state, seen.state, f"merge({side})")


def state(case: MetricCase) -> None:
    metric, (where, _) = case.noun, case.usual
    init = metric.init()

    def described(state: Any) -> Any:
        return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state)

    def after(outputs: Any, low: Any, targets: Any) -> Any:
        updated = metric.update(init, low, targets, where=where)
        return metric.update(init, outputs, targets), updated, metric.merge(updated, init)

    low = trees.cast(case.outputs, jnp.bfloat16)
    batch = jax.eval_shape(lambda: (case.outputs, low, case.targets))
    results = jax.eval_shape(after, *batch)
    for got, what in zip(results, ("update", "update with bfloat16", "merge"), strict=True):
        a, b = described(got), described(init)
        assert a == b, f"after `{what}` the state is {a}, not {b}"


def splits(case: MetricCase) -> None:
    for where in case.masks():
        seen = case.seen(where, case.parts())
        for value, what in zip(seen.bracketed, ("(a b) c", "a (b c)"), strict=True):
            _close(value, seen.value, f"merged as {what}, the value")
        _close(
            seen.folded, seen.value, "updated with one slice of the batch after another, the value"
        )


def padding(case: MetricCase) -> None:
    for index, where in enumerate(case.masks()):
        number = BAD[index % 3]
        pair = case.outputs, case.targets
        bad = jax.tree.map(lambda leaf, w=where, n=number: trees.where(w, leaf, n), pair)
        got = case.seen(where, None, *bad)
        trees.same(got, case.seen(where), f"with {number} in the padding: ")


def devices(case: MetricCase) -> None:
    """On the devices there are; on one, as if it were several."""
    metric, (where, seen) = case.noun, case.usual
    batch = case.steps[1]
    count = max(size for size in range(1, len(jax.devices()) + 1) if batch % size == 0)

    def reduced(data: Any) -> Any:
        outputs, targets, where = data
        state = metric.update(metric.init(), outputs, targets, where=where)
        return metric.compute(metric.all_reduce(state, "data"))

    data = case.outputs, case.targets, jnp.asarray(where)
    if count > 1:
        mesh = Mesh(np.array(jax.devices()[:count]), ("data",))
        here: Any = PartitionSpec
        specs = {"in_specs": here(None, "data"), "out_specs": here()}
        sharded = jax.shard_map(reduced, mesh=mesh, **specs)
        _close(jax.jit(sharded)(data), seen.value, f"on {count} devices the value")
        return
    columns = jax.tree.map(lambda leaf: jnp.moveaxis(jnp.asarray(leaf)[:, :, None], 1, 0), data)
    values = jax.jit(jax.vmap(reduced, axis_name="data"))(columns)
    _close(trees.at(values, 0), trees.at(seen.value, ...), "from the states of all rows the value")


def donation(case: MetricCase) -> None:
    metric, (where, seen) = case.noun, case.usual

    def step(state: Any) -> Any:
        return metric.update(state, case.outputs, case.targets, where=where)

    donating = jax.jit(step, donate_argnums=0)
    for init in (metric.init, jax.jit(metric.init)):
        got = donating(init())
        _close(got, seen.state, "from a donated state, the state")
        jax.tree.map(np.asarray, donating(got))


def vmap(case: MetricCase) -> None:
    where, seen = case.usual
    halves = [0.5 * leaf for leaf in trees.numbers(case.outputs)]
    alone = case.seen(where, outputs=trees.with_numbers(case.outputs, halves))
    _close(seen.halved, alone.value, "from states made under `vmap`, the value")


def gradients(case: MetricCase) -> None:
    for leaf in case.usual[1].gradient:
        assert not np.asarray(leaf).any(), "the outputs have a gradient"


METRIC_LAWS = (
    Law(
        "identity",
        "Without data the value is NaN, and such a state changes nothing it is merged with.",
        identity,
        "`init` is the state of no data; divide by a count, so that 0 / 0 is NaN.",
    ),
    Law(
        "state",
        "`update` and `merge` keep the structure, the shapes and the types of the state.",
        state,
        "Give every array in `init` its type, and cast what is added to it.",
    ),
    Law(
        "splits",
        "However data are dealt out, updated and merged, the value is the same.",
        splits,
        "Keep sums and counts, not means; `merge` must be associative.",
    ),
    Law(
        "padding",
        "What stands where the mask is False, NaN and infinity too, changes no bit.",
        padding,
        "Select before you compute: `jnp.where(where, outputs, 0)`; do not multiply by the mask.",
    ),
    Law(
        "devices",
        "Merged over the devices of a mesh, the value is that of one device.",
        devices,
        "`merge` must not depend on an order, or `all_reduce` says what it is.",
    ),
    Law(
        "donation",
        "A state can be donated: no array stands in it twice.",
        donation,
        "Make an array for each field of `init`, even where they are equal.",
    ),
    Law(
        "vmap",
        "`vmap` over outputs gives what a loop gives.",
        vmap,
        "No Python `if` on a value.",
    ),
    Law(
        "gradients",
        "No gradient passes through a metric.",
        gradients,
        "Stop it at what is added: `jax.lax.stop_gradient`.",
    ),
    COPIES,
)


@checked
def check_metric(
    metric: Metric,
    outputs: Any,
    targets: Any = None,
    *,
    skip: Sequence[str] = (),
    echo: bool = True,
) -> LawReport:
    """Run every law of metrics on one, print what holds, and raise where one does not.

    Args:
        metric: the metric.
        outputs: what a network might give, `[T, B, features]` or a tree of such.
        targets: targets that fit.
        skip: names of laws that it need not keep: `splits`, for one that counts its updates.
        echo: whether to print the report.

    Returns:
        The report.

    Raises:
        BrokenLaws: an `AssertionError` that holds the report, where a law does not hold.

    Example:
        >>> import jax
        >>> from jaxrnn import metrics, testing
        >>> outputs = jax.random.normal(jax.random.key(0), (6, 4, 5))
        >>> testing.check_metric(metrics.entropy(), outputs, echo=False).holds
        True
    """
    case = MetricCase(metric, outputs, targets)
    return examine(repr(metric), METRIC_LAWS, case, skip, echo)
