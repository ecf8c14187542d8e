"""`Precision`: compute in a narrower type than that of the weights."""

from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import alike
from .._typing import Array, Batch, Carry, Inputs, Params
from ._wrapper import Wrapper


class Precision(Wrapper):
    """A layer that computes in a different floating-point type from that of its parameters.

        y = layer(cast(params), cast(x)), cast back to the type of the parameters

    Parameters, gradients and the optimizer's state stay as they are, in float32 for example, so
    that updates too small for eight bits of mantissa still add up. Carries, and the sums inside
    products, stay in at least float32. Outputs are rounded to the narrower type: if their precision
    matters, leave the last layer outside, `stack(Precision(body), Dense(...))`.

    Args:
        layer: any layer, or a whole network.
        compute: the floating type to compute in.

    Reference: P. Micikevicius et al., "Mixed precision training", ICLR 2018.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.Precision(networks.Recurrent(cells.GRU(3, 4)))
        >>> params = network.init(jax.random.key(0))
        >>> carry, ys = network.apply(params, jax.numpy.ones((7, 2, 3)))
        >>> params.kernel.dtype.name, ys.dtype.name, bool((ys == ys.astype("bfloat16")).all())
        ('float32', 'float32', True)
    """

    compute: Any = jax.tree.static(default=jnp.bfloat16)

    def __post_init__(self) -> None:
        try:
            floating = jnp.issubdtype(jnp.dtype(self.compute), jnp.floating)
        except TypeError:
            floating = False
        if not floating:
            raise TypeError(
                f"Precision: compute must be a floating type such as `jnp.bfloat16`, "
                f"got {self.compute!r}"
            )

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The layer's, of parameters in the narrower type."""
        return self.layer.carry(_cast(params, self.compute), batch)

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        narrow, context = _cast((params, context), self.compute)
        return self.layer.condition(narrow, carry, context)

    def run(self, params: Params, xs: Inputs, carry: Carry, **given: Any) -> tuple[Carry, Inputs]:
        params, _ = alike((params, xs))  # so that devices add their gradients in the type of these
        narrow, xs_ = _cast((params, xs), self.compute)
        carry, ys = self.layer.run(narrow, xs_, carry, **given)
        return carry, _cast(ys, _kept(params, xs))

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        narrow, x_ = _cast((params, x), self.compute)
        carry, y = self.layer.advance(narrow, carry, x_)
        return carry, _cast(y, _kept(params, x))


def _cast(tree: Any, dtype: Any) -> Any:
    """The tree, with its floating-point numbers in another type."""

    def leaf(value: Array) -> Array:
        return value.astype(dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value

    return jax.tree.map(leaf, tree)


def _kept(params: Params, xs: Inputs) -> Any:
    """The widest floating type of the parameters, or of the inputs if there are none."""
    for tree in (params, xs):
        kinds = [leaf.dtype for leaf in jax.tree.leaves(tree)]
        kinds = [kind for kind in kinds if jnp.issubdtype(kind, jnp.floating)]
        if kinds:
            return max(kinds, key=lambda kind: kind.itemsize)
    return float
