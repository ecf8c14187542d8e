"""`WithPrevious`: every step beside the one before it."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Batch, Key
from ._causal_conv import CausalConv, CausalConvParams
from ._layer import Layer


class WithPrevious(Layer):
    """Each step's input, and that of the step before: `[x_t, x_{t-1}]`.

    Zeros stand before the first step, and before a reset. Steps that are masked do not count as
    steps. `cells.RWKV7` reads this (its token shift).

    Shapes: x `[T, *batch, inputs]`, y `[T, *batch, 2 * inputs]`, carry `[*batch, 1, inputs]`.

    Args:
        inputs: features of x.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks
        >>> layer = networks.WithPrevious(1)
        >>> print(layer.apply((), jnp.array([[1.0], [2.0], [3.0]]))[1])
        [[1. 0.]
         [2. 1.]
         [3. 2.]]
        >>> rwkv = networks.stack(
        ...     networks.WithPrevious(4), networks.Recurrent(cells.RWKV7(4, 8, heads=2))
        ... )
        >>> rwkv.apply(rwkv.init(jax.random.key(0)), jnp.ones((7, 2, 4)))[1].shape
        (7, 2, 8)
    """

    inputs: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("WithPrevious", inputs=self.inputs)

    def init(self, key: Key) -> tuple[()]:
        """Nothing: there are no parameters."""
        return ()

    def carry(self, params: Any, batch: Batch = ()) -> Float[Array, "*batch 1 I"]:
        """Zeros."""
        return jnp.zeros((*batch, 1, self.inputs))

    def run(
        self,
        params: Any,
        xs: Float[Array, "T ..."],
        carry: Float[Array, "..."],
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Float[Array, "..."], Float[Array, "T ..."]]:
        # A convolution that tells every feature and the one before it apart.
        size = self.inputs
        conv = CausalConv(size, 2, 2 * size, use_bias=False)
        taps = jnp.tile(jnp.eye(2, dtype=xs.dtype), (1, size))[:, None]
        carry, ys = conv.run(
            CausalConvParams(taps, None), xs, carry, key=key, mask=mask, resets=resets
        )
        pairs = ys.reshape(*ys.shape[:-1], size, 2)
        return carry, jnp.concatenate([pairs[..., 0], pairs[..., 1]], -1)

    @property
    def input_shape(self) -> tuple[int]:
        """`(inputs,)`."""
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        """`(2 * inputs,)`."""
        return (2 * self.inputs,)
