"""`Constrained`: a layer one of whose parameters is kept to something."""

from typing import Any

import jax

from .._typing import Batch, Carry, Inputs, Key, Params
from .._where import Where
from ..constraints import Constraint, constrained, resolved
from ._wrapper import Wrapper


class Constrained(Wrapper):
    """A layer with a constraint on some of its parameters.

    In the tree of parameters the free numbers of the constraint stand in the place of what they
    determine. The parameters themselves are computed once a call of `apply`, for all steps. For a
    cell, see `cells.Constrained`.

    Args:
        layer: the layer inside.
        where: which parameters: a name, such as `"kernel"` or `"1.kernel"`, which means each
            parameter whose path ends in it, or a function `(path, leaf) -> bool`.
        constraint: what they are kept to, such as `constraints.Frozen()`.

    Raises:
        ValueError: no such parameter, or one that cannot be constrained so.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, constraints, networks
        >>> network = networks.stack(
        ...     networks.Recurrent(cells.GRU(3, 4)), networks.Dense(4, 2))
        >>> network = networks.Constrained(network, "1.kernel", constraints.WeightNormalised())
        >>> params = network.init(jax.random.key(0))
        >>> params[1].kernel.scale.shape
        (2,)
        >>> network.apply(params, jax.numpy.ones((7, 5, 3)))[1].shape
        (7, 5, 2)
    """

    where: Where = jax.tree.static()
    constraint: Constraint

    def __post_init__(self) -> None:
        """Check that there is such a parameter, and that it can be constrained so."""
        jax.eval_shape(self.init, jax.random.key(0))

    def init(self, key: Key) -> Params:
        """The parameters of the layer, with free numbers among them."""
        inside, mine = jax.random.split(key)
        params = self.layer.init(inside)
        return constrained("Constrained", params, self.where, self.constraint, mine)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.layer.carry(self._values(params), batch)

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        return self.layer.condition(self._values(params), carry, context)

    def run(self, params: Params, xs: Inputs, carry: Carry, **given: Any) -> tuple[Carry, Inputs]:
        return self.layer.run(self._values(params), xs, carry, **given)

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        return self.layer.advance(self._values(params), carry, x)

    def _values(self, params: Params) -> Params:
        like = jax.eval_shape(self.layer.init, jax.random.key(0))
        return resolved("Constrained", params, self.where, self.constraint, like)
