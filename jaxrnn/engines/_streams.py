"""One step of a stream: its loss, the gradient of that, and what the next step needs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import alike, drop, moving, placed, select
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ..cells import Cell
from ._arguments import leading
from ._estimators import Estimator
from ._loop import put_back, split
from ._reals import reals, with_reals
from ._structure import shape_of
from ._trackers import Influence, Tracker

Loss = Callable[..., Any]


class OnlineState(NamedTuple):
    """What a stream keeps between two steps.

    Shapes:
        carry: the cell's, `[*batch, ...]`.
        influence: what stands for its derivative by the parameters, `[*batch, ...]`.
        key: for the estimator's random numbers, or None.
    """

    carry: Carry
    influence: Influence
    key: Key | None


class OnlineStep(NamedTuple):
    """What one step of a stream gives.

    Shapes:
        loss: the sum over the batch.
        gradient: of that, by the cell's parameters, through all steps before; a tree like `params`.
        readout: by the readout's, a tree like `readout`.
        outputs: of the cell, `[*batch, ...]`.
    """

    loss: Float[Array, ""]
    gradient: Params
    readout: Params
    outputs: Inputs


def resolved(
    cell: Cell, params: Params, x: Inputs
) -> tuple[Cell, Params, Callable[[Params], Params]]:
    """What is run in the cell's place, and what makes a gradient by its parameters one by these.

    So the influence that is kept is that of the weights themselves, whatever they are computed
    from; over devices they vary as the inputs do.
    """
    found, _ = cell.resolve(params)
    return found, *through(lambda params: cell.resolve(params)[1], params, x)


def through(
    function: Callable[[Any], Any], tree: Any, like: Inputs
) -> tuple[Any, Callable[[Any], Any]]:
    """A function of a tree, varying over devices as `like` does, and its derivative's transpose."""
    numeric = _numeric(tree)
    own, rebuild = split(numeric, tree)

    def values(own: list[Array]) -> tuple[list[Array], Any]:
        result = alike((function(rebuild(own)), like))[0]
        return jax.tree.leaves(moving(result)), result

    wanted, pull, result = jax.vjp(values, own, has_aux=True)

    def pulled(gradient: Any) -> Any:
        cts = [ct.astype(x.dtype) for ct, x in zip(jax.tree.leaves(gradient), wanted, strict=True)]
        return put_back(numeric, _wide(pull(cts)[0]))

    return result, pulled


def start(
    cell: Cell,
    params: Params,
    x: Inputs,
    carry: Carry | None,
    key: Key | None,
    estimator: Estimator,
) -> OnlineState:
    """Before the first step, for inputs like `x` of `[*batch, ...]`."""
    batch, tracker = _tracker(cell, params, x, estimator)
    now = None
    if key is not None:
        key, now = jax.random.split(key)
    keys = None if now is None else jax.random.split(now, batch) if batch else now

    def one(key: Key | None) -> Influence:
        return (tracker.fresh if carry is None else tracker.none)(params, key)

    if keys is None:
        influence = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (*batch, *leaf.shape)), one(None)
        )
    else:
        influence = _mapped(one, batch)(keys)
    carry = cell.carry(params, batch) if carry is None else carry
    first, axes = jax.tree.leaves(x)[0], range(len(batch))
    carry, influence = placed((carry, influence), first, axes)
    return OnlineState(carry, influence, key)


def advance(
    who: str,
    cell: Cell,
    params: Params,
    readout: Params,
    state: OnlineState,
    x: Inputs,
    target: Inputs,
    valid: Array | None,
    reset: Array | None,
    estimator: Estimator,
    loss: Loss,
) -> tuple[OnlineState, OnlineStep]:
    """One step of all sequences; gradients in at least float32, with None where there is none."""
    batch, tracker = _tracker(cell, params, x, estimator)
    key, keys = state.key, None
    if key is not None:
        key, now = jax.random.split(key)
        keys = jax.random.split(now, batch) if batch else now
    first, axes = jax.tree.leaves(x)[0], range(len(batch))
    target, valid, reset, keys = placed((target, valid, reset, keys), first, axes)
    if valid is not None:
        x = drop(~valid, x)  # before anything is computed from it
    numeric, numeric_readout = _numeric(params), _numeric(readout)
    (own, rebuild), (own_readout, rebuild_readout) = (
        split(numeric, params),
        split(numeric_readout, readout),
    )

    def one(carry: Carry, influence: Influence, key: Key | None, *step: Any) -> Any:
        x, target, valid, reset = step
        keys = (None, None) if key is None else jax.random.split(key)
        if reset is not None:
            fresh = cell.carry(params, ()), tracker.fresh(params, keys[0])
            carry, influence = select(reset, fresh, (carry, influence))

        def scored(own: list[Array], of_readout: list[Array], h: list[Array]) -> Any:
            new, y = tracker.step(rebuild(own), with_reals(carry, h), x)
            value = loss(*([] if readout is None else [rebuild_readout(of_readout)]), y, target)
            return _one_number(who, value), (new, y)

        value, pull, (new, y) = jax.vjp(scored, own, own_readout, reals(carry), has_aux=True)
        direct, of_readout, cts = pull(jnp.ones_like(value))
        gradient = jax.tree.map(
            lambda moves, direct, more: direct + more if moves else direct,
            tracker.moves,
            put_back(numeric, _wide(direct)),
            put_back(tracker.moves, tracker.gradient(influence, cts)),
        )
        result = value, gradient, put_back(numeric_readout, _wide(of_readout)), y
        state = new, tracker.advance(influence, params, carry, x, keys[1])
        if valid is None:
            return state, result
        return select(valid, state, (carry, influence)), drop(~valid, result)

    step = x, target, valid, reset
    (carry, influence), result = _mapped(one, batch)(state.carry, state.influence, keys, *step)
    *sums, outputs = result
    value, gradient, of_readout = jax.tree.map(lambda leaf: leaf.sum(tuple(axes)), sums)
    return OnlineState(carry, influence, key), OnlineStep(value, gradient, of_readout, outputs)


def _tracker(cell: Cell, params: Params, x: Inputs, estimator: Estimator) -> tuple[Batch, Tracker]:
    """The batch axes of one step's inputs, and what keeps the influence in each sequence."""
    batch = leading(cell, jax.tree.leaves(x)[0])

    def one(leaf: Array) -> Any:
        return shape_of(leaf.shape[len(batch) :], leaf.dtype)

    carry = jax.eval_shape(lambda params: cell.carry(params, ()), params)
    return batch, estimator.tracker(cell, params, carry, jax.tree.map(one, x))


def _mapped(function: Any, batch: Batch) -> Any:
    for _ in batch:
        function = jax.vmap(function)
    return function


def _numeric(tree: Any) -> Any:
    """Which leaves have a derivative."""
    return jax.tree.map(lambda leaf: jnp.issubdtype(leaf.dtype, jnp.inexact), tree)


def _wide(leaves: list[Array]) -> list[Array]:
    return [leaf.astype(at_least_float32(leaf.dtype)) for leaf in leaves]


def _one_number(who: str, value: Any) -> Array:
    one = _check.is_array(value) and jnp.shape(value) == ()
    if not one or not jnp.issubdtype(value.dtype, jnp.floating):
        came = _check.describe(value) if _check.is_array(value) else repr(value)
        raise ValueError(
            f"{who}: loss must return one floating number for one step of one sequence, got {came}."
        )
    return value.astype(at_least_float32(value.dtype))
