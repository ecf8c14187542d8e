"""Linear-chain conditional random field."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .. import _check
from .._numerics import (
    ChainBackward,
    alike,
    chain_backward,
    check_labels,
    exact_logsumexp,
    in_range,
    largest,
    real,
)
from .._typing import Array, ArrayLike
from ..information import surprisal
from ._objective import Objective


class CRF(Objective):
    r"""Surprisal of a label sequence under a linear-chain conditional random field, in nats.

        log p(y | x) = sum_t theta_t[y_{t-1}, y_t] - log sum over all label sequences of the same
        value_t      = -log p(y_t | y_{t-1}, x)

    The field is a Markov chain given the whole input, so every label has a surprisal of its own,
    and these add up to the sequence's: `values.sum(0)` is $-\log p(y | x)$. Unlike `CrossEntropy`
    it scores labels together: a label that the inputs favour is unlikely after one that it rarely
    follows. A step where `where` is False is left out; the labels on both of its sides follow each
    other.

    Shapes: outputs `[T, *batch, (labels + 1) * labels]`, the potentials `theta` of every label
    (last) after every label before it, with a last row for the first step; targets
    `Int[T, *batch]`. `networks.Transitions(labels)` after a network of `labels` outputs makes
    potentials with learned transitions; a wide `networks.Dense` makes them depend on the input. A
    potential of `-inf` forbids. A label outside `[0, labels)` is an error where it can be read;
    inside `jit` its step has weight 0.

    Attributes:
        labels: how many labels there are.

    Raises:
        TypeError: for potentials that are not real floating, or labels that are not integers.
        ValueError: for shapes that do not fit, and labels out of range.

    Reference: J. Lafferty, A. McCallum & F. Pereira, "Conditional random fields: probabilistic
    models for segmenting and labeling sequence data", ICML 2001.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks, objectives
        >>> field, layer = objectives.CRF(2), networks.Transitions(2)
        >>> stay = networks.TransitionsParams(
        ...     start=jnp.zeros(2), transition=jnp.array([[2.0, 0.0], [0.0, 2.0]]))
        >>> scores = jnp.array([[3.0, 0.0], [0.0, 0.5], [3.0, 0.0]])
        >>> _, outputs = layer.apply(stay, scores)
        >>> print(scores.argmax(-1), field.decode(outputs))
        [0 1 0] [0 0 0]
        >>> print(field(outputs, jnp.array([0, 1, 0])).round(2))
        [0.02 3.23 0.31]
    """

    labels: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("CRF", labels=self.labels)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        _check.one_array("CRF", outputs=outputs, targets=targets)
        shape = (*jnp.shape(outputs)[:-1], self.labels)
        labels = check_labels("CRF", targets, shape, where)
        known = in_range(labels, self.labels)
        return known if where is None else known & where

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        chain = self._chain(outputs, where, exact_logsumexp)
        labels = jnp.where(chain.mask, jnp.asarray(targets).astype(jnp.int32), 0)
        before = _before(labels, chain.mask, jnp.full_like(labels[0], self.labels))
        return jnp.where(chain.mask, surprisal(_row(chain.ahead, before), labels), 0)

    def decode(
        self, outputs: ArrayLike, *, where: ArrayLike | None = None
    ) -> Int[Array, "T *batch"]:
        """The most probable label sequence (Viterbi); 0 where `where` is False.

        Of equal sequences it is the first in the order of the labels.
        """
        chain = self._chain(outputs, where, largest)
        return _best(chain.ahead, chain.mask)

    def marginals(
        self, outputs: ArrayLike, *, where: ArrayLike | None = None
    ) -> Float[Array, "T *batch S"]:
        """The probability of every label at every step, given the whole input.

        Zero where `where` is False, and where no label sequence is possible.
        """
        chain = self._chain(outputs, where, exact_logsumexp)
        return _marginals(chain.ahead, chain.mask)

    def potentials(self, outputs: ArrayLike) -> Float[Array, "T *batch S1 S"]:
        """The outputs as `information.chain_log_partition` and the entropies of paths take them."""
        theta, features = real("CRF", "outputs", outputs), (self.labels + 1) * self.labels
        if theta.ndim < 2 or theta.shape[-1] != features:
            raise ValueError(
                f"CRF: outputs must be [T, *batch, {features}], the potentials of {self.labels} "
                f"labels after {self.labels} and after none, got {_check.describe(theta)}. End a "
                f"network of {self.labels} outputs with `networks.Transitions({self.labels})`."
            )
        return theta.reshape(*theta.shape[:-1], self.labels + 1, self.labels)

    def _chain(self, outputs: Any, where: ArrayLike | None, over: Any) -> ChainBackward:
        theta = self.potentials(outputs)
        if where is not None:
            where = _check.numbers("CRF", "where", where)
            _check.flags("CRF", "where", where, theta.shape[:-2])
        return chain_backward("CRF", theta, where, over)


@jax.jit
def _before(
    labels: Int[Array, "T *batch"], mask: Bool[Array, "T *batch"], first: Int[Array, "*batch"]
) -> Int[Array, "T *batch"]:
    """The label before each."""

    def body(before: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        label, valid = now
        return jnp.where(valid, label, before), before

    return jax.lax.scan(body, *alike((first, (labels, mask))))[1]


@jax.jit
def _best(
    ahead: Float[Array, "T *batch S1 S"], mask: Bool[Array, "T *batch"]
) -> Int[Array, "T *batch"]:
    """The best label after the best one before it."""

    def body(before: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        ahead, valid = now
        best = jnp.argmax(_row(ahead, before), axis=-1).astype(jnp.int32)
        return jnp.where(valid, best, before), jnp.where(valid, best, 0)

    first = jnp.full(mask.shape[1:], ahead.shape[-1], jnp.int32)
    return jax.lax.scan(body, *alike((first, (ahead, mask))))[1]


@jax.jit
def _marginals(
    ahead: Float[Array, "T *batch S1 S"], mask: Bool[Array, "T *batch"]
) -> Float[Array, "T *batch S"]:
    """The probabilities of the labels, from one step to the next."""
    chances = jax.nn.softmax(ahead, where=ahead > -jnp.inf, axis=-1)

    def body(before: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        chances, valid = now
        label = jnp.sum(before[..., None] * chances, axis=-2)
        valid = valid[..., None]
        after = jnp.concatenate([label, jnp.zeros_like(label[..., :1])], axis=-1)
        return jnp.where(valid, after, before), jnp.where(valid, label, 0)

    labels = ahead.shape[-1]
    none = jnp.arange(labels + 1) == labels
    first = jnp.broadcast_to(none, ahead.shape[1:-1]).astype(ahead.dtype)
    return jax.lax.scan(body, *alike((first, (chances, mask))))[1]


def _row(ahead: Float[Array, "*steps S1 S"], before: Int[Array, "*steps"]) -> Array:
    """The row of the label before."""
    chosen = jax.nn.one_hot(before, ahead.shape[-2], dtype=bool)[..., None]
    return jnp.sum(jnp.where(jnp.broadcast_to(chosen, ahead.shape), ahead, 0), axis=-2)
