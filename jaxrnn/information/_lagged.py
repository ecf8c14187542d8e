"""How much one sequence says about another, some steps later."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._typing import Array, ArrayLike
from ._counts import BiasCorrection, MillerMadow, check_correction, corrected
from ._joint import dependence


def lagged_mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    lags: ArrayLike | Sequence[int],
    *,
    classes: int,
    correction: BiasCorrection | None = MillerMadow(),  # noqa: B008  (a frozen noun)
    where: ArrayLike | None = None,
) -> Float[Array, "*lags"]:
    r"""Mutual information $I(X_{t - \tau}; Y_t)$ at every lag `tau`, from counts, in nats.

    How far back a sequence says something about its present, with `y = x`: what a model has to
    remember. Pairs are counted over all steps and all sequences of the batch. By itself the
    estimate is too large, by about `(classes - 1)^2 / 2N` from `N` pairs, which is more than there
    is at long lags. The correction takes that off; what remains may be a little below 0. To see
    what chance alone gives, permute `y` in time.

    Args:
        x: `Int[T, *batch]`, symbols in `[0, classes)`.
        y: symbols of the same shape.
        lags: `[L]`, or one number, each in `[0, T)`. They may be traced.
        classes: how many symbols there are.
        correction: of the three entropies that the information is made of; None for none.
        where: `Bool[T, *batch]`, False at padding: a pair counts where both its steps do.

    Returns:
        A number for every lag, of the default floating type; NaN where no pair counts. Inside
        `jit`, where symbols cannot be read, one outside `[0, classes)` does not count.

    Raises:
        TypeError: for symbols or lags that are not integers, a `where` that is not bool, or a
            correction that is none.
        ValueError: for shapes that do not fit, and symbols or lags out of range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.information import lagged_mutual_information, to_bits
        >>> coins = jax.random.bernoulli(jax.random.key(0), shape=(1000,)).astype(int)
        >>> echo = jnp.roll(coins, 3)
        >>> bits = to_bits(lagged_mutual_information(coins, echo, [2, 3, 4], classes=2))
        >>> print(", ".join(f"{abs(value):.2f}" for value in bits))
        0.00, 1.00, 0.00
    """
    who = "lagged_mutual_information"
    _check.sizes(who, classes=classes)
    remedy = "Give the symbols numbers from 0 on, without gaps."
    _check.memory(who, "the counts of all pairs", (classes, classes), np.int32, remedy)
    check_correction(who, correction)
    x_symbols, y_symbols = (_symbols(who, n, v, classes) for n, v in (("x", x), ("y", y)))
    shape = x_symbols.shape
    if y_symbols.shape != shape:
        raise ValueError(f"{who}: x and y must have one shape, got {shape} and {y_symbols.shape}.")
    counted = (x_symbols >= 0) & (x_symbols < classes)
    other_counted = (y_symbols >= 0) & (y_symbols < classes)
    if where is not None:
        _check.flags(who, "where", where, shape)
        counted, other_counted = counted & where, other_counted & where
    lags = _check_lags(who, lags, shape[0])
    pairs = x_symbols, y_symbols, counted, other_counted
    return _at_lags(pairs, lags.ravel(), correction, classes=int(classes)).reshape(lags.shape)


@partial(jax.jit, static_argnames="classes")
def _at_lags(
    pairs: tuple[Array, Array, Array, Array],
    lags: Array,
    correction: BiasCorrection | None,
    classes: int,
) -> Array:
    x_symbols, y_symbols, counted, other_counted = pairs
    shape = x_symbols.shape
    steps = jnp.arange(shape[0]).reshape(-1, *(1 for _ in shape[1:]))

    def at(lag: Array) -> Array:
        now = jnp.broadcast_to(steps >= lag, shape)
        pair = jnp.roll(x_symbols, lag, axis=0) * classes + y_symbols
        both = now & jnp.roll(counted, lag, axis=0) & other_counted
        table = jnp.zeros(classes * classes, int).at[jnp.where(both, pair, 0)].add(both.astype(int))
        return _information(table.reshape(classes, classes), correction)

    return jax.lax.map(at, lags)


def _information(table: Array, correction: BiasCorrection | None) -> Array:
    counts = table.astype(jnp.result_type(float))
    if correction is None:
        return dependence(counts / jnp.sum(counts))
    parts = jnp.sum(counts, axis=1), jnp.sum(counts, axis=0)
    apart = sum(corrected(part, correction) for part in parts)
    return apart - corrected(counts.ravel(), correction)


def _symbols(who: str, name: str, value: ArrayLike, classes: int) -> Array:
    array = _check.numbers(who, name, value)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{who}: {name} must hold integers, got {_check.describe(array)}.")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(
            f"{who}: {name} must be [T, *batch], with a step at least, got {_check.describe(array)}"
        )
    if _check.concrete(value):
        seen = np.asarray(value)
        if seen.min() < 0 or seen.max() >= classes:
            raise ValueError(
                f"{who}: {name} must lie in [0, classes={classes}), got values from {seen.min()} "
                f"to {seen.max()}. Give padding any symbol, and leave it out with `where`."
            )
    return array.astype(jnp.int32)


def _check_lags(who: str, lags: ArrayLike | Sequence[int], steps: int) -> Array:
    array = _check.numbers(who, "lags", lags)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{who}: lags must be integers, got {_check.describe(array)}.")
    if not _check.holds(lambda lags: (lags >= 0) & (lags < steps), lags):
        raise ValueError(f"{who}: lags must lie in [0, T={steps}), got {lags}.")
    return array
