"""`Bidirectional`: two cells, one of them run backward in time."""

from typing import Any

import jax

from .._typing import Array, Batch, Inputs, Key
from ..cells import Cell
from ..engines import Auto, Engine, unroll
from ._layer import Layer
from ._merge import Concatenate, Directions, Merge
from ._reading import Shape


class Bidirectional(Layer):
    """Two cells, one run forward and one backward in time, and their outputs merged.

    Each sequence is read backward from its last step that counts, whatever the padding. The carry
    that comes back holds the forward cell's last and the backward cell's first step in time. There
    is no `step`: the output at a time depends on what comes after it.

    For one vector per sequence, do not follow it with `LastPool`: at the last step the backward
    cell has read only that step. Pool with `MeanPool` or `MaxPool`, or take the carries that
    `apply` returns, `Directions(forward, backward)`: each has read the whole sequence. With
    `resets`, where the first step begins a sequence, the backward carry comes back fresh, ready for
    what lies before; pool there.

    Args:
        forward: the cell that runs forward.
        backward: the cell that runs backward, with parameters of its own.
        engine: how both are run through time.
        merge: how the two outputs are combined: `Concatenate()`, `Add()`, `Average()`,
            `Multiply()`, or `Both()` to keep them apart.

    Raises:
        ValueError: cells that read different features, or outputs that cannot be merged this way.

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
        >>> import dataclasses
        >>> dataclasses.replace(layer, merge=networks.Add()).output_shape
        (4,)
    """

    forward: Cell
    backward: Cell
    engine: Engine[Any] = Auto()
    merge: Merge = Concatenate()

    def __post_init__(self) -> None:
        """Check that engine and cells fit, and the cells each other."""
        sizes = self.forward.input_shape, self.backward.input_shape
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Bidirectional: forward takes {sizes[0]}, backward {sizes[1]}; "
                "they read the same sequence"
            )
        self.engine.check(self.forward)
        self.engine.check(self.backward)
        _ = self.output_shape  # raises where the outputs do not fit

    def init(self, key: Key) -> Directions:
        forward, backward = jax.random.split(key)
        return Directions(self.forward.init(forward), self.backward.init(backward))

    def carry(self, params: Directions, batch: Batch = ()) -> Directions:
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
    ) -> tuple[Directions, Inputs]:
        keys = (None, None) if key is None else jax.random.split(key)
        given: dict[str, Any] = {"mask": mask, "resets": resets, "engine": self.engine}
        forward, ahead = unroll(
            self.forward, params.forward, xs, carry.forward, key=keys[0], **given
        )
        backward, behind = unroll(
            self.backward, params.backward, xs, carry.backward, key=keys[1], reverse=True, **given
        )
        return Directions(forward, backward), self.merge(ahead, behind)

    @property
    def causal(self) -> bool:
        """No: the output at a time depends on what comes after it."""
        return False

    @property
    def input_shape(self) -> Shape | None:
        ahead, behind = self.forward.input_shape, self.backward.input_shape
        return behind if ahead is None else ahead

    @property
    def output_shape(self) -> Shape | None:
        ahead, behind = self.forward.output_shape, self.backward.output_shape
        return None if ahead is None or behind is None else self.merge.shape(ahead, behind)
