"""What the leaves of a tree are, and where two trees differ."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import _host


def describe(name: str, tree: Any) -> dict[str, str]:
    """What every leaf is, by its path."""
    described = {}
    for path, leaf in jax.tree.leaves_with_path(tree):
        place = jax.tree_util.keystr(path)
        _host.refuse_masked("Checkpoints", name + place, leaf)
        if isinstance(leaf, bool | int | float | complex):
            described[place] = type(leaf).__name__
        elif _is_array(leaf):
            described[place] = f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
        else:
            raise TypeError(
                f"Checkpoints: {name}{place} must be an array or a number, got {type(leaf)}"
            )
    return described


def _is_array(leaf: Any) -> bool:
    """Whether it is an array that can be written: not one of objects, texts or dates."""
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind not in "OSUmM"
    return isinstance(leaf, jax.Array)


def compare(folder: Path, name: str, there: dict[str, str], here: dict[str, str]) -> None:
    differing = [
        f"{name}{path} is {there.get(path, 'missing')} there, {here.get(path, 'missing')} here"
        for path in there | here
        if there.get(path) != here.get(path)
    ]
    if differing:
        raise ValueError(
            f"Checkpoints: {folder} belongs to another network, optimizer or metrics: "
            + "; ".join(differing[:5])
            + (f"; and {len(differing) - 5} more" if differing[5:] else "")
            + ". Build the trainer as it was, or choose another directory."
        )
