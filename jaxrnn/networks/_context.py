"""`Context`: what a layer is told before it reads a sequence; and a carry made from it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .. import _check
from .._typing import Batch, Carry, Inputs, Key, Params
from ._dense import Dense, DenseParams
from ._wrapper import Wrapper


class Context(NamedTuple):
    """What a layer is told of another sequence, or of an image, by `Layer.condition`.

    Shapes:
        vector: a summary, `[*batch, C]`.
        memory: what attention reads, `[S, *batch, M]`; `None` where there is no sequence.
        mask: which entries of the memory there are, `[S, *batch]`; `None` for all.
    """

    vector: Float[Array, "*batch C"]
    memory: Float[Array, "S *batch M"] | None = None
    mask: Bool[Array, "S *batch"] | None = None


class CarryFromContextParams(NamedTuple):
    """Parameters of `CarryFromContext`."""

    layer: Params
    start: Any
    """A tree like the carry of the layer, of `DenseParams`."""


class CarryFromContext(Wrapper):
    """A layer whose carry starts from a context: an image to describe, a sentence to translate.

        h_0 = tanh(context.vector W + b),   one W and b for each part of the carry

    `condition` makes that carry. Without it, and after a reset, the layer starts from its own: a
    new sequence has nothing to do with the context of the one before.

    Args:
        layer: the layer inside, whose carry consists of arrays `[*batch, features]`.
        features: those of the context's vector.

    Raises:
        ValueError: a size below 1; in `condition`, a vector of another size.

    Reference: I. Sutskever, O. Vinyals & Q. Le, NeurIPS 2014; O. Vinyals et al., "Show and tell",
    CVPR 2015, for images.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks
        >>> layer = networks.CarryFromContext(networks.Recurrent(cells.LSTM(4, 8)), 16)
        >>> params = layer.init(jax.random.key(0))
        >>> image = networks.Context(vector=jnp.ones((3, 16)))
        >>> carry = layer.condition(params, layer.carry(params, (3,)), image)
        >>> carry, ys = layer.apply(params, jnp.ones((5, 3, 4)), carry)
        >>> carry.cell.shape, ys.shape
        ((3, 8), (5, 3, 8))
    """

    features: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("CarryFromContext", features=self.features)

    def init(self, key: Key) -> CarryFromContextParams:
        for_layer, for_start = jax.random.split(key)
        params = self.layer.init(for_layer)
        leaves, structure = jax.tree.flatten(self.layer.carry(params))
        keys = jax.random.split(for_start, max(len(leaves), 1))
        start = [self._dense(leaf).init(k) for leaf, k in zip(leaves, keys, strict=False)]
        return CarryFromContextParams(params, jax.tree.unflatten(structure, start))

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.layer.carry(params.layer, batch)

    def condition(self, params: Params, carry: Carry, context: Context) -> Carry:
        vector = context.vector
        if vector.shape[-1] != self.features:
            raise ValueError(
                f"CarryFromContext: the context's vector must have {self.features} features, got "
                f"{_check.describe(vector)}"
            )

        def start(leaf: Array, dense: DenseParams) -> Array:
            made = jnp.tanh(Dense(self.features, leaf.shape[-1]).transform(dense, vector))
            return jnp.broadcast_to(made, leaf.shape).astype(leaf.dtype)

        carry = jax.tree.map(start, carry, params.start)
        return self.layer.condition(params.layer, carry, context)

    def run(self, params: Params, xs: Inputs, carry: Carry, **given: Any) -> tuple[Carry, Inputs]:
        return self.layer.run(params.layer, xs, carry, **given)

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.layer.advance(params.layer, carry, x)

    def _dense(self, leaf: Array) -> Dense:
        if leaf.ndim != 1:
            raise ValueError(
                "CarryFromContext: the parts of the layer's carry must be vectors, got "
                f"{_check.describe(leaf)}"
            )
        return Dense(self.features, leaf.shape[0])
