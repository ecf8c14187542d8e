"""`HMM`: a source with finitely many hidden states."""

import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .._typing import Array, Leaf
from ._chain import stationary
from ._probabilities import array, entropy, numbers, rows
from ._source import Source


@typing.final
class HMM(Source):
    """A hidden Markov source, given by one matrix for each symbol.

        transitions[x, s, t] = P(emit x and go to state t | state s)

    Its state as a `Source` is its belief: the distribution of the hidden state given what was
    observed. Where a state and a symbol leave only one next state, the source is *unifilar*: the
    hidden state can be followed, and its entropies are exact.

    Facts about it, such as its entropy rate, are computed in float64 by numpy where the
    probabilities can be read, and rounded to JAX's precision last. Under `jit`, `vmap` and `grad`
    JAX computes them, and what would raise is NaN.

    Args:
        transitions: `[V, S, S]`; for every state the sum over symbols and next states is 1.
        initial: `[S]`, the distribution of the first state; where it is not given, the stationary
            one. Rates and other limits are those of the stationary process either way.

    Raises:
        ValueError: arrays of other shapes. Where it is used: probabilities that are negative or do
            not sum to 1; no `initial`, and more than one stationary distribution.

    References:
        C. Shalizi & J. Crutchfield, Journal of Statistical Physics 104 (2001),
        https://arxiv.org/abs/cond-mat/9907176;
        J. Crutchfield & D. Feldman, Chaos 13 (2003), https://arxiv.org/abs/cond-mat/0102181

    Example:
        >>> import jax, math
        >>> from jaxrnn import tasks
        >>> golden = tasks.HMM([[[0.0, 0.5], [0.0, 0.0]], [[0.5, 0.0], [1.0, 0.0]]])
        >>> print(f"{golden.entropy_rate() / math.log(2):.4f} bits a symbol")
        0.6667 bits a symbol
        >>> symbols = golden.sample(100, (8,), key=jax.random.key(0))
        >>> golden.filter(symbols).log_probs.shape
        (100, 8, 2)
    """

    transitions: Leaf
    initial: Leaf | None = None

    def __post_init__(self) -> None:
        """Check the shapes; the numbers where they are used, for a gradient has other ones."""
        initial, shape = self.initial, jnp.shape(self.transitions)
        if len(shape) < 3 or shape[-1] != shape[-2] or 0 in shape:
            raise ValueError(
                "HMM: transitions must be [V, S, S], one square matrix for each symbol, got shape "
                f"{shape}"
            )
        if initial is not None and jnp.shape(initial)[-1:] != shape[-1:]:
            raise ValueError(
                f"HMM: initial must be [S] = ({shape[-1]},), got shape {jnp.shape(initial)}"
            )

    @property
    def vocab(self) -> int:
        return jnp.shape(self.transitions)[-3]

    @property
    def states(self) -> int:
        """How many hidden states there are."""
        return jnp.shape(self.transitions)[-1]

    def start(self) -> Float[Array, "S"]:
        """The belief before anything is observed."""
        return jnp.asarray(self.first("HMM.start")).astype(array(self.transitions).dtype)

    def predict(self, state: Float[Array, "S"]) -> Float[Array, "V"]:
        p = jnp.einsum("s,xst->x", state, array(self.transitions))
        return jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)), -jnp.inf)

    def update(self, state: Float[Array, "S"], symbol: Int[Array, ""]) -> Float[Array, "S"]:
        """The belief after one more symbol, by Bayes' rule; all 0 after an impossible one."""
        observed = jax.nn.one_hot(symbol, self.vocab, dtype=state.dtype)
        joint = jnp.einsum("s,xst,x->t", state, array(self.transitions), observed)
        total = joint.sum()
        return joint / jnp.where(total > 0, total, 1)

    def stationary(self) -> Float[Array, "S"]:
        """The distribution of the hidden state that a step leaves as it is.

        Raises:
            ValueError: there is more than one: some states are never left, nor are some others.
        """
        return jnp.asarray(self.limit("HMM.stationary"))

    def is_unifilar(self) -> bool | Bool[Array, ""]:
        """Whether a state and a symbol determine the next state."""
        unifilar = ((self.table("HMM.is_unifilar") > 0).sum(-1) <= 1).all()
        return bool(unifilar) if isinstance(unifilar, np.bool_) else unifilar

    def entropy_rate(self) -> Float[Array, ""]:
        """`sum_s pi[s] H(X | s)`, in nats a symbol: exact for a unifilar source.

        Raises:
            ValueError: the source is not unifilar, and only `entropy_rate_bounds` are known. (NaN
                where the transitions are traced.)
        """
        return jnp.asarray(self.given_state("HMM.entropy_rate", entropy))

    def table(self, who: str) -> Any:
        """The transitions of one source, in numpy and float64 where they can be read."""
        _, transitions = numbers(self.transitions)
        if transitions.ndim != 3:
            raise ValueError(
                f"{who}: the transitions {transitions.shape} are those of several sources. Use "
                "`jax.vmap` over the source."
            )
        if isinstance(transitions, np.ndarray):
            from_each = np.swapaxes(transitions, 0, 1).reshape(self.states, -1)
            rows(who, "the transitions", from_each, of="state")
        return transitions

    def first(self, who: str) -> Any:
        """The distribution of the first state, as `table`."""
        self.table(who)
        if self.initial is None:
            return self.limit(who)
        _, initial = numbers(self.initial)
        rows(who, "initial", initial, of="the distribution")
        return initial

    def limit(self, who: str) -> Any:
        """The stationary distribution of the state, as `table`."""
        return stationary(who, self.table(who).sum(0))

    def given_state(self, who: str, function: Callable[[Any, Any], Any]) -> Any:
        """The stationary mean of a function of `p(x | state)`, for a unifilar source alone."""
        transitions = self.table(who)
        xp, _ = numbers(transitions)
        unifilar = self.is_unifilar()
        if unifilar is False:
            s, x = (int(place[0]) for place in np.nonzero((transitions > 0).sum(-1).T > 1))
            after = " or ".join(map(str, transitions[x, s].nonzero()[0]))
            raise ValueError(
                f"{who}: this source is not unifilar, so there is no closed form: state {s} emits "
                f"{x} and may go to states {after}. Use `entropy_rate_bounds(source, length)`."
            )
        value = self.limit(who) @ function(xp, transitions.sum(-1).T)
        return xp.where(unifilar, value, xp.nan)
