"""Connectionist temporal classification."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Int

from .. import _check
from .._numerics import alike, check_ctc, ctc_forward, real
from .._typing import Array, ArrayLike
from ..information import log_softmax
from ._objective import Objective


class Transcript(NamedTuple):
    """Labels of their own length, and how many of them count."""

    labels: Int[Array, "U *batch"]
    lengths: Int[Array, "*batch"]


class CTC(Objective):
    r"""Surprisal of labels that are not aligned to the steps, in nats.

        -log p(labels | outputs) = -log sum over the alignments of prod_t softmax(outputs_t)[a_t]

    An alignment names a label or a blank at every step; without repetitions, and then without
    blanks, it reads as the labels. The value of a step is what it adds: minus the logarithm of the
    probability that an alignment reads on as the labels do, given that it has until then, and at
    the last step that they are read to their end. `values.sum(0)` is $-\log p$, one number a
    sequence, `inf` where it has too few steps for its labels, at the first step where it has none
    at all. The gradient of such a sequence is finite. Leave it out with a length of 0, which has
    the probability 1 without steps, or wherever it comes with `IgnoreInfinite(CTC())`.

    Shapes: outputs `[T, *batch, V]`, logits, the blank among the `V`; targets
    `Transcript(labels, lengths)` or such a pair: `Int[U, *batch]` and `Int[*batch]`. Inside `jit`,
    where labels cannot be read, a sequence with a label that is blank or out of range has weight 0.

    Attributes:
        blank: which class is the blank.

    Raises:
        TypeError: for targets that are no pair, and for logits, labels or lengths of another dtype.
        ValueError: for shapes that do not fit, and labels or lengths out of range.

    Reference: A. Graves, S. Fernández, F. Gomez & J. Schmidhuber, "Connectionist temporal
    classification: labelling unsegmented sequence data with recurrent neural networks", ICML 2006.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import objectives
        >>> targets = objectives.Transcript(labels=jnp.array([1, 2]), lengths=jnp.array(2))
        >>> values = objectives.CTC()(jnp.zeros((3, 3)), targets)
        >>> print(f"{jnp.exp(-values.sum()) * 27:.0f} of 27 alignments")
        5 of 27 alignments
    """

    blank: int = jax.tree.static(default=0)

    def __post_init__(self) -> None:
        if self.blank < 0:
            raise ValueError(f"CTC: blank must be at least 0, got {self.blank}")

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        logits = real("CTC", "outputs", outputs)
        labels, lengths, mask = check_ctc("CTC", logits, *_pair(targets), where, self.blank)
        return mask & self._known(labels, lengths)[None]

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        logits = real("CTC", "outputs", outputs)
        if where is not None:
            logits = jnp.where(jnp.broadcast_to(where[..., None], logits.shape), logits, 0)
        mask = jnp.ones(logits.shape[:-1], bool) if where is None else where
        labels, lengths, mask = check_ctc("CTC", logits, *_pair(targets), mask, self.blank)
        found = ctc_forward("CTC", log_softmax(logits), labels, lengths, mask, self.blank)
        later = jnp.flip(jnp.cumsum(jnp.flip(mask, 0), axis=0), 0)
        last = mask & (later == 1)
        # Without a step, labels end before they begin, unless there are none or none are known.
        none = (later[:1] == 0) & self._known(labels, lengths)[None]
        last = jnp.concatenate([last[:1] | none, last[1:]])
        end = jnp.where(last, found.end[None], 0)
        # Rounding may bring a probability of 1 above it.
        return jnp.maximum(-(found.steps + end), 0)

    def _known(self, labels: Array, lengths: Array) -> Array:
        """Which sequences have labels that all are some."""
        place = jnp.arange(len(labels), dtype=jnp.int32).reshape(-1, *(1,) * lengths.ndim)
        counts = jnp.broadcast_to(place, labels.shape) < lengths[None]
        return jnp.all(~counts | ((labels >= 0) & (labels != self.blank)), axis=0)

    def decode(self, outputs: ArrayLike, *, where: ArrayLike | None = None) -> Transcript:
        """What the most probable alignment reads as, with labels of 0 after its end.

        It need not be the most probable reading, for which several alignments add up.
        """
        logits = real("CTC", "outputs", outputs)
        mask = jnp.ones(logits.shape[:-1], bool) if where is None else where
        mask = _check.numbers("CTC", "where", mask)
        _check.flags("CTC", "where", mask, logits.shape[:-1])
        best = jnp.where(mask, jnp.argmax(logits, axis=-1).astype(jnp.int32), self.blank)
        return _read(best, mask, jnp.asarray(self.blank, jnp.int32))


@jax.jit
def _read(best: Array, mask: Array, blank: Array) -> Transcript:
    """Without its repetitions, and then without its blanks."""

    def body(state: tuple[Array, Array], now: tuple[Array, Array]) -> Any:
        last, count = state
        symbol, valid = now
        new = valid & (symbol != blank) & (symbol != last)
        place = jnp.where(new, count, len(best))
        return (jnp.where(valid, symbol, last), count + new.astype(jnp.int32)), place

    nothing = jnp.full(best.shape[1:], blank, jnp.int32)
    start = nothing, jnp.zeros(best.shape[1:], jnp.int32)
    (_, lengths), places = jax.lax.scan(body, *alike((start, (best, mask))))
    at = jnp.meshgrid(*map(jnp.arange, best.shape), indexing="ij")[1:]
    labels = jnp.zeros_like(best).at[(places, *at)].set(best, mode="drop")
    return Transcript(labels, lengths)


def _pair(targets: Any) -> tuple[Any, Any]:
    if not isinstance(targets, tuple) or len(targets) != 2:
        raise TypeError(
            "CTC: targets must be `Transcript(labels, lengths)`, integers [U, *batch] and "
            f"[*batch], got {type(targets).__name__}."
        )
    return targets
