"""When a score counts as an improvement."""

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
    assert standing == Standing(best, step, waited)
    assert stopping.done(standing) == (waited >= stopping.patience)
