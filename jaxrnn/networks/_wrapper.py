"""Layers around one other layer: `Wrapper`, `Residual`."""

from typing import Any

from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._layer import Layer
from ._reading import Shape, fits, say


class Wrapper(Layer):
    """A layer around another one. What it does not define, it takes over from that layer.

    Parameters and carry are those of the layer inside. One of your own defines `run` and `advance`,
    which call those of `self.layer`.

    Args:
        layer: the layer inside.
    """

    layer: Layer

    def init(self, key: Key) -> Params:
        return self.layer.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.layer.carry(params, batch)

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        return self.layer.condition(params, carry, context)

    @property
    def input_shape(self) -> Shape | None:
        return self.layer.input_shape

    @property
    def output_shape(self) -> Shape | None:
        return self.layer.output_shape

    @property
    def keeps_shape(self) -> bool:
        return self.layer.keeps_shape

    @property
    def pools(self) -> bool:
        return self.layer.pools

    @property
    def causal(self) -> bool:
        return self.layer.causal

    @property
    def stepwise(self) -> bool:
        return self.layer.stepwise

    @property
    def parts(self) -> tuple[Layer, ...]:
        return self.layer.parts


class Residual(Wrapper):
    """A layer with a path around it: `y = x + layer(x)`.

    Args:
        layer: a layer that gives features of the shape that it takes.

    Reference: K. He et al., "Deep residual learning for image recognition", CVPR 2016.

    Example:
        >>> from jaxrnn import cells, networks
        >>> networks.Residual(networks.Recurrent(cells.GRU(8, 8))).output_shape
        (8,)
    """

    def __post_init__(self) -> None:
        """Check that the layer keeps time and shape."""
        if self.layer.pools:
            raise ValueError("Residual: the layer pools; there is no sequence to add it to")
        takes, gives = self.layer.input_shape, self.layer.output_shape
        if takes is not None and gives is not None and not fits(gives, takes):
            given = f"{gives[0]}" if len(gives) == 1 else say(gives)
            raise ValueError(
                f"Residual: the layer takes {say(takes)} and gives {given}; "
                "they must be equal to be added"
            )

    def run(self, params: Params, xs: Array, carry: Carry, **given: Any) -> tuple[Carry, Array]:
        carry, ys = self.layer.run(params, xs, carry, **given)
        return carry, xs + ys

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        carry, y = self.layer.advance(params, carry, x)
        return carry, x + y
