"""`WithHidden`: a network that gives its hidden states beside its outputs."""

from typing import Any, NamedTuple

import jax

from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._layer import Layer
from ._reading import Shape, read
from ._stack import Stack, stack


class Revealed(NamedTuple):
    """What `WithHidden` gives.

    Shapes:
        outputs: of the readout, `[T, *batch, ...]`.
        hidden: of the body, `[T, *batch, ...]`.
    """

    outputs: Inputs
    hidden: Inputs


class WithHidden(Layer):
    """A body and its readout, with what the body gives beside the outputs.

        hidden = body(xs),  outputs = readout(hidden)

    For losses of hidden states, such as `objectives.ActivityL2`, and for looking at them; see
    `objectives.map_inputs` and `metrics.map_inputs`. Parameters and carries are those of
    `stack(body=body, readout=readout)`, so a network that was trained as one runs as the other.

    Args:
        body: gives the hidden states, `[T, *batch, ...]`; or one vector a sequence, if it pools.
        readout: reads them.

    Raises:
        ValueError: the readout does not read what the body gives, or it pools: outputs and hidden
            states must have the same time and batch axes.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.WithHidden(
        ...     networks.Recurrent(cells.GRU(2, 8)), networks.Dense(8, 3))
        >>> params = network.init(jax.random.key(0))
        >>> outputs, hidden = network.apply(params, jax.numpy.ones((5, 4, 2)))[1]
        >>> outputs.shape, hidden.shape
        ((5, 4, 3), (5, 4, 8))
    """

    body: Layer
    readout: Layer

    def __post_init__(self) -> None:
        if self.readout.pools:
            raise ValueError(
                "WithHidden: the readout pools, so that outputs have no time axis and hidden "
                "states have one. Pool in the body, or leave the pooling to the loss."
            )
        stack(body=self.body, readout=self.readout)  # it says what does not fit

    @property
    def _whole(self) -> Stack:
        return Stack((self.body, self.readout), ("body", "readout"))

    def init(self, key: Key) -> Params:
        return self._whole.init(key)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self._whole.carry(params, batch)

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        return self._whole.condition(params, carry, context)

    def run(
        self,
        params: Params,
        xs: Inputs,
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Revealed]:
        """The body, and then the readout, each with a key of its own, as in a `Stack`."""
        keys = [None] * 2 if key is None else jax.random.split(key)
        given = {"mask": mask, "resets": resets}
        in_body, hidden = self.body.run(
            params["body"], read(self.body, xs, mask), carry["body"], key=keys[0], **given
        )
        if self.body.pools:
            given = {"mask": None, "resets": None}
        inputs = read(self.readout, hidden, given["mask"])
        in_readout, outputs = self.readout.run(
            params["readout"], inputs, carry["readout"], key=keys[1], **given
        )
        return {"body": in_body, "readout": in_readout}, Revealed(outputs, hidden)

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Revealed]:
        in_body, hidden = self.body.advance(params["body"], carry["body"], x)
        in_readout, outputs = self.readout.advance(
            params["readout"], carry["readout"], read(self.readout, hidden, None)
        )
        return {"body": in_body, "readout": in_readout}, Revealed(outputs, hidden)

    @property
    def input_shape(self) -> Shape | None:
        return self._whole.input_shape

    @property
    def pools(self) -> bool:
        return self.body.pools

    @property
    def causal(self) -> bool:
        return self._whole.causal

    @property
    def stepwise(self) -> bool:
        return self._whole.stepwise

    @property
    def parts(self) -> tuple[Layer, ...]:
        return self._whole.parts
