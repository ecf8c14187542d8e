"""`reduce_folded`: an objective of outputs that never exist as a whole."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Array, ArrayLike
from ._objective import ObjectiveLike, as_objective, joint
from ._reduce import Weighted, reduce


def reduce_folded(
    objective: ObjectiveLike,
    head: Callable[[Any], Any],
    inputs: Any,
    targets: Any,
    *,
    size: int,
    where: ArrayLike | None = None,
) -> Weighted:
    """`reduce(objective, head(inputs), targets)`, computed `size` steps at a time.

    A language model's logits `[T, *batch, vocabulary]` and their gradient take far more memory than
    all else. Here the head is applied to a few steps, they are scored and forgotten; the backward
    pass does the same again, step by step, for one product with the head more.

    Args:
        objective: as for `reduce`; one that is `stepwise`; a function is taken to be.
        head: from inputs `[size, *batch, features]` to outputs, step by step; it may close over
            parameters, which get their gradients.
        inputs: what the head reads, a tree of `[T, *batch, ...]`: a network's last hidden states.
        targets: as for `reduce`, `[T, *batch, ...]`.
        size: steps at a time; the last ones may be fewer. Smaller needs less memory, and from about
            a hundred rows `size * batch` on no more time.
        where: `Bool[T, *batch]`, False at padding.

    Returns:
        `Weighted(sum, weight)`; the loss is its `.mean()`.

    Raises:
        TypeError: for an objective whose steps depend on each other, such as `CTC`, and what
            `reduce` raises.
        ValueError: for a size below 1, or inputs, targets and where that differ in T.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, reduce_folded
        >>> hidden, kernel = jnp.ones((100, 2, 8)), jnp.zeros((8, 5000))
        >>> labels = jnp.zeros((100, 2), int)
        >>> loss = lambda kernel: reduce_folded(
        ...     CrossEntropy(), lambda h: h @ kernel, hidden, labels, size=10).mean()
        >>> print(f"{loss(kernel):.4f}")
        8.5172
    """
    objective = as_objective(objective)
    _check.sizes("reduce_folded", size=size)
    _check.function("reduce_folded", "head", head)
    if not objective.stepwise:
        raise TypeError(
            f"reduce_folded: the steps of {joint(objective)!r} depend on one another; use `reduce` "
            "for it. An objective that defines `values_where` and looks at each step alone says so "
            "with the property `stepwise`."
        )
    _check.arrays("reduce_folded", inputs=inputs, targets=targets, where=where)
    tree = inputs, targets, None if where is None else jnp.asarray(where)
    tree = jax.tree.map(jnp.asarray, tree)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(tree)}
    if len(lengths) != 1:
        raise ValueError(
            "reduce_folded: inputs, targets and where must share T, their first axis, got "
            + (", ".join(map(_check.describe, jax.tree.leaves(tree))) or "no array")
        )
    (steps,) = lengths

    def score(piece: Any) -> Weighted:
        inputs, targets, where = piece
        return reduce(objective, head(inputs), targets, where=where)

    score = jax.checkpoint(score, prevent_cse=False)  # CSE cannot cross the scan

    def body(total: Weighted, piece: Any) -> tuple[Weighted, None]:
        return total + score(piece), None

    count = steps // size
    cut = count * size

    def fold(leaf: Array) -> Array:
        return leaf[:cut].reshape(count, size, *leaf.shape[1:])

    rest = jax.tree.map(lambda leaf: leaf[cut:], tree)
    first = rest if cut < steps else jax.tree.map(lambda leaf: leaf[:size], tree)
    shapes = jax.eval_shape(score, first)
    total = score(rest) if cut < steps else jax.tree.map(jnp.zeros_like, shapes)
    return jax.lax.scan(body, total, jax.tree.map(fold, tree))[0] if count else total
