"""Entropies along given sequences, and of symbols that know nothing of each other."""

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, ArrayLike
from ._entropy import entropy


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


def _stepwise(who: str, logits: ArrayLike, mask: ArrayLike | None) -> tuple[Array, Array]:
    """The entropy of every step, 0 where masked, and which steps count."""
    logits = _check.numbers(who, "logits", logits)
    if logits.ndim < 2:
        raise ValueError(f"{who}: logits must be [T, *batch, V], got {_check.describe(logits)}")
    if mask is None:
        return entropy(logits), jnp.ones(logits.shape[:-1], bool)
    counts = _check.numbers(who, "mask", mask)
    _check.flags(who, "mask", counts, logits.shape[:-1])
    valid = jnp.broadcast_to(counts[..., None], logits.shape)
    # Selected before anything is computed: what stands in the padding reaches no gradient.
    entropies = entropy(jnp.where(valid, logits, jnp.zeros_like(logits)))
    return jnp.where(counts, entropies, 0), counts
