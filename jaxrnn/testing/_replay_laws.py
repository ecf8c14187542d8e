"""The laws of a replay, of one layer and one rollout."""

import jax
import numpy as np

from . import _trees as trees
from ._replay_mistakes import by_step, explanation
from ._rollout import ReplayCase, both_ways


def recorded(case: ReplayCase) -> str:
    """What was recorded, against one `apply`; where they differ, why that may be."""
    errors = by_step(case, case.replayed[1])
    wrong = ~(errors <= case.tolerance)
    if not wrong.any():
        return _told(errors.max())
    step = int(np.argmax(wrong.reshape(len(wrong), -1).any(1)))
    several, place = wrong.reshape(len(wrong), -1).any(0), np.argwhere(wrong[step])[0].tolist()
    where = f"step {step}" + (f" of sequence {place}" if place else "")
    raise AssertionError(
        f"{several.sum()} of {several.size} sequences differ, first at {where}, by "
        f"{errors[step].max():.1e} of the largest output ({case.tolerance:.1e} is allowed). "
        f"{explanation(case, wrong)}"
    )


def last_carry(case: ReplayCase) -> str:
    """The carry with which the next rollout begins."""
    got = case.replayed[0]
    wanted = jax.tree.map(lambda a, b: a.astype(b.dtype), case.rollout.last, got)
    return _told(trees.near(got, wanted, "the last carry", case.tolerance))


def steps(case: ReplayCase) -> str:
    """Both are computed here, so a difference is the layer's own."""
    ((_, one), _), ((_, whole), _) = case.both
    return _told(trees.near(whole, one, "(last carry, outputs)", case.tolerance))


def gradient(case: ReplayCase) -> str:
    """Sums over the steps, in another order: they round more than outputs do."""
    (_, one), (_, whole) = case.both
    names = trees.names((case.params, case.inputs, case.carry))
    got, wanted = (dict(zip(names, numbers, strict=True)) for numbers in (whole, one))
    allowed = max(case.tolerance, case.eps ** (2 / 3))
    return _told(trees.near(got, wanted, "the gradient of (params, inputs, carry): ", allowed))


def fresh(case: ReplayCase) -> None:
    """NaN before the first reset of a sequence, in the carry and in the inputs."""
    begun = np.logical_or.accumulate(case.resets, axis=0)
    inputs = trees.where(begun, case.inputs, float("nan"))
    carry = trees.where(~begun[-1], case.carry, float("nan"))
    spoiled = both_ways(case.noun, (case.params, inputs, carry), case.resets)
    for way, clean, other in zip(("step", "apply"), case.both, spoiled, strict=True):
        got, wanted = (trees.where(begun, results[0][1][1], 0.0) for results in (other, clean))
        trees.same(got, wanted, f"after a reset, with NaN before it, by `{way}`: ys")


def _told(worst: float) -> str:
    return f"at most {worst:.1e} off, relative to the largest number"
