"""`Orthogonal`: orthogonal matrices, by the maps of Cayley and of Householder."""

import abc
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._config import Config
from .._numerics import householder, inverse, svd
from .._typing import Array, Key, Params
from ._constraint import Constraint, Held, matrix, wide


class Map(Config):
    """From free numbers to orthogonal matrices `[..., H, H]`."""

    @abc.abstractmethod
    def init(self, value: Array) -> Params:
        """The free numbers of an orthogonal matrix."""

    @abc.abstractmethod
    def value(self, free: Params) -> Array:
        """The orthogonal matrix, in at least float32."""


class CayleyParams(NamedTuple):
    """Free numbers of `Cayley`: what lies below the diagonal of `skew` counts."""

    skew: Float[Array, "... H H"]
    signs: Held


class Cayley(Map):
    """Cayley's transform: `Q = (I + S)^-1 (I - S) D` with `S` skew and `D` diagonal, of signs.

    `S = A - A^T` for what lies below the diagonal of A. The signs are found for the matrix that is
    drawn, and held, so that it is far from the matrices that the transform does not reach.

    Reference: K. Helfrich, D. Willmott & Q. Ye, "Orthogonal recurrent neural networks with scaled
    Cayley transform", ICML 2018.

    Example:
        >>> from jaxrnn import constraints
        >>> constraints.Orthogonal(constraints.Cayley())
        Orthogonal(map=Cayley())
    """

    def init(self, value: Array) -> CayleyParams:
        signs = jnp.vectorize(_signs, signature="(n,n)->(n)")(value)
        reached = value * jnp.broadcast_to(signs[..., None, :], value.shape)
        eye = _eye(value)
        skew = 2 * inverse(eye + reached) - eye
        return CayleyParams(jnp.tril(skew, -1), Held(signs))

    def value(self, free: CayleyParams) -> Array:
        below = jnp.tril(wide(free.skew), -1)
        skew = below - jnp.swapaxes(below, -1, -2)
        eye = _eye(skew)
        signs = wide(jax.lax.stop_gradient(free.signs.value))
        q = 2 * inverse(eye + skew) - eye  # (I + S)^-1 (I - S)
        return q * jnp.broadcast_to(jnp.sign(signs)[..., None, :], q.shape)


class HouseholderParams(NamedTuple):
    """Free numbers of `Householder`: column i counts from row i on."""

    vectors: Float[Array, "... H H"]
    signs: Held


class Householder(Map):
    """A product of reflections: `Q = H_1 ... H_n D` with `H_i = I - 2 v_i v_i^T / |v_i|^2`.

    The first `i - 1` numbers of `v_i` are 0. All reflections are applied at once, by one triangular
    solve. A vector of 0 does not reflect.

    Reference: Z. Mhammedi et al., "Efficient orthogonal parametrisation of recurrent neural
    networks using Householder reflections", ICML 2017; all at once: T. Joffrain et al.,
    "Accumulating Householder transformations, revisited", ACM TOMS 32 (2006).

    Example:
        >>> from jaxrnn import constraints
        >>> constraints.Orthogonal(constraints.Householder())
        Orthogonal(map=Householder())
    """

    def init(self, value: Array) -> HouseholderParams:
        reflectors, factors = householder(value)
        reflectors = jnp.swapaxes(reflectors, -1, -2)
        eye = _eye(value)
        signs = jnp.where(jnp.diagonal(reflectors, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        # Where nothing was reflected, one coordinate is, and its sign turned back.
        signs = jnp.where(factors == 0, -signs, signs).astype(value.dtype)
        return HouseholderParams(jnp.tril(reflectors, -1) + eye, Held(signs))

    def value(self, free: HouseholderParams) -> Array:
        vectors = jnp.tril(wide(free.vectors))
        eye = _eye(vectors)
        turned = jnp.swapaxes(vectors, -1, -2)
        products = turned @ vectors
        square = (vectors**2).sum(-2)
        half = jnp.where(square == 0, 1, square / 2)
        upper = jnp.triu(products, 1) + eye * jnp.broadcast_to(half[..., None, :], eye.shape)
        q = eye - vectors @ inverse(upper) @ turned
        signs = wide(jax.lax.stop_gradient(free.signs.value))
        return q * jnp.broadcast_to(jnp.sign(signs)[..., None, :], q.shape)


class Orthogonal(Constraint):
    """A matrix whose square blocks are orthogonal, to rounding, whatever training does.

    A recurrent matrix `[H, G H]` of G gates has a block for each gate. It starts from the nearest
    orthogonal blocks to those that were drawn. The blocks are computed once a call, at a cost of
    `H^3`, not at every step.

    Args:
        map: `Cayley()` or `Householder()`.

    Raises:
        ValueError: a parameter that is no row of square blocks.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, constraints
        >>> cell = cells.Constrained(cells.Elman(3, 8), "recurrent", constraints.Orthogonal())
        >>> recurrent = cell.resolve(cell.init(jax.random.key(0)))[1].recurrent
        >>> bool(jnp.allclose(recurrent @ recurrent.T, jnp.eye(8), atol=1e-5))
        True
    """

    map: Map = Cayley()

    def init(self, key: Key, value: Array) -> Params:
        """The free numbers of the nearest orthogonal blocks, `[..., G, H, H]`."""
        rows, columns = matrix("Orthogonal", value)
        if columns % rows:
            raise ValueError(
                "Orthogonal: it constrains square blocks side by side, [H, G * H], got a parameter "
                f"of shape {value.shape}"
            )
        whole = wide(value).reshape(*value.shape[:-1], columns // rows, rows)
        left, _, right = svd(jnp.moveaxis(whole, -2, -3))
        free = self.map.init(left @ right)
        return jax.tree.map(lambda leaf: leaf.astype(value.dtype), free)

    def value(self, free: Params) -> Array:
        kind = jax.tree.leaves(free)[0].dtype
        blocks = jnp.moveaxis(self.map.value(free), -3, -2)
        shape = (*blocks.shape[:-2], blocks.shape[-2] * blocks.shape[-1])
        return blocks.reshape(shape).astype(kind)


def _eye(like: Array) -> Array:
    return jnp.broadcast_to(jnp.eye(like.shape[-1], dtype=like.dtype), like.shape)


def _signs(q: Array) -> Array:
    """Signs D such that `I + Q D` has pivots of at least 1, found while it is eliminated."""
    size = q.shape[-1]

    def eliminate(k: Any, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        eye, q, signs = state
        sign = jnp.where(q[k, k] < 0, -1, 1).astype(q.dtype)
        column = eye[:, k] + sign * q[:, k]
        below = jnp.where(jnp.arange(size) > k, column / column[k], 0)
        return eye - jnp.outer(below, eye[k]), q - jnp.outer(below, q[k]), signs.at[k].set(sign)

    state = jnp.eye(size, dtype=q.dtype), q, jnp.ones(size, q.dtype)
    return jax.lax.fori_loop(0, size, eliminate, state)[2]
