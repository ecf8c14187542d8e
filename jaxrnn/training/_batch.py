"""What training takes for a batch: its parts as arrays, and the axes of its steps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from ..data import Batch
from ..networks import Layer


def as_batch(who: str, batch: Any) -> Batch:
    """A batch of arrays, traced or not; what else numpy can read, as tensors of torch, is read."""
    if not isinstance(batch, tuple) or not 2 <= len(batch) <= len(Batch._fields):
        came = f"a tuple of {len(batch)}" if isinstance(batch, tuple) else type(batch).__name__
        raise TypeError(
            f"{who}: a batch is a `data.Batch(inputs, targets, mask, resets)` or a tuple of these "
            f"in this order, got {came}"
        )
    if isinstance(batch[0], Batch):
        raise TypeError(f"{who}: a tuple is one batch, got one of batches. Put them into a list.")
    parts = zip(Batch._fields, batch, strict=False)
    return Batch(*(_arrays(f"{who}: {name}", part) for name, part in parts))


def lead(network: Layer, batch: Batch) -> tuple[int, ...]:
    """`(T, *batch)` of the inputs, by what the network says that it reads."""
    leaves = jax.tree.leaves(batch.inputs)
    lead = network.leading(batch.inputs)
    if 0 in lead:
        raise ValueError(
            "Trainer: inputs must be [T, *batch] tokens or [T, *batch, features] with at least "
            f"one step and one sequence, got {', '.join(map(_check.describe, leaves))}"
        )
    marks = {"mask": batch.mask, "resets": batch.resets}
    shapes = {name: jnp.shape(mark) for name, mark in marks.items() if mark is not None}
    if any(shape != lead for shape in shapes.values()):
        raise ValueError(
            "Trainer: mask and resets must be [T, *batch], as the inputs are, got inputs "
            + ", ".join(map(_check.describe, leaves))
            + "".join(f", {name} {shape}" for name, shape in shapes.items())
        )
    return lead


def _arrays(what: str, part: Any) -> Any:
    return jax.tree.map(lambda leaf: _array(what, leaf), part, is_leaf=nested_numbers)


def _array(what: str, leaf: Any) -> Any:
    if isinstance(leaf, np.ma.MaskedArray):
        raise TypeError(
            f"{what} is a masked array of numpy, whose mask would be lost. Pass `.data`, and say "
            "by the batch's mask which steps count."
        )
    array = leaf
    if not _check.is_array(leaf):
        if isinstance(leaf, str | bytes) or not (nested_numbers(leaf) or _readable(leaf)):
            raise TypeError(f"{what} must be an array, got a `{_kind(leaf)}`")
        try:
            array = np.asarray(leaf)
        except (ValueError, TypeError, RuntimeError) as error:
            remedy = (
                "Fill sequences up to one length: `data.pad`."
                if isinstance(leaf, list | tuple)
                else "Pass a numpy array; of a tensor `tensor.detach().cpu().numpy()`."
            )
            raise TypeError(f"{what} cannot be made an array ({error}). {remedy}") from error
    if isinstance(array, np.ndarray) and array.dtype.kind in "OUSMm":
        raise TypeError(f"{what} must hold numbers, got an array of dtype {array.dtype}")
    return array


def nested_numbers(node: Any) -> bool:
    """Whether it is a number of Python's, or a list of such lists: an array written out."""
    if type(node) in (list, tuple):
        leaves = jax.tree.leaves(node)
        return bool(leaves) and all(isinstance(leaf, int | float | np.generic) for leaf in leaves)
    return isinstance(node, int | float | complex)


def _readable(leaf: Any) -> bool:
    return hasattr(leaf, "__array__") or hasattr(leaf, "__dlpack__")


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
