"""Entropies of whole sequences, under three names for three quantities."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._typing import Array, ArrayLike, Key
from ._entropy import entropy
from ._expectations import Estimate, Expectation
from ._model import SequenceModel
from ._reading import Models, check_kind


def factorized_joint_entropy(
    logits: ArrayLike, *, mask: ArrayLike | None = None
) -> Float[Array, "*batch"]:
    r"""Entropy of a sequence whose symbols are independent given the input, in nats.

    $H(Y_1, \dots, Y_T) = \sum_t H(Y_t)$, which is exact where no symbol is fed back: of a tagger,
    or of the outputs of an encoder. A model that reads what it writes has a `sequence_entropy`.

    Args:
        logits: `[T, *batch, V]`.
        mask: `Bool[T, *batch]`, False at padding.

    Returns:
        `[*batch]`.

    Raises:
        TypeError: for logits that are not real floating numbers, or a mask that is not bool.
        ValueError: for a missing axis, or a mask of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import factorized_joint_entropy, to_bits
        >>> print(to_bits(factorized_joint_entropy(jnp.zeros((10, 2, 4)))))
        [20. 20.]
    """
    entropies, _ = _stepwise("factorized_joint_entropy", logits, mask)
    return jnp.sum(entropies, axis=0)


def teacher_forced_entropy(logits: ArrayLike, *, mask: ArrayLike | None = None) -> Float[Array, ""]:
    r"""Mean entropy of a model's predictions along given sequences, in nats a symbol.

    $E_{y \sim \text{data}} H(Y_t | y_{<t})$, the average over the prefixes of the data. It is how
    uncertain the model is after what *they* hold. After prefixes of its own it would be a T-th of
    `sequence_entropy`, another number. Where the model is right about the data, it is the mean
    surprisal too.

    Args:
        logits: `[T, *batch, V]`, what the network gave for the data.
        mask: `Bool[T, *batch]`, False at padding.

    Returns:
        One number; NaN where no step counts. Errors are those of `factorized_joint_entropy`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import teacher_forced_entropy, to_bits
        >>> logits = jnp.array([[0.0, 0.0], [0.0, -jnp.inf]])
        >>> print(to_bits(teacher_forced_entropy(logits)))
        0.5
        >>> print(to_bits(teacher_forced_entropy(logits, mask=jnp.array([True, False]))))
        1.0
    """
    entropies, counts = _stepwise("teacher_forced_entropy", logits, mask)
    total = jnp.sum(counts, dtype=entropies.dtype)
    mean = jnp.sum(entropies) / jnp.where(total == 0, 1, total)
    return jnp.where(total == 0, jnp.nan, mean)


def sequence_entropy(
    model: SequenceModel, length: int, expectation: Expectation, *, key: Key | None = None
) -> Estimate:
    r"""Entropy of the sequences that a model writes, in nats.

        H(Y_1 ... Y_T) = E_{y ~ p} sum_t s_t = E_{y ~ p} sum_t h_t
        s_t = -log p(y_t | y_<t)        h_t = H(Y_t | y_<t)

    The expectation is over the model's *own* sequences. How it is taken is a noun: `Enumeration()`
    and `FiniteState(states)` are exact and have exact derivatives; `MonteCarlo(samples)`,
    `RaoBlackwell(samples)` and `ControlVariate(samples)` draw sequences, and refuse to be
    differentiated: for that there is `entropy_surrogate`.

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
        >>> from jaxrnn import information
        >>> def golden_mean(carry, symbol):  # after a 1 always a 0
        ...     return carry, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))[symbol]
        >>> model = information.SequenceModel(golden_mean)
        >>> exact = information.sequence_entropy(model, 10, information.Enumeration())
        >>> value, error = information.sequence_entropy(
        ...     model, 10, information.ControlVariate(400), key=jax.random.key(0))
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
        >>> from jaxrnn import information
        >>> def model(*logits):
        ...     return information.SequenceModel(lambda carry, symbol: (carry, jnp.array(logits)))
        >>> p, q = model(0.0, 0.0), model(1.0, 0.0)
        >>> print(f"{information.sequence_kl(p, q, 4, information.Enumeration()).value:.4f}")
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
        >>> from jaxrnn import information
        >>> def golden_mean(carry, symbol):  # after a 1 always a 0
        ...     return carry, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))[symbol]
        >>> rate = information.entropy_rate(
        ...     information.SequenceModel(golden_mean), 15, information.Enumeration(), burn_in=14)
        >>> print(f"{information.to_bits(rate.value):.4f}")
        0.6667
    """
    if not isinstance(burn_in, int | np.integer) or not 0 <= burn_in < length:
        raise ValueError(
            f"entropy_rate: burn_in must be a whole number in [0, length={length}), got {burn_in!r}"
        )
    window = _expect("entropy_rate", (model,), length, int(burn_in), expectation, key)
    return Estimate(*(part / jnp.asarray(length - burn_in, part.dtype) for part in window))


def _stepwise(who: str, logits: ArrayLike, mask: ArrayLike | None) -> tuple[Array, Array]:
    """The entropy of every step, 0 where masked, and which steps count."""
    logits = jnp.asarray(logits)
    if logits.ndim < 2:
        raise ValueError(f"{who}: logits must be [T, *batch, V], got {_check.describe(logits)}")
    if mask is None:
        return entropy(logits), jnp.ones(logits.shape[:-1], bool)
    _check.flags(who, "mask", mask, logits.shape[:-1])
    counts = jnp.asarray(mask)
    valid = jnp.broadcast_to(counts[..., None], logits.shape)
    # Selected before anything is computed: what stands in the padding reaches no gradient.
    entropies = entropy(jnp.where(valid, logits, jnp.zeros_like(logits)))
    return jnp.where(counts, entropies, 0), counts


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
