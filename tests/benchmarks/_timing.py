"""Contestants timed in turn in one process: what disturbs the machine disturbs them all alike."""

import random
import time

import jax
import numpy as np

ROUND = 0.02  # seconds that a contestant's share of a round lasts, or one call where that is longer
LEAST = 6  # rounds, however long they last
AGREE = 1.05  # how far apart the medians of both halves of the rounds may be
MORE = 3  # times as many rounds at most, where they do not agree


def interleaved(calls, *, rounds, seconds):
    """Seconds that each of `calls`, functions without arguments, takes: an array over rounds.

    Every round calls everyone, in an order drawn anew, as often as fills `ROUND`. There are as many
    rounds as fit into `seconds`, from `LEAST` up to `rounds`. Where the second half of them does
    not confirm the first (`settled`), there are as many again, until it does or `MORE` times.
    """
    once = {name: _measured_once(call) for name, call in calls.items()}
    repeats = {name: max(1, round(ROUND / time)) for name, time in once.items()}
    a_round = sum(once[name] * repeats[name] for name in calls)
    count = min(rounds, max(LEAST, int(seconds / a_round)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    draw, order = random.Random(0), list(calls)
    for _ in range(1 + MORE * (seconds > 0)):
        for _ in range(count):
            draw.shuffle(order)
            for name in order:
                if repeats[name] > 1:
                    _timed(calls[name], 1)  # the caches, and threads of the one before that spin
                times[name].append(_timed(calls[name], repeats[name]))
        if all(settled(times[name], times[next(iter(calls))]) for name in calls):
            break
    return {name: np.array(values) for name, values in times.items()}


def halves(values, others):
    """The medians of the ratios in the first half of the rounds, and in the second."""
    ratios = np.asarray(values) / np.asarray(others)
    half = max(1, len(ratios) // 2)
    return float(np.median(ratios[:half])), float(np.median(ratios[half:] if half > 1 else ratios))


def settled(values, others):
    """Whether the second half of the rounds confirms the first."""
    low, high = sorted(halves(values, others))
    return high <= AGREE * low


def spread(values):
    """Median and quartiles."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _measured_once(call):
    _timed(call, 1)  # compiles
    first = _timed(call, 1)
    return first if first > ROUND else _timed(call, 3)


def _timed(call, repeats):
    began = time.perf_counter()
    for _ in range(repeats):
        jax.block_until_ready(call())
    return (time.perf_counter() - began) / repeats
