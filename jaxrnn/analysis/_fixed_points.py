"""Fixed points of a recurrent network, and whether it stays near them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Complex, Float

from .. import _check
from .._checked import checked
from .._typing import Array, Carry, Inputs, Leaf, Params, Size
from ._stepping import Maps, Stepping, check_step, maps_of


class FixedPoints(NamedTuple):
    """Carries that one step does not change, each once.

    Shapes:
        points: a tree like the carry, with a leading axis of the points.
        speed: how far one step moves each, the norm of the difference.
        eigenvalues: of the step's Jacobian there, by their modulus, largest first.
        stable: whether all of them lie inside the unit circle: small deviations die out.
        found_from: how many of the starts led to each.
    """

    points: Carry
    speed: Float[np.ndarray, " M"]
    eigenvalues: Complex[np.ndarray, "M n"]
    stable: Bool[np.ndarray, " M"]
    found_from: np.ndarray


@checked
def fixed_points(
    model: Stepping,
    params: Params,
    x: Inputs,
    starts: Carry,
    *,
    iterations: Size = 200,
    tolerance: Leaf = 1e-5,
    apart: Leaf = 1e-2,
) -> FixedPoints:
    r"""Carries at which a network would stay under a constant input, found by Newton's method.

        minimise |F(h) - h|^2 / 2,   F(h) = step(h, x)

    from each start by Levenberg-Marquardt steps. The eigenvalues of the Jacobian at a fixed point
    say how the network moves near it: a memory where one is close to 1, an oscillation where a pair
    is complex, an unstable point where one lies outside the unit circle.

    Args:
        model: a cell, or a layer that streams.
        params: its parameters.
        x: the constant input of one step.
        starts: a tree like the carry with a leading axis, `[N, ...]`: states that the network
            visits, or random ones.
        iterations: the most from each start.
        tolerance: the speed below which a point counts as fixed.
        apart: points that are closer than this, relative to their norm plus 1, are the same one.

    Returns:
        `FixedPoints`, the one first that was found from most starts; without points where no start
        led to one. It is a search: there may be others.

    Raises:
        TypeError: a model without steps, starts without derivatives, or a call inside `jit`.
        ValueError: starts without a leading axis, a tolerance that is not positive.

    Reference: D. Sussillo & O. Barak, "Opening the black box: low-dimensional dynamics in
    high-dimensional recurrent neural networks", Neural Computation 25 (2013).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.Elman(1, 1)  # h = tanh(2 h): 0, and two points beside it
        >>> params = cell.init(jax.random.key(0))._replace(recurrent=jnp.array([[2.0]]))
        >>> starts = jnp.linspace(-1, 1, 9)[:, None]
        >>> found = analysis.fixed_points(cell, params, jnp.zeros(1), starts)
        >>> for h, stable in sorted(zip(found.points[:, 0], found.stable)):
        ...     print(f"{h:.3f}", "stable" if stable else "unstable")
        -0.958 stable
        0.000 unstable
        0.958 stable
    """
    who = "fixed_points"
    _check.sizes(who, iterations=iterations)
    for name, value in {"tolerance": tolerance, "apart": apart}.items():
        if not _check.holds(lambda number: (number > 0) & (number < np.inf), value):
            raise ValueError(f"{who}: {name} must be positive and finite, got {value}")
    _check.arrays(who, x=x, starts=starts)
    starts = jax.tree.map(jnp.asarray, starts)
    leaves = jax.tree.leaves(starts)
    if any(isinstance(leaf, jax.core.Tracer) for leaf in [*leaves, *jax.tree.leaves((params, x))]):
        raise TypeError(
            f"{who}: how many points there are is not known inside `jit`; call it outside"
        )
    _check.arrays(who, params=params)
    if not leaves or len({leaf.shape[:1] for leaf in leaves}) != 1 or not leaves[0].ndim:
        raise ValueError(f"{who}: starts must be carries [N, ...], a tree with one leading axis")
    if not len(leaves[0]):
        raise ValueError(f"{who}: there must be at least one start")
    check_step(who, "x", model, x)
    vectors, speeds, values = jax.device_get(_search(model, params, x, starts, iterations))
    kept = np.flatnonzero(speeds <= np.asarray(tolerance))
    chosen, counts = _different(vectors[kept], speeds[kept], float(np.asarray(apart)))
    chosen = kept[chosen]
    eigenvalues = np.linalg.eigvals(values[chosen])
    order = np.argsort(-np.abs(eigenvalues), axis=1)
    eigenvalues = np.take_along_axis(eigenvalues, order, 1).astype(complex)
    rebuild = _maps(model, params, starts).rebuild
    return FixedPoints(
        jax.device_get(jax.vmap(rebuild)(jnp.asarray(vectors[chosen]))),
        speeds[chosen],
        eigenvalues,
        (np.abs(eigenvalues) < 1).all(1),
        counts,
    )


def _maps(model: Stepping, params: Params, starts: Carry) -> Maps:
    return maps_of("fixed_points", model, params, jax.tree.map(lambda leaf: leaf[0], starts))


@partial(jax.jit, static_argnums=4)
def _search(
    model: Stepping, params: Params, x: Inputs, starts: Carry, count: int
) -> tuple[Array, Array, Array]:
    """Where each start leads, how fast it moves there, and the Jacobian."""
    maps = _maps(model, params, starts)

    def residual(vector: Array) -> Array:
        return maps.step(vector, x) - vector

    def improve(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        vector, damping = state
        r, J = residual(vector), jax.jacfwd(residual)(vector)
        normal = J.T @ J + damping * jnp.eye(vector.size, dtype=vector.dtype)
        moved = vector - jnp.linalg.solve(normal, J.T @ r)
        better = jnp.sum(residual(moved) ** 2) < jnp.sum(r**2)
        damping = jnp.clip(jnp.where(better, damping / 4, damping * 4), 1e-12, 1e6)
        return (jnp.where(better, moved, vector), damping), None

    def lead(start: Carry) -> tuple[Array, Array, Array]:
        vector = ravel_pytree(start)[0]
        damping = jnp.asarray(1e-2, vector.dtype)
        (vector, _), _ = jax.lax.scan(improve, (vector, damping), length=count)
        speed = jnp.linalg.norm(residual(vector))
        return vector, speed, jax.jacfwd(maps.step)(vector, x)

    return jax.vmap(lead)(starts)


def _different(
    points: np.ndarray, speeds: np.ndarray, apart: float
) -> tuple[np.ndarray, np.ndarray]:
    """The slowest point of each cluster, and how many belong to it; the largest cluster first."""
    left, chosen, counts = np.argsort(speeds), [], []
    while len(left):
        first = left[0]
        near = np.linalg.norm(points[left] - points[first], axis=1)
        same = near <= apart * (1 + np.linalg.norm(points[first]))
        chosen.append(first)
        counts.append(same.sum())
        left = left[~same]
    order = np.argsort(-np.array(counts, int), kind="stable")
    return np.array(chosen, int)[order], np.array(counts, int)[order]
