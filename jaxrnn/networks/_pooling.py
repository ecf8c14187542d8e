"""Pooling: from a sequence `[T, *batch, F]` to one vector `[*batch, F]`, counting valid steps."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import last_valid, select
from .._typing import Array, Carry, Key
from ._layer import Layer
from ._merge import Concatenate, Directions, Merge


class Pool(Layer):
    """One vector per sequence. A sequence without a valid step gives zeros."""

    @abc.abstractmethod
    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """Pool `[T, *batch, ...]` with a mask of `[T]` or `[T, *batch]`, where `xs` is zero."""

    def init(self, key: Key) -> tuple[()]:
        return ()

    def run(
        self,
        params: tuple[()],
        xs: Float[Array, "T ..."],
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Float[Array, "..."]]:
        who = type(self).__name__
        _check.floating(who, "xs", xs, "Embed symbols first.")
        if xs.shape[0] == 0:
            raise ValueError(
                f"{who}: xs must be [T, *batch, features] with T >= 1, got {_check.describe(xs)}"
            )
        if resets is not None:
            raise ValueError(
                f"{who}: cannot pool over several sequences in a row. "
                "Give each sequence a place of its own in the batch instead of `resets`."
            )
        return carry, self.pool(xs, jnp.ones(xs.shape[0], bool) if mask is None else mask)

    @property
    def keeps_shape(self) -> bool:
        return True

    @property
    def pools(self) -> bool:
        return True

    @property
    def causal(self) -> bool:
        """No: it needs the whole sequence."""
        return False


class LastPool(Pool):
    """The output at the last valid step.

    After `Bidirectional`, that is the forward cell's summary of the whole sequence next to the
    output of a backward cell that has read only one step, so `stack` refuses it. Pool with
    `MeanPool` or `MaxPool` instead, or take the carries that `Bidirectional.apply` returns: each
    has read the whole sequence.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> xs, mask = jnp.arange(3.0)[:, None], jnp.array([True, True, False])
        >>> networks.LastPool().apply((), xs, mask=mask)[1]
        Array([1.], dtype=float32)
    """

    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """Take along time; the first step, which is zero, where none is valid."""
        return last_valid(xs, mask)

    @property
    def takes_last(self) -> bool:
        return True


class FirstPool(Pool):
    """The output at the first valid step: of a layer that runs backward, a summary of the whole.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> xs, mask = jnp.arange(3.0)[:, None], jnp.array([False, True, True])
        >>> networks.FirstPool().apply((), xs, mask=mask)[1]
        Array([1.], dtype=float32)
    """

    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """The last one, of time turned round."""
        return last_valid(xs[::-1], mask[::-1])


class EndsPool(Pool):
    """What both directions have read: the forward outputs at the last valid step, merged with the
    backward outputs at the first.

    It follows `Bidirectional(..., merge=Both())`, which keeps the outputs apart. This is what Keras
    calls `Bidirectional(LSTM(units))` without `return_sequences`.

    Args:
        merge: how the two are combined: `Concatenate()`, `Add()`, `Average()` or `Multiply()`.

    Raises:
        TypeError: outputs of one direction only.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> both = networks.Bidirectional(cells.GRU(3, 4), cells.GRU(3, 4), merge=networks.Both())
        >>> network = networks.stack(both, networks.EndsPool(), networks.Dense(8, 2))
        >>> params, xs = network.init(jax.random.key(0)), jax.numpy.ones((7, 5, 3))
        >>> network.apply(params, xs, lengths=[7, 1, 3, 2, 7])[1].shape
        (5, 2)
    """

    merge: Merge = Concatenate()

    def run(
        self,
        params: tuple[()],
        xs: Any,
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Any]:
        """Each direction by its own pool."""
        if not isinstance(xs, Directions):
            raise TypeError(
                "EndsPool: it reads the outputs of both directions apart. Put it behind "
                "`Bidirectional(forward, backward, merge=Both())`."
            )
        given: dict[str, Any] = {"key": key, "mask": mask, "resets": resets}
        _, ahead = LastPool().run(params, xs.forward, carry, **given)
        _, behind = FirstPool().run(params, xs.backward, carry, **given)
        return carry, self.merge(ahead, behind)

    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """Not of one direction; `run` pools both."""
        raise NotImplementedError

    @property
    def keeps_shape(self) -> bool:
        return False


class MeanPool(Pool):
    """The mean over the valid steps.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> xs, mask = jnp.arange(3.0)[:, None], jnp.array([True, True, False])
        >>> networks.MeanPool().apply((), xs, mask=mask)[1]
        Array([0.5], dtype=float32)
    """

    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """The sum over the count, in at least float32."""
        total = xs.sum(0, dtype=at_least_float32(xs.dtype))
        count = jnp.maximum(mask.sum(0), 1).astype(total.dtype)
        count = jax.lax.broadcast_in_dim(count, total.shape, tuple(range(count.ndim)))
        return (total / count).astype(xs.dtype)


class MaxPool(Pool):
    """The largest value of each feature over the valid steps.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> xs, mask = jnp.arange(3.0)[:, None], jnp.array([True, True, False])
        >>> networks.MaxPool().apply((), xs, mask=mask)[1]
        Array([1.], dtype=float32)
    """

    def pool(self, xs: Float[Array, "T ..."], mask: Bool[Array, "T ..."]) -> Float[Array, "..."]:
        """The maximum, with minus infinity where masked."""
        largest = select(mask, xs, jnp.full_like(xs, -jnp.inf)).max(0)
        return select(mask.any(0), largest, jnp.zeros_like(largest))
