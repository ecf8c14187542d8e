"""Sums of exponentials that grow and shrink, kept as a number and the logarithm of its scale."""

import jax.numpy as jnp

from .._typing import Array


def rescaled(log_decay: Array, log_gate: Array, before: Array, after: Array) -> tuple[Array, Array]:
    """The logarithm of the decay and the factor of the summand, between two log-scales.

    `s = exp(log_decay) s + exp(log_gate) x` for the numbers; for `s exp(-scale)`, the decay is
    `log_decay + before - after`, the factor `exp(log_gate - after)`. A scale of minus infinity says
    that nothing was added yet; there neither value nor gradient is NaN.
    """
    begun, ever = before > -jnp.inf, after > -jnp.inf
    before, after = jnp.where(begun, before, 0), jnp.where(ever, after, 0)
    decay = jnp.where(begun, log_decay + before - after, 0)
    return decay, jnp.exp(log_gate - after)
