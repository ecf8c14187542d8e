"""`Dyck`: balanced brackets."""

import math
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


class Brackets(NamedTuple):
    """The brackets that are open.

    Shapes:
        kinds: `Int[D]`, from the outermost in; what stands beyond `depth` is of no account.
        depth: `Int[]`, how many are open.
    """

    kinds: Int[Array, "D"]
    depth: Int[Array, ""]


@typing.final
class Dyck(Source):
    """Strings of balanced brackets, one after another: `([])[].()..`

    At every place a bracket opens with probability `opening`, of each kind alike; else the
    innermost open one closes or, where none is open, the string ends. At the greatest depth the
    innermost one closes for sure.

    Symbols: of `K` kinds, `0` to `K - 1` open, `K` to `2 K - 1` close, and `2 K` ends a string,
    which may be empty.

    Attributes:
        opening: in [0, 1).
        kinds: how many kinds of brackets.
        depth: how many may be open at once. Below 1/2, `opening` makes great depths rare.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: a size below 1, or above what memory can hold. Where it is used: an `opening`
            outside [0, 1).

    Reference:
        M. Suzgun, S. Gehrmann, Y. Belinkov, S. Shieber, 2019, https://arxiv.org/abs/1911.03329

    Example:
        >>> import numpy as np
        >>> from jaxrnn import tasks
        >>> source = tasks.Dyck(opening=0.4, kinds=2, depth=3)
        >>> symbols = np.array(["([)].".index(bracket) for bracket in "([])."])
        >>> print(np.exp(-source.surprisal(symbols)).round(3))
        [0.2 0.2 0.6 0.6 0.6]
    """

    opening: Leaf = 0.4
    kinds: int = jax.tree.static(default=1, kw_only=True)
    depth: int = jax.tree.static(default=32, kw_only=True)

    def __post_init__(self) -> None:
        _check.sizes("Dyck", kinds=self.kinds, depth=self.depth)
        logits, open_ones = (2 * self.kinds + 1,), (self.depth,)
        _check.memory("Dyck", "one prediction", logits, np.float32, "Take fewer kinds.")
        _check.memory("Dyck", "the state", open_ones, np.int32, "Take a smaller depth.")

    @property
    def vocab(self) -> int:
        """Two symbols a kind, and the end."""
        return 2 * self.kinds + 1

    def start(self) -> Brackets:
        self._opening("start")
        return Brackets(jnp.zeros(self.depth, jnp.int32), jnp.zeros((), jnp.int32))

    def predict(self, state: Brackets) -> Float[Array, "V"]:
        """Open one of any kind, or close the innermost; end where none is open."""
        opening = array(self.opening)
        full = state.depth == self.depth
        opens = jnp.where(full, -jnp.inf, jnp.log(opening / self.kinds))
        other = jnp.where(full, 0, jnp.log1p(-opening))
        innermost = jax.nn.one_hot(state.depth - 1, self.depth, dtype=bool)
        kind = jnp.sum(jnp.where(innermost, state.kinds, 0), dtype=jnp.int32)
        symbol = jnp.where(state.depth == 0, self.vocab - 1, self.kinds + kind)
        is_other = jax.nn.one_hot(symbol, self.vocab, dtype=bool)
        is_opening = jnp.arange(self.vocab) < self.kinds
        return jnp.where(is_opening, opens, jnp.where(is_other, other, -jnp.inf))

    def update(self, state: Brackets, symbol: Int[Array, ""]) -> Brackets:
        """Note what opens; forget what closes."""
        opens = symbol < self.kinds
        closes = ~opens & (symbol < 2 * self.kinds)
        here = jax.nn.one_hot(state.depth, self.depth, dtype=bool)
        return Brackets(
            kinds=jnp.where(here & opens, symbol, state.kinds),
            depth=state.depth + jnp.where(opens, 1, jnp.where(closes, -1, 0)),
        )

    def string_entropy(self) -> Float[Array, ""]:
        """Nats a string: `mean_length() * entropy_rate()`.

        Where there is no limit to the depth, `(H(opening) + opening log K) / (1 - 2 opening)` for
        `opening < 1/2`.
        """
        return self.mean_length() * self.entropy_rate()

    def mean_length(self) -> Float[Array, ""]:
        """Symbols a string, the end included: how long it takes to come back to depth 0 and end."""
        _, opening, depths = self._depths("mean_length")
        return jnp.asarray(1 / ((1 - opening) * depths[0]))

    def entropy_rate(self) -> Float[Array, ""]:
        """`sum_{d < depth} pi[d] (H(opening) + opening log K)`, in nats a symbol."""
        xp, opening, depths = self._depths("entropy_rate")
        choice = entropy(xp, xp.stack([opening, 1 - opening])) + opening * math.log(self.kinds)
        return jnp.asarray(choice * depths[:-1].sum())

    def _depths(self, method: str) -> Any:
        """The stationary distribution of the depth: as many steps go up to one as down from it."""
        xp, opening = self._opening(method)
        weights = (opening / (1 - opening)) ** xp.arange(self.depth, dtype=opening.dtype)
        weights = xp.concatenate([weights, opening * weights[-1:]])
        return xp, opening, weights / weights.sum()

    def _opening(self, method: str) -> Any:
        opening = probability(f"Dyck.{method}", "opening", self.opening)
        if not _check.holds(lambda opening: opening < 1, opening):
            raise ValueError(f"Dyck.{method}: opening must be below 1, or no string ends")
        return numbers(opening)
