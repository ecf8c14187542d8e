"""`entropy_drift`: how uncertain a model grows as it reads on in what it wrote itself."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from .. import _check
from .._typing import Array, Key
from ._estimators import categorical, check_drawing, underivable
from ._model import SequenceModel
from ._reading import alphabet, roll


class EntropyDrift(NamedTuple):
    """What `entropy_drift` found at every step, in nats, and the sequences it was found in.

    Shapes:
        entropy, entropy_error: mean entropy of the predictions, and its standard error.
        surprisal, surprisal_error: mean surprisal of what was drawn, and its standard error.
        going: how many sequences had not ended before the step; the means are over these.
        symbols: what was written.
    """

    entropy: Float[Array, " T"]
    entropy_error: Float[Array, " T"]
    surprisal: Float[Array, " T"]
    surprisal_error: Float[Array, " T"]
    going: Int[Array, " T"]
    symbols: Int[Array, "T N"]


def entropy_drift(
    model: SequenceModel, length: int, samples: int, *, key: Key, at_once: int | None = None
) -> EntropyDrift:
    r"""Mean entropy and surprisal of a model's predictions in its own sequences, step by step.

        entropy_t = E_{y ~ p} H(Y_t | y_<t)        surprisal_t = E_{y ~ p} -log p(y_t | y_<t)

    Both have the same expectation, the entropy's mostly the smaller error. A model that were right
    about the data would have the data's profile: in the long run, the cross-entropy that it has on
    data. Many models drift above it, for what they write by mistake leads them where they are
    uncertain, and there they make more mistakes; a model may drift below it too, into repetition.
    What helps is `lookahead`, or a `fit_temperature` below 1.

    To go on from a prompt let the model read all of it but the last symbol, and begin with that
    carry and symbol. A model with a `stop` is averaged over the sequences that still go on.

    Args:
        model: what writes.
        length: how many symbols, `T`.
        samples: how many sequences, `N`, at least 2.
        key: where they are drawn from; each sequence has a key of its own.
        at_once: how many are drawn side by side, for less memory; all of them where not given.

    Returns:
        `EntropyDrift`. Where fewer than 2 sequences go on the errors are NaN, and where none does
        the means are too. All of it refuses to be differentiated, as every estimate from samples.

    Raises:
        TypeError: for a model of another kind.
        ValueError: for sizes below 1, or fewer than 2 samples.

    Reference: M. Braverman et al., "Calibration, entropy rates, and memory in language models",
    ICML 2020, arXiv 1906.05664; S. Cao, G. Valiant & P. Liang, "On the entropy calibration of
    language models", NeurIPS 2025, arXiv 2511.11966.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def step(lost, symbol):  # sure, until it has written a 2
        ...     lost = lost | (symbol == 2)
        ...     return lost, jnp.where(lost, 0.0, jnp.array([4.0, 2.0, 0.0]))
        >>> model = generation.SequenceModel(step, carry=False)
        >>> drift = generation.entropy_drift(model, 100, 500, key=jax.random.key(0))
        >>> print([f"{drift.entropy[t]:.1f} +- {drift.entropy_error[t]:.1f}" for t in (0, 30, 99)])
        ['0.4 +- 0.0', '0.7 +- 0.0', '1.0 +- 0.0']
    """
    check_drawing("entropy_drift", model, length, samples, key)
    if at_once is not None:
        _check.sizes("entropy_drift", at_once=at_once)
    alphabet("entropy_drift", (model,))
    at_once = samples if at_once is None else min(at_once, samples)
    return _drift(model, key, length=length, samples=samples, at_once=at_once)


@partial(jax.jit, static_argnames=("length", "samples", "at_once"))
def _drift(
    model: SequenceModel, key: Key, *, length: int, samples: int, at_once: int
) -> EntropyDrift:
    def write(key: Key) -> tuple[Array, Array, Array]:
        known = roll((model,), 1, categorical, jax.random.split(key, length))
        return known.symbols[:, 0], known.expected[:, 0], known.score[:, 0]

    keys = jax.random.split(key, samples)
    symbols, *values = jax.lax.map(write, keys, batch_size=at_once)
    going = jnp.ones(symbols.shape, bool)
    if model.stop is not None:
        ended = jnp.cumsum(symbols == model.stop, axis=1) > 0
        going = going.at[:, 1:].set(~ended[:, :-1])
    profiles = [_mean(underivable(each), going) for each in values]
    return EntropyDrift(*profiles[0], *profiles[1], jnp.sum(going, 0), symbols.T)


def _mean(values: Float[Array, "N T"], going: Array) -> tuple[Array, Array]:
    """The mean of each step over the sequences that go on, and its standard error."""
    count = jnp.sum(going, axis=0, dtype=values.dtype)
    mean = jnp.sum(jnp.where(going, values, 0), axis=0) / jnp.where(count < 1, jnp.nan, count)
    squares = jnp.where(going, jnp.square(values - mean[None]), 0)
    pairs = jnp.where(count < 2, jnp.nan, count * (count - 1))
    return mean, jnp.sqrt(jnp.sum(squares, axis=0) / pairs)
