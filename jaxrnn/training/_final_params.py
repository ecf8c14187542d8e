"""`FinalParams`: what a sweep keeps of its members besides their curves."""

import typing

import jax
import numpy as np

from .._config import Config
from .._typing import Params
from ._trainer import Trainer


@typing.final
class FinalParams(Config):
    """The parameters of every member after its last step, as `Sweep.params`.

    They are those of all members at once, in memory on the host and in every checkpoint of the
    sweep's directory, which holds two: a million float32 parameters are 4 MB a member. Those of a
    member that diverged are kept as they are.

    Example:
        >>> FinalParams()
        FinalParams()
    """

    def empty(self, trainer: Trainer, total: int) -> Params:
        """NaN for so many members, until they have run."""
        params = jax.eval_shape(Trainer.init, trainer, jax.random.key(0)).params
        return jax.tree.map(lambda leaf: np.full((total, *leaf.shape), np.nan, leaf.dtype), params)

    def of(self, params: Params, count: int) -> Params:
        """Those of the first members of a slice, on the host."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[:count], jax.device_get(params))
