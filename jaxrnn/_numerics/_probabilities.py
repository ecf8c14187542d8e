"""Probabilities where logits are asked."""

import jax
import numpy as np

from .. import _check
from .._typing import ArrayLike

_LARGE = 2**22


def refuse_probabilities(
    who: str, name: str, logits: ArrayLike, where: ArrayLike | None = None
) -> None:
    """Raise where logits plainly are probabilities; `where` says which rows matter.

    A network that ends in a softmax, before a loss that takes another, learns a little and never
    gets sure. Two rows or more of numbers from 0 to 1 that all sum to 1 are hardly ever logits.
    Rows of zeros and ones may be. Nothing is said of those, of a row alone, inside `jit`, or of
    arrays so large that to read them would take long.
    """
    if not isinstance(logits, np.ndarray | jax.Array) or not _check.concrete(logits):
        return
    if isinstance(logits, jax.Array) and not logits.is_fully_addressable:
        return  # parts of it are on other hosts
    if logits.ndim < 2 or logits.shape[-1] < 2 or not 0 < logits.size <= _LARGE:
        return
    rows = np.asarray(logits)
    if where is not None:
        if not _check.concrete(where) or np.shape(where) != rows.shape[:-1]:
            return
        rows = rows[np.asarray(where) != 0]
    slack = 1e-4 if rows.dtype.itemsize > 2 else 1e-2
    rows = rows.reshape(-1, rows.shape[-1])
    for some in (rows[:4], rows):  # the first few tell, as a rule
        inside = len(some) > 1 and bool(np.all((some >= 0) & (some <= 1)))
        if not inside or np.any(np.abs(some.sum(-1, dtype=np.float32) - 1) > slack):
            return
    if np.any((rows > 0) & (rows < 1)):
        raise ValueError(
            f"{who}: {name} must be logits, got rows of numbers from 0 to 1 that each sum to 1, as "
            "probabilities do. Leave out the softmax before, or pass `jnp.log(p)`. If they are "
            "logits, subtract 1 from all of them: it changes no probability."
        )
