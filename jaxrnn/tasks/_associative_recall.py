"""`AssociativeRecall`: to look up what was written under a key."""

import math
import typing

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Key
from ..data import Batch
from ._label_task import LabelTask
from ._selective_copy import distinct


@typing.final
class AssociativeRecall(LabelTask):
    """Multi-query associative recall (MQAR): key-value pairs, then keys whose values are asked for.

    A sequence has `T = 2 pairs + span` steps. First come `pairs` times a key and its value; no key
    comes twice, values may. Over the next `span` steps every key stands once more at some random
    place, in any order, and there its value is asked for; the other steps are blank.

        inputs   k_1 v_1 k_2 v_2 k_3 v_3   . k_3 . . k_1 k_2 .
        targets  .   .   .   .   .   .     . v_3 . . v_1 v_2 .

    Symbols are the keys, the values (`keys` is the first of them), and the blank, `keys + values`;
    targets are the values from 0. In the original the distances to the questions follow a power
    law, and a key and its value are out of one vocabulary. For
    `objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)`.

    Attributes:
        pairs: how many keys with a value.
        span: the steps over which they are asked for, at least `pairs`.
        keys: how many kinds of keys, at least `pairs`.
        values: how many kinds of values.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1, or fewer steps or kinds of keys than pairs.

    Reference:
        S. Arora et al., 2023, https://arxiv.org/abs/2312.04927

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.AssociativeRecall(pairs=4, span=24)
        >>> batch = task.batch(5, key=jax.random.key(0))
        >>> batch.inputs.shape, task.vocab, (batch.targets != task.targets).sum(0).tolist()
        ((32, 5), 129, [4, 4, 4, 4, 4])
    """

    pairs: int = jax.tree.static()
    span: int = jax.tree.static()
    keys: int = jax.tree.static(default=64)
    values: int = jax.tree.static(default=64)

    def __post_init__(self) -> None:
        sizes = {"pairs": self.pairs, "span": self.span, "keys": self.keys, "values": self.values}
        _check.sizes("AssociativeRecall", **sizes)
        for name in ("span", "keys"):
            if sizes[name] < self.pairs:
                raise ValueError(
                    f"AssociativeRecall: {name} must be at least pairs, {self.pairs}, "
                    f"got {sizes[name]}"
                )

    @property
    def steps(self) -> int:
        return 2 * self.pairs + self.span

    @property
    def vocab(self) -> int:
        """The keys, the values and the blank."""
        return self.keys + self.values + 1

    @property
    def targets(self) -> int:
        """The values. Where none is asked for this is the target."""
        return self.values

    def baseline(self) -> float:
        """`log(values)` nats: a key alone says nothing of its value."""
        return math.log(self.values)

    def chance(self) -> float:
        """`1 / values`; about `1 / pairs` for those who know which values there are."""
        return 1 / self.values

    def _draw(self, size: int, key: Key) -> Batch:
        _check.memory(
            "AssociativeRecall.batch", "the keys", (self.keys, size), np.float32, "Draw fewer."
        )
        for_keys, for_values, for_places = jax.random.split(key, 3)
        keys = distinct(for_keys, self.keys, self.pairs, size)
        values = jax.random.randint(for_values, keys.shape, 0, self.values, jnp.int32)
        pairs = jnp.stack([keys, self.keys + values], 1).reshape(-1, size)
        places = distinct(for_places, self.span, self.pairs, size), jnp.arange(size)[None]
        blank = jnp.full((self.span, size), self.keys + self.values, jnp.int32)
        nothing = jnp.full((self.steps, size), self.values, jnp.int32)
        asked = nothing[2 * self.pairs :].at[places].set(values)
        inputs = jnp.concatenate([pairs, blank.at[places].set(keys)])
        return Batch(inputs, jnp.concatenate([nothing[: 2 * self.pairs], asked]))
