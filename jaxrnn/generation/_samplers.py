"""Samplers: how the next symbol is drawn from logits."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._typing import Array, Key, Leaf


class Sampler(Config):
    """Called as `(key, logits) -> symbols` with logits `[*batch, V]`.

    A sampler is a change of the distribution: it draws from `softmax(adjust(logits))`. Its numbers
    may be one for all, or one for each row of the batch, `[*batch]`.
    """

    @abc.abstractmethod
    def adjust(self, logits: Float[Array, "*batch V"]) -> Float[Array, "*batch V"]:
        """The logits that are drawn from: minus infinity at symbols that never are."""

    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """Draw one symbol for every sequence of the batch."""
        return jax.random.categorical(key, self.adjust(logits), axis=-1).astype(jnp.int32)


class Greedy(Sampler):
    """The most probable symbol; the first one among equals.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> int(generation.Greedy()(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    def adjust(self, logits: Float[Array, "*batch V"]) -> Float[Array, "*batch V"]:
        """Zero at the first maximum, minus infinity elsewhere."""
        logits = _read("Greedy", logits)
        chosen = jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=bool)
        return _only(chosen, jnp.zeros_like(logits))


class Temperature(Sampler):
    """Sample from `softmax(logits / temperature)`.

    Args:
        temperature: 1 samples from the model; towards 0 it becomes greedy. Must be positive; one
            number, or one a row `[*batch]`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> int(generation.Temperature(0.01)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        _positive("Temperature", self.temperature)

    def adjust(self, logits: Float[Array, "*batch V"]) -> Float[Array, "*batch V"]:
        logits = _read("Temperature", logits)
        return _scaled("Temperature", logits, self.temperature)


class TopK(Sampler):
    """Sample among the `k` most probable symbols.

    Ties at the border are all kept.

    Args:
        k: how many symbols; all of them if there are fewer. A tuple has one count a row.
        temperature: divides the logits; one number, or one a row `[*batch]`.

    Reference: A. Fan, M. Lewis & Y. Dauphin, "Hierarchical neural story generation", ACL 2018.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> int(generation.TopK(1)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    k: int | tuple[Any, ...] = jax.tree.static()
    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        _check.sizes("TopK", **{"k": self.k} if isinstance(self.k, int) else _each(self.k))
        _positive("TopK", self.temperature)

    def adjust(self, logits: Float[Array, "*batch V"]) -> Float[Array, "*batch V"]:
        logits = _read("TopK", logits)
        counts = np.minimum(self.k, logits.shape[-1])
        largest = jax.lax.top_k(logits, int(counts.max()))[0]
        ranks = _a_row("TopK", "k", counts, logits) - 1
        least = jnp.take_along_axis(largest, jnp.broadcast_to(ranks, (*logits.shape[:-1], 1)), -1)
        return _only(logits >= least, _scaled("TopK", logits, self.temperature))


class Nucleus(Sampler):
    """Sample among the most probable symbols that together reach probability `mass`.

    Args:
        mass: in (0, 1]; the most probable symbol always stays. One number, or one a row `[*batch]`.
        temperature: divides the logits before the probabilities are added up; likewise.

    Reference: A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> int(generation.Nucleus(0.1)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    mass: Leaf
    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        if not _check.holds(lambda mass: (mass > 0) & (mass <= 1), self.mass):
            raise ValueError(f"Nucleus: mass must lie in (0, 1], got {self.mass}")
        _positive("Nucleus", self.temperature)

    def adjust(self, logits: Float[Array, "*batch V"]) -> Float[Array, "*batch V"]:
        logits = _read("Nucleus", logits)
        scaled = _scaled("Nucleus", logits, self.temperature)
        order = jnp.argsort(scaled, axis=-1, descending=True)
        probabilities = jax.nn.softmax(jnp.take_along_axis(scaled, order, axis=-1), axis=-1)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities
        mass = _a_row("Nucleus", "mass", self.mass, logits).astype(before.dtype)
        kept = (before < mass) | (mass >= 1)  # rounding may bring the sum to 1 before its end
        kept = kept.at[..., 0].set(True)
        rank = jnp.argsort(order, axis=-1)
        return _only(jnp.take_along_axis(kept, rank, axis=-1), scaled)


def _positive(who: str, temperature: Leaf) -> None:
    if not _check.holds(lambda t: (t > 0) & (t < np.inf), temperature):
        raise ValueError(
            f"{who}: temperature must be positive and finite, got {temperature}. "
            "`Greedy()` is its limit at 0."
        )


def _each(counts: tuple[Any, ...]) -> dict[str, Any]:
    """The counts of a tuple of tuples, one by one."""
    return {f"k[{i}]": k for i, k in enumerate(jax.tree.leaves(counts))} or {"k": counts}


def _a_row(who: str, name: str, value: Leaf, logits: Array) -> Array:
    """One number for all rows, or one for each: `[*batch, 1]` beside logits `[*batch, V]`."""
    array, batch = jnp.asarray(value), logits.shape[:-1]
    if array.ndim and array.shape != batch:
        raise ValueError(
            f"{who}: {name} must be one number, or one for each row of the batch {batch}, got "
            f"an array {array.shape}"
        )
    return array[..., None] if array.ndim else array


def _read(who: str, logits: Array) -> Array:
    """The logits, or raise for what is none."""
    logits = _check.numbers(who, "logits", logits)
    _check.floating(who, "logits", logits, "It is the network's outputs that are drawn from.")
    if not logits.ndim or not logits.shape[-1]:
        raise ValueError(f"{who}: logits must be [*batch, V], got {_check.describe(logits)}")
    return logits


def _scaled(who: str, logits: Array, temperature: Leaf) -> Array:
    """`logits / temperature` up to a constant: the largest becomes 0, so that none overflows."""
    wide = logits.astype(at_least_float32(logits.dtype))
    least = np.finfo(wide.dtype).tiny  # so that neither it nor its reciprocal leaves the range
    temperature = _a_row(who, "temperature", temperature, logits).astype(wide.dtype)
    temperature = temperature.clip(least, 1 / least)
    return (wide - wide.max(-1, keepdims=True)) / temperature


def _only(kept: Array, logits: Array) -> Array:
    return jnp.where(kept, logits, -jnp.inf)
