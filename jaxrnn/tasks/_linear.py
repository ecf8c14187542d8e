"""What a linear filter of the last inputs achieves on a series."""

import numpy as np

from .. import _check
from ..data import Batch


def linear_error(who: str, train: Batch, test: Batch, lags: int, washout: int) -> float:
    """Normalised error of least squares on the last `lags` inputs and a constant, in float64.

    The root of the mean squared error over the deviation of the targets, on the test series.
    """
    _check.sizes(who, lags=lags)
    _check.integers(who, 0, washout=washout)
    for name, batch in {"train": train, "test": test}.items():
        _check.kind(who, name, batch, Batch)
        steps = len(batch.inputs)
        if steps <= max(lags - 1, washout):
            raise ValueError(
                f"{who}: {name} must be longer than the lags and the washout, {lags} and {washout} "
                f"steps, got {steps}"
            )
    start = max(lags - 1, washout)
    weights = np.linalg.lstsq(*_rows(train, lags, start), rcond=None)[0]
    features, targets = _rows(test, lags, start)
    error = features @ weights - targets
    return float(np.sqrt((error**2).mean(0) / targets.var(0)).mean())


def _rows(batch: Batch, lags: int, start: int) -> tuple[np.ndarray, np.ndarray]:
    """A row for each step of each series: the last inputs, and 1."""
    inputs, targets = (np.asarray(x, np.float64) for x in (batch.inputs, batch.targets))
    steps = len(inputs)
    past = [inputs[start - lag : steps - lag] for lag in range(lags)]
    ones = np.ones_like(inputs[start:, ..., :1])
    rows = np.concatenate([*past, ones], axis=-1)
    targets = targets[start:]
    return rows.reshape(-1, rows.shape[-1]), targets.reshape(-1, targets.shape[-1])
