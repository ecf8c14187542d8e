"""Layers that run cells: `Recurrent` and `Bidirectional`."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ..cells import Cell
from ..engines import Auto, Engine, unroll
from ._layer import Layer
from ._reading import Shape


class Recurrent(Layer):
    """A cell run forward in time by an engine.

    Args:
        cell: what one step computes.
        engine: how it is run through time.

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

    def __post_init__(self) -> None:
        """Check that engine and cell fit."""
        self.engine.check(self.cell)

    def init(self, key: Key) -> Params:
        """The cell's parameters."""
        return self.cell.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The cell's carry."""
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
        """`unroll`."""
        return unroll(self.cell, params, xs, carry, mask=mask, resets=resets, engine=self.engine)

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """The cell's step."""
        return self.cell.step(params, carry, x)

    @property
    def input_shape(self) -> Shape | None:
        """The cell's."""
        return self.cell.input_shape

    @property
    def output_shape(self) -> Shape | None:
        """The cell's."""
        return self.cell.output_shape


class Directions(NamedTuple):
    """Parameters or carries of `Bidirectional`."""

    forward: Params
    backward: Params


class Bidirectional(Layer):
    """Two cells, one run forward and one backward in time; their outputs side by side.

    Each sequence is read backward from its last step that counts, whatever the padding. The carry
    that comes back holds the forward cell's last and the backward cell's first step in time. There
    is no `step`: the output at a time depends on what comes after it.

    For one vector a sequence do not follow it with `LastPool`: at the last step the backward cell
    has read that step only. Pool with `MeanPool` or `MaxPool`, or take the carries that `apply`
    returns, `Directions(forward, backward)`: each has read the whole sequence.

    Args:
        forward: the cell that runs forward.
        backward: the cell that runs backward, with parameters of its own.
        engine: how both are run through time.

    Reference: M. Schuster & K. Paliwal, "Bidirectional recurrent neural networks", IEEE
    Transactions on Signal Processing 45 (1997).

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> layer = networks.Bidirectional(cells.GRU(3, 4), cells.GRU(3, 4))
        >>> params = layer.init(jax.random.key(0))
        >>> carry, ys = layer.apply(params, jax.numpy.ones((7, 2, 3)))
        >>> ys.shape
        (7, 2, 8)
        >>> bool((carry.forward == ys[-1, :, :4]).all() and (carry.backward == ys[0, :, 4:]).all())
        True
        >>> jax.numpy.concatenate(carry, axis=-1).shape  # both summaries of each sequence
        (2, 8)
    """

    forward: Cell
    backward: Cell
    engine: Engine[Any] = Auto()

    def __post_init__(self) -> None:
        """Check that engine and cells fit, and that both cells take the same input."""
        sizes = self.forward.input_shape, self.backward.input_shape
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Bidirectional: forward takes {sizes[0]}, backward {sizes[1]}; "
                "they read the same sequence"
            )
        self.engine.check(self.forward)
        self.engine.check(self.backward)

    def init(self, key: Key) -> Directions:
        """Both cells' parameters."""
        forward, backward = jax.random.split(key)
        return Directions(self.forward.init(forward), self.backward.init(backward))

    def carry(self, params: Directions, batch: Batch = ()) -> Directions:
        """Both cells' carries."""
        return Directions(
            self.forward.carry(params.forward, batch), self.backward.carry(params.backward, batch)
        )

    def run(
        self,
        params: Directions,
        xs: Inputs,
        carry: Directions,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Directions, Array]:
        """`unroll` both ways."""
        flags: dict[str, Any] = {"mask": mask, "resets": resets, "engine": self.engine}
        forward, ahead = unroll(self.forward, params.forward, xs, carry.forward, **flags)
        backward, behind = unroll(
            self.backward, params.backward, xs, carry.backward, reverse=True, **flags
        )
        return Directions(forward, backward), jnp.concatenate([ahead, behind], axis=-1)

    @property
    def causal(self) -> bool:
        """No: the output at a time depends on what comes after it."""
        return False

    @property
    def input_shape(self) -> Shape | None:
        """The cells'."""
        ahead, behind = self.forward.input_shape, self.backward.input_shape
        return behind if ahead is None else ahead

    @property
    def output_shape(self) -> Shape | None:
        """Both cells' together."""
        ahead, behind = self.forward.output_shape, self.backward.output_shape
        if ahead is None or behind is None:
            return None
        sizes = [size for size in (ahead[-1], behind[-1]) if size is not None]
        return (*ahead[:-1], sum(sizes) if len(sizes) == 2 else None)
