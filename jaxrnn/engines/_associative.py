"""`Associative`: linear recurrences in parallel over time."""

from typing import Any

import jax
import jax.numpy as jnp

from .._numerics import drop
from .._typing import Carry, Inputs, Params
from ..cells import Cell, LinearCell
from ._engine import Engine


class Associative(Engine[LinearCell]):
    """`lax.associative_scan` of a linear recurrence: depth `log T` instead of `T`.

    The steps `h -> a h + b` compose: `(a1, b1)` then `(a2, b2)` is `(a1 a2, a2 b1 + b2)`. It does
    about twice the work of a scan, so it pays on GPU and TPU and rarely on a CPU.

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
        """Linear cells."""
        return LinearCell

    def run(
        self, cell: LinearCell, params: Params, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        """Fold the first carry into the first step, then scan the composition of steps."""
        a, b, restarts = cell.prepare(params, xs)
        first = jax.tree.map(lambda leaf: leaf[0], (a, b, restarts))
        start, _ = cell.advance(params, carry, first)
        b = jax.tree.map(lambda b, h: b.at[0].set(h), b, start)
        if restarts is None:
            _, hs = jax.lax.associative_scan(_compose, (a, b))
        else:
            # The first step has met its carry already: nothing comes before it.
            _, hs, _ = jax.lax.associative_scan(_compose_restarting, (a, b, restarts))
        return jax.tree.map(lambda h: h[-1], hs), cell.finish(params, hs, xs)


def _compose(earlier: Any, later: Any) -> Any:
    (a1, b1), (a2, b2) = earlier, later
    return (
        jax.tree.map(jnp.multiply, a1, a2),
        jax.tree.map(lambda b1, a2, b2: a2 * b1 + b2, b1, a2, b2),
    )


def _compose_restarting(earlier: Any, later: Any) -> Any:
    """As `_compose`; where `later` restarts, what came before is dropped."""
    (a1, b1, restart1), (a2, b2, restart2) = earlier, later
    a, b = _compose((drop(restart2, a1), drop(restart2, b1)), (a2, b2))
    return a, b, restart1 | restart2
