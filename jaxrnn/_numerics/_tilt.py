"""The best of the distributions `p_k exp(theta f_k)`, a family of one number `theta`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .. import _check
from .._typing import Array, ArrayLike
from ._labels import in_range, own_logit
from ._softmax import exact_softmax, expectation

_STEPS = 300  # halving alone goes over a factor of 2 ** 150 in these; a usual fit takes about 8


def best_tilt(
    start: float,
    log_p: Float[Array, "*steps V"],
    f: Float[Array, "*steps V"],
    labels: Int[Array, "*steps"],
    where: Bool[Array, "*steps"],
) -> Float[Array, ""]:
    r"""The `theta` at which labels have the least mean surprisal.

        p_theta(k) = p_k exp(theta f_k) / Z(theta)        NLL = mean(-log p_theta(y))
        NLL' = mean(E_theta f - f_y)                      NLL'' = mean(Var_theta f) >= 0

    NLL' rises from the mean of `min f - f_y` to that of `max f - f_y`, so that it is known before
    the first step whether it has a root or `theta` is infinite. It is `start` where no row tells
    its possible classes apart, and NaN where no step counts or an observed class is impossible.
    """
    known = where & in_range(labels, f.shape[-1])
    # Selected away: a row of zeros is flat, and adds 0 to every sum.
    log_p = jnp.where(known[..., None], log_p, 0)
    possible = log_p != -jnp.inf  # NaN is not impossible, and is found out below
    f = jnp.where(possible & known[..., None], f, 0)
    own, top = own_logit(f, labels), jnp.max(jnp.where(possible, f, -jnp.inf), axis=-1)
    least = jnp.min(jnp.where(possible, f, jnp.inf), axis=-1)
    count = jnp.sum(known, dtype=f.dtype)

    def slopes(theta: Array) -> tuple[Array, Array]:
        p = exact_softmax(jnp.where(possible, log_p + theta * f, -jnp.inf))
        mean = expectation(p, f)
        variance = expectation(p, jnp.square(f - mean[..., None]))
        return jnp.sum(mean - own) / count, jnp.sum(variance) / count

    sound = (count > 0) & jnp.all(own_logit(log_p, labels) > -jnp.inf) & ~jnp.any(jnp.isnan(f))
    up, down = jnp.any(own < top), jnp.any(own > least)
    finest = 1 / jnp.maximum(jnp.max(jnp.abs(f)), np.finfo(f.dtype).tiny)
    root = _root(slopes, jnp.asarray(start, f.dtype), finest, sound & up & down)
    limit = jnp.where(up, -jnp.inf, jnp.where(down, jnp.inf, start)).astype(f.dtype)
    return jnp.where(sound, jnp.where(up & down, root, limit), jnp.nan)


def _root(
    slopes: Callable[[Array], tuple[Array, Array]], start: Array, unit: Array, exists: Array
) -> Array:
    """Where the first slope, which never falls, is 0, by Newton's steps with the second.

    Two points around the root are kept as soon as they are known. A step that leaves them, or is
    not half the one before, gives way to their middle. Until then a step is at most twice the one
    before. The last step is less than rounding makes of `theta`, or of `theta / unit`.
    """
    eps = 4 * float(np.finfo(start.dtype).eps)

    def unfinished(state: Any) -> Array:
        count, theta, last, _, _ = state
        coarse = jnp.abs(last) > eps * jnp.maximum(jnp.abs(theta), unit)
        return exists & coarse & (count < _STEPS)

    def advance(state: Any) -> Any:
        count, theta, last, low, high = state
        slope, curvature = slopes(theta)
        low, high = jnp.where(slope <= 0, theta, low), jnp.where(slope >= 0, theta, high)
        usable = (curvature > 0) & (curvature < jnp.inf)
        away = -jnp.copysign(jnp.inf, slope)
        newton = jnp.where(usable, -slope / jnp.where(usable, curvature, 1), away)
        inside = (low <= theta + newton) & (theta + newton <= high)
        middle = low + (high - low) / 2 - theta
        enclosed = jnp.where(inside & (jnp.abs(newton) <= jnp.abs(last) / 2), newton, middle)
        farthest = 2 * jnp.abs(last)
        seeking = jnp.clip(newton, -farthest, farthest)
        step = jnp.where((low > -jnp.inf) & (high < jnp.inf), enclosed, seeking)
        return count + 1, theta + step, step, low, high

    inf = jnp.full_like(start, jnp.inf)
    begin = (0, start, jnp.maximum(jnp.abs(start), unit), -inf, inf)
    count, theta, *_ = jax.lax.while_loop(unfinished, advance, begin)
    return jnp.where(count < _STEPS, theta, jnp.nan)


def check_steps(who: str, where: ArrayLike | None, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """Which steps count; all of them, where nothing is said."""
    if where is None:
        return jnp.ones(shape, bool)
    _check.flags(who, "where", where, shape)
    return jnp.asarray(where)
