"""The laws of cells of every kind."""

from typing import Any

import jax
import numpy as np

from . import _trees as trees
from ._cell_case import BATCH, HALF, ROWS, CellCase, T
from ._runs import Flags, Run

PARTS = ("the cell", "params", "xs", "carry")
NAN, INF = float("nan"), float("inf")


def results(run: Any) -> dict[str, Any]:
    return {"last": run.last, "ys": run.ys}


def engines(case: CellCase) -> None:
    whole, programs = case.whole, case.programs
    for name, run in whole.items():
        trees.near(run._asdict(), whole["scan"]._asdict(), f"{name}, with flags: ")
    for name, run in programs.plain(case.problem()).items():
        trees.near(run._asdict(), case.plain._asdict(), f"{name}, without flags: ")
    backward, forward = _turned(case)
    trees.near(backward._asdict(), forward._asdict(), f"{programs.of_backward}, in reverse: ")


def _turned(case: CellCase) -> tuple[Run, Run]:
    """A run in reverse, and that of the sequence turned around, seen from the other end."""
    order, flags = np.arange(T)[::-1], case.flags
    # A sequence that starts here starts a step later there, and what starts at the very first step
    # has nothing before it.
    resets = flags.resets.copy()
    resets[0] = False
    turned = np.roll(resets, -1, axis=0)[order]
    there = Flags(case.neutral.lengths, case.valid[order], turned)
    run = case.scan(xs=trees.at(case.xs, order), flags=there, order=order)
    gradient = (*run.gradient[:2], trees.at(run.gradient[2], order), run.gradient[3])
    forward = run._replace(ys=trees.at(run.ys, order), gradient=gradient)
    return case.backward(flags=flags._replace(resets=resets)), forward


STENCIL = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))
STEP = 2e-5
"""Central differences of fourth order, near enough for the strong curvature of a norm."""


def derivatives(case: CellCase) -> None:
    problem, gradient = case.problem(), case.whole["scan"].gradient
    for place, part in enumerate(PARTS):
        own = trees.numbers(problem[place])
        for index, path in enumerate(trees.names(problem[place])):
            direction = np.asarray(case.directions[place][index][0])
            slope = 0.0
            for steps, weight in STENCIL:
                leaves = list(own)
                leaves[index] = trees.moved(own[index], direction, steps * STEP)
                moved = _put(problem, place, trees.with_numbers(problem[place], leaves))
                slope += weight / STEP * float(case.programs.controlled(moved)["scan"].loss)
            found = np.asarray(gradient[place][index])
            given = float((found * direction).sum().real)
            bound = 1e-6 * (abs(slope) + float(np.abs(found).max(initial=0)) + 1)
            assert abs(given - slope) <= bound, (
                f"along a random direction of {part}{path} the gradient says {given:.9g}, finite "
                f"differences {slope:.9g}"
            )


def _put(problem: Any, place: int, value: Any) -> Any:
    return type(problem)(*problem[:place], value, *problem[place + 1 :])


def transforms(case: CellCase) -> None:
    found, gradient = case.derivatives, list(case.whole["scan"].gradient)
    trees.near(found["gradient"], gradient, "the gradient under `checkpoint`: ")
    products = jax.tree.map(
        lambda a, b: (np.asarray(a) * b[0]).sum().real, gradient, case.directions
    )
    slope = np.asarray(sum(jax.tree.leaves(products)))
    trees.near(np.asarray(found["pushed"]), slope, "`jvp` against `grad`: ")
    first = trees.at(found["curvature"], 0)
    trees.near(found["again"], first, "reverse over forward, against forward over reverse: ")
    for index in range(2):
        change = jax.tree.map(lambda leaf: 0 * np.asarray(leaf), gradient)
        for steps, weight in STENCIL:
            there = _away(case, index, steps * STEP)["scan"].gradient
            change = trees.moved(change, list(there), weight / STEP)
        curvature = trees.at(found["curvature"], index)
        trees.near(curvature, change, "second derivatives, against finite differences: ", 1e-6)


