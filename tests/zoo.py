"""Every noun of the library, each as a small instance. Adding one here earns every law."""

import jax
import jax.numpy as jnp

from jaxrnn import cells, engines

# --- cells and engines ------------------------------------------------------------------------

I, H = 3, 4  # noqa: E741


def _step(params, h, x):
    h = jnp.tanh(jnp.concatenate([x, h], -1) @ params)
    return h, h


def _init(key):
    return 0.5 * jax.random.normal(key, (I + H, H))


def _carry(params, batch):
    return jnp.zeros((*batch, H), params.dtype)


CELLS = {
    "elman_tanh": cells.Elman(I, H),
    "elman_relu": cells.Elman(I, H, jax.nn.relu),
    "elman_sigmoid": cells.Elman(I, H, jax.nn.sigmoid),
    "leaky": cells.Leaky(I, H, 0.3),
    "lstm": cells.LSTM(I, H),
    "gru": cells.GRU(I, H),
    "reset_before_gru": cells.ResetBeforeGRU(I, H),
    "lru": cells.LRU(I, H),
    "functions": cells.from_functions(init=_init, carry=_carry, step=_step),
}

ENGINES = {
    "scan": engines.Scan(),
    "scan_unrolled": engines.Scan(unroll=3),
    "bptt": engines.BPTT(),
    "associative": engines.Associative(),
    "chunked": engines.Chunked(engines.Scan(), 3),
    "chunked_bptt": engines.Chunked(engines.BPTT(), 2),
    "chunked_associative": engines.Chunked(engines.Associative(), 3),
    "auto": engines.Auto(),
}
"""Engines whose values and gradients are those of `Scan`; `Truncated` has its own tests."""


def engines_for(cell):
    """The names of the engines that take a cell, itself given by name."""
    return [name for name, engine in ENGINES.items() if isinstance(CELLS[cell], engine.takes)]


# --- information, objectives, metrics ---------------------------------------------------------
