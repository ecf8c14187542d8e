"""What usually goes wrong where a replay is not its rollout, as data."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import _trees as trees
from ._rollout import ReplayCase, stepped


class Supposed(NamedTuple):
    """What the rollout may have read instead of what is recorded."""

    resets: Any
    inputs: Any
    carry: Any
    fresh: Any
    """What replaces the carry at a reset."""

    ahead: int = 0
    """Its first output is that recorded so many steps later."""

    known: Any = True
    """The steps of which this tells the outputs."""


class Mistake(NamedTuple):
    """A way to record another thing than what was read."""

    what: str
    remedy: str
    suppose: Callable[[ReplayCase], Iterable[Supposed]]
    """What was read then; where a part is unknown, every case of it, for each sequence one."""


def _said(case: ReplayCase, **other: Any) -> Supposed:
    return Supposed(case.resets, case.inputs, case.carry, case.fresh)._replace(**other)


def _moved(resets: np.ndarray, by: int) -> Iterable[np.ndarray]:
    """Flags a step later (1) or earlier (-1); the one that comes in is unknown."""
    for unknown in (False, True):
        moved = np.roll(resets, by, axis=0)
        moved[0 if by == 1 else -1] = unknown
        yield moved


def _late(case: ReplayCase) -> Iterable[Supposed]:
    return [_said(case, resets=moved) for moved in _moved(case.resets, 1)]


def _early(case: ReplayCase) -> Iterable[Supposed]:
    return [_said(case, resets=moved) for moved in _moved(case.resets, -1)]


def _twice(case: ReplayCase) -> Iterable[Supposed]:
    both = [moved for by in (1, -1) for moved in _moved(case.resets, by)]
    return [_said(case, resets=case.resets | moved) for moved in both]


def _never(case: ReplayCase) -> Iterable[Supposed]:
    return [_said(case, resets=np.zeros_like(case.resets))]


def _from_zero(case: ReplayCase) -> Iterable[Supposed]:
    return [_said(case, fresh=jax.tree.map(jnp.zeros_like, case.fresh))]


def _from_fresh(case: ReplayCase) -> Iterable[Supposed]:
    return [_said(case, carry=case.fresh)]


def _carry_late(case: ReplayCase) -> Iterable[Supposed]:
    inputs = jax.tree.map(lambda leaf: jnp.roll(leaf, -1, axis=0), case.inputs)
    return [_said(case, inputs=inputs, resets=np.roll(case.resets, -1, axis=0), ahead=1)]


def _next_inputs(case: ReplayCase) -> Iterable[Supposed]:
    resets = np.roll(case.resets, -1, axis=0)
    resets[-1] = False
    known = np.logical_or.accumulate(resets, axis=0)  # before, an input is missing
    return [_said(case, resets=resets, ahead=1, known=known)]


MISTAKES = (
    Mistake(
        "`resets` says where an episode ended: the carry was replaced a step later",
        "Record the flag that `step` got: `resets[t]` is `done[t - 1]`, and the last `done` goes "
        "over to the next rollout.",
        _late,
    ),
    Mistake(
        "the carry was replaced a step before the one that `resets` marks",
        "Give `step` and `apply` the same flag, which is True at the first step of an episode.",
        _early,
    ),
    Mistake(
        "the carry was replaced twice, where `resets` says and a step beside it",
        "Either pass `resets` to `step`, or replace the carry after it; not both.",
        _twice,
    ),
    Mistake(
        "the carry was never replaced in the rollout",
        "Pass `resets` to `step` as well.",
        _never,
    ),
    Mistake(
        "at a reset the carry became zeros, and the layer's own is another",
        "Pass `resets` to `step` instead of multiplying the carry by `1 - done`.",
        _from_zero,
    ),
    Mistake(
        "the rollout began with the layer's own carry, not with the one that is recorded",
        "Keep the carry from before the first step, and hand the last one to the next rollout.",
        _from_fresh,
    ),
    Mistake(
        "the carry that is recorded is the one after the first step",
        "Keep the carry from before `step`, not what it returns.",
        _carry_late,
    ),
    Mistake(
        "the inputs that are recorded are those of the next step",
        "Record what `step` read, not what the environment returned after it.",
        _next_inputs,
    ),
)


def explanation(case: ReplayCase, wrong: np.ndarray) -> str:
    """The mistake that gives what was recorded, or what the place of the differences tells."""

    def run(of: Supposed) -> Any:
        return stepped(case.noun, case.params, of.inputs, of.carry, of.resets, of.fresh)[1]

    settled = ~wrong.any(0)
    for mistake in MISTAKES:
        explained, seen = settled.copy(), np.zeros_like(settled)
        for supposed in mistake.suppose(case):
            fits, known = _explains(case, run(supposed), supposed)
            explained, seen = explained | fits, seen | (fits & known)
        if explained.all() and (seen & ~settled).any():
            return f"It is what comes where {mistake.what}. {mistake.remedy}"
    return _by_place(case, wrong)


def _explains(case: ReplayCase, ys: Any, supposed: Supposed) -> tuple[Any, Any]:
    """The sequences whose known outputs are these, and those that have any."""
    ahead, steps = supposed.ahead, len(case.resets)
    known = np.broadcast_to(supposed.known, case.resets.shape)[: steps - ahead]
    shifted = jax.tree.map(lambda leaf: jnp.roll(leaf, ahead, axis=0), ys)
    near = by_step(case, shifted)[ahead:] <= max(case.tolerance, case.rounding)
    return np.all(near | ~known, axis=0), np.any(known, axis=0)


def by_step(case: ReplayCase, ys: Any) -> np.ndarray:
    """How far the outputs of each step are from those recorded, relative to the largest of all."""
    errors = np.zeros(case.resets.shape)
    pairs = zip(jax.tree.leaves(ys), jax.tree.leaves(case.rollout.outputs), strict=True)
    for got, wanted in pairs:
        error, scale = trees.off(np.asarray(got), np.asarray(wanted))
        apart = (error / scale).reshape(*errors.shape, -1).max(-1, initial=0.0)
        errors = np.maximum(errors, apart)
    return errors


def _by_place(case: ReplayCase, wrong: np.ndarray) -> str:
    """What can be told from the steps that differ, where no mistake explains them."""
    begun = np.logical_or.accumulate(case.resets, axis=0)
    if case.rollout.carry is None:
        begun = np.ones_like(begun)
    first = case.resets.copy()
    first[0] |= begun[0]
    if (wrong & first).any():
        return (
            "It differs at the first step of an episode, which depends on nothing but parameters "
            "and input. Are these the parameters and the inputs that `step` read? Were outputs "
            "drawn with a key (dropout)? `step` draws nothing, so replay without one."
        )
    if (begun & wrong.any(0)).any() and not (begun & wrong).any():
        return (
            "All is equal from the first reset on, so the carry is not that of the rollout's "
            "start: it is that of another step or environment, or older than the parameters."
        )
    if wrong[0].any():
        return (
            "The carry is not that of the rollout's start, or the parameters have changed since; "
            "a sequence with a reset would tell which."
        )
    return (
        "It begins within an episode, so the carry was replaced or changed where `resets` says "
        "nothing, or an input is not what `step` read."
    )
