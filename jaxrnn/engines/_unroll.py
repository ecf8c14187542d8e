"""`unroll`: run a cell over a sequence."""

from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from .._checked import checked
from .._numerics import alike, drop, placed, select, within
from .._typing import Array, ArrayLike, Carry, Inputs, Key, Params, Size
from ..cells import Cell
from ._arguments import check_batch, check_params, leading, taken
from ._auto import Auto
from ._controls import controlled
from ._engine import Engine

C = TypeVar("C", bound=Cell)


@checked
def unroll(
    cell: C,
    params: Params,
    xs: Inputs,
    carry: Carry | None = None,
    *,
    key: Key | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
    reverse: bool = False,
    engine: Engine[C] = Auto(),  # noqa: B008  (a frozen noun)
) -> tuple[Carry, Inputs]:
    """Run a cell over a sequence.

        h_t, y_t = cell.step(params, h_{t-1}, x_t)    t = 1 .. T

    Where a step is masked the carry is held and the output is zero; what stands in its input (NaN,
    infinity, anything) reaches neither values nor gradients. A reset marks the first step of a new
    sequence: the cell's own initial carry (not the one passed) replaces the old one before that
    step is read, by selection, and the result equals running the pieces as separate sequences. A
    reset at a masked step, in the padding too, takes effect at the next step that counts, or else
    in the carry that is returned. `reverse` runs each sequence from its last step that counts to
    its first, leaving every output at its own time; resets still mark the first step in time of
    each sequence, so the same `resets` serve both directions. If the very first step begins a
    sequence, a reverse run returns a fresh carry, because what lies before is another sequence. So
    in both directions a run equals its pieces, run one after another. All of these combine, on
    every engine.

    Shapes: xs, ys `[T, *batch, features]` (or trees of such); carry `[*batch, ...]`. For data of
    shape `[batch, T, features]`, use `jnp.swapaxes(xs, 0, 1)` before, and again on the outputs.

    Args:
        cell: what one step computes.
        params: the cell's parameters.
        xs: the inputs, a tree of `[T, *batch, features]` with one T and one batch.
        carry: where to start; by default `cell.carry(params, batch)`.
        key: for cells that draw random numbers; without a key they draw none. Other cells ignore
            it.
        lengths: `Int[*batch]`, in `[0, T]`: how many leading steps count. A sequence of length 0
            gives back the carry that it started from.
        mask: `Bool[T, *batch]`, True where a step counts. With `lengths`, both must agree to count.
        resets: `Bool[T, *batch]`, True where a new sequence starts.
        reverse: run backwards in time.
        engine: how the cell is run.

    Returns:
        The last carry, and the outputs `[T, *batch, features]`.

    Raises:
        ValueError: sizes or shapes that do not fit, or lengths outside `[0, T]` (where they are
            known: not under `jit`, where they count as the nearest length that exists).
        TypeError: wrong dtypes, or an engine that does not run this kind of cell.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.LSTM(3, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> xs = jnp.ones((7, 2, 3))
        >>> carry, ys = jaxrnn.unroll(cell, params, xs, lengths=jnp.array([7, 5]))
        >>> ys.shape, float(abs(ys[5:, 1]).max())
        ((7, 2, 4), 0.0)
    """
    args = taken("unroll", cell, params, xs, carry, lengths, mask, resets, engine)
    return _unroll(cell, params, *args, key, engine, reverse=reverse)


# Compiled once for equal configurations and shapes, even when `unroll` is called outside of `jit`.
@partial(jax.jit, static_argnames="reverse")
def _unroll(
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None,
    lengths: Array | None,
    mask: Array | None,
    resets: Array | None,
    key: Key | None,
    engine: Engine[Any],
    *,
    reverse: bool,
) -> tuple[Carry, Inputs]:
    ready = arranged(cell, params, xs, carry, lengths, mask, resets, key, reverse=reverse)
    carry, ys = engine(ready.cell, ready.params, ready.carry, ready.xs)
    if ready.pending is not None:
        carry = select(ready.pending, ready.fresh, carry)
    ys, valid = _flip((ys, ready.valid)) if reverse else (ys, ready.valid)
    if valid is None:
        return carry, ys
    check_batch("unroll", f"the output of {type(cell).__name__}", ys, valid.shape)
    return carry, drop(~valid, ys)


class Arranged(NamedTuple):
    """What an engine runs; in order of the run, so that `reverse` has turned time around.

    valid: which steps count; None for all of them.
    pending: where the last carry becomes `fresh`, because a sequence begins after the last step.
    """

    cell: Cell
    params: Params
    carry: Carry
    xs: Inputs
    fresh: Carry
    valid: Array | None
    pending: Array | None


def arranged(
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None,
    lengths: Array | None,
    mask: Array | None,
    resets: Array | None,
    key: Key | None,
    *,
    reverse: bool,
) -> Arranged:
    """The cell, with masks and resets made part of it, and what it is run with."""
    check_params("unroll", cell, params)
    steps, *batch = leading(cell, jax.tree.leaves(xs)[0])
    fresh = cell.carry(params, tuple(batch))
    carry = fresh if carry is None else carry
    valid = _valid(lengths, mask, steps)
    starts = pending = None
    if resets is not None:
        starts, pending = _starts(resets, valid, reverse=reverse)
    first = jax.tree.leaves(xs)[0]
    valid, starts = placed((valid, starts), first, range(1 + len(batch)))
    fresh, carry, pending = placed((fresh, carry, pending), first, range(1, 1 + len(batch)))
    if valid is not None:
        xs = drop(~valid, xs)  # before anything is computed from it
    params, xs, carry, fresh, valid, starts = alike((params, xs, carry, fresh, valid, starts))
    if key is not None:
        xs = cell.draw(params, xs, key)
        key = jax.random.fold_in(key, 0)  # another one for what is drawn once
    cell, params = cell.resolve(params, tuple(batch), key)
    if reverse:
        xs, valid, starts = _flip((xs, valid, starts))
    if valid is not None or starts is not None:
        check_batch("unroll", f"the carry of {type(cell).__name__}", carry, tuple(batch))
        cell, carry, xs = controlled(cell, carry, fresh, xs, valid, starts)
    return Arranged(cell, params, carry, xs, fresh, valid, pending)


def _flip(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.flip(leaf, 0), tree)


def _valid(lengths: Array | None, mask: Array | None, steps: Size) -> Array | None:
    if lengths is None:
        return mask
    leading = within(lengths, steps)
    return leading if mask is None else leading & mask


def _starts(resets: Array, valid: Array | None, *, reverse: bool) -> tuple[Array, Array | None]:
    """Where the carry is fresh, in order of time: the first step that counts of each sequence.

    Numbering the sequences, a step starts one where its number differs from that of the step that
    is run before it. The second result, `Bool[*batch]`, says where a sequence begins between the
    last step that is run and the next call's first: there the returned carry is fresh.
    """
    number = jnp.cumsum(resets, axis=0, dtype=jnp.int32)
    before_all = number[-1:] if reverse else jnp.zeros_like(number[:1])
    if valid is None:
        seen = number
    elif reverse:
        seen = jax.lax.cummin(jnp.where(valid, number, before_all), axis=0, reverse=True)
    else:
        seen = jax.lax.cummax(jnp.where(valid, number, before_all), axis=0)
    if reverse:
        seen_before = jnp.concatenate([seen[1:], before_all])
    else:
        seen_before = jnp.concatenate([before_all, seen[:-1]])
    starts = number != seen_before
    pending = seen[0] != 0 if reverse else number[-1] != seen[-1]
    return (starts, pending) if valid is None else (starts & valid, pending)
