"""`Constrained`: a cell one of whose parameters is kept to something."""

import jax

from .._typing import Batch, Carry, Inputs, Key, Params
from .._where import Where
from ..constraints import Constraint, constrained, resolved
from ._cell import Cell
from ._resolving import Resolving


class Constrained(Resolving):
    """A cell with a constraint on some of its parameters.

    In the tree of parameters the free numbers of the constraint stand in the place of what they
    determine. The parameters themselves are computed once before the loop, so a step costs nothing
    more, and the cell keeps its kind and its engines.

    Constraints nest: the paths of the outer one are those of the parameters of the inner, as
    `"recurrent.weight"`, and it is resolved first. So a matrix can be sparse and bounded.

    Args:
        cell: the cell inside, of any kind.
        where: which parameters: a name, such as `"recurrent"`, which means each parameter whose
            path ends in it, or a function `(path, leaf) -> bool`.
        constraint: what they are kept to, such as `constraints.Orthogonal()`.

    Raises:
        ValueError: no such parameter, or one that cannot be constrained so.

    Reference: T. Lezcano Casado, "Trivializations for gradient-based optimization on manifolds",
    NeurIPS 2019.

    Example:
        >>> import jax
        >>> from jaxrnn.cells import Constrained, Elman
        >>> from jaxrnn.constraints import Sparse, SpectrallyBounded
        >>> bounded = Constrained(Elman(3, 8), "recurrent", SpectrallyBounded(0.9))
        >>> cell = Constrained(bounded, "recurrent.weight", Sparse(0.25))
        >>> params = cell.init(jax.random.key(0))
        >>> params.recurrent.weight.values.shape
        (8, 8)
        >>> int((cell.resolve(params)[1].recurrent != 0).sum())
        16
    """

    where: Where = jax.tree.static()
    constraint: Constraint

    def __post_init__(self) -> None:
        """Check that there is such a parameter, and that it can be constrained so."""
        jax.eval_shape(self.init, jax.random.key(0))

    def init(self, key: Key) -> Params:
        """The parameters of the cell, with free numbers among them."""
        inside, mine = jax.random.split(key)
        params = self.cell.init(inside)
        return constrained("Constrained", params, self.where, self.constraint, mine)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        return self.cell.carry(self._values(params), batch)

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        return self.cell.draw(self._values(params), xs, key)

    def resolve(
        self, params: Params, batch: Batch = (), key: Key | None = None
    ) -> tuple[Cell, Params]:
        """The cell inside, with parameters that meet the constraint."""
        return self.cell.resolve(self._values(params), batch, key)

    def _values(self, params: Params) -> Params:
        like = jax.eval_shape(self.cell.init, jax.random.key(0))
        return resolved("Constrained", params, self.where, self.constraint, like)
