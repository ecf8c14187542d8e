"""`shift`: several sequences, each to be predicted one step ahead."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .. import _check
from ._batch import Batch
from ._padding import fill, read
from ._series import refuse_missing


def shift(sequences: Sequence[ArrayLike], *, by: int = 1) -> Batch:
    """One batch of several whole sequences, the targets of which come `by` steps after the inputs.

        inputs[t, n] = sequences[n][t],  targets[t, n] = sequences[n][t + by],  t + by < T_n

    Shorter ones are filled up with 0 and masked. `Windows` cuts long ones into pieces.

    Args:
        sequences: `[T_n, ...]` each, alike in all but their length: series, or encoded texts.
        by: how many steps ahead the targets are.

    Shapes:
        inputs, targets: `[max(T_n) - by, N, ...]`; mask `Bool[max(T_n) - by, N]`.

    Raises:
        TypeError: a sequence holds no numbers, or masked ones; `by` is no integer.
        ValueError: there are no sequences, one has no more than `by` steps, or a value that is not
            finite; features differ; or memory cannot hold the result.

    Example:
        >>> batch = shift([[1, 2, 3, 4], [7, 8]])
        >>> batch.inputs.T.tolist(), batch.targets.T.tolist()
        ([[1, 2, 3], [7, 0, 0]], [[2, 3, 4], [8, 0, 0]])
        >>> batch.mask.T.tolist()
        [[True, True, True], [True, False, False]]
    """
    _check.sizes("shift", by=by)
    arrays = read("shift", sequences)
    for place, array in enumerate(arrays):
        if len(array) <= by:
            raise ValueError(
                f"shift: sequence {place} has {len(array)} steps, and so no target {by} ahead. "
                "Leave it out."
            )
        refuse_missing("shift", f"sequence {place}", array.reshape(len(array), -1))
    longest = max(map(len, arrays)) - by
    inputs = fill("shift", [array[:-by] for array in arrays], longest, 0)
    targets = fill("shift", [array[by:] for array in arrays], longest, 0)
    mask = np.arange(longest)[:, None] < inputs.lengths
    return Batch(inputs.values, targets.values, mask)
