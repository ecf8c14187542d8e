"""Inputs that no network can read, and where they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._typing import Inputs, Params
from ..networks import Layer, Pair


def not_finite(xs: Inputs, mask: Any, axes: int, *, name_step: bool = True) -> str:
    """What is not finite at steps that count, and where the first of it is; `""` if nothing is.

    Args:
        xs: a tree of `[T, *batch, ...]`, or a `Pair`, of whose source its own mask counts.
        mask: `Bool[T, *batch]` or `None`.
        axes: how many axes `[T, *batch]` are.
        name_step: whether the place has a step; `False` where there is one row a sequence.
    """
    if isinstance(xs, Pair):
        found = not_finite(xs.source, xs.mask, axes)
        return f"{found} of the source" if found else not_finite(xs.target, mask, axes)
    for path, leaf in jax.tree.leaves_with_path(xs):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        array = np.asarray(leaf)
        wrong = ~np.isfinite(array)
        if not wrong.any():
            continue
        if mask is not None:
            wrong &= np.expand_dims(np.asarray(mask), tuple(range(axes, array.ndim)))
        places = np.argwhere(np.moveaxis(wrong, 0, axes - 1))  # sequence by sequence
        if len(places):
            *batch, step = map(int, places[0][:axes])
            feature = tuple(map(int, places[0][axes:]))
            value = array[(step, *batch, *feature)]
            named = [f"sequence {_index(batch)}"] if batch else []
            named += [f"step {step}"] if name_step else []
            named += [f"feature {_index(feature)}"] if feature else []
            part = f" of {jax.tree_util.keystr(path)}" if path else ""
            more = f", and {len(places) - 1} more" if len(places) > 1 else ""
            return f"{value} at {', '.join(named)}{part}{more}"
    return ""


def check_inputs(who: str, xs: Inputs, mask: Any, axes: int, where: str) -> None:
    """Raise for numbers that are not finite at steps that count; `where` says of what they are.

    Raises:
        ValueError: a number is NaN or infinite; the first of them is named. An integer that JAX
            would cut to fewer bits.
    """
    for leaf in jax.tree.leaves(xs):
        kept = jax.dtypes.canonicalize_dtype(leaf.dtype)
        if kept == leaf.dtype or not jnp.issubdtype(kept, jnp.integer):
            continue
        counted = np.asarray(leaf) if mask is None else np.asarray(leaf)[np.asarray(mask)]
        if counted.size:
            least, most, info = int(counted.min()), int(counted.max()), np.iinfo(kept)
            if least < info.min or most > info.max:
                raise ValueError(
                    f"{who}: inputs{where} must fit into {kept}, got {leaf.dtype} from {least} to "
                    f"{most}, which would become other symbols. Number them from 0."
                )
    found = not_finite(xs, mask, axes)
    if found:
        raise ValueError(
            f"{who}: inputs must be finite, got {found}{where}. Fill in what is missing, or leave "
            "those steps out by a mask: `data.Batch(inputs, None, mask)`."
        )


def check_symbols(
    who: str, network: Layer, params: Params, xs: Inputs, mask: Any, outputs: Any, indices: Any
) -> None:
    """Raise where outputs are NaN because of a symbol that is none.

    Inside `jit` such a symbol gives NaN and nothing is said; outside the layer says which it is.
    Only sequences whose outputs are NaN are run again, so inputs that are right cost nothing.

    Args:
        who: the function that was called.
        network: which gave the outputs.
        params: its parameters.
        xs: a tree of `[T, B, ...]`.
        mask: `Bool[T, B]` or `None`.
        outputs: a tree of `[T, B, ...]`, of `[B, ...]` where the network pools.
        indices: what the sequences are called.

    Raises:
        ValueError: a symbol is out of range.
    """
    if not any(jnp.issubdtype(leaf.dtype, jnp.integer) for leaf in jax.tree.leaves(xs)):
        return
    floats = [x for x in jax.tree.leaves(outputs) if jnp.issubdtype(x.dtype, jnp.inexact)]
    axis = 0 if network.pools else 1
    for at, index in enumerate(indices):
        if any(np.isnan(leaf.take(at, axis)).any() for leaf in floats):
            one = jax.tree.map(lambda leaf, at=at: leaf[:, at], (xs, mask))
            try:
                network.apply(params, one[0], mask=one[1])
            except ValueError as error:
                raise ValueError(f"{who}: sequence {index}: {error}") from error


def _index(index: Any) -> Any:
    return index[0] if len(index) == 1 else tuple(index)
