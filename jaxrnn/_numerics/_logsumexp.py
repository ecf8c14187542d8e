"""The logarithm of a sum, whose derivatives are finite where nothing is possible."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .._typing import Array
from ._softmax import exact_log_softmax, expectation

logsumexp_p: Any = Primitive("logsumexp")
"""An operation of its own, over the last axis, so that the sums of a programme can be found."""


def exact_logsumexp(z: Array) -> Array:
    """`logsumexp` of terms of at least float32."""
    return logsumexp_p.bind(z)


def _value(z: Array) -> Array:
    top = jnp.max(z, axis=-1)
    log_p = exact_log_softmax(z)
    # The most probable term says how far the sum is above it, to full accuracy.
    return top - jnp.where(top == -jnp.inf, 0, jnp.max(log_p, axis=-1))


def _jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    (z,), (dz,) = primals, tangents
    value = exact_logsumexp(z)
    if isinstance(dz, ad.Zero):
        return value, ad.Zero(jax.typeof(value).to_tangent_aval())
    return value, expectation(jnp.exp(exact_log_softmax(z)), dz)


def _batch(args: Any, axes: Any) -> tuple[Array, int]:
    return exact_logsumexp(jnp.moveaxis(args[0], axes[0], 0)), 0


logsumexp_p.def_impl(jax.jit(_value))
logsumexp_p.def_abstract_eval(lambda z: jax.make_jaxpr(_value)(z).out_avals[0])
mlir.register_lowering(logsumexp_p, mlir.lower_fun(_value, multiple_results=False))
ad.primitive_jvps[logsumexp_p] = _jvp
batching.primitive_batchers[logsumexp_p] = _batch
