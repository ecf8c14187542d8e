"""`Parallel`: two layers that read the same sequence, side by side."""

from typing import Any, NamedTuple

import jax

from .._typing import Array, Batch, Carry, Inputs, Key
from ._layer import Layer
from ._merge import Add, Merge
from ._reading import Shape, fits, read, say


class Branches(NamedTuple):
    """One thing for each layer of `Parallel`: parameters or carries."""

    first: Any
    second: Any


class Parallel(Layer):
    """Two layers that read the same sequence, and their outputs merged.

        y = merge(first(x), second(x))

    With `Multiply()`, one gates the other: see `gated_mlp`. With `Add()` or `Concatenate()`, a
    recurrent layer and attention work side by side.

    Args:
        first: a layer.
        second: a layer that reads the same features.
        merge: how the two outputs are combined: `Add()`, `Multiply()`, `Average()` or
            `Concatenate()`.

    Raises:
        ValueError: layers that read different features, outputs that cannot be merged this way, or
            a layer that pools.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> layer = networks.Parallel(
        ...     networks.Recurrent(cells.GRU(8, 8)), networks.CausalAttention(8, 2, context=4))
        >>> params = layer.init(jax.random.key(0))
        >>> carry, ys = layer.apply(params, jax.numpy.ones((7, 3, 8)))
        >>> carry.first.shape, ys.shape
        ((3, 8), (7, 3, 8))
    """

    first: Layer
    second: Layer
    merge: Merge = Add()

    def __post_init__(self) -> None:
        """Check that the layers fit each other."""
        for name, layer in zip(Branches._fields, self._layers, strict=True):
            if layer.pools:
                raise ValueError(f"Parallel: {name} pools. Pool what both give together instead.")
        one, other = (layer.input_shape for layer in self._layers)
        if one is not None and other is not None and not fits(one, other):
            raise ValueError(
                f"Parallel: first takes {say(one)}, second {say(other)}; "
                "they read the same sequence"
            )
        _ = self.output_shape  # raises where the outputs do not fit

    def init(self, key: Key) -> Branches:
        keys = jax.random.split(key)
        return Branches(self.first.init(keys[0]), self.second.init(keys[1]))

    def carry(self, params: Branches, batch: Batch = ()) -> Branches:
        return Branches(
            self.first.carry(params.first, batch), self.second.carry(params.second, batch)
        )

    def condition(self, params: Branches, carry: Branches, context: Any) -> Branches:
        parts = zip(self._layers, params, carry, strict=True)
        return Branches(*(layer.condition(p, c, context) for layer, p, c in parts))

    def run(
        self,
        params: Branches,
        xs: Inputs,
        carry: Branches,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Branches, Inputs]:
        """Both, each with a key of its own."""
        keys = (None, None) if key is None else jax.random.split(key)
        done = [
            layer.run(p, read(layer, xs, mask), c, key=k, mask=mask, resets=resets)
            for layer, p, c, k in zip(self._layers, params, carry, keys, strict=True)
        ]
        (first, one), (second, other) = done
        return Branches(first, second), self.merge(one, other)

    def advance(self, params: Branches, carry: Branches, x: Inputs) -> tuple[Carry, Inputs]:
        (first, one), (second, other) = (
            layer.advance(p, c, read(layer, x, None))
            for layer, p, c in zip(self._layers, params, carry, strict=True)
        )
        return Branches(first, second), self.merge(one, other)

    @property
    def _layers(self) -> tuple[Layer, Layer]:
        return self.first, self.second

    @property
    def input_shape(self) -> Shape | None:
        one, other = (layer.input_shape for layer in self._layers)
        return other if one is None else one

    @property
    def output_shape(self) -> Shape | None:
        one, other = (layer.output_shape for layer in self._layers)
        return None if one is None or other is None else self.merge.shape(one, other)

    @property
    def causal(self) -> bool:
        return all(layer.causal for layer in self._layers)

    @property
    def stepwise(self) -> bool:
        return all(layer.stepwise for layer in self._layers)

    @property
    def parts(self) -> tuple[Layer, ...]:
        """Those of both; a branch that runs backward comes last, where `stack` looks for one."""
        branches = sorted(self._layers, key=lambda layer: not layer.causal)
        return tuple(part for layer in branches for part in layer.parts)
