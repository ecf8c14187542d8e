"""`log_softmax` that keeps its digits."""

from jaxtyping import Float

from .._numerics import exact_log_softmax, possible
from .._typing import Array, ArrayLike


def log_softmax(
    logits: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps classes"]:
    r"""Log-probabilities $\log p_k = z_k - \log \sum_j e^{z_j}$, to full relative accuracy.

    The sum leaves out the largest term and re-enters through `log1p`, so a near-certain class keeps
    its digits: logits `[20, 0]` give `-2.06e-9`, where the usual form rounds to 0 in float32.

    Args:
        logits: `[..., V]`, classes last.
        classes: `Bool[..., V]` or `Bool[V]`, the classes that are possible; the others get `-inf`.

    Returns:
        `[..., V]`, at least float32. A row without a possible class is `-inf` throughout.

    Raises:
        TypeError: for logits that are not real floating numbers, or `classes` that are not bool.
        ValueError: for a missing class axis, or `classes` of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import log_softmax
        >>> print(f"{log_softmax(jnp.array([20.0, 0.0]))[0]:.4e}")
        -2.0612e-09
    """
    return exact_log_softmax(possible("log_softmax", "logits", logits, classes))
