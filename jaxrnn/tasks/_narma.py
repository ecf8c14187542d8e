"""`NARMA10`: a nonlinear system to be identified from its inputs."""

import typing
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._config import Config
from .._typing import Array, Key
from ..data import Batch
from ._linear import linear_error


@typing.final
class NARMA10(Config):
    """A nonlinear system with a memory of ten steps: from its inputs, predict its next output.

        y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + ... + y_{t-9}) + 1.5 u_{t-9} u_t + 0.1

    The inputs `u_t` are uniform in [0, 0.5), the target at step t is `y_{t+1}`, and all is 0 before
    the first step. The system is not bounded: a series that leaves [0, 2) is drawn anew. For
    `objectives.SquaredError`.

    Errors are given as root mean squares over the deviation of the targets. A linear filter of the
    last 20 inputs has 0.40, what `baseline` computes; a figure above that says nothing.

    Attributes:
        length: how many steps.

    Raises:
        TypeError: a length that is not an integer.
        ValueError: a length below 1.

    Reference: A. Atiya & A. Parlos, "New results on recurrent network training", IEEE Transactions
    on Neural Networks 11 (2000).

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.NARMA10(2000)
        >>> train, test = (task.batch(1, key=jax.random.key(seed)) for seed in (0, 1))
        >>> train.inputs.shape, train.targets.shape
        ((2000, 1, 1), (2000, 1, 1))
        >>> 0.35 < task.baseline(train, test) < 0.45
        True
    """

    length: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("NARMA10", length=self.length)

    def baseline(self, train: Batch, test: Batch, lags: int = 20, washout: int = 200) -> float:
        """The error of a linear filter of the last `lags` inputs, fitted on `train`.

        Raises:
            ValueError: lags that are not positive, or series that are not longer.
        """
        return linear_error("NARMA10.baseline", train, test, lags, washout)

    def batch(self, size: int, *, key: Key) -> Batch:
        """Draw series: inputs and targets `[length, size, 1]`.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        _check.sizes("NARMA10.batch", size=size)
        shape = (self.length, size)
        remedy = "Draw fewer or shorter ones."
        _check.memory("NARMA10.batch", "the inputs", shape, np.float32, remedy)
        inputs, targets = _drawn(key, shape)
        return Batch(inputs[..., None], targets[..., None])


def _drawn(key: Key, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Series that stay within bounds."""

    def draw(attempt: Array) -> tuple[Array, Array, Array]:
        inputs = 0.5 * jax.random.uniform(jax.random.fold_in(key, attempt), shape)
        targets = _system(inputs)
        return inputs, targets, ((targets >= 0) & (targets < 2)).all(0)

    def unfinished(state: Any) -> Array:
        return ~state[3].all()

    def again(state: Any) -> Any:
        attempt, inputs, targets, good = state
        others = draw(attempt)
        kept = jnp.broadcast_to(good[None], shape)
        inputs = jnp.where(kept, inputs, others[0])
        return attempt + 1, inputs, jnp.where(kept, targets, others[1]), good | others[2]

    first = (jnp.int32(1), *draw(jnp.int32(0)))
    _, inputs, targets, _ = jax.lax.while_loop(unfinished, again, first)
    return inputs, targets


def _system(inputs: Array) -> Array:
    """The outputs that follow each input."""
    size = inputs.shape[1]
    delayed = jnp.concatenate([jnp.zeros((9, size), inputs.dtype), inputs])[: len(inputs)]

    def step(past: Array, both: tuple[Array, Array]) -> tuple[Array, Array]:
        now, before = both
        y = past[0]
        new = 0.3 * y + 0.05 * y * past.sum(0) + 1.5 * before * now + 0.1
        return jnp.concatenate([new[None], past[:-1]]), new

    return jax.lax.scan(step, jnp.zeros((10, size), inputs.dtype), (inputs, delayed))[1]
