"""How the weights of a cell are drawn: functions `(key, shape, dtype) -> Array`."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _numerics
from .._checked import checked
from .._names import named
from .._typing import Array, Key


@named
@checked
def glorot(key: Key, shape: tuple[int, int], dtype: Any = float) -> Array:
    """A kernel `[inputs, outputs]` that keeps the size of signals both ways.

        uniform in [-a, a],  a = sqrt(6 / (inputs + outputs))

    Reference: X. Glorot & Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010.

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> bool((abs(cells.glorot(jax.random.key(0), (3, 5))) < 0.87).all())
        True
    """
    return _numerics.glorot(key, *shape, 1).astype(dtype)


@named
@checked
def orthogonal(key: Key, shape: tuple[int, int], dtype: Any = float) -> Array:
    """A recurrent kernel that changes no length: its rows, or its columns, are orthonormal.

    Reference: A. Saxe, J. McClelland & S. Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR 2014.

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> kernel = cells.orthogonal(jax.random.key(0), (3, 3))
        >>> bool((abs(kernel @ kernel.T - jax.numpy.eye(3)) < 1e-5).all())
        True
    """
    # As the gates of other cells are drawn, so that a cell of one block starts as they do.
    return _numerics.orthonormal(jax.random.split(key, 1)[0], shape).astype(dtype)


@named
@checked
def identity(key: Key, shape: tuple[int, int], dtype: Any = float) -> Array:
    """The recurrent kernel of the IRNN: a unit keeps its value until something changes it.

    With `jax.nn.relu`, gradients pass through any number of steps unchanged.

    Reference: Q. Le, N. Jaitly & G. Hinton, "A simple way to initialize recurrent networks of
    rectified linear units", 2015 (arXiv 1504.00941).

    Example:
        >>> import jax
        >>> from jaxrnn import cells
        >>> irnn = cells.Elman(2, 3, jax.nn.relu, recurrent_init=cells.identity)
        >>> irnn.init(jax.random.key(0)).recurrent.tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return jnp.eye(*shape, dtype=dtype)
