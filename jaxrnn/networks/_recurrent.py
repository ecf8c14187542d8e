"""`Recurrent`: a cell as a layer."""

from typing import Any

import jax

from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ..cells import Cell
from ..engines import Auto, Engine, unroll
from ._layer import Layer
from ._reading import Shape


class Recurrent(Layer):
    """A cell run through time by an engine.

    Args:
        cell: what one step computes.
        engine: how it is run through time.
        reverse: run from the last step that counts to the first; such a layer cannot `step`.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn import cells, engines, networks
        >>> layer = networks.Recurrent(cells.LSTM(3, 4), engine=engines.BPTT())
        >>> params = layer.init(jax.random.key(0))
        >>> carry, ys = layer.apply(params, jax.numpy.ones((7, 2, 3)))
        >>> ys.shape
        (7, 2, 4)
    """

    cell: Cell
    engine: Engine[Any] = Auto()
    reverse: bool = jax.tree.static(default=False)

    def __post_init__(self) -> None:
        self.engine.check(self.cell)

    def init(self, key: Key) -> Params:
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(params, batch)

    def run(
        self,
        params: Params,
        xs: Inputs,
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Inputs]:
        return unroll(
            self.cell,
            params,
            xs,
            carry,
            key=key,
            mask=mask,
            resets=resets,
            reverse=self.reverse,
            engine=self.engine,
        )

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.cell.step(params, carry, x)

    @property
    def causal(self) -> bool:
        return not self.reverse

    @property
    def input_shape(self) -> Shape | None:
        return self.cell.input_shape

    @property
    def output_shape(self) -> Shape | None:
        return self.cell.output_shape
