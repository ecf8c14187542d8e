"""When a score counts as an improvement, and what it can be compared with."""

import math
import operator

import pytest

from jaxrnn.training import EarlyStopping, Standing

CASES = {
    "smaller is better": (EarlyStopping(2), [3, 2, 1, 1, 1], (1.0, 2, 2)),
    "an improvement ends the wait": (EarlyStopping(2), [3, 4, 2, 4], (2.0, 2, 1)),
    "min_delta": (EarlyStopping(2, min_delta=0.5), [3, 2.6, 2.4], (2.4, 2, 0)),
    "min_delta from the best": (EarlyStopping(3, min_delta=0.5), [3, 2.8, 2.6], (3.0, 0, 2)),
    "larger is better": (EarlyStopping(2, better=operator.gt), [0.1, 0.5, 0.4], (0.5, 1, 1)),
    "a number that is none": (EarlyStopping(3), [math.nan, 2, math.nan], (2.0, 1, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_standing(name):
    stopping, scores, (best, step, waited) = CASES[name]
    standing = Standing()
    for index, score in enumerate(scores):
        standing = stopping.update(standing, {"step": index, "validation/loss": score})
    assert standing == Standing(best, step, waited, stopping.criterion)
    assert stopping.done(standing) == (waited >= stopping.patience)


TWO = Standing(2.0, 3, 1, EarlyStopping().criterion)
ROW = {"step": 4, "validation/loss": 1.0, "validation/f1": [0.5, 0.25]}


@pytest.mark.parametrize(
    ("stopping", "row", "error", "says"),
    [
        (
            EarlyStopping(metric="validation/f1"),
            ROW,
            ValueError,
            "judged by validation/loss by _operator.lt, and validation/f1 by _operator.lt cannot",
        ),
        (EarlyStopping(better=operator.gt), ROW, ValueError, "_operator.gt cannot be compared"),
        (EarlyStopping(), {"step": 4, "train/loss": 1.0}, ValueError, "no 'validation/loss' in"),
        (
            EarlyStopping(),
            ROW | {"validation/loss": [1.0, 2.0]},
            TypeError,
            r"'validation/loss' must be one number, got a list of shape \(2,\).*map_value",
        ),
    ],
)
def test_scores_that_cannot_be_compared(stopping, row, error, says):
    with pytest.raises(error, match=says):
        stopping.update(TWO, row)


def test_patience_may_change():
    """How long to wait says nothing of the scores; nor does a standing of an older version."""
    assert EarlyStopping(9, min_delta=0.5).update(TWO, ROW) == Standing(
        1.0, 4, 0, EarlyStopping().criterion
    )
    assert EarlyStopping().update(Standing(0.5, 1, 2), ROW).waited == 3


@pytest.mark.parametrize("wrong", [math.nan, -1.0, math.inf])
def test_a_margin_that_nothing_passes(wrong):
    with pytest.raises(ValueError, match="min_delta must be finite and at least 0"):
        EarlyStopping(min_delta=wrong)
