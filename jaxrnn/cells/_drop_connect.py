"""`DropConnect`: weights that are dropped at random."""

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, Batch, Key, Leaf, Params
from .._where import Where, chosen
from ._cell import Cell
from ._resolving import Resolving
from ._variational import drop


class DropConnect(Resolving):
    """A cell some of whose weights are dropped at random, the same ones for all steps.

        M ~ Bernoulli(1 - rate), one for each weight;   W' = M * W / (1 - rate)

    The weights are dropped once, before the loop, for all steps and the whole batch: a sequence of
    its own mask needs `vmap` over keys. So it costs nothing per step, and the cell keeps its kind
    and its engines. Without a key it is the cell inside.

    Args:
        cell: the cell inside, of any kind.
        rate: the probability to drop, in [0, 1).
        where: which parameters: a name, such as `"recurrent"`, which means each parameter whose
            path ends in it, or a function `(path, leaf) -> bool`.

    Raises:
        ValueError: a rate outside [0, 1); or no such parameter.

    Reference: L. Wan et al., "Regularization of neural networks using DropConnect", ICML 2013; on
    recurrent weights: S. Merity, N. Keskar & R. Socher, "Regularizing and optimizing LSTM language
    models", ICLR 2018.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.DropConnect(jaxrnn.cells.LSTM(3, 4), 0.5)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 3))
        >>> jaxrnn.unroll(cell, params, xs, key=jax.random.key(1))[1].shape
        (7, 2, 4)
    """

    rate: Leaf = 0.5
    where: Where = jax.tree.static(default="recurrent")

    def __post_init__(self) -> None:
        """Check the rate, and that there are such parameters."""
        _check.fraction("DropConnect", rate=self.rate)
        key = jax.random.key(0)
        there = jax.eval_shape(lambda: self.cell.resolve(self.cell.init(key))[1])
        chosen("DropConnect", self.where, there)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside, with the weights that are left."""
        if key is None:
            return self.cell.resolve(params, batch)
        _check.number("DropConnect", rate=self.rate)
        mine, inside = jax.random.split(key)
        cell, params = self.cell.resolve(params, batch, inside)
        flags = chosen("DropConnect", self.where, params)
        leaves, structure = jax.tree.flatten(params)
        keys = jax.random.split(mine, len(leaves))

        def left(key: Key, leaf: Array) -> Array:
            keep = jax.random.bernoulli(key, 1 - self.rate, jnp.shape(leaf))
            return drop(keep, leaf, self.rate)

        left_over = [
            left(k, leaf) if flag else leaf
            for k, leaf, flag in zip(keys, leaves, flags, strict=True)
        ]
        return cell, jax.tree.unflatten(structure, left_over)