def _away(case: CellCase, index: int, length: float) -> dict[str, Run]:
    """What comes of the problem a little way along a direction."""
    parts = []
    for part, directions in zip(case.problem()[:4], case.directions, strict=True):
        pairs = zip(trees.numbers(part), directions, strict=True)
        leaves = [trees.moved(leaf, along[index], length) for leaf, along in pairs]
        parts.append(trees.with_numbers(part, leaves))
    return case.run(**dict(zip(("cell", "params", "xs", "carry"), parts, strict=True)))


def steps(case: CellCase) -> None:
    carry, ys = case.carry, []
    for t in range(T):
        carry, y = case.step(case.cell, case.params, carry, trees.at(case.xs, t))
        ys.append(y)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *ys)
    got = {"last": carry, "ys": stacked}
    trees.near(got, results(case.plain), "one step after another: ")


def batch(case: CellCase) -> None:
    plain, halves = case.plain, case.second_half
    for row, (_, ys), _ in halves:
        wanted = trees.at(plain.ys, (slice(HALF), *row))
        trees.near(ys, wanted, f"sequence {row} alone: ys")
        alone = case.step(
            case.cell, case.params, trees.at(case.carry, row), trees.at(case.xs, (0, *row))
        )[1]
        trees.near(alone, trees.at(plain.ys, (0, *row)), f"a step of sequence {row} alone: y")


def pieces(case: CellCase) -> None:
    for row, (_, first), (last, second) in case.second_half:
        ys = jax.tree.map(lambda *leaves: np.concatenate(leaves), first, second)
        wanted = {
            "last": trees.at(case.plain.last, row),
            "ys": trees.at(case.plain.ys, (slice(None), *row)),
        }
        trees.near({"last": last, "ys": ys}, wanted, "two halves: ")
    times = np.arange(T)[:, None, None]
    for reverse, run in ((False, case.scan), (True, case.backward)):
        whole = case.reversed if reverse else case.whole["scan"]
        for cut in range(1, T):
            early, late = times < cut, times >= cut
            parts = [late, early] if reverse else [early, late]
            carry, ys = case.carry, []
            for part in parts:
                flags = case.flags._replace(
                    mask=case.flags.mask & part, resets=case.flags.resets & part
                )
                piece = run(carry=carry, flags=flags)
                carry = piece.last
                ys.append(piece.ys)
            together = trees.where(
                np.broadcast_to(early, (T, *BATCH)), *ys[:: -1 if reverse else 1]
            )
            what = f"cut before step {cut}, with flags{', in reverse' if reverse else ''}: "
            trees.near({"last": carry, "ys": together}, results(whole), what)


def causality(case: CellCase) -> None:
    at = HALF
    here = np.broadcast_to((np.arange(T) == at)[:, None, None], (T, *BATCH))
    changed = trees.where(here, trees.at(case.inputs, slice(T, None)), case.xs)
    runs = case.engines(flags=case.neutral)
    others = case.engines(flags=case.neutral, xs=changed)
    for name, run in runs.items():
        before = slice(at + 1, None) if name == "reverse" else slice(at)
        trees.same(
            trees.at(others[name].ys, before), trees.at(run.ys, before), f"{name}: ys before"
        )
    a, b = (results(each["scan"]) for each in (runs, others))
    moves = [not np.array_equal(p, q) for p, q in zip(*map(trees.numbers, (a, b)), strict=True)]
    assert any(moves), "an input changes nothing: neither an output nor the carry depends on it"


def lengths(case: CellCase) -> None:
    row, (last, ys), _ = case.second_half[0]
    none, full = np.zeros(BATCH, int), case.neutral
    short = case.engines(flags=full._replace(lengths=none + HALF))
    empty = case.engines(flags=full._replace(lengths=none))
    run = short["scan"]
    trees.near(trees.at(run.ys, (slice(HALF), *row)), ys, "at half the length: ys")
    trees.near(trees.at(run.last, row), last, "at half the length: last")
    for name in short:
        padding = trees.at(short[name].ys, slice(HALF, None))
        trees.same(padding, jax.tree.map(np.zeros_like, padding), f"{name}: ys in the padding")
        trees.same(empty[name].last, case.carry, f"{name}, of length 0: last")


