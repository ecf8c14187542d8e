"""How an expectation over the sequences that a model writes is taken; here exactly."""

import abc
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from .. import _check
from .._config import Config
from .._numerics import expectation
from .._typing import Array, Key
from ._reading import Models, alphabet, begin, read, roll

_LIMIT = 2**28  # numbers held at once: 1 GiB in float32


class Estimate(NamedTuple):
    """A value and its standard error, which is 0 where the value is exact."""

    value: Float[Array, ""]
    standard_error: Float[Array, ""]


class Expectation(Config):
    r"""How $E_{y \sim p} \sum_t s_t$ is taken over the sequences that a model writes.

    $s_t$ is the score of the drawn symbol: its surprisal for an entropy, the logarithm of the
    models' ratio for a divergence. $h_t = E[s_t | y_{<t}]$ is known at every step, so that
    $S = \sum_t s_t$ and $R = \sum_t h_t$ have the same expectation.
    """

    @abc.abstractmethod
    def __call__(
        self, models: Models, length: int, burn_in: int = 0, *, key: Key | None = None
    ) -> Estimate:
        """The expectation over the steps `burn_in <= t < length`."""


class Enumeration(Expectation):
    r"""The exact sum over all prefixes, $\sum_t \sum_{y_{<t}} p(y_{<t}) h(y_{<t})$.

    Its derivative is exact as well. Time and memory grow with `V ** length`.

    Args:
        limit: the largest number of sequences, `V ** length`, that is gone through.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> def step(carry, symbol):
        ...     return carry, jnp.log(jnp.array([0.5, 0.25, 0.25]))
        >>> model = generation.SequenceModel(step)
        >>> estimate = generation.sequence_entropy(model, 4, generation.Enumeration())
        >>> print(f"{information.to_bits(estimate.value):.3f}")
        6.000
    """

    limit: int = jax.tree.static(default=2**18)

    def __post_init__(self) -> None:
        _check.sizes("Enumeration", limit=self.limit)

    def __call__(
        self, models: Models, length: int, burn_in: int = 0, *, key: Key | None = None
    ) -> Estimate:
        classes = alphabet("Enumeration", models)
        # The power may have more digits than there is time for. A single symbol has one sequence,
        # but of so many steps.
        digits = length * math.log10(classes)
        if digits > 300 or max(classes**length, length) > self.limit:
            count = f"{classes**length:.4g}" if digits < 300 else f"10**{digits:.0f}"
            raise ValueError(
                f"Enumeration: {classes} symbols over {length} steps are {classes}**{length} = "
                f"{count} sequences, more than the limit of {self.limit}. Use an "
                "estimator such as `ControlVariate(samples=1000)`, `FiniteState(states)` where the "
                "carry is a whole number, or another `Enumeration(limit)`."
            )
        # The last symbol is in the steps' own expectations.
        count, before = classes ** (length - 1), jnp.arange(length - 1)
        symbols = jnp.arange(count)[None] // classes ** before[:, None] % classes
        symbols = jnp.concatenate([symbols, jnp.zeros((1, count), symbols.dtype)])
        known = roll(models, count, lambda symbol, _: symbol, symbols)
        # What a model predicts after an impossible symbol, NaN too, counts for nothing.
        impossible = jnp.any(known.log_p[:-1] == -jnp.inf, axis=0)
        p = jnp.where(impossible, 0, jnp.exp(jnp.sum(known.log_p[:-1], axis=0)))
        value = expectation(p, jnp.sum(known.expected[burn_in:], axis=0))
        return Estimate(value, jnp.zeros_like(value))


class FiniteState(Expectation):
    """The exact sum over states, for a model whose carry is a whole number in `[0, states)`.

    The probability of each pair of a carry and the symbol to be read is passed on from step to
    step, so any length is exact, and so is the derivative. A carry of several whole numbers, each
    in `[0, states)`, counts `states` to their number; a divergence needs those of both models.

    Args:
        states: how many values the carry takes.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation, information
        >>> def golden_mean(carry, symbol):  # after a 1 always a 0
        ...     return carry, jnp.log(jnp.array([[0.5, 0.5], [1.0, 0.0]]))[symbol]
        >>> model = generation.SequenceModel(golden_mean, carry=0)
        >>> rate = generation.entropy_rate(
        ...     model, 1000, generation.FiniteState(1), burn_in=100)
        >>> print(f"{information.to_bits(rate.value):.4f}")
        0.6667
    """

    states: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("FiniteState", states=self.states)

    def __call__(
        self, models: Models, length: int, burn_in: int = 0, *, key: Key | None = None
    ) -> Estimate:
        classes = alphabet("FiniteState", models)
        carries, symbols = begin(models)
        leaves, structure = jax.tree.flatten(carries)
        whole = [not leaf.ndim and jnp.issubdtype(leaf.dtype, jnp.integer) for leaf in leaves]
        if not whole or not all(whole):
            came = ", ".join(map(_check.describe, leaves)) or "none"
            raise TypeError(
                f"FiniteState: a carry must be a whole number in [0, {self.states}), got {came}. "
                "Use `Enumeration()` or an estimator such as `ControlVariate(samples=1000)`."
            )
        total = self.states ** len(leaves)
        if total * classes**2 > _LIMIT:
            raise ValueError(
                f"FiniteState: {self.states} states of {len(leaves)} numbers, before and after "
                f"each of {classes} symbols, are {total * classes**2:,} probabilities, more than "
                f"the limit of {_LIMIT:,}. Count the states from 0 without gaps, or use an "
                "estimator such as `ControlVariate(samples=1000)`."
            )
        first = read(models, carries, symbols, False)
        codes, every = jnp.arange(total), []
        for place, leaf in enumerate(leaves):
            every.append((codes // self.states**place % self.states).astype(leaf.dtype))
        carries = jax.tree.unflatten(structure, every)
        symbols = (jnp.arange(classes, dtype=jnp.int32),) * len(models)
        by_symbol = jax.vmap(read, (None, None, 0, None))
        table = jax.vmap(by_symbol, (None, 0, None, None))(models, carries, symbols, True)
        chances, scores = jnp.exp(table.log_p), table.expected()
        following = self._number(table.carries, total).ravel()

        def body(weights: Array, _: None) -> tuple[Array, Array]:
            # The last row holds what left the range.
            inside, lost = weights[:-1], weights[-1:]
            moved = jnp.where(inside[..., None] == 0, 0, inside[..., None] * chances)
            moved = jax.ops.segment_sum(moved.reshape(-1, classes), following, total + 1)
            step = jnp.sum(expectation(inside, scores))
            return moved.at[-1:].add(lost), jnp.where(jnp.sum(lost) > 0, jnp.nan, step)

        weights = jnp.zeros((total + 1, classes), chances.dtype)
        weights = weights.at[self._number(first.carries, total)].set(jnp.exp(first.log_p))
        _, steps = jax.lax.scan(body, weights, None, length - 1)
        value = jnp.sum(jnp.concatenate([first.expected()[None], steps])[burn_in:])
        return Estimate(value, jnp.zeros_like(value))

    def _number(self, carries: Any, total: int) -> Int[Array, "..."]:
        """One number for all the parts of a carry; `total` where a part is out of range."""
        code, inside = jnp.zeros((), jnp.int32), jnp.ones((), bool)
        for place, leaf in enumerate(jax.tree.leaves(carries)):
            part = leaf.astype(jnp.int32)
            code = code + part * self.states**place
            inside = inside & (part >= 0) & (part < self.states)
        return jnp.where(inside, code, total)
