"""`newton_report`: how a sequence went on `Newton`."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._checked import checked
from .._typing import Array, ArrayLike, Carry, Inputs, Key, Params
from ..cells import Cell
from ._arguments import batch_of, taken
from ._newton import Newton, exact_steps
from ._unroll import arranged


class NewtonReport(NamedTuple):
    """How `Newton` ran.

    Shapes:
        iterations: how many there were, until the slowest sequence had converged.
        exact: steps from the first on that have converged, of each sequence.
        residual: the largest distance of a state from what the step before makes of it, over those
            steps; 0 where there are none.
        fell_back: whether the remaining steps were computed one by one.
    """

    iterations: Int[Array, ""]
    exact: Int[Array, "*batch"]
    residual: Float[Array, "*batch"]
    fell_back: Bool[Array, ""]


@checked
def newton_report(
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None = None,
    *,
    key: Key | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
    reverse: bool = False,
    engine: Newton = Newton(),  # noqa: B008  (a frozen noun)
) -> NewtonReport:
    """How `unroll` goes with `Newton`: iterations, and how far they converged.

    The outputs are right whatever the report says. It says what they cost: a few iterations are
    fast, and a sequence that fell back has paid for all iterations and for the steps. Arguments and
    errors are those of `unroll`. A cell that `Newton` runs on `Scan` has no iterations and falls
    back.

    Args:
        cell: what one step computes.
        params: the cell's parameters.
        xs: the inputs, a tree of `[T, *batch, features]`.
        carry: where to start; by default `cell.carry(params, batch)`.
        key: for cells that draw random numbers.
        lengths: how many leading steps count.
        mask: where a step counts.
        resets: where a new sequence starts.
        reverse: backwards in time, so that `exact` counts from the last step.
        engine: the `Newton` to report on.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, engines
        >>> cell, xs = cells.GRU(3, 4), jnp.ones((100, 3))
        >>> report = engines.newton_report(cell, cell.init(jax.random.key(0)), xs)
        >>> int(report.iterations) < 20, int(report.exact), bool(report.fell_back)
        (True, 100, False)
    """
    args = taken("newton_report", cell, params, xs, carry, lengths, mask, resets, engine)
    return _report(cell, params, *args, key, engine, reverse=reverse)


@partial(jax.jit, static_argnames="reverse")
def _report(cell: Cell, params: Params, *rest: Any, reverse: bool) -> NewtonReport:
    *args, engine = rest
    batch = batch_of(cell, args[0])
    ready = arranged(cell, params, *args, reverse=reverse)
    loop = engine.trajectory(ready.cell, ready.params, ready.carry, ready.xs)
    if loop is None:
        none = jnp.zeros((), jnp.int32)
        return NewtonReport(none, jnp.zeros(batch, jnp.int32), jnp.zeros(batch), jnp.array(True))
    weights = ready.cell, ready.params, engine.jacobian
    us = ready.cell.prepare(ready.params, ready.xs)
    trace = loop.solve(weights, ready.carry, us)
    exact = exact_steps(trace.settled)
    gaps = loop.gaps(weights, ready.carry, us, trace.states)
    counted = jnp.cumprod(trace.settled.astype(gaps.dtype), axis=0)
    residual = jnp.max(jnp.where(counted > 0, gaps, 0), axis=0)
    return NewtonReport(trace.iterations, exact, residual, ~jnp.all(trace.settled))
