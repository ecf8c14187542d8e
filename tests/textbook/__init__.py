"""The steps of cells as their papers write them, in plain JAX: every gate with its own product.

A step is `name(params, carry, x) -> (carry, y)`, for the parameters of the cell of that name in the
zoo. `tests/parity/test_textbook.py` holds the cells to them, and benchmarks run them as peers.
"""

from tests.textbook import dynamics, gated, linear, memory, wrappers

STEPS = {**dynamics.STEPS, **gated.STEPS, **linear.STEPS, **memory.STEPS, **wrappers.STEPS}
