"""What a wrong call of a metric says."""

import jax
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.metrics import nll
from jaxrnn.objectives import CrossEntropy

Z, Y = np.zeros((3, 2, 4), np.float32), np.zeros((3, 2), np.int32)
KEY = jax.random.key(0)


def update(metric, outputs=Z, targets=Y, **options):
    """A row's call of `update`."""
    return lambda: metric.update(metric.init(), outputs, targets, **options)


def nothing(outputs, targets):
    return None


def a_list(outputs, targets):
    return [1]


def several_keys():
    metric = metrics.bootstrapped(nll(), jax.random.split(KEY, 3))
    metric.update(metric.init(), Z, Y)


ROWS = [
    # what is no array, or several
    (
        update(nll(), Z, Y.tolist()),
        TypeError,
        r"Mean: targets must be an array, got Python numbers",
    ),
    (update(nll(), where=[True]), TypeError, r"Mean: where must be an array, .*asarray\(where\)"),
    (update(nll(), weight=[1.0]), TypeError, r"weight must be an array, got Python numbers"),
    (update(nll(), Z, np.ma.array(Y)), TypeError, "targets is a masked array"),
    (
        update(metrics.reliability(), {"a": Z}),
        TypeError,
        r"outputs must be one array, got a dict of",
    ),
    (
        update(metrics.calibration_z_score(), Z, None),
        TypeError,
        "targets must be one array, got None",
    ),
    (update(metrics.varentropy(), None, None), TypeError, "must be one array, got None"),
    # states
    (
        lambda: nll().update(None, Z, Y),
        TypeError,
        r"state .* `init` makes, .*MeanState\(.*got None",
    ),
    (
        lambda: nll().update(metrics.ema(nll(), 0.9).init(), Z, Y),
        TypeError,
        r"state .*MeanState\(total=.*, got EmaState\(faded=Mean",
    ),
    # what is no metric
    (
        lambda: metrics.collect(a=metrics.accuracy),
        TypeError,
        r"a must be .*Call it: `accuracy\(\)`",
    ),
    (lambda: metrics.ema(metrics.accuracy, 0.9), TypeError, r"makes one. Call it: `accuracy\(\)`"),
    (lambda: metrics.Mean(metrics.accuracy), TypeError, r"makes one. Call it: `accuracy\(\)`"),
    (lambda: metrics.as_cell(metrics.perplexity), TypeError, r"Call it: `perplexity\(\)`"),
    (lambda: metrics.Mean(CrossEntropy), TypeError, r"Call it: `CrossEntropy\(\)`"),
    (lambda: metrics.windowed(CrossEntropy(), 3), TypeError, r"`metrics.Mean\(objective\)`"),
    # what functions give
    (update(metrics.grouped(nll(), 2, nothing)), TypeError, "grouped: group must give .*NoneType"),
    (update(metrics.grouped(nll(), 2, a_list)), TypeError, "grouped: group must give .*, got list"),
    (
        update(metrics.masked(nll(), nothing)),
        TypeError,
        "masked: keep must give an array .*NoneType",
    ),
    (update(metrics.weighted(nll(), nothing)), TypeError, "weighted: weight must give .*NoneType"),
    (update(metrics.map_inputs(nll(), nothing)), TypeError, "map_inputs: .* a pair, .*NoneType"),
    # what they are made of
    (lambda: metrics.ema(nll(), "a"), TypeError, "decay must be a number .*'a'"),
    (lambda: metrics.windowed(nll(), 2.5), TypeError, "length must be an integer, got 2.5"),
    (lambda: metrics.accuracy("5"), TypeError, "top must be an integer, got '5'"),
    (lambda: metrics.bootstrapped(nll(), 0), TypeError, r"a key, got 0. .*`jax.random.key\(0\)`"),
    (
        several_keys,
        ValueError,
        r"bootstrapped: key must be one key, got an array \(3,\)",
    ),
    (lambda: metrics.bits_per_character("abc"), TypeError, "lengths must be real numbers"),
    (lambda: metrics.bits_per_character([[1], [1, 2]]), ValueError, "rows of unequal size"),
]


@pytest.mark.parametrize(("call", "error", "says"), ROWS, ids=[says for *_, says in ROWS])
def test_wrong_calls(call, error, says, as_users_run_it):
    with pytest.raises(error, match=f"(?s){says}"):
        call()
