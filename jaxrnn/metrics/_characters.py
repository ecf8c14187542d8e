"""`bits_per_character`: what does not depend on how a text was cut into tokens."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import _check
from .._names import named
from .._numerics import class_weight
from .._typing import Array, ArrayLike, Leaf
from ..information import to_bits
from ..objectives import Objective
from ._combine import collect, map_value
from ._mean import Mean, ratio
from ._metric import Metric
from ._of_outputs import check_labels_only
from ._ready import nll


class Characters(Objective):
    """How many characters every label stands for."""

    lengths: Leaf

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return class_weight("bits_per_character", outputs, targets, where)

    def values(self, outputs: Any, targets: Any) -> Array:
        check_labels_only("bits_per_character", outputs, targets)
        table = jnp.asarray(self.lengths).astype(jnp.float32)
        if table.shape[0] != jnp.shape(outputs)[-1]:
            raise ValueError(
                f"bits_per_character: lengths has {table.shape[0]} entries, and the outputs "
                f"{jnp.shape(outputs)} are of {jnp.shape(outputs)[-1]} tokens. Give the number of "
                "characters of every token."
            )
        return jnp.take(table, jnp.asarray(targets), mode="clip")


def _table(lengths: Any) -> Array:
    """The numbers as an array, or raise."""
    try:
        given = lengths if _check.is_array(lengths) else np.asarray(lengths)
    except ValueError as error:
        raise ValueError(
            "bits_per_character: lengths must be [V], one number a token, got rows of unequal size"
        ) from error
    if not any(jnp.issubdtype(given.dtype, kind) for kind in (np.integer, np.floating)):
        raise TypeError(f"bits_per_character: lengths must be real numbers, got {given.dtype}")
    return jnp.asarray(given)


@named
def _per_character(value: dict[str, Array]) -> Array:
    return to_bits(ratio(value["nats"], value["characters"]))


def bits_per_character(lengths: ArrayLike | Sequence[int | float]) -> Metric:
    r"""Bits in all over characters in all: $\sum_t s_t / (\ln 2 \sum_t \ell(y_t))$.

    Bits per token cannot be compared between vocabularies, for longer tokens are fewer and harder;
    bits per character can. With the number of bytes of every token it is the bits per byte.

    Args:
        lengths: `Real[V]`, how many characters each token of the vocabulary stands for; 0 for one
            that stands for none, such as the end of a text, whose bits count all the same.

    Raises:
        TypeError: for lengths that are not real numbers.
        ValueError: for lengths that are not `[V]`, negative or not finite; in `update`, for outputs
            of another number of tokens, and targets that are not labels.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> tokens = ["a", "b", "ab", "abba"]
        >>> metric = metrics.bits_per_character([len(token) for token in tokens])
        >>> state = metric.update(metric.init(), jnp.zeros((4, 4)), jnp.arange(4))
        >>> print(f"{metric.compute(state):.2f}")
        1.00
    """
    table = _table(lengths)
    if table.ndim != 1:
        raise ValueError(
            f"bits_per_character: lengths must be [V], one number a token, got {table.shape}"
        )
    if not _check.holds(lambda values: np.isfinite(values) & (values >= 0), table):
        raise ValueError("bits_per_character: lengths must be finite and at least 0")
    return map_value(collect(nats=nll(), characters=Mean(Characters(table))), _per_character)
