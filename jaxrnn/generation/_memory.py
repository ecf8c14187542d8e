"""`memory_profile`: how far back a model's predictions depend on what it has read."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._numerics import expectation
from .._typing import Array, ArrayLike
from ._model import SequenceModel
from ._reading import alphabet, begin, check_kind, check_written, read


def memory_profile(
    model: SequenceModel,
    symbols: ArrayLike,
    lags: Sequence[int],
    *,
    mask: ArrayLike | None = None,
) -> Float[Array, " L"]:
    r"""What a model's predictions lose when it has read the last `lag` symbols only, in nats.

    $M(\tau) = \mathrm{mean}_t \, \mathrm{KL}(p(\cdot | y_{<t}), p(\cdot | y_{t-\tau}, \dots,
    y_{t-1}))$, where the second prediction is that of the model begun anew `lag` symbols before.
    The mean is over the steps after the longest lag, so that all lags are held against the same
    predictions.

    On sequences that the model wrote it bounds what the model remembers from beyond the lag:
    $I(Y_t; Y_{<t-\tau} | Y_{t-\tau}, \dots, Y_{t-1})$ is the least expected divergence from the
    whole past's prediction that *any* prediction from the last `lag` symbols has. On data it says
    how much the model makes of the data's far past.

    Args:
        model: what predicts.
        symbols: `Int[T, *batch]`, written by the model or data.
        lags: how many symbols are read, each in `[0, T)`. Its time grows with the longest.
        mask: `Bool[T, *batch]`, False at padding, which stands at the end.

    Returns:
        One number for each lag; NaN where no step counts.

    Raises:
        TypeError: for symbols that are not integers, or a mask that is not bool.
        ValueError: for lags or symbols out of range, or a mask of another shape.

    Reference: the comparison is that of M. Braverman et al., "Calibration, entropy rates, and
    memory in language models", ICML 2020, arXiv 1906.05664.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def after_two(carry, symbol):  # most likely the symbol before the last
        ...     return symbol, 2 * jnp.array([1.0, -1.0]) * (1 - 2 * carry)
        >>> model = generation.SequenceModel(after_two, carry=0)
        >>> symbols = jnp.array([0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1])
        >>> loss = generation.memory_profile(model, symbols, [1, 2, 3])
        >>> print([f"{nats:.2f}" for nats in loss])
        ['2.41', '0.00', '0.00']
    """
    check_kind("memory_profile", model)
    classes = alphabet("memory_profile", (model,))
    symbols, mask = check_written("memory_profile", symbols, mask, classes)
    steps = np.asarray(lags)
    whole = np.issubdtype(steps.dtype, np.integer) and steps.ndim == 1 and steps.size
    if not whole or steps.min() < 0 or steps.max() >= len(symbols):
        raise ValueError(
            f"memory_profile: lags must be whole numbers in [0, T={len(symbols)}), got {lags}"
        )
    rows = [x.reshape(len(symbols), -1).T for x in (symbols, mask)]
    return _profile(model, *rows, jnp.asarray(steps, jnp.int32), longest=int(steps.max()))


@partial(jax.jit, static_argnames="longest")
def _profile(model: SequenceModel, symbols: Array, mask: Array, lags: Array, longest: int) -> Array:
    (carry,), (start,) = begin((model,))
    symbols = jnp.where(mask, symbols, 0)  # any symbol: no valid prediction reads the padding

    def advance(carry: Any, x: Any) -> tuple[Any, Array]:
        """The carry, held where the symbol is not active, and the next symbol's prediction."""
        symbol, active, begun = x
        seen = read((model,), (carry,), (symbol,), begun)
        return jax.tree.map(partial(jnp.where, active), seen.carries[0], carry), seen.log_p

    def of(row: Array) -> tuple[Array, Array]:
        """The predictions from the whole past `[T, V]` and from the last symbols `[L, T, V]`."""
        before = jnp.concatenate([start[None], row[:-1]])
        times = jnp.arange(row.size, dtype=jnp.int32)
        _, whole = jax.lax.scan(advance, carry, (before, times >= 0, times > 0))
        # Each window holds the `longest` symbols before a step, and a place for the start symbol.
        at = jnp.arange(longest, row.size)[:, None] + jnp.arange(-longest - 1, 0)[None]
        windows, place = row[jnp.maximum(at, 0)], jnp.arange(longest + 1, dtype=jnp.int32)

        def short(lag: Array) -> Array:
            first = longest - lag

            def last(window: Array) -> Array:
                window = jnp.where(place == first, start, window)
                state, _ = jax.lax.scan(
                    lambda state, x: (advance(state[0], x), None),
                    (carry, jnp.zeros_like(whole[0])),
                    (window, place >= first, place > first),
                )
                return state[1]

            return jax.vmap(last)(windows)

        return whole[longest:], jax.lax.map(short, lags)

    whole, short = jax.vmap(of)(symbols)
    p = jnp.exp(whole)[:, None]
    ratio = jnp.where(p == 0, 0, whole[:, None]) - jnp.where(p == 0, 0, short)
    valid = mask[:, None, longest:]
    loss = jnp.where(valid, expectation(jnp.broadcast_to(p, ratio.shape), ratio), 0)
    count = jnp.sum(valid, dtype=loss.dtype)
    return jnp.where(count == 0, jnp.nan, jnp.sum(loss, (0, 2)) / jnp.where(count == 0, 1, count))
