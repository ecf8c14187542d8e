"""`excess_loss`: how far a model falls short of the best one there is."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check, _host, information
from .._checked import checked
from .._typing import Array, ArrayLike
from ._source import Source


class Excess(NamedTuple):
    """An excess loss, in thousandths of a bit per symbol.

    Shapes:
        mean: `[]`, over all symbols that were scored.
        standard_error: `[]`, of the mean, from how it varies between sequences; NaN for one
            sequence alone.
    """

    mean: Float[Array, ""]
    standard_error: Float[Array, ""]


@checked
def excess_loss(source: Source, observations: ArrayLike, logits: ArrayLike) -> Excess:
    """Cross-entropy of a model less that of the source itself, on the same symbols, in millibits.

        mean(log p(x[t] | before) - log q(x[t] | before)) / ln 2 * 1000

    with `p` of the source and `q = softmax(logits)`. In expectation it is the Kullback-Leibler
    divergence from what is to be known to what the model says, so it is never below 0 but by
    chance, and 0 for a perfect model. What chance does to the symbols cancels: it is far more
    precise than the loss less the entropy rate.

    Args:
        source: which the observations come from.
        observations: `Int[T, *batch]`, from the start of each sequence.
        logits: `[N, *batch, V]`, `N <= T`: the predictions of the *last* `N` observations. A model
            that has read `observations[:-1]` gives `N = T - 1`; `logits[burn_in:]` leaves out the
            first ones. With `N = T` its first output predicts the first symbol from nothing.

    Returns:
        The mean, and its standard error: sequences are taken to be independent, symbols are not.

    Raises:
        TypeError: another kind of source, observations that are not integers, logits that are not
            floating.
        ValueError: shapes that do not fit; observations that the source holds impossible, where
            they can be read (NaN where they cannot).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import tasks
        >>> source = tasks.golden_mean()
        >>> observed = source.sample(100, (64,), key=jax.random.key(0))
        >>> excess = tasks.excess_loss(source, observed, jnp.zeros((99, 64, 2)))  # it knows nothing
        >>> bool(abs(excess.mean - 1000 / 3) < 3 * excess.standard_error)
        True
    """
    _check.kind("excess_loss", "source", source, Source)
    observations = _host.array("excess_loss", "observations", observations)
    logits = _host.array("excess_loss", "logits", logits)
    shape, scored = jnp.shape(observations), jnp.shape(logits)
    fits = shape and scored and scored[1:] == (*shape[1:], source.vocab)
    if not fits or not 0 < scored[0] <= shape[0]:
        steps = shape[0] if shape else "T"
        raise ValueError(
            f"excess_loss: observations {shape} of {source.vocab} symbols take logits [N, *batch, "
            f"V] = (1 to {steps}, {', '.join(map(str, (*shape[1:], source.vocab)))}), got {scored}"
        )
    excess, possible = _excess(source.surprisal(observations), jnp.asarray(observations), logits)
    if _check.concrete(possible) and not possible:
        raise ValueError(
            "excess_loss: the source holds some of the observations impossible; they come from "
            "another one, or do not begin where its sequences do."
        )
    return excess


@jax.jit
def _excess(least: Array, observations: Array, logits: Array) -> tuple[Excess, Array]:
    least, observations = least[-len(logits) :], observations[-len(logits) :]
    possible = jnp.isfinite(least).all()
    loss = information.surprisal(logits, observations)
    nats = jnp.where(possible, loss - least.astype(loss.dtype), jnp.nan)
    each = nats.mean(0).reshape(-1) * (1000 / math.log(2))
    alone = jnp.full((), jnp.nan, each.dtype)
    error = each.std(ddof=1) / math.sqrt(each.size) if each.size > 1 else alone
    return Excess(each.mean(), error), possible
