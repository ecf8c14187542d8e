"""Golden numbers of every cell: a fixed problem from a fixed key, in float64.

`test_golden_cells.py` compares against the file, so that no change of a cell's mathematics or of
its initialisation goes unseen. After a change that is meant: `python -m tests.golden.make_cells`,
with the names of the cells that change, or of none for all.
"""

import json
import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp

from jaxrnn import unroll
from tests import zoo

FILE = Path(__file__).parent / "cells.json"


def fingerprint(leaf):
    """Four numbers that every entry of `leaf` takes part in."""
    flat = jnp.concatenate([leaf.real.ravel(), leaf.imag.ravel()])
    return jnp.cos(jnp.outer(jnp.arange(4.0), jnp.arange(1.0 * flat.size))) @ flat


@jax.jit
def measured(cell):
    """The parameters that `init` draws, and what the cell makes of a wave."""
    params = cell.init(jax.random.key(0))
    shape = (5, 2, *(cell.input_shape or (zoo.I,)))
    xs = jnp.sin(jnp.arange(1.0 * math.prod(shape))).reshape(shape)
    last, ys = unroll(cell, params, xs)
    return ys[-1].ravel(), jax.tree.map(fingerprint, {"carry": last, "params": params})


def numbers(cell):
    """What is measured, as lists by name."""
    ys, prints = measured(cell)
    named = jax.tree_util.tree_leaves_with_path(prints)
    return {
        "ys": ys.tolist(),
        **{jax.tree_util.keystr(path): leaf.tolist() for path, leaf in named},
    }


if __name__ == "__main__":
    kept = json.loads(FILE.read_text()) if sys.argv[1:] else {}
    kept = {name: kept[name] for name in kept if name not in sys.argv[1:]}
    with jax.enable_x64(True):
        golden = {
            name: kept[name] if name in kept else numbers(cell)
            for name, cell in zoo.LIBRARY_CELLS.items()
        }
    FILE.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{FILE}: {len(golden)} cells")
