"""`Associative`: cells whose steps compose, in parallel over time."""

from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import known
from .._typing import Carry, Inputs, Params
from ..cells import AssociativeCell, Cell
from ._engine import Engine
from ._scan import Scan


class Associative(Engine[AssociativeCell]):
    """`lax.associative_scan` over the steps of a cell: depth `log T` instead of `T`.

    The steps of an `AssociativeCell` compose: those of a linear recurrence, `h -> a h + b`, are
    `(a1, b1)` then `(a2, b2)`, together `(a1 a2, a2 b1 + b2)`. It does about twice the work of a
    scan, so it pays on GPU and TPU and rarely on a CPU. In a program exported for any number of
    steps it falls back to a scan.

    Reference: G. Blelloch, "Prefix sums and their applications", CMU-CS-90-190 (1990);
    E. Martin & C. Cundy, "Parallelizing linear recurrent neural nets over sequence length",
    ICLR 2018.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.LRU(3, 4), jax.numpy.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Associative())[1].shape
        (7, 2, 4)
    """

    @property
    def takes(self) -> type[Cell]:
        return AssociativeCell

    def run(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Compose the steps from the first one on, and apply each composition to the carry."""
        if not known(jax.tree.leaves(xs)[0].shape[0]):
            return Scan().run(cell, params, carry, xs)
        elements = cell.prepare(params, xs)
        prefixes = jax.lax.associative_scan(cell.compose, elements)
        hs = jax.vmap(cell.apply, (0, None))(prefixes, carry)
        before = jax.tree.map(lambda c, h: jnp.concatenate([c[None], h[:-1]]), carry, hs)
        outs = cell.passed(elements, before, hs)
        return jax.tree.map(lambda h: h[-1], hs), cell.finish(params, outs, xs)
