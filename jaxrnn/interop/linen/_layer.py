"""`Layer`: a layer of jaxrnn as a linen module."""

from typing import Any

import flax.linen as nn
import jax

from ... import networks
from ..._typing import ArrayOrList, Carry, Inputs, Key, Params
from .._flax_layer import check, nested, restored


class Layer(nn.Module):
    """A layer of jaxrnn inside a linen module; its parameters are variables of flax.

    The call is `layer.apply` without the parameters: time first, the carry and the outputs back.
    The parameters are in the collection `"params"` under their own names, drawn from the stream
    `"params"`. Where the call has a stream `"dropout"` and no `key`, the layer draws from that;
    without either it is deterministic.

    Attributes:
        layer: any layer, a stack too; a cell as `networks.Recurrent(cell)`.

    Example:
        >>> import flax.linen as nn, jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks
        >>> from jaxrnn.interop import linen
        >>> class Tagger(nn.Module):
        ...     @nn.compact
        ...     def __call__(self, xs, lengths=None):
        ...         layer = networks.Bidirectional(cells.LSTM(3, 4), cells.LSTM(3, 4))
        ...         carry, ys = linen.Layer(layer)(xs, lengths=lengths)
        ...         return nn.Dense(2)(ys)
        >>> xs = jnp.ones((7, 2, 3))
        >>> variables = Tagger().init(jax.random.key(0), xs)
        >>> sorted(variables["params"]["Layer_0"])
        ['backward', 'forward']
        >>> Tagger().apply(variables, xs, lengths=jnp.array([7, 5])).shape
        (7, 2, 2)
    """

    layer: networks.Layer

    @nn.compact
    def __call__(
        self,
        xs: Inputs,
        carry: Carry | None = None,
        *,
        key: Key | None = None,
        lengths: ArrayOrList | None = None,
        mask: ArrayOrList | None = None,
        resets: ArrayOrList | None = None,
    ) -> tuple[Carry, Inputs]:
        """What `layer.apply` returns: the last carry, and the outputs `[T, *batch, ...]`."""
        check("interop.linen.Layer", self.layer)
        if key is None and self.has_rng("dropout"):
            key = self.make_rng("dropout")
        return self.layer.apply(
            self._params(), xs, carry, key=key, lengths=lengths, mask=mask, resets=resets
        )

    @nn.compact
    def step(
        self, carry: Carry | None, x: Inputs, *, resets: ArrayOrList | None = None
    ) -> tuple[Carry, Inputs]:
        """What `layer.step` returns: the next carry, and the output `[*batch, ...]`."""
        return self.layer.step(self._params(), carry, x, resets=resets)

    def _params(self) -> Params:
        shapes = jax.eval_shape(self.layer.init, jax.random.key(0))
        drawn: dict[str, Any] = nested(shapes)
        if self.is_initializing() and drawn:
            drawn = nested(self.layer.init(self.make_rng("params")))
        arrays = {name: self.param(name, lambda key, v=value: v) for name, value in drawn.items()}
        return restored(shapes, arrays)
