"""What Keras does with outputs in time, as layers."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Float

from ..._typing import Array, Carry, Key
from ...networks import Layer


class _InTime(Layer):
    """A layer without parameters that moves outputs in time."""

    def init(self, key: Key) -> tuple[()]:
        """Nothing: there are no parameters."""
        return ()

    @property
    def keeps_shape(self) -> bool:
        """Always."""
        return True

    @property
    def causal(self) -> bool:
        """No: what comes later moves to the front, or padding must be known."""
        return False


class ProcessingOrder(_InTime):
    """The outputs of a backward layer in the order of processing, the last step first.

    Keras returns them so if `go_backwards` and `return_sequences`. As in Keras, the mask stays as
    it is.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import interop
        >>> xs = jnp.array([[1.0], [2.0], [3.0]])
        >>> interop.keras.ProcessingOrder().apply((), xs)[1].ravel().tolist()
        [3.0, 2.0, 1.0]
    """

    def run(
        self,
        params: Any,
        xs: Float[Array, "T ..."],
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Float[Array, "T ..."]]:
        return carry, xs[::-1]


class RepeatLast(_InTime):
    """Masked steps repeat the output of the last step before that counts; zeros before the first.

    So does Keras unless `zero_output_for_mask`, where jaxrnn gives zeros. It comes last in a stack,
    since every layer reads zeros where steps do not count.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import interop
        >>> xs = jnp.array([[1.0], [2.0], [3.0]])
        >>> interop.keras.RepeatLast().apply((), xs, mask=[True, True, False])[1].ravel().tolist()
        [1.0, 2.0, 2.0]
    """

    def run(
        self,
        params: Any,
        xs: Float[Array, "T ..."],
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Float[Array, "T ..."]]:
        if mask is None or not len(xs):
            return carry, xs
        times = jnp.arange(len(xs)).reshape(-1, *(1 for _ in mask.shape[1:]))
        there = jnp.where(mask, jnp.broadcast_to(times, mask.shape), 0)
        last = jnp.maximum.accumulate(there, axis=0)  # the first step is zero where it is masked
        last = last.reshape(*last.shape, *(1 for _ in range(xs.ndim - last.ndim)))
        return carry, jnp.take_along_axis(xs, last, axis=0)
