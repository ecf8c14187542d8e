"""Check what a layer reads: its input arrays, their axes, and the flags of their steps."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import drop, within
from .._typing import Array, ArrayOrList, Batch, Carry, Inputs

Shape: TypeAlias = tuple[int | None, ...]
"""The axes of features of one step: `(64,)`; `()` for symbols; `None` in it for any size."""


def arrays(who: str, xs: Inputs, shape: Shape | None) -> Inputs:
    """`xs` as arrays with the right features: one if the layer declares a shape, else a tree."""
    _check.arrays(who, xs=xs)
    xs = jax.tree.map(jnp.asarray, xs)
    if not jax.tree.leaves(xs):
        raise ValueError(f"{who}: xs holds no array")
    if shape is not None:
        check_features(who, xs, shape)
    return xs


def carry(tree: Carry) -> Carry:
    """A carry whose arrays are JAX's, also where numpy held them."""

    def leaf(x: Any) -> Any:
        return jnp.asarray(x) if isinstance(x, np.ndarray | np.generic) else x

    return jax.tree.map(leaf, tree)


def check_features(who: str, xs: Inputs, shape: Shape) -> None:
    """Raise unless `xs` is one array of these features, in floating numbers where it has any."""
    if not isinstance(xs, jax.Array):
        got = " and ".join(map(_check.describe, jax.tree.leaves(xs)))
        raise ValueError(f"{who} takes {say(shape)}, got a {type(xs).__name__} of {got}")
    if not shape:
        return
    if xs.ndim < len(shape) or not fits(xs.shape[xs.ndim - len(shape) :], shape):
        raise ValueError(f"{who} takes {say(shape)}, got {_check.describe(xs)}")
    remedy = "Embed symbols, or use `jax.nn.one_hot`; of other numbers pass `xs.astype(float)`."
    _check.floating(who, "xs", xs, remedy)


def leading(who: str, xs: Inputs, shape: Shape | None, least: int = 0) -> Batch:
    """The axes of `xs` before the features, `[T, *batch]`; at least `least` of them.

    A layer that declares no shape is assumed to have one axis of features.
    """
    features = 1 if shape is None else len(shape)
    leaves = jax.tree.leaves(xs)
    axes = leaves[0].ndim - features
    for leaf in leaves:
        if axes < least:
            tail = "" if features == 0 else ", features" if features == 1 else f", {shape}"
            raise ValueError(
                f"{who}: xs must be [T, *batch{tail}], got {_check.describe(leaf)}"
                + (". For one feature a step add an axis: xs[..., None]." if shape is None else "")
            )
        if leaf.shape[:axes] != leaves[0].shape[:axes] or leaf.ndim < axes:
            raise ValueError(
                f"{who}: the arrays in xs must share [T, *batch], got "
                f"{_check.describe(leaves[0])} and {_check.describe(leaf)}"
            )
    return leaves[0].shape[:axes]


def counted(
    who: str, lengths: ArrayOrList | None, mask: ArrayOrList | None, lead: Batch
) -> Array | None:
    """The mask `Bool[T, *batch]` of the steps that count; `None` where all do."""
    mask = flags(who, "mask", mask, lead)
    if lengths is None:
        return mask
    lengths = listed(who, "lengths", lengths)
    _check.lengths(who, "lengths", lengths, lead)
    leading = within(jnp.asarray(lengths), lead[0])
    return leading if mask is None else leading & mask


def flags(
    who: str, name: str, value: ArrayOrList | None, lead: Batch, axes: str = "[T, *batch]"
) -> Array | None:
    """Flags of the steps, checked."""
    if value is None:
        return None
    value = listed(who, name, value)
    _check.flags(who, name, value, lead, axes)
    return jnp.asarray(value)


def listed(who: str, name: str, value: Any) -> Any:
    """A list as an array; anything else must be one."""
    if isinstance(value, list | tuple):
        try:
            return np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{who}: {name} is a list of lists of several lengths") from error
    _check.array(who, name, value)
    return value


def without_padding(xs: Inputs, mask: Array | None) -> Inputs:
    """`xs` with zeros where masked, so that the padding affects no value and no gradient."""
    return xs if mask is None else drop(~mask, xs)


def read(layer: Any, xs: Inputs, mask: Array | None) -> Inputs:
    """Prepare the inputs of an inner layer, as `Layer.apply` does for the outer one."""
    if layer.input_shape is not None:
        check_features(type(layer).__name__, xs, layer.input_shape)
    return without_padding(xs, mask)


def fits(given: Shape, wanted: Shape) -> bool:
    """Whether features of shape `given` fit a layer that takes `wanted`."""
    pairs = zip(given, wanted, strict=False)
    return len(given) == len(wanted) and all(None in pair or len({*pair}) == 1 for pair in pairs)


def say(shape: Shape, noun: str = "features") -> str:
    """A shape in words."""
    if not shape:
        return "symbols"
    return f"{shape[0]} {noun}" if len(shape) == 1 else f"{noun} of shape {shape}"
