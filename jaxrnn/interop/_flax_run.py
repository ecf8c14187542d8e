"""`run`: what flax's `RNN` returns, computed by an engine."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Array, ArrayLike, Carry, Params
from ..cells import Cell, EmitCarry, LSTMCarry
from ..engines import Engine, unroll
from ._flax_weights import FlaxStyle, join, named, names


class Ready(NamedTuple):
    """What an engine runs, and the type that flax computes in."""

    cell: Cell
    params: Params
    carry: Carry
    batch: tuple[int, ...]
    dtype: Any


def ready(
    style: FlaxStyle,
    cell: Cell,
    arrays: dict[Any, Any],
    carry: Carry,
    inputs: Array,
    batch: tuple[int, ...],
    dtype: Any,
) -> Ready | None:
    """The parameters and the carry as jaxrnn has them; None where flax has to run the cell.

    That is where something does not fit, so that flax says what, or where an engine would compute
    in other types than flax.
    """
    tree, features = named(style, cell), cell.input_shape or ()
    if not inputs.size or inputs.shape[-len(features) :] != features:
        return None
    if names(tree) != set(arrays):
        return None
    params, carry = join(tree, arrays), _ours(carry)
    wanted = jax.eval_shape(lambda: _made(cell, batch))
    if _shapes((params, carry)) != _shapes(wanted):
        return None
    precise = _type(dtype, carry, [inputs, *arrays.values()])
    return None if precise is None else Ready(cell, params, carry, batch, precise)


def _made(cell: Cell, batch: tuple[int, ...]) -> tuple[Params, Carry]:
    params = cell.init(jax.random.key(0))
    return params, cell.carry(params, batch)


def _shapes(tree: Any) -> Any:
    return jax.tree.structure(tree), [jnp.shape(leaf) for leaf in jax.tree.leaves(tree)]


def _type(dtype: Any, carry: Carry, arrays: list[Array]) -> Any:
    """The type that flax computes a step in; None where an engine would use another one.

    Engines keep the state in at least float32. flax's types are theirs where all are one, or where
    half precision meets a state of float32.
    """
    states = {jnp.result_type(leaf) for leaf in jax.tree.leaves(carry)}
    if len(states) != 1:
        return None
    state = states.pop()
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.result_type(*arrays, state) if dtype is None else jnp.dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        return None
    half = dtype.itemsize < 4 and state == jnp.float32
    return dtype if state == dtype or half else None


def run(
    found: Ready,
    inputs: Array,
    *,
    engine: Engine[Any],
    time_axis: int,
    seq_lengths: ArrayLike | None,
    return_carry: bool,
    reverse: bool,
    keep_order: bool,
) -> Any:
    """The outputs, or the carry and the outputs, in the order and layout that flax gives them.

    Args:
        found: what is run.
        inputs: with time at `time_axis`.
        engine: how it is run.
        time_axis: where time stands in the inputs.
        seq_lengths: how many steps of each sequence count.
        return_carry: whether the carry is returned.
        reverse: whether time runs backward.
        keep_order: whether the outputs of a reverse run stand at their own time.
    """
    cell, params, carry, batch, dtype = found
    lengths = None if seq_lengths is None else jnp.asarray(seq_lengths)
    batch_axes = len(batch)
    xs = jnp.moveaxis(inputs, time_axis, 0).astype(dtype)
    if reverse:
        xs = flipped(xs, lengths, batch_axes)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    state = jax.tree.leaves(carry)[0].dtype
    start = jax.tree.map(lambda leaf: leaf.astype(_wide(state)), carry)
    last, (ys, _, states) = unroll(EmitCarry(cell), params, xs, start, engine=engine)
    if jnp.dtype(dtype).itemsize < 4:
        ys = _hidden(states)  # flax does not round the output to the type of the weights
    if lengths is not None and return_carry:
        last = _at_length(states, start, lengths, batch_axes)
    if reverse and keep_order:
        ys = flipped(ys, lengths, batch_axes)
    ys = jnp.moveaxis(ys.astype(state), 0, time_axis)
    last = _theirs(jax.tree.map(lambda leaf: leaf.astype(state), last))
    return (last, ys) if return_carry else ys


def flipped(xs: Array, lengths: Array | None, batch_axes: int) -> Array:
    """Every sequence backward, its padding still behind it (and backward too), as flax has it.

    Step t of a sequence of n among T steps comes from step (n - 1 - t) modulo T: a window of what
    is backward twice over. Windows are copied whole, forward and in the derivative; single steps
    would be gathered one by one.
    """
    backward = jnp.flip(xs, 0)
    if lengths is None:
        return backward
    steps = xs.shape[0]

    def window(sequence: Array, length: Array) -> Array:
        twice = jnp.concatenate([sequence, sequence])
        return jax.lax.dynamic_slice_in_dim(twice, steps - length, steps)

    flip = window
    for _ in range(batch_axes):
        flip = jax.vmap(flip, in_axes=(1, 0), out_axes=1)
    return flip(backward, lengths)


def _at_length(states: Carry, start: Carry, lengths: Array, batch_axes: int) -> Carry:
    """The carry after the last step that counts; where none does, the one before the first."""

    def chosen(state: Array, first: Array, length: Array) -> Array:
        last = jax.lax.dynamic_index_in_dim(state, jnp.maximum(length - 1, 0), keepdims=False)
        return jnp.where(length > 0, last, first)

    choose = chosen
    for _ in range(batch_axes):
        choose = jax.vmap(choose, in_axes=(1, 0, 0))
    return jax.tree.map(lambda state, first: choose(state, first, lengths), states, start)


def _wide(dtype: Any) -> Any:
    return jnp.float32 if dtype.itemsize < 4 else dtype


def _ours(carry: Carry) -> Carry:
    """flax has the cell first."""
    return LSTMCarry(carry[1], carry[0]) if isinstance(carry, tuple | list) else carry


def _theirs(carry: Carry) -> Carry:
    return (carry.cell, carry.hidden) if isinstance(carry, LSTMCarry) else carry


def _hidden(states: Carry) -> Array:
    return states.hidden if isinstance(states, LSTMCarry) else states
