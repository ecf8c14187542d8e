"""`unroll`: run a cell over a sequence."""

from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._numerics import alike, drop, known, placed, select, within
from .._typing import Array, ArrayLike, Batch, Carry, Inputs, Key, Params, Size
from ..cells import Cell
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
    args = taken(cell, params, xs, carry, lengths, mask, resets, engine)
    return _unroll(cell, params, *args, key, engine, reverse=reverse)


def taken(
    cell: Cell,
    params: Params,
    xs: Inputs,
    carry: Carry | None,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    resets: ArrayLike | None,
    engine: Engine[Any],
) -> tuple[Any, ...]:
    """xs, carry, lengths, mask and resets as arrays, after all checks that need no compilation."""
    if not isinstance(cell, Cell):
        raise TypeError(
            f"unroll: cell must be a `Cell`, got {cell!r}. A layer runs by itself: "
            "`layer.apply(params, xs)`."
        )
    engine.check(cell)
    if any(isinstance(leaf, int | float) for leaf in jax.tree.leaves(xs)):
        raise TypeError(
            "unroll: xs holds Python numbers: nested lists are a tree, not an array. "
            "Pass jnp.asarray(xs)."
        )
    _check.arrays("unroll", xs=xs)
    _check.unmasked("unroll", params=params, carry=carry)
    xs = jax.tree.map(jnp.asarray, xs)
    shape = _leading_shape(cell, params, xs)
    if lengths is not None:
        _check.lengths("unroll", "lengths", lengths, shape)
        lengths = jnp.asarray(lengths)
    mask, resets = _checked_flags("mask", mask, shape), _checked_flags("resets", resets, shape)
    if carry is not None:
        carry = jax.tree.map(jnp.asarray, carry)
        _check_carry(cell, params, carry, shape[1:])
    return xs, carry, lengths, mask, resets


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
    _check_batch(f"the output of {type(cell).__name__}", ys, valid.shape)
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
    _check_params(cell, params)
    steps, *batch = _leading(cell, jax.tree.leaves(xs)[0])
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
    if reverse:
        xs, valid, starts = _flip((xs, valid, starts))
    if valid is not None or starts is not None:
        _check_batch(f"the carry of {type(cell).__name__}", carry, tuple(batch))
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


def batch_of(cell: Cell, xs: Inputs) -> Batch:
    """The batch axes of inputs."""
    return _leading(cell, jax.tree.leaves(xs)[0])[1:]


def _leading(cell: Cell, leaf: Array) -> Batch:
    """`[T, *batch]` of an input, whose other axes are features."""
    axes = 1 if cell.input_shape is None else len(cell.input_shape)
    return leaf.shape[: max(0, leaf.ndim - axes)]


def _leading_shape(cell: Cell, params: Params, xs: Inputs) -> Batch:
    leaves = jax.tree.leaves(xs)
    if not leaves:
        raise ValueError("unroll: xs holds no array")
    first = _leading(cell, leaves[0])
    for leaf in leaves:
        shape = _leading(cell, leaf)
        if not shape:
            raise ValueError(
                f"unroll: xs must be [T, *batch, {_features(cell)}], got {_check.describe(leaf)}. "
                "For one feature a step add an axis: xs[..., None]."
            )
        if shape != first:
            raise ValueError(
                "unroll: the arrays in xs must share [T, *batch], got "
                f"{_check.describe(leaves[0])} and {_check.describe(leaf)}"
            )
    if any(known(size) and size == 0 for size in first):
        what = "T = 0: there is no step to run" if first[0] == 0 else "an empty batch"
        raise ValueError(f"unroll: xs has {what} ({_check.describe(leaves[0])})")
    if cell.input_shape is not None:
        _check_features(cell, params, xs)
    return first


def _features(cell: Cell) -> str:
    """The axes of features, as a message names them."""
    if not cell.input_shape or len(cell.input_shape) == 1:
        return "features"
    return ", ".join("any" if size is None else str(size) for size in cell.input_shape)


