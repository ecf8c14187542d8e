"""`SelectiveCopy`: to remember what matters, and nothing else."""

import math
import typing

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import Key
from ..data import Batch
from ._label_task import LabelTask


@typing.final
class SelectiveCopy(LabelTask):
    """The selective copying task: repeat the symbols that were scattered among blanks.

    A sequence has `T = span + length` steps. Over the first `span` of them, `length` symbols out
    of `[0, symbols)` stand at random places, each as likely, and blanks at the others. Then come
    `length` markers, at which the symbols are to be repeated in their order; nothing is asked
    before.

        inputs   . x_1 . . x_2 x_3 .   marker marker marker
        targets  . .   . . .   .   .   x_1    x_2    x_3

    The blank is the number `symbols`, the marker `symbols + 1`. In `CopyMemory` the places are
    known, and counting suffices; here a network has to look at what it reads. For
    `objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)`.

    Attributes:
        span: the steps over which the symbols are scattered.
        length: how many symbols, at most `span`.
        symbols: how many kinds of symbols.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1, or more symbols than steps to hold them.

    Reference:
        A. Gu & T. Dao, 2023, https://arxiv.org/abs/2312.00752

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.SelectiveCopy(32, length=4)
        >>> batch = task.batch(5, key=jax.random.key(0))
        >>> batch.inputs.shape, batch.inputs[-4:, 0].tolist()
        ((36, 5), [9, 9, 9, 9])
        >>> read = batch.inputs[:32, 0]
        >>> bool((read[read < 8] == batch.targets[-4:, 0]).all())
        True
    """

    span: int = jax.tree.static()
    length: int = jax.tree.static(default=4)
    symbols: int = jax.tree.static(default=8)

    def __post_init__(self) -> None:
        sizes = {"span": self.span, "length": self.length, "symbols": self.symbols}
        _check.sizes("SelectiveCopy", **sizes)
        if self.length > self.span:
            raise ValueError(
                f"SelectiveCopy: {self.length} symbols do not fit into a span of {self.span} steps"
            )

    @property
    def steps(self) -> int:
        return self.span + self.length

    @property
    def vocab(self) -> int:
        """The symbols, the blank and the marker."""
        return self.symbols + 2

    @property
    def targets(self) -> int:
        """The symbols. Before the markers this is the target."""
        return self.symbols

    def baseline(self) -> float:
        """`log(symbols)` nats: at a marker any symbol is as likely."""
        return math.log(self.symbols)

    def chance(self) -> float:
        """`1 / symbols`; that all are right is `symbols ** -length`."""
        return 1 / self.symbols

    def _draw(self, size: int, key: Key) -> Batch:
        for_places, for_symbols = jax.random.split(key)
        blank = jnp.full((self.span, size), self.symbols, jnp.int32)
        drawn = jax.random.randint(for_symbols, (self.length, size), 0, self.symbols, jnp.int32)
        places = jnp.sort(distinct(for_places, self.span, self.length, size), axis=0)
        inputs = blank.at[places, jnp.arange(size)[None]].set(drawn)
        markers = jnp.full_like(drawn, self.symbols + 1)
        return Batch(jnp.concatenate([inputs, markers]), jnp.concatenate([blank, drawn]))


def distinct(key: Key, among: int, count: int, size: int) -> jax.Array:
    """`Int32[count, size]`: in each column some of `range(among)`, each once, in any order."""
    return jnp.argsort(jax.random.uniform(key, (among, size)), axis=0)[:count].astype(jnp.int32)
