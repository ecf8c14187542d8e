"""`Batch`: what training takes."""

from typing import Any, NamedTuple

from .._typing import ArrayLike, Inputs


class Batch(NamedTuple):
    """Several sequences beside one another; time leads.

    A whole set of examples is a `Batch` too, with the examples along the batch axis: `Shuffled`
    cuts it into smaller ones.

    Shapes:
        inputs: a pytree of `[T, *batch, ...]`.
        targets: a pytree of `[T, *batch, ...]` (one target per step) or `[*batch, ...]` (one per
            sequence).
        mask: `Bool[T, *batch]`, False where a step is padding and counts for nothing; `None`
            where every step counts.
        resets: `Bool[T, *batch]`, True where a new sequence starts and forgets what came before
            it, be it in this batch or carried over from the one before; `None` where none does.
            (Without a carried state every batch starts anew, whatever stands here.)

    Example:
        >>> import numpy as np
        >>> tokens = np.arange(5)[:, None]
        >>> batch = Batch(inputs=tokens[:-1], targets=tokens[1:])
        >>> batch.inputs.shape, batch.mask
        ((4, 1), None)
    """

    inputs: Inputs
    targets: Any
    mask: ArrayLike | None = None
    resets: ArrayLike | None = None


class Stacked(NamedTuple):
    """Several batches of one shape along a new leading axis, so that a scan runs through them.

    Example:
        >>> import numpy as np
        >>> two = Stacked(Batch(inputs=np.zeros((2, 7, 4)), targets=np.ones((2, 7, 4))))
        >>> two.batches.inputs.shape  # [batches, T, B]
        (2, 7, 4)
    """

    batches: Batch