def _check_features(cell: Cell, params: Params, xs: Inputs) -> None:
    who, wanted = f"unroll: {type(cell).__name__}", cell.input_shape
    assert wanted is not None
    if not isinstance(xs, jax.Array) or not fits(wanted, xs.shape):
        got = " and ".join(map(_check.describe, jax.tree.leaves(xs)))
        kind = "" if isinstance(xs, jax.Array) else f"a {type(xs).__name__} of "
        sizes = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ValueError(f"{who} takes {sizes} features, xs is {kind}{got}")
    if not wanted:
        return  # symbols
    _check.floating(who, "xs", xs, "Embed symbols, or use `jax.nn.one_hot`; `xs.astype(float)`.")
    kinds = {jnp.result_type(leaf) for leaf in jax.tree.leaves(params)}
    floats = {str(kind): kind for kind in kinds if jnp.issubdtype(kind, jnp.floating)}
    widest = max((kind.itemsize for kind in floats.values()), default=8)
    if xs.dtype.itemsize > max(4, widest):  # carries are at least float32
        raise TypeError(
            f"{who}: xs is {xs.dtype}, wider than the parameters "
            f"({' and '.join(sorted(floats))}). Cast one to the other."
        )


def fits(wanted: tuple[int | None, ...], shape: Batch) -> bool:
    """Whether the last axes of a shape are of these sizes; `None` is any."""
    got = shape[len(shape) - len(wanted) :]
    return len(shape) >= len(wanted) and all(
        size is None or size == have for size, have in zip(wanted, got, strict=True)
    )


def _check_params(cell: Cell, params: Params) -> None:
    """Raise unless the parameters have the structure and shapes that `cell.init` draws."""
    if cell.input_shape is None:
        return  # a cell of plain functions may be run with any parameters
    wanted = _shapes(jax.eval_shape(cell.init, jax.random.key(0)))
    got = _shapes(params)
    if wanted != got:
        differing = [
            f"{name} is {got.get(name, 'missing')}, not {wanted.get(name, 'there')}"
            for name in wanted | got
            if wanted.get(name) != got.get(name)
        ]
        raise ValueError(
            f"unroll: the parameters are not those of {cell!r}: {'; '.join(differing)}. "
            "`cell.init(key)` makes such that fit."
        )


def _shapes(tree: Any) -> dict[str, str]:
    def shape(leaf: Any) -> str:
        real = jnp.issubdtype(getattr(leaf, "dtype", float), jnp.inexact)
        return f"{jnp.shape(leaf)}" if real else f"{jnp.shape(leaf)} of whole numbers"

    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {f"params{jax.tree_util.keystr(path)}": shape(leaf) for path, leaf in leaves}


def _check_batch(what: str, tree: Any, leading: Batch) -> None:
    """Raise unless the steps that are masked, or start afresh, can be told apart."""
    for leaf in jax.tree.leaves(tree):
        if jnp.shape(leaf)[: len(leading)] != leading:
            raise ValueError(
                f"unroll: with masks, lengths or resets, all of {what} must begin with the axes "
                f"{leading}, got {_check.describe(leaf)}. `jnp.broadcast_to` adds them."
            )


def _checked_flags(name: str, flags: ArrayLike | None, shape: Batch) -> Array | None:
    if flags is None:
        return None
    _check.flags("unroll", name, flags, shape)
    return jnp.asarray(flags)


def _check_carry(cell: Cell, params: Params, carry: Carry, batch: Batch) -> None:
    expected = jax.eval_shape(lambda params: cell.carry(params, batch), params)
    wanted: Any = jax.tree.structure(expected)
    got: Any = jax.tree.structure(carry)
    if wanted != got:
        raise TypeError(
            f"unroll: carry must have the structure {wanted}, got {got}. {_CARRY_REMEDY}"
        )
    for (path, want), have in zip(
        jax.tree_util.tree_leaves_with_path(expected), jax.tree.leaves(carry), strict=True
    ):
        if (want.shape, want.dtype) != (have.shape, have.dtype):
            raise (ValueError if want.shape != have.shape else TypeError)(
                f"unroll: carry{jax.tree_util.keystr(path)} must be {_check.describe(want)}, got "
                f"{_check.describe(have)}. {_CARRY_REMEDY}"
            )


_CARRY_REMEDY = "`cell.carry(params, batch)` makes one that fits."
