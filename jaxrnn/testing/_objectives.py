"""`check_objective`: the laws of objectives, run on one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checked import checked
from ..objectives import Objective, reduce
from . import _trees as trees
from ._law import Law, LawReport, Shared, examine
from ._noun_laws import COPIES

BAD = (float("nan"), float("inf"), float("-inf"))


class Scored(NamedTuple):
    """What an objective makes of one batch: its values, their mean, and its gradient."""

    values: Any
    mean: Any
    gradient: Any


class ObjectiveCase:
    """An objective with outputs, targets and a mask, and what it makes of them."""

    def __init__(self, objective: Objective, outputs: Any, targets: Any) -> None:
        self.noun, self.outputs, self.targets = objective, outputs, targets
        self.steps = jnp.shape(jax.tree.leaves(outputs)[0])[:2]
        mask = np.random.default_rng(0).random(self.steps) < 0.6
        mask[0, 0], mask[-1, -1] = True, False
        self.where = jnp.asarray(mask)

    @Shared
    def values(self) -> Any:
        return self.noun(self.outputs, self.targets)

    @Shared
    def program(self) -> Any:
        """One for all masks: what is said to be the same bit for bit is compared within it."""
        return jax.jit(_summarize)

    def seen(self, outputs: Any, targets: Any, where: Any) -> Scored:
        return self.program(self.noun, outputs, targets, where)

    @Shared
    def clean(self) -> Scored:
        return self.seen(self.outputs, self.targets, self.where)

    @Shared
    def totals(self) -> Any:
        return _totals(self.noun, self.outputs, self.targets, self.where)

    def spoiled(self, number: float) -> Any:
        """Outputs and targets with the worst where the mask is False."""
        pair = self.outputs, self.targets
        return jax.tree.map(lambda leaf: trees.where(self.where, leaf, number), pair)


def _summarize(objective: Any, outputs: Any, targets: Any, where: Any) -> Scored:
    def loss(own: list[Any]) -> Any:
        every = trees.with_numbers(outputs, own)
        return reduce(objective, every, targets, where=where).mean()

    mean, gradient = jax.value_and_grad(loss)(trees.numbers(outputs))
    return Scored(objective(outputs, targets, where=where), mean, gradient)


def values(case: ObjectiveCase) -> None:
    found = case.values
    assert found.shape == case.steps, f"values of shape {found.shape} for steps {case.steps}"
    wide = any(leaf.dtype == jnp.float64 for leaf in trees.numbers(case.outputs))
    wanted = jnp.dtype(jnp.float64 if wide else jnp.float32)
    assert found.dtype == wanted, f"the values are {found.dtype}, not {wanted}"
    trees.finite(found, "the values")


def precision(case: ObjectiveCase) -> None:
    low = trees.cast(case.outputs, jnp.bfloat16)
    narrow = case.noun(low, case.targets)
    assert narrow.dtype == jnp.float32, f"of bfloat16 outputs the values are {narrow.dtype}"
    trees.same(narrow, case.noun(trees.cast(low, jnp.float32), case.targets), "of bfloat16 outputs")


def mask(case: ObjectiveCase) -> None:
    everywhere = jnp.ones(case.steps, bool)
    all_true = case.noun(case.outputs, case.targets, where=everywhere)
    trees.same(all_true, case.values, "with a mask that is all True: values")
    pair = case.outputs, case.targets
    got, wanted = case.seen(*pair, everywhere), case.seen(*pair, None)
    trees.near(got, wanted, "with a mask that is all True: ", 1e-6)
    some = trees.where(case.where, got.values, 0.0)
    trees.same(case.clean.values, some, "with a mask: values")


def padding(case: ObjectiveCase) -> None:
    for number in BAD:
        outputs, targets = case.spoiled(number)
        what = f"with {number} in the padding: "
        values = case.noun(outputs, targets, where=case.where)
        trees.finite(values, f"{what}values outside of `jit`")
        got = case.seen(outputs, targets, case.where)
        trees.same(got, case.clean, what)
        for leaf in got.gradient:
            assert not np.asarray(leaf)[~np.asarray(case.where)].any(), f"{what}gradient of padding"


def nothing(case: ObjectiveCase) -> None:
    nowhere = jnp.zeros(case.steps, bool)
    nans = trees.where(nowhere, case.outputs, float("nan"))
    seen = case.seen(nans, case.targets, nowhere)
    assert float(seen.mean) == 0, f"where no step counts the mean is {seen.mean}"
    for leaf in seen.gradient:
        assert not np.asarray(leaf).any(), "where no step counts the gradient is not zero"


def algebra(case: ObjectiveCase) -> None:
    one, of_one = case.noun, case.clean.values
    built = {
        "f + f": (one + one, 2.0),
        "f - 0.25 f": (one - 0.25 * one, 0.75),
        "-f": (-one, -1.0),
        "f * 3": (one * np.float32(3), 3.0),
        "numpy's 3 * f": (np.float32(3) * one, 3.0),
        "JAX's 3 * f": (jnp.float32(3) * one, 3.0),
    }

    @jax.jit
    def each(objectives: Any, *batch: Any) -> list[Any]:
        return [objective(*batch[:2], where=batch[2]) for objective in objectives]

    found = each([made for made, _ in built.values()], case.outputs, case.targets, case.where)
    for got, (what, (_, factor)) in zip(found, built.items(), strict=True):
        trees.near(got, np.asarray(factor, got.dtype) * of_one, what, 1e-6)


def sweep(case: ObjectiveCase) -> None:
    weights = np.array([0.0, 0.5, -2.0], case.values.dtype)

    def weighed(weight: Any) -> Any:
        return (weight * case.noun + case.noun)(case.outputs, case.targets)

    swept = jax.jit(jax.vmap(weighed))(weights)
    looped = (1 + weights)[:, None, None] * np.asarray(case.values)
    trees.near(swept, looped, "`vmap` over a weight", 1e-5)


@jax.jit
def _totals(objective: Any, outputs: Any, targets: Any, where: Any) -> tuple[Any, Any]:
    """Those of the whole, and of two halves together."""
    cut = where.shape[0] // 2
    batch = outputs, targets, where
    of_halves = []
    for half in (slice(cut), slice(cut, None)):
        out, target, here = jax.tree.map(lambda leaf, half=half: leaf[half], batch)
        of_halves.append(reduce(objective, out, target, where=here))
    return reduce(objective, outputs, targets, where=where), of_halves[0] + of_halves[1]


def batches(case: ObjectiveCase) -> None:
    whole, both = case.totals
    trees.near(both.weight, whole.weight, "the weights of two halves", 1e-6)
    trees.near(both.mean(), whole.mean(), "the mean of two halves", 1e-5)


def counts(case: ObjectiveCase) -> None:
    whole, _ = case.totals
    count = int(case.where.sum())
    assert float(whole.weight) == count, f"{count} steps have the weight {float(whole.weight):g}"


OBJECTIVE_LAWS = (
    Law(
        "values",
        "There is one finite value for each step, of at least float32.",
        values,
        "Reduce the axis of features and no other; give 0 times infinity a meaning by a `where`.",
    ),
    Law(
        "precision",
        "Outputs in bfloat16 are computed with in float32.",
        precision,
        "Begin with `outputs.astype(jnp.float32)`, or with a verb of `information`.",
    ),
    Law(
        "mask",
        "A mask that is all True changes no bit of a value; where a mask is False the value is 0.",
        mask,
        "Define `values` of all steps and leave the mask to `Objective`.",
    ),
    Law(
        "padding",
        "What stands in the padding, NaN and infinity too, reaches no bit of value or gradient.",
        padding,
        "No sum, mean or maximum over steps in `values`: one step may not see another.",
    ),
    Law(
        "nothing",
        "Where no step counts, the mean and its gradient are 0.",
        nothing,
        "Do not divide by the number of steps; `reduce` does it.",
    ),
    Law(
        "algebra",
        "Sums, differences and multiples of objectives are those of their values.",
        algebra,
        "Do not override the operators.",
    ),
    Law(
        "sweep",
        "`vmap` over a weight gives what a loop gives.",
        sweep,
        "Numbers are plain fields, not static ones, and nothing asks for their values.",
    ),
    Law(
        "batches",
        "Totals of parts add up to that of the whole.",
        batches,
        "A step's value and weight may depend on that step alone.",
    ),
    Law(
        "counts",
        "Every step that a mask leaves counts once; skip it for an objective that weighs steps.",
        counts,
        "Define `weight` only where some steps cannot be scored.",
    ),
    COPIES,
)


@checked
def check_objective(
    objective: Objective,
    outputs: Any,
    targets: Any = None,
    *,
    skip: Sequence[str] = (),
    echo: bool = True,
) -> LawReport:
    """Run every law of objectives on one, print what holds, and raise where one does not.

    Args:
        objective: the objective.
        outputs: what a network might give, `[T, B, features]` or a tree of such, T at least 2.
        targets: targets that fit.
        skip: names of laws that it need not keep: `counts`, for one that weighs steps.
        echo: whether to print the report.

    Returns:
        The report.

    Raises:
        BrokenLaws: an `AssertionError` that holds the report, where a law does not hold.

    Example:
        >>> import jax
        >>> from jaxrnn import objectives, testing
        >>> outputs = jax.random.normal(jax.random.key(0), (4, 3, 5))
        >>> testing.check_objective(objectives.Entropy(), outputs, echo=False).holds
        True
    """
    case = ObjectiveCase(objective, outputs, targets)
    return examine(repr(objective), OBJECTIVE_LAWS, case, skip, echo)
