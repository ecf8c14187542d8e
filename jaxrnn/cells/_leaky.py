"""The leaky (continuous-time) recurrent network."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import Initializer
from .._typing import Array, Key, Leaf
from ._dense import DenseCell
from ._elman import ElmanParams, init_elman, slope
from ._initial import glorot, orthogonal
from ._rule import Rule


class LeakyRule(Rule):
    """`d_h' = (1 - leak) * d_h + leak * slope * d_z`, at `z = u + r`."""

    def remember(self, cell: Any, params: ElmanParams, carry: Array, u: Array, r: Array) -> Any:
        return cell.gate(params, carry, u, r), u + r

    def linearize(self, cell: Any, params: ElmanParams, carry: Array, memory: Array) -> Array:
        return cell.leak_like(carry) * slope(cell.activation, memory).astype(carry.dtype)

    def push(
        self, cell: Any, params: ElmanParams, point: Array, d_carry: Array, d_z: Array
    ) -> tuple[Array, Array]:
        d_h = d_carry - cell.leak_like(d_carry) * d_carry + point * d_z.astype(d_carry.dtype)
        return d_h, d_h.astype(params.kernel.dtype)


class Leaky(DenseCell):
    """The leaky integrator, a continuous-time network in steps of `dt`, with `leak = dt / tau`.

        h_t = (1 - leak) h_{t-1} + leak * activation(x_t @ kernel + bias + h_{t-1} @ recurrent)
        y_t = h_t

    Shapes: x `[*batch, inputs]`, carry and y `[*batch, hidden]`.

    Args:
        inputs: features of the input.
        hidden: features of the state.
        leak: one number, or one per unit, `[hidden]`; a leaf, so `vmap` and `grad` apply to it.
        activation: any elementwise function.
        kernel_init: how the kernel is drawn, `(key, shape, dtype) -> Array`.
        recurrent_init: how the recurrent kernel is drawn.
        bias_init: how the bias is drawn.
        use_bias: whether there is a bias; without one `params.bias` is None.

    Reference: H. Jaeger et al., "Optimization and applications of echo state networks with leaky-
    integrator neurons", Neural Networks 20 (2007).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> xs, cell = jnp.ones((7, 3)), jaxrnn.cells.Leaky(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> last = lambda leak: jaxrnn.unroll(jaxrnn.cells.Leaky(3, 4, leak), params, xs)[0]
        >>> jax.vmap(last)(jnp.linspace(0.1, 0.9, 5)).shape
        (5, 4)
    """

    leak: Leaf = 0.5
    activation: Callable[[Array], Array] = jax.tree.static(default=jnp.tanh)
    kernel_init: Initializer = jax.tree.static(default=glorot)
    recurrent_init: Initializer = jax.tree.static(default=orthogonal)
    bias_init: Initializer = jax.tree.static(default=jax.nn.initializers.zeros)
    use_bias: bool = jax.tree.static(default=True)
    rule = LeakyRule()

    def init(self, key: Key) -> ElmanParams:
        """What the initialisers draw: a Glorot and an orthogonal kernel, and a bias of zero."""
        return init_elman(self, key)

    def gate(
        self,
        params: ElmanParams,
        carry: Float[Array, "... H"],
        u: Float[Array, "... H"],
        r: Float[Array, "... H"],
    ) -> tuple[Float[Array, "... H"], Float[Array, "... H"]]:
        """`h + leak * (activation(u + r) - h)`."""
        h = carry + self.leak_like(carry) * (self.activation(u + r).astype(carry.dtype) - carry)
        return h, h.astype(params.kernel.dtype)

    def leak_like(self, like: Array) -> Array:
        """The leak of every unit."""
        leak = jnp.asarray(self.leak).astype(like.dtype)
        if leak.shape not in ((), (self.hidden,)):
            raise ValueError(f"Leaky: leak must be a number or [{self.hidden}], got {leak.shape}")
        return jnp.broadcast_to(leak, like.shape)
