"""`Source`: a process whose own prediction of the next symbol is known."""

import abc
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check, _host, information
from .._config import Config
from .._typing import Array, ArrayLike, Batch, Key


class Filtered(NamedTuple):
    """What a source knows at every step of what was observed.

    Shapes:
        log_probs: `[T, *batch, V]`, the log-probability of each symbol *before* step `t` is
            observed, given all that was observed before it; `-inf` where impossible. They are
            logits: `information.entropy(log_probs)` is how unsure the best model is.
        states: `[T, *batch, ...]`, the source's state *after* step `t` was observed: what a
            network that has read as much could know.
    """

    log_probs: Float[Array, "T *batch V"]
    states: Any


class Source(Config):
    """A process over the symbols `[0, vocab)` that knows the probabilities of its next symbol.

    A source defines three functions of one sequence, without batch axes, and its entropy rate;
    `sample`, `filter` and `surprisal` follow:

        state[0] = start()
        p(x[t] | x[0], ..., x[t-1]) = exp(predict(state[t]))[x[t]]
        state[t+1] = update(state[t], x[t])

    The state is all that the past says about the future. Probabilities are leaves, so that
    `jax.vmap` and `jax.grad` work over them.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.tasks import Source
        >>> class Alternating(Source):
        ...     vocab = 2
        ...     def start(self):
        ...         return jnp.int32(0)
        ...     def predict(self, state):
        ...         return jnp.where(jnp.arange(2) == state, 0.0, -jnp.inf)
        ...     def update(self, state, symbol):
        ...         return 1 - symbol
        ...     def entropy_rate(self):
        ...         return jnp.zeros(())
        >>> print(Alternating().sample(5, key=jax.random.key(0)))
        [0 1 0 1 0]
    """

    @property
    @abc.abstractmethod
    def vocab(self) -> int:
        """How many symbols there are."""

    @abc.abstractmethod
    def start(self) -> Any:
        """The state before anything is observed: a pytree of arrays."""

    @abc.abstractmethod
    def predict(self, state: Any) -> Float[Array, "V"]:
        """The log-probabilities of the next symbol; `-inf` where it is impossible."""

    @abc.abstractmethod
    def update(self, state: Any, symbol: Int[Array, ""]) -> Any:
        """The state after one more symbol; any finite state, where that symbol was impossible."""

    @abc.abstractmethod
    def entropy_rate(self) -> Float[Array, ""]:
        """Nats per symbol that no model can go below.

        Raises:
            ValueError: there is no closed form.
        """

    def sample(self, length: int, batch: Batch = (), *, key: Key) -> Int[Array, "T *batch"]:
        """Draw sequences; time leads.

        Args:
            length: how many symbols each has.
            batch: the sizes of the batch axes; `()` for one sequence.
            key: where randomness is drawn from.

        Raises:
            TypeError: a size that is not an integer.
            ValueError: a size below 1, or more than memory can hold.
        """
        who = f"{type(self).__name__}.sample"
        _check.sizes(who, length=length)
        for size in batch:
            _check.sizes(who, batch=size)
        noise = (length, *batch, self.vocab)
        _check.memory(who, "what is drawn", noise, np.float32, "Draw fewer or shorter ones.")
        return _sample(self, self.start(), key, length=length, batch=batch)

    def filter(self, observations: ArrayLike) -> Filtered:
        """The exact predictions and states along observed sequences.

        After a symbol that the source holds impossible, as is every one outside `[0, vocab)`,
        every symbol is impossible: all later `log_probs` are `-inf`.

        Args:
            observations: `Int[T, *batch]`.

        Raises:
            TypeError: observations that are not integers.
            ValueError: observations without a time axis, or outside `[0, vocab)` where they can
                be read.
        """
        return _filter(self, self.start(), self._checked("filter", observations))

    def surprisal(self, observations: ArrayLike) -> Float[Array, "T *batch"]:
        """`-log p(x[t] | x[0], ..., x[t-1])`, in nats: the least that any model can expect.

        Its mean over a long sample is an estimate of the entropy rate. Arguments and errors are
        those of `filter`; `inf` where the source holds the symbol impossible.
        """
        return _surprisal(self, self.start(), self._checked("surprisal", observations))

    def _checked(self, method: str, observations: ArrayLike) -> Array:
        who = f"{type(self).__name__}.{method}"
        given = _host.array(who, "observations", observations)
        symbols = jnp.asarray(given)
        if not jnp.issubdtype(symbols.dtype, jnp.integer):
            raise TypeError(f"{who}: observations must be integers, got {_check.describe(symbols)}")
        if symbols.ndim == 0:
            raise ValueError(f"{who}: observations must be [T, *batch], got a single number")
        if _check.concrete(given):
            seen = np.asarray(given)
            wrong = seen[(seen < 0) | (seen >= self.vocab)]
            if wrong.size:
                raise ValueError(
                    f"{who}: observations must lie in [0, {self.vocab}), got {wrong.ravel()[0]}"
                )
        size = (*symbols.shape, self.vocab)
        _check.memory(who, "the predictions", size, np.float32, "Read fewer or shorter ones.")
        return symbols.astype(jnp.int32)


# The state to start from is computed outside, where the numbers of most sources can be read.
@partial(jax.jit, static_argnames=("length", "batch"))
def _sample(source: Source, start: Any, key: Key, *, length: int, batch: Batch) -> Array:
    dtype = jax.eval_shape(source.predict, start).dtype
    noise = jax.random.gumbel(key, (length, *batch, source.vocab), dtype)

    def step(state: Any, noise: Array) -> tuple[Any, Array]:
        # The largest of log-probabilities plus Gumbel noise: never a symbol of probability 0.
        symbol = jnp.argmax(source.predict(state) + noise).astype(jnp.int32)
        return source.update(state, symbol), symbol

    def path(noise: Array) -> Array:
        return jax.lax.scan(step, start, noise)[1]

    for _ in batch:
        path = jax.vmap(path, in_axes=1, out_axes=1)
    return path(noise)


@jax.jit
def _filter(source: Source, start: Any, observations: Array) -> Filtered:
    def step(carry: tuple[Any, Array], symbol: Array) -> tuple[tuple[Any, Array], Filtered]:
        state, possible = carry
        log_probs = jnp.where(possible, source.predict(state), -jnp.inf)
        # Compared, not gathered: an index below 0 would count from the end.
        seen = jax.nn.one_hot(symbol, source.vocab, dtype=bool)
        possible = jnp.any(seen & (log_probs > -jnp.inf))
        state = source.update(state, symbol)
        return (state, possible), Filtered(log_probs, state)

    def path(symbols: Array) -> Any:
        return tuple(jax.lax.scan(step, (start, jnp.array(True)), symbols)[1])

    for _ in observations.shape[1:]:
        path = jax.vmap(path, in_axes=1, out_axes=1)
    return Filtered(*path(observations))


@jax.jit
def _surprisal(source: Source, start: Any, observations: Array) -> Array:
    log_probs = _filter(source, start, observations).log_probs
    return information.surprisal(log_probs, observations)
