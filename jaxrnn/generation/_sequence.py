"""Entropies of whole sequences, under three names for three quantities."""

from functools import partial

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Key
from ._expectations import Estimate, Expectation
from ._model import SequenceModel
from ._reading import Models, check_kind


def sequence_entropy(
    model: SequenceModel, length: int, expectation: Expectation, *, key: Key | None = None
) -> Estimate:
    r"""Entropy of the sequences that a model writes, in nats.

        H(Y_1 ... Y_T) = E_{y ~ p} sum_t s_t = E_{y ~ p} sum_t h_t
        s_t = -log p(y_t | y_<t)        h_t = H(Y_t | y_<t)

    The expectation is over the model's *own* sequences. The argument `expectation` says how it is
    computed. `Enumeration()` and `FiniteState(states)` are exact and have exact derivatives.
    `MonteCarlo(samples)`, `RaoBlackwell(samples)` and `ControlVariate(samples)` sample sequences,
    and refuse to be differentiated; use `entropy_surrogate` for that.

    Args:
        model: what writes.
        length: how many symbols, `T`.
        expectation: how the expectation is taken.
        key: where samples are drawn from; the exact ones need none.

    Returns:
        `Estimate(value, standard_error)`; the error is 0 where the value is exact.

    Raises:
        TypeError: for a model or an expectation of another kind, and derivatives of samples.
        ValueError: for a length below 1, a missing key, more sequences than `Enumeration` allows,
            or logits that are NaN.

    Reference: T. Cover & J. Thomas, "Elements of Information Theory", for the chain rule.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def golden_mean(carry, symbol):  # after a 1 always a 0
        ...     return carry, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))[symbol]
        >>> model = generation.SequenceModel(golden_mean)
        >>> exact = generation.sequence_entropy(model, 10, generation.Enumeration())
        >>> value, error = generation.sequence_entropy(
        ...     model, 10, generation.ControlVariate(400), key=jax.random.key(0))
        >>> print(f"{exact.value:.3f}", bool(abs(value - exact.value) < 3 * error))
        4.775 True
    """
    return _expect("sequence_entropy", (model,), length, 0, expectation, key)


def sequence_kl(
    p: SequenceModel,
    q: SequenceModel,
    length: int,
    expectation: Expectation,
    *,
    key: Key | None = None,
) -> Estimate:
    r"""Kullback-Leibler divergence $E_{y \sim p} \log p(y) - \log q(y)$ of sequences, in nats.

        s_t = log p(y_t | y_<t) - log q(y_t | y_<t)        h_t = KL(p(. | y_<t), q(. | y_<t))

    Both models read the symbols that `p` writes. It is `inf` where `p` writes what `q` deems
    impossible. Arguments and errors are those of `sequence_entropy`; the models must write the
    same symbols.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> def model(*logits):
        ...     return generation.SequenceModel(lambda carry, symbol: (carry, jnp.array(logits)))
        >>> p, q = model(0.0, 0.0), model(1.0, 0.0)
        >>> print(f"{generation.sequence_kl(p, q, 4, generation.Enumeration()).value:.4f}")
        0.4805
        >>> print(f"{4 * information.kl_divergence(jnp.zeros(2), jnp.array([1.0, 0.0])):.4f}")
        0.4805
    """
    return _expect("sequence_kl", (p, q), length, 0, expectation, key)


def entropy_rate(
    model: SequenceModel,
    length: int,
    expectation: Expectation,
    *,
    burn_in: int = 0,
    key: Key | None = None,
) -> Estimate:
    r"""Entropy of what a model writes after the first `burn_in` symbols, in nats a symbol.

    $\frac{1}{T - b} H(Y_{b+1}, \dots, Y_T | Y_1, \dots, Y_b)$. Where the model comes to a
    stationary course it tends to the entropy rate as `burn_in` grows, from above if it begins on
    that course. With `burn_in = length - 1` and `Enumeration()` it is the block entropies'
    difference $H(T) - H(T - 1)$.

    Args:
        model: what writes.
        length: how many symbols, the first ones included.
        expectation: how the expectation is taken.
        burn_in: how many symbols at the beginning do not count, less than `length`.
        key: where samples are drawn from.

    Returns:
        `Estimate(value, standard_error)`. Errors are those of `sequence_entropy`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> def golden_mean(carry, symbol):  # after a 1 always a 0
        ...     return carry, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))[symbol]
        >>> rate = generation.entropy_rate(
        ...     generation.SequenceModel(golden_mean), 15, generation.Enumeration(), burn_in=14)
        >>> print(f"{information.to_bits(rate.value):.4f}")
        0.6667
    """
    _check.sizes("entropy_rate", length=length)
    _check.integers("entropy_rate", 0, burn_in=burn_in)
    if burn_in >= length:
        raise ValueError(
            f"entropy_rate: burn_in must be a whole number in [0, length={length}), got {burn_in!r}"
        )
    window = _expect("entropy_rate", (model,), length, int(burn_in), expectation, key)
    return Estimate(*(part / jnp.asarray(length - burn_in, part.dtype) for part in window))


def _expect(
    who: str,
    models: Models,
    length: int,
    burn_in: int,
    expectation: Expectation,
    key: Key | None,
) -> Estimate:
    for model in models:
        check_kind(who, model)
    _check.sizes(who, length=length)
    if not isinstance(expectation, Expectation):
        raise TypeError(
            f"{who}: expectation must be an `Expectation` such as `Enumeration()` or "
            f"`ControlVariate(samples=1000)`, got {expectation!r}"
        )
    if key is not None:
        _check.one_key(who, key)
    remedy = "Take a shorter length, and the `entropy_rate` for the rest."
    _check.memory(who, "what is known of the steps", (length,), jnp.float32, remedy)
    estimate = _run(expectation, models, key, length=int(length), burn_in=burn_in)
    if _check.concrete(estimate.value) and jnp.isnan(estimate.value):
        raise ValueError(
            f"{who}: the value is NaN. The model does not know its start symbol, its parameters "
            "are not finite, or its carry leaves the range that `FiniteState` was given."
        )
    return estimate


@partial(jax.jit, static_argnames=("length", "burn_in"))
def _run(
    expectation: Expectation, models: Models, key: Key | None, *, length: int, burn_in: int
) -> Estimate:
    return expectation(models, length, burn_in, key=key)
