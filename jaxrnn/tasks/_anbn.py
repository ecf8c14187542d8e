"""`AnBn`: counting without a bound."""

import typing
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._typing import Array, Leaf
from ._probabilities import array, entropy, numbers, probability
from ._source import Source


class Count(NamedTuple):
    """Where in a string it is.

    Shapes:
        letter: `Int[]`, the letter that comes next for sure; 0 while the first one is repeated.
        repeats: `Int[]`, how often the first letter came.
        left: `Int[]`, how often `letter` is still to come.
    """

    letter: Int[Array, ""]
    repeats: Int[Array, ""]
    left: Int[Array, ""]


@typing.final
class AnBn(Source):
    """Strings of `n` times each letter in turn, one after another: `aabb.ab.aaabbb.`

    After every first letter the next one follows with probability `stop`, so that
    `P(n) = stop (1 - stop)^(n - 1)` for `n >= 1`; all else is certain, for one who can count. Two
    letters make a context-free language, three (`aabbcc`) one that is not.

    Symbols are the letters, `0` to `letters - 1`, and the end of a string, `letters`.

    Attributes:
        stop: in (0, 1].
        letters: how many.

    Raises:
        TypeError: `letters` is not an integer.
        ValueError: fewer than 2 letters, or more than memory can hold. Where it is used: a `stop`
            outside (0, 1].

    Reference:
        F. Gers & J. Schmidhuber, IEEE Transactions on Neural Networks 12 (2001).

    Example:
        >>> import numpy as np
        >>> from jaxrnn import information, tasks
        >>> source = tasks.AnBn()
        >>> print(np.exp(-source.surprisal(np.array([0, 0, 1, 1, 2, 0]))).round(3))
        [1.  0.5 0.5 1.  1.  1. ]
        >>> print(f"{information.to_bits(source.string_entropy()):.1f} bits a string")
        2.0 bits a string
    """

    stop: Leaf = 0.5
    letters: int = jax.tree.static(default=2)

    def __post_init__(self) -> None:
        _check.sizes("AnBn", letters=self.letters)
        if self.letters < 2:
            raise ValueError(f"AnBn: letters must be at least 2, got {self.letters}")
        logits = (self.letters + 1,)
        _check.memory("AnBn", "one prediction", logits, np.float32, "Take fewer letters.")

    @property
    def vocab(self) -> int:
        """The letters, and the end."""
        return self.letters + 1

    def start(self) -> Count:
        self._stop("start")
        zero = jnp.zeros((), jnp.int32)
        return Count(zero, zero, zero)

    def predict(self, state: Count) -> Float[Array, "V"]:
        """A choice while the first letter is repeated; else one symbol for sure."""
        stop = array(self.stop)
        free = (state.letter == 0) & (state.repeats > 0)
        sure = jnp.where(jax.nn.one_hot(state.letter, self.vocab, dtype=bool), 0, -jnp.inf)
        rest = jnp.full(self.vocab - 2, -jnp.inf, stop.dtype)
        choice = jnp.concatenate([jnp.stack([jnp.log1p(-stop), jnp.log(stop)]), rest])
        return jnp.where(free, choice, sure.astype(stop.dtype))

    def update(self, state: Count, symbol: Int[Array, ""]) -> Count:
        """Count up along the first letter, and down along each of the others."""
        first, end = symbol == 0, symbol == self.letters
        left = jnp.where(state.letter == 0, state.repeats, state.left) - 1
        done = left == 0
        # The end, as if it were a letter, comes once.
        ahead = jnp.where(symbol + 1 == self.letters, 1, state.repeats)
        return Count(
            letter=jnp.where(first | end, 0, jnp.where(done, symbol + 1, symbol)),
            repeats=jnp.where(first, state.repeats + 1, jnp.where(end, 0, state.repeats)),
            left=jnp.where(done, ahead, left),
        )

    def string_entropy(self) -> Float[Array, ""]:
        """`H(stop) / stop`, in nats: that of a geometric number."""
        xp, stop = self._stop("string_entropy")
        return jnp.asarray(entropy(xp, xp.stack([stop, 1 - stop])) / stop)

    def mean_length(self) -> Float[Array, ""]:
        """`letters / stop + 1` symbols, the end included."""
        return jnp.asarray(self.letters / self._stop("mean_length")[1] + 1)

    def entropy_rate(self) -> Float[Array, ""]:
        """`string_entropy() / mean_length()`, in nats a symbol."""
        return self.string_entropy() / self.mean_length()

    def _stop(self, method: str) -> Any:
        stop = probability(f"AnBn.{method}", "stop", self.stop)
        if not _check.holds(lambda stop: stop > 0, stop):
            raise ValueError(f"AnBn.{method}: stop must be above 0, or no string ends")
        return numbers(stop)
