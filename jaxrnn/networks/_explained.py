"""Explain errors caused by another layer's carry; `Config` does so for its parameters."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from .._kinds import shown
from .._typing import Batch, Carry


@contextlib.contextmanager
def explained(
    who: str, carry: Carry | None, batch: Batch, fresh: Callable[[], Carry]
) -> Iterator[None]:
    """Explain an error that was caused by a carry unlike the layer's own, which `fresh` makes.

    The carry is compared only after something went wrong, so a call that succeeds costs no more.
    """
    try:
        yield
    except Exception as error:
        wrong = None
        if carry is not None and not _ours(error):
            with contextlib.suppress(Exception):  # what went wrong first counts
                wrong = _differing(carry, fresh)
        if wrong is None:
            raise
        raise TypeError(
            f"{who}: the carry is not one of this layer: {wrong}. "
            f"`carry(params, {batch})` makes one that fits."
        ) from error


def _ours(error: Exception) -> bool:
    """Whether one of the library's own checks raised the error."""
    end = error.__traceback__
    while end is not None and end.tb_next is not None:
        end = end.tb_next
    here = end is not None and str(end.tb_frame.f_globals.get("__name__")).startswith("jaxrnn")
    return here and isinstance(error, TypeError | ValueError)


def _differing(carry: Carry, fresh: Callable[[], Carry]) -> str | None:
    want = _leaves(jax.eval_shape(fresh))
    got = _leaves(carry)
    different = [
        f"carry{path} is {got.get(path, 'missing')}, not {want.get(path, 'there')}"
        for path in want | got
        if want.get(path) != got.get(path)
    ]
    return "; ".join(different) or None


def _leaves(tree: Any) -> dict[str, str]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path): f"{leaf.shape}" if hasattr(leaf, "shape") else shown(leaf)
        for path, leaf in leaves
    }
