"""Samplers: how the next symbol is drawn from logits."""

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._typing import Array, Key, Leaf


class Sampler(Config):
    """Called as `(key, logits) -> symbols` with logits `[*batch, V]`."""

    @abc.abstractmethod
    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """Draw one symbol for every sequence of the batch."""


class Greedy(Sampler):
    """The most probable symbol; the first one among equals.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> int(networks.Greedy()(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """The argument of the maximum."""
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)


class Temperature(Sampler):
    """Sample from `softmax(logits / temperature)`.

    Args:
        temperature: 1 samples from the model; towards 0 it becomes greedy. Must be positive.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> int(networks.Temperature(0.01)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the temperature."""
        _positive("Temperature", self.temperature)

    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """Sample."""
        return _sample(key, _scaled(logits, self.temperature))


class TopK(Sampler):
    """Sample among the `k` most probable symbols.

    Ties at the border are all kept.

    Args:
        k: how many symbols; all of them if there are fewer.
        temperature: divides the logits.

    Reference: A. Fan, M. Lewis & Y. Dauphin, "Hierarchical neural story generation", ACL 2018.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> int(networks.TopK(1)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    k: int = jax.tree.static()
    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the count and the temperature."""
        _check.sizes("TopK", k=self.k)
        _positive("TopK", self.temperature)

    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """Sample."""
        least = jax.lax.top_k(logits, min(self.k, logits.shape[-1]))[0][..., -1:]
        scaled = _scaled(logits, self.temperature)
        return _sample(key, jnp.where(logits >= least, scaled, -jnp.inf))


class Nucleus(Sampler):
    """Sample among the most probable symbols that together reach probability `mass`.

    Args:
        mass: in (0, 1]; the most probable symbol always stays.
        temperature: divides the logits before the probabilities are added up.

    Reference: A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> int(networks.Nucleus(0.1)(jax.random.key(0), jnp.array([0.0, 2.0, 1.0])))
        1
    """

    mass: Leaf
    temperature: Leaf = 1.0

    def __post_init__(self) -> None:
        """Check the mass and the temperature."""
        if _check.concrete(self.mass) and not 0 < self.mass <= 1:
            raise ValueError(f"Nucleus: mass must lie in (0, 1], got {self.mass}")
        _positive("Nucleus", self.temperature)

    def __call__(self, key: Key, logits: Float[Array, "*batch V"]) -> Int[Array, "*batch"]:
        """Sample."""
        scaled = _scaled(logits, self.temperature)
        order = jnp.argsort(scaled, axis=-1, descending=True)
        probabilities = jax.nn.softmax(jnp.take_along_axis(scaled, order, axis=-1), axis=-1)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities
        mass = jnp.asarray(self.mass).astype(before.dtype)
        kept = (before < mass) | (mass >= 1)  # rounding may bring the sum to 1 before its end
        kept = kept.at[..., 0].set(True)
        rank = jnp.argsort(order, axis=-1)
        return _sample(key, jnp.where(jnp.take_along_axis(kept, rank, axis=-1), scaled, -jnp.inf))


def _positive(who: str, temperature: Leaf) -> None:
    if _check.concrete(temperature) and not 0 < temperature < jnp.inf:
        raise ValueError(
            f"{who}: temperature must be positive and finite, got {temperature}. "
            "`Greedy()` is its limit at 0."
        )


def _scaled(logits: Array, temperature: Leaf) -> Array:
    """`logits / temperature` up to a constant: the largest becomes 0, so that none overflows."""
    wide = logits.astype(at_least_float32(logits.dtype))
    limits = np.finfo(wide.dtype)
    temperature = jnp.asarray(temperature).astype(wide.dtype).clip(limits.tiny, limits.max)
    return (wide - wide.max(-1, keepdims=True)) / temperature


def _sample(key: Key, logits: Array) -> Array:
    return jax.random.categorical(key, logits, axis=-1).astype(jnp.int32)
