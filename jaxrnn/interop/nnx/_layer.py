"""`Layer`: a layer of jaxrnn as an nnx module."""

from typing import Any

import jax
from flax import nnx

from ... import networks
from ..._typing import ArrayOrList, Carry, Inputs, Key, Params
from .._flax_layer import check, nested, restored


class Layer(nnx.Module):
    """A layer of jaxrnn inside an nnx module; each of its parameters is an `nnx.Param`.

    The call is `layer.apply` without the parameters: time first, the carry and the outputs back.
    Random numbers are drawn from `rngs.dropout()`, or from a key; without either the layer is
    deterministic.

    Args:
        layer: any layer, a stack too; a cell as `networks.Recurrent(cell)`.
        rngs: `rngs.params()` is the key of `layer.init`.

    Attributes:
        params: the parameters under their own names, each level an `nnx.Dict`.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from flax import nnx
        >>> from jaxrnn import cells, interop, networks
        >>> class Tagger(nnx.Module):
        ...     def __init__(self, rngs):
        ...         layer = networks.Bidirectional(cells.LSTM(3, 4), cells.LSTM(3, 4))
        ...         self.read = interop.nnx.Layer(layer, rngs=rngs)
        ...         self.tag = nnx.Linear(8, 2, rngs=rngs)
        ...     def __call__(self, xs, lengths=None):
        ...         return self.tag(self.read(xs, lengths=lengths)[1])
        >>> model = Tagger(nnx.Rngs(0))
        >>> optimizer = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
        >>> def loss(model):
        ...     return (model(jnp.ones((7, 2, 3)), lengths=jnp.array([7, 5])) ** 2).mean()
        >>> before, gradient = nnx.value_and_grad(loss)(model)
        >>> changes = optimizer.update(model, gradient)
        >>> bool(loss(model) < before), model.read.params["forward"]["kernel"].shape
        (True, (3, 16))
    """

    def __init__(self, layer: networks.Layer, *, rngs: nnx.Rngs) -> None:
        check("interop.nnx.Layer", layer)
        arrays = any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(layer))
        self.layer = nnx.data(layer) if arrays else layer  # numbers of the definition, no Params
        self.params = _variables(nested(layer.init(rngs.params())))

    def __call__(
        self,
        xs: Inputs,
        carry: Carry | None = None,
        *,
        rngs: nnx.Rngs | None = None,
        key: Key | None = None,
        lengths: ArrayOrList | None = None,
        mask: ArrayOrList | None = None,
        resets: ArrayOrList | None = None,
    ) -> tuple[Carry, Inputs]:
        """What `layer.apply` returns: the last carry, and the outputs `[T, *batch, ...]`."""
        if key is None and rngs is not None:
            key = rngs.dropout()
        return self.layer.apply(
            self._params(), xs, carry, key=key, lengths=lengths, mask=mask, resets=resets
        )

    def step(
        self, carry: Carry | None, x: Inputs, *, resets: ArrayOrList | None = None
    ) -> tuple[Carry, Inputs]:
        """What `layer.step` returns: the next carry, and the output `[*batch, ...]`."""
        return self.layer.step(self._params(), carry, x, resets=resets)

    def _params(self) -> Params:
        shapes = jax.eval_shape(self.layer.init, jax.random.key(0))
        return restored(shapes, _values(self.params))


def _variables(tree: dict[str, Any]) -> Any:
    return nnx.Dict(
        {
            name: _variables(value) if isinstance(value, dict) else nnx.Param(value)
            for name, value in tree.items()
        }
    )


def _values(tree: Any) -> dict[str, Any]:
    return {
        name: value[...] if isinstance(value, nnx.Variable) else _values(value)
        for name, value in tree.items()
    }
