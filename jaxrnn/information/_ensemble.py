"""What an ensemble does not know, and what it says cannot be known."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import exact_entropy, possible
from .._typing import Array, ArrayLike
from ._mixture import spread


class Uncertainty(NamedTuple):
    """What `ensemble_uncertainty` returns, in nats.

    total is the entropy of the members' mean prediction, and the sum of the other two; aleatoric
    the mean entropy of the members, what they agree cannot be known; epistemic the mean divergence
    of the members from their mean, how much they disagree.
    """

    total: Float[Array, "*steps"]
    aleatoric: Float[Array, "*steps"]
    epistemic: Float[Array, "*steps"]


def ensemble_uncertainty(logits: ArrayLike, *, classes: ArrayLike | None = None) -> Uncertainty:
    r"""Uncertainty of an ensemble in its parts, $H(\bar p) = \overline{H(p_k)} + I$, in nats.

    The members are networks trained from several seeds, or passes of one network with dropout. `I`,
    the epistemic part, is the mutual information of the symbol and the choice of the member; it is
    computed as the mean divergence $D(p_k \| \bar p)$ and not as a difference, so it is never
    negative and keeps its digits where the members nearly agree.

    Args:
        logits: `[K, ..., V]`, members first and classes last.
        classes: `Bool[K, ..., V]` or `Bool[V]`, the classes that are possible.

    Returns:
        `Uncertainty(total, aleatoric, epistemic)`, each `[...]`, at least float32.

    Raises:
        TypeError: for logits that are not real floating numbers, or `classes` that are not bool.
        ValueError: for a missing axis of members or classes, or `classes` of another shape.

    Reference:
        Houlsby et al. (2011), Bayesian Active Learning for Classification and Preference Learning,
        https://arxiv.org/abs/1112.5745; Malinin & Gales (2021), Uncertainty Estimation in
        Autoregressive Structured Prediction, https://arxiv.org/abs/2002.07650

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import ensemble_uncertainty
        >>> members = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]]))
        >>> print(", ".join(f"{part:.4f}" for part in ensemble_uncertainty(members)))
        0.6931, 0.3251, 0.3681
    """
    z = possible("ensemble_uncertainty", "logits", logits, classes)
    if z.ndim == 1 or z.shape[0] == 0:
        raise ValueError(
            "ensemble_uncertainty: logits must be [K, ..., V] with at least one member, got "
            f"{_check.describe(z)}. Stack the members on a leading axis: `jnp.stack(members)`."
        )
    aleatoric, epistemic = jnp.mean(exact_entropy(z), axis=0), spread(z)
    return Uncertainty(aleatoric + epistemic, aleatoric, epistemic)
