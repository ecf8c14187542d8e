"""Surprisal of observed labels."""

import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import check_labels, exact_surprisal, in_range, possible
from .._typing import Array, ArrayLike


def surprisal(
    logits: ArrayLike, labels: ArrayLike, *, classes: ArrayLike | None = None
) -> Float[Array, "*steps"]:
    r"""Surprisal $-\log p_y$ of the observed label `y` under `p = softmax(logits)`, in nats.

    Computed as how far the label is below the largest logit,
    $(z_m - z_y) + \mathrm{log1p} \sum_{k \ne m} e^{z_k - z_m}$, neither of which is negative. It
    keeps its digits in the tail: a margin of 20 gives `2.06e-9`, where `logsumexp(z) - z_y` rounds
    to 0 in float32. The gradient is `softmax - onehot` to the same accuracy. It is `inf` where the
    label is impossible.

    Args:
        logits: `[..., V]`, classes last.
        labels: integers `[...]` in `[0, V)`.
        classes: `Bool[..., V]` or `Bool[V]`, the classes that are possible.

    Returns:
        `[...]`, at least float32. Inside `jit`, where labels cannot be read, one outside `[0, V)`
        gives 0; the objectives give it weight 0 as well.

    Raises:
        TypeError: for logits that are not real floating, or labels that are not integers.
        ValueError: for labels of another shape, or outside `[0, V)`; they never wrap around.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import surprisal
        >>> print(f"{surprisal(jnp.array([20.0, 0.0]), jnp.array(0)):.4e}")
        2.0612e-09
    """
    z = possible("surprisal", "logits", logits, classes)
    labels = check_labels("surprisal", labels, z.shape)
    return jnp.where(in_range(labels, z.shape[-1]), exact_surprisal(z, labels), 0)
