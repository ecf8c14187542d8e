"""`as_cell`: a metric that is folded through time like a network."""

from typing import Any

import jax
import jax.numpy as jnp

from .._checked import checked
from .._typing import Array, Batch, Key
from ..cells import Cell
from ._metric import Metric, State, check_metric, check_stepwise, several


class MetricCell(Cell):
    """A cell whose carry is a metric's state, once for each sequence of the batch."""

    metric: Metric

    def init(self, key: Key) -> tuple[()]:
        """A metric has no parameters."""
        return ()

    def carry(self, params: tuple[()], batch: Batch = ()) -> State:
        """The metric's state of no data, for every sequence."""
        return several(self.metric.init(), batch)

    def step(self, params: tuple[()], carry: State, x: Any) -> tuple[State, Any]:
        """Update every sequence's state with its `(outputs, targets)`, and read the value."""
        outputs, targets = x
        state = self.metric.init()
        axes = jax.tree.leaves(carry)[0].ndim - jax.tree.leaves(state)[0].ndim
        if _is_label(targets, outputs, axes):
            targets = targets[..., 0]

        def update(state: State, outputs: Any, targets: Any) -> tuple[State, Any]:
            # One sequence alone, one step long: metrics see time first.
            outputs, targets = jax.tree.map(lambda leaf: leaf[None], (outputs, targets))
            state = self.metric.update(state, outputs, targets)
            return state, self.metric.compute(state)

        for _ in range(axes):
            update = jax.vmap(update)
        return update(carry, outputs, targets)


def _is_label(targets: Any, outputs: Any, axes: int) -> bool:
    """Whether targets are labels `[*batch, 1]`, beside outputs of more than one feature."""
    if not (isinstance(targets, Array) and isinstance(outputs, Array)):
        return False
    whole = jnp.issubdtype(targets.dtype, jnp.integer)
    return whole and targets.shape[axes:] == (1,) and outputs.shape[-1] > 1


@checked
def as_cell(metric: Metric) -> Cell:
    """The metric as a cell: `unroll` folds it through time, one state for each sequence.

    Its carry is the metric's state, for every sequence of the batch apart; its input is
    `(outputs, targets)`, and its output the value so far, so that a curve comes out. It has no
    parameters, `()`. Masked steps change nothing, and at a reset the metric starts anew. The value
    of a step that does not count is 0, as all outputs of `unroll` are.

    In the body of a `lax.scan` it comes after a network's `step`, so that the outputs of all steps
    never exist at once: with a large vocabulary those are most of the memory.

    Shapes: outputs `[T, *batch, features]` and targets that fit them. `unroll` wants an axis of
    features on everything, so integer labels go in as `[T, *batch, 1]`, `labels[..., None]`;
    without `unroll`, the labels `[*batch]` of a step do as well.

    Args:
        metric: the metric; in each call it sees one step of one sequence, `[1, features]`.

    Returns:
        A cell that engines such as `Scan` run. `jax.vmap(metric.compute)(carry)` is the value of
        every sequence.

    Raises:
        TypeError: for what is not a metric, and for one that is not `stepwise`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import metrics, unroll
        >>> cell = metrics.as_cell(metrics.accuracy())
        >>> outputs = jax.nn.one_hot(jnp.array([[0, 0], [1, 1]]), 2)
        >>> labels = jnp.array([[0, 1], [0, 1]])
        >>> carry, curve = unroll(cell, (), (outputs, labels[..., None]))
        >>> print(curve)
        [[1.  0. ]
         [0.5 0.5]]
    """
    check_metric("as_cell", metric)
    check_stepwise("as_cell", metric)
    return MetricCell(metric)
