"""Gradients of a sequence while it runs, in memory that does not grow with its length."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._dtypes import at_least_float32
from .._numerics import alike, moving, within
from .._typing import Array, ArrayLike, Batch, Carry, Inputs, Key, Params
from ..cells import Cell
from ._arguments import check_params, leading, taken
from ._estimators import RTRL, Estimator
from ._streams import Loss, OnlineState, OnlineStep, advance, resolved, start, through


class OnlineGradients(NamedTuple):
    """What `online_gradients` returns.

    Shapes:
        loss: the sum over all steps that count, and over the batch.
        gradient: of that, by the cell's parameters; a tree like `params`.
        readout: by the readout's, a tree like `readout`.
        carry: after the last step, `[*batch, ...]`.
    """

    loss: Float[Array, ""]
    gradient: Params
    readout: Params
    carry: Carry


@checked
def online_gradients(
    cell: Cell,
    params: Params,
    xs: Inputs,
    targets: Inputs,
    loss: Callable[..., Any],
    carry: Carry | None = None,
    *,
    readout: Params = None,
    estimator: Estimator = RTRL(),  # noqa: B008  (a frozen noun)
    key: Key | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> OnlineGradients:
    """The loss of a sequence and its gradient, in one pass forward.

        h_t, y_t  = cell.step(params, h_{t-1}, x_t)
        M_t       = d h_t / d params                     what the estimator keeps of it
        gradient += d loss(y_t, target_t) / d h_t  M_t

    Back-propagation keeps something of every step until the end. This keeps the influence of the
    parameters on the carry, so its memory does not depend on the number of steps. With `RTRL` the
    gradient is that of `jax.grad` through `unroll`, for every cell; the other estimators are
    cheaper, and approximate or random. For a stream without an end use `online_step`.

    That holds for one recurrent cell under a readout without memory. In a stack of recurrent layers
    each of them would have to know its influence on all layers above: run such a layer by itself
    with the error that it is given, which leaves out what goes through the memory of the others.

    Masked steps hold the carry and its influence, and neither their inputs nor their targets reach
    anything. A reset begins a sequence: nothing before it has any influence. Arguments mean what
    they mean in `unroll`.

    Args:
        cell: what one step computes.
        params: the cell's parameters.
        xs: the inputs, a tree of `[T, *batch, features]`.
        targets: what the loss reads beside the outputs, a tree of `[T, *batch, ...]`.
        loss: `loss(y, target)` of one step of one sequence, or `loss(readout, y, target)` if there
            is a readout; one number.
        carry: where to start, taken as a constant; by default `cell.carry(params, batch)`, whose
            own derivative counts.
        readout: parameters of what stands between the cell and the loss.
        estimator: `RTRL()`, `SnAp1()`, `EProp()` or `UORO()`.
        key: for `UORO`, and for cells that draw random numbers for every step. A mask for all steps
            of a sequence (`StateDropout`, `DropConnect`) is not drawn.
        lengths: how many leading steps count.
        mask: where a step counts.
        resets: where a new sequence starts.

    Returns:
        `OnlineGradients(loss, gradient, readout, carry)`.

    Raises:
        TypeError: an estimator that does not take this kind of cell.
        ValueError: no key for `UORO`, a loss that is not one number, sizes that do not fit.

    Reference: R. Williams & D. Zipser, Neural Computation 1 (1989); O. Marschall, K. Cho &
    C. Savin, "A unified framework of online learning algorithms for training recurrent neural
    networks", JMLR 21 (2020).

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jnp.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> def loss(y, target):
        ...     return ((y - target) ** 2).sum()
        >>> got = jaxrnn.engines.online_gradients(cell, params, xs, jnp.ones((7, 2, 4)), loss)
        >>> got.gradient.recurrent.shape, got.carry.shape
        ((4, 12), (2, 4))
    """
    who = "online_gradients"
    xs, carry, lengths, mask, resets = taken(who, cell, params, xs, carry, lengths, mask, resets)
    shape = leading(cell, jax.tree.leaves(xs)[0])
    targets = _checked_targets(who, targets, shape, "[T, *batch]")
    _check_key(who, estimator, key)
    args = cell, params, xs, targets, carry, readout, estimator, key, lengths, mask, resets
    return _online(*args, loss=loss)


@partial(jax.jit, static_argnames="loss")
def _online(
    cell: Cell,
    params: Params,
    xs: Inputs,
    targets: Inputs,
    carry: Carry | None,
    readout: Params,
    estimator: Estimator,
    key: Key | None,
    lengths: Array | None,
    mask: Array | None,
    resets: Array | None,
    *,
    loss: Loss,
) -> OnlineGradients:
    who = "online_gradients"
    check_params(who, cell, params)
    if key is not None:
        xs = cell.draw(params, xs, key)
        key = jax.random.fold_in(key, 1)
    if lengths is not None:
        leading_steps = within(lengths, jax.tree.leaves(xs)[0].shape[0])
        mask = leading_steps if mask is None else mask & leading_steps
    cell, values, pull = resolved(cell, params, xs)
    weights, pull_readout = through(lambda readout: readout, readout, xs)
    state = start(cell, values, jax.tree.map(lambda leaf: leaf[0], xs), carry, key, estimator)
    zeros = jnp.zeros(()), _zeros(values), _zeros(weights)
    begin, xs = alike(((state, zeros), xs))

    def body(states: Any, step: Any) -> tuple[Any, None]:
        state, totals = states
        x, target, mask, resets = step
        state, result = advance(
            who, cell, values, weights, state, x, target, mask, resets, estimator, loss
        )
        more = result.loss, result.gradient, result.readout
        return (state, jax.tree.map(lambda a, b: a + b.astype(a.dtype), totals, more)), None

    (state, totals), _ = jax.lax.scan(body, begin, (xs, targets, mask, resets))
    total, gradient, of_readout = totals
    gradient = _narrowed(pull(gradient), params)
    return OnlineGradients(
        total, gradient, _narrowed(pull_readout(of_readout), readout), state.carry
    )


@checked
def online_start(
    cell: Cell,
    params: Params,
    x: Inputs,
    carry: Carry | None = None,
    *,
    estimator: Estimator = RTRL(),  # noqa: B008  (a frozen noun)
    key: Key | None = None,
) -> OnlineState:
    """What a stream starts from; see `online_step`.

    Args:
        cell: what one step computes.
        params: the cell's parameters.
        x: the inputs of a step, `[*batch, features]`; only their shapes are read.
        carry: where to start, taken as a constant; by default `cell.carry(params, batch)`, whose
            own derivative counts.
        estimator: that of the stream.
        key: for `UORO`.

    Raises:
        TypeError: an estimator that does not take this kind of cell.
        ValueError: no key for `UORO`, sizes that do not fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, engines
        >>> cell = cells.LRU(3, 4)
        >>> state = engines.online_start(cell, cell.init(jax.random.key(0)), jnp.ones((2, 3)))
        >>> state.carry.shape, len(jax.tree.leaves(state.influence))
        ((2, 4), 8)
    """
    who = "online_start"
    xs, carry, *_ = taken(who, cell, params, _one_step(x), carry, None, None, None)
    _check_key(who, estimator, key)
    check_params(who, cell, params)
    cell, params, _ = resolved(cell, _arrays(params), xs)
    return start(cell, params, jax.tree.map(lambda leaf: leaf[0], xs), carry, key, estimator)


@checked
def online_step(
    cell: Cell,
    params: Params,
    state: OnlineState,
    x: Inputs,
    target: Inputs,
    loss: Callable[..., Any],
    *,
    readout: Params = None,
    estimator: Estimator = RTRL(),  # noqa: B008  (a frozen noun)
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> tuple[OnlineState, OnlineStep]:
    """One step of a stream: its loss, and the gradient of that through all steps before.

    It is pure and keeps its shapes, so it is the body of a `lax.scan` over a stream without an
    end, in which an optimizer may change the parameters after every step. What the influence then
    says of older steps is of older parameters, as with every online method.

    Args:
        cell: what one step computes.
        params: the cell's parameters, by which the gradient is.
        state: of `online_start`, or of the step before.
        x: the inputs of this step, `[*batch, features]`.
        target: what the loss reads beside the output, `[*batch, ...]`.
        loss: as in `online_gradients`.
        readout: as in `online_gradients`.
        estimator: the one that `state` was started with.
        mask: `Bool[*batch]`, True where the step counts.
        resets: `Bool[*batch]`, True where a new sequence starts.

    Returns:
        The state after the step, and `OnlineStep(loss, gradient, readout, outputs)`.

    Raises:
        TypeError: an estimator that does not take this kind of cell.
        ValueError: a loss that is not one number, sizes that do not fit.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> from jaxrnn.engines import online_start, online_step
        >>> cell, xs = cells.LRU(3, 4), jnp.ones((7, 2, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> def loss(y, target):
        ...     return ((y - target) ** 2).sum()
        >>> def body(state, x):
        ...     state, result = online_step(cell, params, state, x, jnp.ones((2, 4)), loss)
        ...     return state, result.loss
        >>> state, losses = jax.lax.scan(body, online_start(cell, params, xs[0]), xs)
        >>> losses.shape, state.carry.shape
        ((7,), (2, 4))
    """
    who = "online_step"
    mask, resets = _one_step((mask, resets))
    xs, _, _, *flags = taken(who, cell, params, _one_step(x), state.carry, None, mask, resets)
    shape = leading(cell, jax.tree.leaves(xs)[0])
    targets = _checked_targets(who, _one_step(target), shape, "[*batch]")
    check_params(who, cell, params)
    params, readout = _arrays((params, readout))
    cell, values, pull = resolved(cell, params, xs)
    weights, pull_readout = through(lambda readout: readout, readout, xs)
    x, target, (valid, reset) = jax.tree.map(lambda leaf: leaf[0], (xs, targets, flags))
    state, result = advance(
        who, cell, values, weights, state, x, target, valid, reset, estimator, loss
    )
    gradient = _narrowed(pull(result.gradient), params)
    of_readout = _narrowed(pull_readout(result.readout), readout)
    return state, result._replace(gradient=gradient, readout=of_readout)


def _arrays(tree: Any) -> Any:
    return jax.tree.map(jnp.asarray, tree)


def _one_step(tree: Any) -> Any:
    """Arrays of one step as a sequence of one; what is no array is left for the checks."""
    return jax.tree.map(lambda x: jnp.asarray(x)[None] if _check.is_array(x) else x, tree)


def _checked_targets(who: str, targets: Inputs, shape: Batch, axes: str) -> Inputs:
    _check.arrays(who, targets=targets)
    targets = jax.tree.map(jnp.asarray, targets)
    for leaf in jax.tree.leaves(targets):
        if leaf.shape[: len(shape)] != shape:
            raise ValueError(
                f"{who}: targets must begin with {axes} = {shape}, got {_check.describe(leaf)}."
            )
    return targets


def _check_key(who: str, estimator: Estimator, key: Key | None) -> None:
    if key is None and estimator.random:
        name = type(estimator).__name__
        raise ValueError(f"{who}: `{name}` draws random numbers: pass `key=jax.random.key(0)`.")


def _zeros(tree: Any) -> Any:
    """Zeros of at least float32, and None in place of leaves without a derivative."""
    return jax.tree.map(
        lambda leaf: jnp.zeros_like(leaf, at_least_float32(leaf.dtype)),
        moving(tree),
    )


def _narrowed(gradients: Any, tree: Any) -> Any:
    """Gradients in the types of what they are by."""
    return jax.tree.map(lambda leaf, ct: ct.astype(leaf.dtype), moving(tree), gradients)
