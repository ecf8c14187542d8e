"""Probabilities where logits are asked."""

from typing import Any

import numpy as np

from .._typing import Array


def refuse_probabilities(where: str, outputs: Array, counted: Array | None) -> None:
    """Raise where outputs plainly are probabilities; `counted` says which rows matter.

    A network that ends in a softmax, before a loss that takes another, learns a little and never
    gets sure. Two rows or more of numbers from 0 to 1 that all sum to 1 are hardly ever logits.
    Rows of zeros and ones may be. Nothing is said of those, or of a row alone.
    """
    rows: Any = np.asarray(outputs)
    slack = 1e-4 if rows.dtype.itemsize > 2 else 1e-2
    rows = rows[... if counted is None else np.asarray(counted)].astype(np.float32)
    rows = rows.reshape(-1, rows.shape[-1])
    if len(rows) < 2 or np.any(rows < 0) or np.any(np.abs(rows.sum(-1) - 1) > slack):
        return
    if np.any((rows > 0) & (rows < 1)):
        raise ValueError(
            f"{where}: the loss takes logits, and the network gives rows of numbers from 0 to 1 "
            "that each sum to 1, as probabilities do. Leave out the softmax at its end. If they "
            "are logits, subtract 1 from all of them: it changes no probability."
        )
