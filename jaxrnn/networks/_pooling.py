"""Pooling: from a sequence `[T, *batch, F]` to one vector `[*batch, F]`, counting valid steps."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import last_valid, select
from .._typing import Array, Carry, Key
from ._layer import Layer


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
