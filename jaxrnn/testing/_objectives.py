"""`check_objective`: the laws of objectives, run on one."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checked import checked
from ..objectives import Objective, reduce
from . import _trees as trees
from ._law import Law, LawReport, Shared, examine
from ._noun_laws import COPIES

BAD = (float("nan"), float("inf"), float("-inf"))


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
    def masked(self) -> Any:
        return self.noun(self.outputs, self.targets, where=self.where)

    def differentiated(self, outputs: Any, targets: Any, where: Any) -> Any:
        """The mean over steps, and its gradient by the outputs."""

        def loss(own: list[Any]) -> Any:
            every = trees.with_numbers(outputs, own)
            return reduce(self.noun, every, targets, where=where).mean()

        return jax.value_and_grad(loss)(trees.numbers(outputs))

    @Shared
    def clean(self) -> Any:
        return self.differentiated(self.outputs, self.targets, self.where)

    def spoiled(self, number: float) -> Any:
        """Outputs and targets with the worst where the mask is False."""
        pair = self.outputs, self.targets
        return jax.tree.map(lambda leaf: trees.where(self.where, leaf, number), pair)


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
    got, wanted = (case.differentiated(*pair, where) for where in (everywhere, None))
    trees.same(got, wanted, "with a mask that is all True: mean and gradient ")
    masked = trees.where(case.where, case.values, 0.0)
    trees.same(case.masked, masked, "with a mask: values")


def padding(case: ObjectiveCase) -> None:
    compiled = jax.jit(case.differentiated)
    wanted = compiled(case.outputs, case.targets, case.where)
    for number in BAD:
        bad = case.spoiled(number)
        what = f"with {number} in the padding: "
        trees.same(case.noun(*bad, where=case.where), case.masked, f"{what}values")
        total, gradient = case.differentiated(bad[0], bad[1], case.where)
        trees.same((total, gradient), case.clean, f"{what}mean and gradient ")
        for leaf in gradient:
            assert not np.asarray(leaf)[~np.asarray(case.where)].any(), f"{what}gradient of padding"
        trees.same(compiled(bad[0], bad[1], case.where), wanted, f"{what}inside `jit`: ")


def nothing(case: ObjectiveCase) -> None:
    nowhere = jnp.zeros(case.steps, bool)
    nans = trees.where(nowhere, case.outputs, float("nan"))
    total, gradient = case.differentiated(nans, case.targets, nowhere)
    assert float(total) == 0, f"where no step counts the mean is {total}"
    for leaf in gradient:
        assert not np.asarray(leaf).any(), "where no step counts the gradient is not zero"


def algebra(case: ObjectiveCase) -> None:
    one, of_one = case.noun, case.masked
    built = {
        "f + f": (one + one, 2.0),
        "f - 0.25 f": (one - 0.25 * one, 0.75),
        "-f": (-one, -1.0),
        "f * 3": (one * np.float32(3), 3.0),
        "numpy's 3 * f": (np.float32(3) * one, 3.0),
        "JAX's 3 * f": (jnp.float32(3) * one, 3.0),
    }
    for what, (objective, factor) in built.items():
        got = objective(case.outputs, case.targets, where=case.where)
        trees.near(got, jnp.asarray(factor, got.dtype) * of_one, what, 1e-6)


def sweep(case: ObjectiveCase) -> None:
    weights = jnp.array([0.0, 0.5, -2.0], case.values.dtype)

    def weighed(weight: Any) -> Any:
        return (weight * case.noun + case.noun)(case.outputs, case.targets)

    swept = jax.vmap(weighed)(weights)
    looped = jnp.stack([(1 + weight) * case.values for weight in weights])
    trees.near(swept, looped, "`vmap` over a weight", 1e-5)


def _halves(case: ObjectiveCase) -> tuple[Any, list[Any]]:
    whole = reduce(case.noun, case.outputs, case.targets, where=case.where)
    cut = case.steps[0] // 2
    parts = []
    for half in (slice(cut), slice(cut, None)):
        data = jax.tree.map(lambda leaf, half=half: leaf[half], (case.outputs, case.targets))
        parts.append(reduce(case.noun, *data, where=case.where[half]))
    return whole, parts


def batches(case: ObjectiveCase) -> None:
    whole, (first, second) = _halves(case)
    trees.near(first.weight + second.weight, whole.weight, "the weights of two halves", 1e-6)
    trees.near((first + second).mean(), whole.mean(), "the mean of two halves", 1e-5)


def counts(case: ObjectiveCase) -> None:
    whole, _ = _halves(case)
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
        "A mask that is all True changes no bit; where a mask is False the value is 0.",
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
