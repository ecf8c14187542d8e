"""Estimates of an expectation from sequences that a model writes."""

import abc
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._typing import Array, Key
from ._expectations import Estimate, Expectation
from ._model import SequenceModel
from ._reading import Models, alphabet, check_kind, roll


class Sampled(Expectation):
    """The mean of a value of every sequence, of so many that the first model writes."""

    samples: int = jax.tree.static()

    least: ClassVar[int] = 2
    """How many sequences it needs."""

    def __post_init__(self) -> None:
        enough(type(self).__name__, self.samples, self.least)

    @abc.abstractmethod
    def values(self, drawn: Float[Array, " N"], expected: Float[Array, " N"]) -> Float[Array, " N"]:
        """What is averaged, of `S` and `R` of every sequence."""

    def __call__(
        self, models: Models, length: int, burn_in: int = 0, *, key: Key | None = None
    ) -> Estimate:
        who = type(self).__name__
        return mean(self.values(*_draw(who, models, length, burn_in, self.samples, key)))


class MonteCarlo(Sampled):
    r"""The mean of $S$ over sequences that the model writes.

    Args:
        samples: how many sequences are drawn, at least 2.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> model = generation.SequenceModel(lambda carry, symbol: (carry, jnp.zeros(4)))
        >>> estimate = generation.sequence_entropy(
        ...     model, 3, generation.MonteCarlo(10), key=jax.random.key(0))
        >>> print(f"{information.to_bits(estimate.value):.3f}")
        6.000
    """

    def values(self, drawn: Float[Array, " N"], expected: Float[Array, " N"]) -> Float[Array, " N"]:
        return drawn


class RaoBlackwell(Sampled):
    r"""The mean of $R$: at every step the exact expectation takes the place of the drawn score.

    It has no variance where the $h_t$ are constant, as of independent symbols. Mostly its variance
    is far below that of `MonteCarlo`, but not always: a model that is uniform over the sequences
    `aa`, `ab`, `ba` has one and the same $S$ for each, and several $R$.

    Args:
        samples: how many sequences are drawn, at least 2.

    Reference: A. Amini, T. Vieira & R. Cotterell, "Better estimation of the Kullback-Leibler
    divergence between language models", arXiv 2504.10637.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> model = generation.SequenceModel(lambda carry, symbol: (carry, logits))
        >>> estimate = generation.sequence_entropy(
        ...     model, 6, generation.RaoBlackwell(10), key=jax.random.key(0))
        >>> print(f"{estimate.value:.4f} = {6 * information.entropy(logits):.4f}")
        4.8109 = 4.8109
    """

    def values(self, drawn: Float[Array, " N"], expected: Float[Array, " N"]) -> Float[Array, " N"]:
        return expected


class ControlVariate(Sampled):
    r"""The mean of $R + b (S - R)$, with the `b` of the least variance.

    $S - R$ is a sum of martingale differences, so its expectation is 0 whatever `b` is. `b = 1` is
    `MonteCarlo` and `b = 0` is `RaoBlackwell`; the best `b`, $-\mathrm{Cov}(R, S - R) /
    \mathrm{Var}(S - R)$, is never worse than either. Each sequence takes it from the others, so
    that the estimate stays unbiased; what this costs falls with the number of sequences.

    Args:
        samples: how many sequences are drawn, at least 3; some dozens for `b` to be known well.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> logits = jnp.log(jnp.array([0.7, 0.2, 0.1]))
        >>> model = generation.SequenceModel(lambda carry, symbol: (carry, logits))
        >>> estimate = generation.sequence_entropy(
        ...     model, 6, generation.ControlVariate(10), key=jax.random.key(0))
        >>> print(f"{estimate.value:.4f} = {6 * information.entropy(logits):.4f}")
        4.8109 = 4.8109
    """

    least = 3

    def values(self, drawn: Float[Array, " N"], expected: Float[Array, " N"]) -> Float[Array, " N"]:
        return controlled(drawn, expected)


def controlled(drawn: Float[Array, " N"], expected: Float[Array, " N"]) -> Float[Array, " N"]:
    """`R + b (S - R)` of every sequence, with the slope `b` that the other sequences give."""
    noise = drawn - expected
    # Sums over the others: of each quantity, and of its products with the noise.
    count = jnp.asarray(noise.size - 1, noise.dtype)
    x, y = noise - jnp.mean(noise), expected - jnp.mean(expected)
    others = [jnp.sum(z) - z for z in (x, y, x * x, x * y)]
    variance = others[2] - others[0] ** 2 / count
    covariance = others[3] - others[0] * others[1] / count
    # Rounding leaves this much of a variance that is 0.
    least = 10 * np.finfo(x.dtype).eps * others[2]
    slope = jnp.where(variance > least, -covariance / jnp.where(variance > least, variance, 1), 0)
    infinite = jnp.any(jnp.isinf(drawn) | jnp.isinf(expected))
    return jnp.where(infinite, jnp.inf, expected + slope * noise)


def categorical(key: Key, log_p: Float[Array, "N V"]) -> Int[Array, " N"]:
    """Draw a symbol for every sequence."""
    return jax.random.categorical(key, log_p, axis=-1)


def _draw(
    who: str, models: Models, length: int, burn_in: int, samples: int, key: Key | None
) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """`S` and `R` of sequences that the first model writes."""
    if key is None:
        raise ValueError(f"{who}: samples are drawn from a key; pass `key=jax.random.key(0)`.")
    alphabet(who, models)
    _check_room(who, length, samples)
    known = roll(models, samples, categorical, jax.random.split(key, length))
    drawn, expected = (jnp.sum(x[burn_in:], axis=0) for x in (known.score, known.expected))
    return underivable(drawn), underivable(expected)


@jax.custom_jvp
def underivable(values: Array) -> Array:
    """The values themselves, whose derivative is an error."""
    return values


@underivable.defjvp
def _(primals: Any, tangents: Any) -> Any:
    raise TypeError(
        "information: the derivative of an estimate from samples is biased, for which samples are "
        "drawn depends on the parameters too. Minimise `entropy_surrogate`, or use `Enumeration()` "
        "or `FiniteState(states)`, whose derivatives are exact. For the value alone hide the model "
        "from the derivative: `jax.lax.stop_gradient(model)`."
    )


def mean(values: Float[Array, " N"]) -> Estimate:
    """Their mean, and its standard error."""
    value, count = jnp.mean(values), jnp.asarray(values.size, values.dtype)
    error = jnp.std(values, ddof=1) / jnp.sqrt(count)
    return Estimate(value, jnp.where(jnp.isinf(value), jnp.inf, error))


def enough(who: str, samples: Any, least: int) -> None:
    """Raise unless `samples` is a number of at least `least`."""
    _check.sizes(who, samples=samples)
    if samples < least:
        raise ValueError(f"{who}: samples must be at least {least}, got {samples}")


def check_drawing(who: str, model: SequenceModel, length: int, samples: int, key: Key) -> None:
    """Raise unless a model can write so many sequences of that length."""
    check_kind(who, model)
    _check.sizes(who, length=length)
    enough(who, samples, 2)
    _check.one_key(who, key)
    _check_room(who, length, samples)


def _check_room(who: str, length: int, samples: int) -> None:
    remedy = "Take fewer samples, or shorter ones."
    _check.memory(who, "what is written", (length, samples), np.float32, remedy)
