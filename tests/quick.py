"""`quick`: `jax.jit` for tests that compare numbers to a tolerance and run each program once."""

from functools import partial

import jax

quick = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
"""Compile without the backend's optimisations, which takes longest."""
