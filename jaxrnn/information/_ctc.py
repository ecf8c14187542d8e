"""The alignments of connectionist temporal classification."""

from jaxtyping import Float

from .._numerics import ctc_forward
from .._typing import Array, ArrayLike


def ctc_log_partition(
    scores: ArrayLike,
    labels: ArrayLike,
    lengths: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
    blank: int = 0,
) -> Float[Array, "*batch"]:
    r"""$\log \sum_\pi \exp \sum_t \text{scores}_{t, \pi_t}$ over the alignments of some labels.

    An alignment $\pi$ names a symbol at every step; without its repetitions, and then without its
    blanks, it reads as the labels. With scores `log_softmax(logits)` this is the log-probability of
    the labels. `path_entropy(partial(ctc_log_partition, labels=labels), scores)` is the entropy of
    the alignment given the labels.

    Args:
        scores: `[T, *batch, V]`, the blank among the `V`.
        labels: `Int[U, *batch]` in `[0, V)`, none of them blank.
        lengths: `Int[*batch]` in `[0, U]`, how many labels count; all where left out.
        mask: `Bool[T, *batch]`; a step where it is False is left out.
        blank: which symbol is the blank.

    Returns:
        `[*batch]`; `-inf` where there are too few steps for the labels. Inside `jit`, where labels
        cannot be read, one that is out of range or blank is impossible.

    Raises:
        TypeError: for scores that are not real floating, labels or lengths that are not integers, a
            mask that is not bool.
        ValueError: for shapes that do not fit, and labels, lengths or a blank out of range.

    Reference: A. Graves, S. Fernández, F. Gomez & J. Schmidhuber, "Connectionist temporal
    classification: labelling unsegmented sequence data with recurrent neural networks", ICML 2006.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import ctc_log_partition
        >>> count = ctc_log_partition(jnp.zeros((3, 3)), jnp.array([1, 2]))
        >>> print(f"{jnp.exp(count):.0f} alignments: 012, 102, 112, 120, 122")
        5 alignments: 012, 102, 112, 120, 122
    """
    return ctc_forward("ctc_log_partition", scores, labels, lengths, mask, blank).total
