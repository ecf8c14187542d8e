"""Layers made of layers: `Stack` and `Residual`."""

from typing import Any

import jax

from .. import _check
from .._config import Config
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._dropout import VariationalDropout
from ._layer import Layer
from ._pooling import Pool
from ._reading import Shape, fits, read, say
from ._recurrent import Bidirectional, Recurrent


class Stack(Layer):
    """Layers one after another; made by `stack`. Parameters and carries are tuples, one a layer."""

    layers: tuple[Layer, ...]

    def init(self, key: Key) -> tuple[Params, ...]:
        """Every layer's parameters."""
        keys = jax.random.split(key, len(self.layers))
        return tuple(layer.init(k) for layer, k in zip(self.layers, keys, strict=True))

    def carry(self, params: tuple[Params, ...], batch: Batch = ()) -> tuple[Carry, ...]:
        """Every layer's carry."""
        self._check_parts(params=params)
        return tuple(layer.carry(p, batch) for layer, p in zip(self.layers, params, strict=True))

    def run(
        self,
        params: tuple[Params, ...],
        xs: Inputs,
        carry: tuple[Carry, ...],
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[tuple[Carry, ...], Inputs]:
        """Every layer in turn, each with a key of its own; pooling ends the mask and the resets."""
        self._check_parts(params=params, carry=carry)
        keys = [None] * len(self.layers) if key is None else jax.random.split(key, len(self.layers))
        carries = []
        for layer, p, c, k in zip(self.layers, params, carry, keys, strict=True):
            xs = read(layer, xs, mask)
            last, xs = layer.run(p, xs, c, key=k, mask=mask, resets=resets)
            carries.append(last)
            if layer.pools:
                mask = resets = None
        return tuple(carries), xs

    def advance(
        self, params: tuple[Params, ...], carry: tuple[Carry, ...], x: Inputs
    ) -> tuple[tuple[Carry, ...], Inputs]:
        """Every layer's step in turn."""
        self._check_parts(params=params, carry=carry)
        carries = []
        for layer, p, c in zip(self.layers, params, carry, strict=True):
            following, x = layer.advance(p, c, read(layer, x, None))
            carries.append(following)
        return tuple(carries), x

    @property
    def input_shape(self) -> Shape | None:
        """What the first layer takes that does not give what it gets."""
        first = next((layer for layer in self.layers if not _passes(layer)), None)
        return None if first is None else first.input_shape

    @property
    def output_shape(self) -> Shape | None:
        """What comes of the first layer's input, layer by layer."""
        shape: Shape | None = None
        for layer in self.layers:
            shape = shape if _passes(layer) else layer.output_shape
        return shape

    @property
    def keeps_shape(self) -> bool:
        """Whether every layer does."""
        return all(map(_passes, self.layers))

    @property
    def pools(self) -> bool:
        """Whether one of the layers does."""
        return any(layer.pools for layer in self.layers)

    def _check_parts(self, **parts: Any) -> None:
        for name, part in parts.items():
            if not isinstance(part, tuple) or len(part) != len(self.layers):
                got = f"{len(part)}" if isinstance(part, tuple) else f"`{type(part).__name__}`"
                raise TypeError(
                    f"Stack: {name} must be a tuple of {len(self.layers)}, one a layer, got {got}"
                )


def stack(*layers: Layer) -> Stack:
    """Put layers one after another, checking that their sizes fit.

    Raises:
        ValueError: no layer, a layer that takes another size than the one before gives, or a layer
            that runs over time after one that pools time away.
        TypeError: something that is not a layer.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.stack(
        ...     networks.Embedding(20, 8),
        ...     networks.Recurrent(cells.GRU(8, 16)),
        ...     networks.Dense(16, 20))
        >>> params = network.init(jax.random.key(0))
        >>> symbols = jax.numpy.zeros((7, 2), int)
        >>> network.apply(params, symbols)[1].shape
        (7, 2, 20)
    """
    if not layers:
        raise ValueError("stack: needs at least one layer")
    shape: Shape | None = None
    giver = pool = -1
    for index, layer in enumerate(layers):
        _check_layer("stack", f"layer {index}", layer)
        takes = layer.input_shape
        if shape is not None and takes is not None and not fits(shape, takes):
            gives = f"{shape[0]}" if len(shape) == 1 else say(shape)
            raise ValueError(
                f"stack: layer {index} takes {say(takes, 'inputs')}, layer {giver} gives {gives}"
            )
        if pool >= 0 and isinstance(layer, Recurrent | Bidirectional | Pool | VariationalDropout):
            raise ValueError(
                f"stack: layer {index} (`{type(layer).__name__}`) runs over time, which layer "
                f"{pool} has pooled away"
            )
        if layer.pools:
            pool = index
        if not _passes(layer):
            shape, giver = layer.output_shape, index
    return Stack(layers)


class Residual(Layer):
    """A layer with a path around it: `y = x + layer(x)`.

    Args:
        layer: a layer that gives as many features as it takes.

    Reference: K. He et al., "Deep residual learning for image recognition", CVPR 2016.

    Example:
        >>> from jaxrnn import cells, networks
        >>> networks.Residual(networks.Recurrent(cells.GRU(8, 8))).output_shape
        (8,)
    """

    layer: Layer

    def __post_init__(self) -> None:
        """Check that the layer keeps time and size."""
        _check.kind("Residual", "layer", self.layer, Layer, _remedy(self.layer))
        if isinstance(self.layer, Layer):
            if self.layer.pools:
                raise ValueError("Residual: the layer pools; there is no sequence to add it to")
            takes, gives = self.layer.input_shape, self.layer.output_shape
            if takes is not None and gives is not None and not fits(gives, takes):
                raise ValueError(
                    f"Residual: the layer takes {say(takes)} and gives "
                    f"{gives[0] if len(gives) == 1 else say(gives)}; "
                    "they must be equal to be added"
                )

    def init(self, key: Key) -> Params:
        """The layer's."""
        return self.layer.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The layer's."""
        return self.layer.carry(params, batch)

    def run(self, params: Params, xs: Array, carry: Carry, **given: Any) -> tuple[Carry, Array]:
        """The layer, and the path around it."""
        carry, ys = self.layer.run(params, xs, carry, **given)
        return carry, xs + ys

    def advance(self, params: Params, carry: Carry, x: Array) -> tuple[Carry, Array]:
        """The layer's step, and the path around it."""
        carry, y = self.layer.advance(params, carry, x)
        return carry, x + y

    @property
    def input_shape(self) -> Shape | None:
        """The layer's."""
        return self.layer.input_shape

    @property
    def output_shape(self) -> Shape | None:
        """The layer's."""
        return self.layer.output_shape

    @property
    def keeps_shape(self) -> bool:
        """The layer's."""
        return self.layer.keeps_shape


def _passes(layer: Layer) -> bool:
    """Whether the layer gives what it gets, whatever that is."""
    return layer.keeps_shape and layer.output_shape is None


def _check_layer(who: str, which: str, layer: Any) -> None:
    if not isinstance(layer, Layer):
        raise TypeError(
            f"{who}: {which} must be a `Layer`, got `{type(layer).__name__}`. {_remedy(layer)}"
        )


def _remedy(given: Any) -> str:
    """What to do with what is not a layer."""
    if isinstance(given, list | tuple):
        return "Pass layers one by one: `stack(*layers)`."
    if callable(given) and not isinstance(given, Config | type):
        return "Wrap a function: `networks.Activation(f)`."
    return "Wrap a cell: `networks.Recurrent(cell)`."
