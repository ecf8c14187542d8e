"""`Repeated`: one layer several times, with the same parameters."""

from typing import Any

import jax

from .. import _check
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._layer import Layer
from ._reading import fits, read, say
from ._wrapper import Wrapper


class Repeated(Wrapper):
    """A layer applied `depth` times, one after another, with the same parameters each time.

        xs_1 = layer(params, xs),   xs_2 = layer(params, xs_1),   ...

    Each time has a carry of its own, and random numbers of its own. It is as deep as a stack of
    `depth` layers, and has the parameters of one.

    Args:
        layer: a layer that gives features of the shape that it takes.
        depth: how many times.

    Raises:
        ValueError: a depth below 1, or a layer that pools or gives another shape.

    Reference: M. Dehghani et al., "Universal transformers", ICLR 2019; Z. Lan et al., "ALBERT: a
    lite BERT for self-supervised learning of language representations", ICLR 2020.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> layer = networks.Repeated(networks.Recurrent(cells.GRU(4, 4)), 3)
        >>> params = layer.init(jax.random.key(0))
        >>> carry, ys = layer.apply(params, jax.numpy.ones((7, 2, 4)))
        >>> ys.shape, len(carry)
        ((7, 2, 4), 3)
    """

    depth: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the depth, and that the layer reads what it gives."""
        _check.sizes("Repeated", depth=self.depth)
        if self.layer.pools:
            raise ValueError("Repeated: the layer pools; there is no sequence to read again")
        takes, gives = self.layer.input_shape, self.layer.output_shape
        if takes is not None and gives is not None and not fits(gives, takes):
            raise ValueError(
                f"Repeated: the layer takes {say(takes)} and gives {say(gives)}; they must be "
                "equal for it to read what it gives"
            )

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return tuple(self.layer.carry(params, batch) for _ in range(self.depth))

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        return tuple(self.layer.condition(params, each, context) for each in carry)

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
        keys = [None] * self.depth if key is None else jax.random.split(key, self.depth)
        after = []
        for each, k in zip(carry, keys, strict=True):
            inputs = read(self.layer, xs, mask)
            new, xs = self.layer.run(params, inputs, each, key=k, mask=mask, resets=resets)
            after.append(new)
        return tuple(after), xs

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        after = []
        for each in carry:
            new, x = self.layer.advance(params, each, read(self.layer, x, None))
            after.append(new)
        return tuple(after), x

    @property
    def parts(self) -> tuple[Layer, ...]:
        return self.layer.parts * self.depth
