"""`principal_components`: the directions in which hidden states vary most."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike


class Components(NamedTuple):
    """What `principal_components` returns; `K` components of states of `H` features.

    Shapes:
        directions: `[K, H]`, orthonormal, the one of the largest variance first.
        mean: `[H]`, of the states.
        variance: `[K]`, of the states along each direction.
        share: `[K]`, of the variance along all directions.
    """

    directions: Float[Array, "K H"]
    mean: Float[Array, " H"]
    variance: Float[Array, " K"]
    share: Float[Array, " K"]

    def project(self, states: ArrayLike) -> Float[Array, "*steps K"]:
        """The coordinates `[*steps, K]` of states `[*steps, H]`, which need not be the same ones.

        Example:
            >>> import jax
            >>> from jaxrnn import evaluation
            >>> states = jax.random.normal(jax.random.key(0), (9, 2, 4))
            >>> evaluation.principal_components(states, 2).project(states).shape
            (9, 2, 2)
        """
        array = _check.numbers("Components.project", "states", states)
        if array.shape[-1:] != self.mean.shape:
            raise ValueError(
                f"Components.project: states must have {self.mean.shape[0]} features, got "
                f"{_check.describe(array)}"
            )
        shift = self.mean.reshape(*(1 for _ in array.shape[:-1]), -1)
        return (array.astype(self.mean.dtype) - shift) @ self.directions.T


@checked
def principal_components(
    states: ArrayLike, count: int, *, where: ArrayLike | None = None
) -> Components:
    r"""Find the orthogonal directions along which states vary most.

    The rows of $V^\top$ in the singular value decomposition $X - \bar x = U S V^\top$ of the
    states, one a row; along direction `k` their variance is $s_k^2 / (n - 1)$. A direction's sign
    is such that its largest coefficient, by size, is positive. Works under `jit` and `vmap`.

    Args:
        states: `[*steps, H]`, such as those of `hidden_states`.
        count: how many components, at most `H` and the number of states.
        where: `Bool[*steps]`, False at padding, which counts for nothing.

    Returns:
        The directions, the mean, and the variances: of the states' own type, at least float32.

    Raises:
        ValueError: more components than features or states, fewer than two states, or states that
            are not finite; it says where.

    Reference: I. Jolliffe, "Principal component analysis", 2nd edition, Springer 2002.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import evaluation
        >>> states = jnp.array([[3.0, 4.0], [6.0, 8.0], [0.0, 0.0]])  # all on one line
        >>> found = evaluation.principal_components(states, 2)
        >>> print(found.directions[0].round(3), found.share.round(3))
        [0.6 0.8] [1. 0.]
    """
    who = "principal_components"
    array = _check.numbers(who, "states", states)
    if array.ndim < 2:
        raise ValueError(f"{who}: states must be [*steps, H], got {_check.describe(array)}")
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise TypeError(f"{who}: states must be real, got {array.dtype}. Pass their two parts.")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(float)
    *lead, features = array.shape
    counted = jnp.ones(tuple(lead), bool)
    if where is not None:
        _check.flags(who, "where", where, tuple(lead), "[*steps]")
        counted = jnp.asarray(where)
    rows = int(counted.sum()) if _check.concrete(counted) else counted.size
    most = min(rows, features)
    if not 1 <= count <= most or rows < 2:
        raise ValueError(
            f"{who}: count must lie in [1, {most}], for {rows} states of {features} features; "
            f"got {count}. There must be two states at least."
        )
    check_states(who, array, counted)
    wide = array.dtype if array.dtype.itemsize > 4 else jnp.float32
    flat = jnp.where(counted[..., None], array.astype(wide), 0).reshape(-1, features)
    return _decompose(flat, counted.reshape(-1, 1), count)


def check_states(who: str, states: ArrayLike, where: ArrayLike) -> None:
    """Raise where states that count are not finite, as far as they can be read."""
    if jnp.iscomplexobj(states):
        raise TypeError(f"{who}: states must be real. Pass their two parts.")
    if not jnp.shape(states)[-1]:
        raise ValueError(f"{who}: states must have features, got {_check.describe(states)}")
    if _check.concrete(states) and _check.concrete(where):
        wrong = np.asarray(where)[..., None] & ~np.isfinite(np.asarray(states, np.float64))
        if wrong.any():
            place = list(map(int, np.argwhere(wrong)[0]))
            came = np.asarray(states)[tuple(place)]
            raise ValueError(
                f"{who}: states must be finite, got {came} at {place}. Mark padding with `where`; "
                "elsewhere look whether training has diverged."
            )


def _decompose(flat: Array, counted: Array, count: int) -> Components:
    rows = counted.sum().astype(flat.dtype)
    mean = flat.sum(0) / rows
    centred = jnp.where(counted, flat - mean[None], 0)
    _, sizes, directions = jnp.linalg.svd(centred, full_matrices=False)
    largest = jnp.abs(directions).argmax(axis=1, keepdims=True)
    directions = directions * jnp.where(
        jnp.take_along_axis(directions, largest, axis=1) < 0, -1, 1
    ).astype(flat.dtype)
    variance = jnp.square(sizes) / (rows - 1)
    total = variance.sum()
    share = jnp.where(total == 0, 0, variance / jnp.where(total == 0, 1, total))
    return Components(directions[:count], mean, variance[:count], share[:count])
