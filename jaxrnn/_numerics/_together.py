"""`together`: a barrier to fusion, on a CPU alone."""

from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .._typing import Array


def together(x: Array) -> Array:
    """`x`, computed as a whole before parts of it are taken.

    On a CPU, XLA otherwise fuses the transcendental functions of all gates into the loops over
    their parts, and the fused loop is about half as fast. It is an operation of its own, since what
    it is compiled for is known when it is lowered, not when it is traced.
    """
    return _together_p.bind(x)


def _barrier(x: Array) -> Array:
    return jax.lax.optimization_barrier(x)  # type: ignore[no-untyped-call]


_together_p: Any = Primitive("together")
_together_p.def_impl(lambda x: x)
_together_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(_together_p, lambda _, x: [x])
mlir.register_lowering(
    _together_p, mlir.lower_fun(_barrier, multiple_results=False), platform="cpu"
)
_ad: Any = ad  # whose functions have no types, like those of `batching`
_batching: Any = batching
_ad.deflinear2(_together_p, lambda ct, _: [_together_p.bind(_ad.instantiate_zeros(ct))])
_batching.defvectorized(_together_p)
