"""`Transition`: the form of the matrices of a linear recurrence."""

import abc

import jax
import jax.numpy as jnp

from .._config import Config
from .._typing import Array, Carry


class Transition(Config):
    """What `A` and its products are in `h_t = A_t h_{t-1} + b_t`; `LinearCell.transition` is one.

    Both methods work over any leading axes, which are those of time and batch. Products are
    written as multiplications and sums: the blocks are small, and matrix units that round their
    factors would spoil a product of thousands of steps.
    """

    @abc.abstractmethod
    def compose(self, earlier: Carry, later: Carry) -> Carry:
        """`A_later A_earlier`, the matrix of two steps."""

    @abc.abstractmethod
    def act(self, a: Carry, h: Carry) -> Carry:
        """`A h`, of the form of the state."""


class Diagonal(Transition):
    """One factor for every unit: `a` and `h` are trees of the same shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> print(cells.Diagonal().act(jnp.array([0.5, 2.0]), jnp.array([1.0, 3.0])))
        [0.5 6. ]
    """

    def compose(self, earlier: Carry, later: Carry) -> Carry:
        return jax.tree.map(jnp.multiply, later, earlier)

    def act(self, a: Carry, h: Carry) -> Carry:
        return jax.tree.map(jnp.multiply, a, h)


class PairBlocks(Transition):
    """A 2x2 matrix for every pair of units: `a [..., 2, 2, P]` and `h [..., 2, P]`.

    Position and speed of an oscillator are such a pair; so is a complex number, as two real ones.
    The matrices may be real where the state is complex.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> quarter = jnp.array([[0.0, -1.0], [1.0, 0.0]])[..., None]
        >>> print(cells.PairBlocks().act(quarter, jnp.array([[3.0], [0.0]]))[:, 0])
        [0. 3.]
    """

    def compose(self, earlier: Array, later: Array) -> Array:
        first, second = later[..., :, 0, None, :], later[..., :, 1, None, :]
        return first * earlier[..., None, 0, :, :] + second * earlier[..., None, 1, :, :]

    def act(self, a: Array, h: Array) -> Array:
        if jnp.iscomplexobj(h) and not jnp.iscomplexobj(a):
            return jax.lax.complex(self.act(a, h.real), self.act(a, h.imag))
        return a[..., :, 0, :] * h[..., None, 0, :] + a[..., :, 1, :] * h[..., None, 1, :]


class DenseBlocks(Transition):
    """A full matrix for every block of b units: `a [..., n, b, b]` and `h [..., n, b]`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells
        >>> swap = jnp.array([[[0.0, 1.0], [1.0, 0.0]]])
        >>> print(cells.DenseBlocks().act(swap, jnp.array([[3.0, 4.0]])))
        [[4. 3.]]
    """

    def compose(self, earlier: Array, later: Array) -> Array:
        return (later[..., :, :, None] * earlier[..., None, :, :]).sum(-2)

    def act(self, a: Array, h: Array) -> Array:
        return (a * h[..., None, :]).sum(-1)
