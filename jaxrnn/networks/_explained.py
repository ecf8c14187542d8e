"""Errors that come of parameters or a carry of another layer."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax

from .._typing import Batch, Carry, Params

if TYPE_CHECKING:
    from ._layer import Layer
else:
    Layer = Any


@contextlib.contextmanager
def explained(layer: Layer, params: Params, carry: Carry | None, batch: Batch) -> Iterator[None]:
    """Say of an error that comes of parameters or a carry of another layer that it does.

    They are looked at when something has gone wrong: to draw parameters, were it only their shapes,
    takes longer than a step.
    """
    try:
        yield
    except Exception as error:
        wrong = None
        if not _ours(error):
            with contextlib.suppress(Exception):  # of drawing parameters: the first one counts
                wrong = _unlike(layer, params, carry, batch)
        if wrong is None:
            raise
        raise TypeError(f"{type(layer).__name__}: {wrong}") from error


def _ours(error: Exception) -> bool:
    """Whether it is a check of the library that raised."""
    end = error.__traceback__
    while end is not None and end.tb_next is not None:
        end = end.tb_next
    here = end is not None and str(end.tb_frame.f_globals.get("__name__")).startswith("jaxrnn")
    return here and isinstance(error, TypeError | ValueError)


def _unlike(layer: Layer, params: Params, carry: Carry | None, batch: Batch) -> str | None:
    """What is not as the layer makes it, if something is."""
    drawn = jax.eval_shape(layer.init, jax.random.key(0))
    fresh = jax.eval_shape(lambda params: layer.carry(params, batch), drawn)
    carry = fresh if carry is None else carry
    return _differing("params", params, drawn, "`init(key)` makes such that fit.") or _differing(
        "carry", carry, fresh, f"`carry(params, {batch})` makes one that fits."
    )


def _differing(name: str, given: Any, wanted: Any, remedy: str) -> str | None:
    got, want = _leaves(given), _leaves(wanted)
    different = [
        f"{name}{path} is {got.get(path, 'missing')}, not {want.get(path, 'there')}"
        for path in want | got
        if want.get(path) != got.get(path)
    ]
    if not different:
        return None
    return f"{name} must be as this layer makes it: {'; '.join(different)}. {remedy}"


def _leaves(tree: Any) -> dict[str, str]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path): f"{leaf.shape}"
        if hasattr(leaf, "shape")
        else f"a `{type(leaf).__name__}`"
        for path, leaf in leaves
    }