def sequences(case: CellCase) -> None:
    for reverse in (False, True):
        run = case.reversed if reverse else case.whole["scan"]
        for row in ROWS:
            last, ys = _piecewise(case, row, reverse)
            what = f"sequence {row}, flags {_shown(case, row)}{', in reverse' if reverse else ''}: "
            trees.near(trees.at(run.last, row), last, what + "last")
            for t, y in ys.items():
                trees.near(trees.at(run.ys, (t, *row)), y, f"{what}y at step {t}")


def _shown(case: CellCase, row: Any) -> str:
    flags = [case.valid[(slice(None), *row)], case.flags.resets[(slice(None), *row)]]
    return " ".join("".join("01"[int(flag)] for flag in flag) for flag in flags)


def _piecewise(case: CellCase, row: Any, reverse: bool) -> tuple[Any, dict[int, Any]]:
    """A row cut into its sequences, each run alone, step by step, without what is masked."""
    groups: list[list[int]] = [[]]
    for t in range(T):
        if case.flags.resets[(t, *row)]:
            groups.append([])
        if case.valid[(t, *row)]:
            groups[-1].append(t)
    state, ys = trees.at(case.carry, row), {}
    fresh = trees.at(case.fresh, row)
    for number, times in list(enumerate(groups))[:: -1 if reverse else 1]:
        if number and not reverse:
            state = fresh
        for t in times[:: -1 if reverse else 1]:
            state, ys[t] = case.step(case.cell, case.params, state, trees.at(case.xs, (t, *row)))
        if number and reverse:
            state = fresh  # what lies before it in time is another sequence
    return state, ys


def padding(case: CellCase) -> None:
    clean = case.clean
    for name, run in clean.items():
        trees.finite(run._replace(last=())._asdict(), f"{name}: ")
        nothing = trees.where(case.valid, jax.tree.map(np.zeros_like, run.ys), run.ys)
        trees.same(nothing, jax.tree.map(np.zeros_like, run.ys), f"{name}: masked ys")
        for leaf in run.gradient[2]:
            masked = np.asarray(leaf)[~case.valid]
            assert not masked.any(), f"{name}: the gradient of a masked input is not zero"
    for number in (NAN, INF, -INF, 1e30):
        spoiled = case.engines(xs=trees.where(case.valid, case.xs, number))
        for name, run in spoiled.items():
            trees.same(run._asdict(), clean[name]._asdict(), f"{name}, {number} in the padding: ")


def resets(case: CellCase) -> None:
    at, times = HALF, np.arange(T)[:, None, None]
    begins = np.broadcast_to(times == at, (T, *BATCH))
    flags = case.neutral._replace(resets=begins)
    nans = jax.tree.map(lambda leaf: np.full_like(leaf, NAN), trees.numbers(case.carry))
    ruined = trees.with_numbers(case.carry, nans)
    for reverse in (False, True):
        old = times >= at if reverse else times < at
        xs = trees.where(np.broadcast_to(~old, (T, *BATCH)), case.xs, NAN)
        bad = (
            {"reverse": case.backward(xs=xs, carry=ruined, flags=flags)}
            if reverse
            else case.run(xs=xs, carry=ruined, flags=flags)
        )
        alone = case.neutral._replace(mask=np.broadcast_to(~old, (T, *BATCH)))
        good = (
            case.backward(carry=case.fresh, flags=alone)
            if reverse
            else case.scan(carry=case.fresh, flags=alone)
        )
        new = slice(at) if reverse else slice(at, None)
        for name, run in bad.items():
            trees.near(trees.at(run.ys, new), trees.at(good.ys, new), f"{name}: ys after the reset")
            if not reverse:
                trees.near(run.last, good.last, f"{name}: last")


def vmap(case: CellCase) -> None:
    keys, drawn, (params, got) = case.several
    looped = [case.noun.init(key) for key in keys]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *looped)
    narrow = any(leaf.dtype.itemsize < 8 for leaf in trees.numbers(drawn))
    trees.near(drawn, stacked, "params drawn under `vmap`", 1e-6 if narrow else 1e-12)
    for index in range(2):
        each = case.scan(params=trees.at(params, index), flags=case.neutral)
        what = f"with parameters {index} of 2 under `vmap`: "
        trees.near(trees.at({"last": got[0], "ys": got[1]}, index), results(each), what)
