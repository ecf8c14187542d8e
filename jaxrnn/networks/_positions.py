"""How attention of a sequence to itself knows which step came when."""

import abc
import typing
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._typing import Array, Leaf


class Positions(Config):
    """Makes attention depend on how many steps lie between a query and a key.

    Only on that: positions count the steps of a sequence that are not masked, from wherever the
    caller likes. So a stream of any length needs no large numbers, whose angles would be rounded.
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Such as `networks.Rotary()`."

    @abc.abstractmethod
    def place(
        self, xs: Float[Array, "*blocks L N D"], at: Integer[Array, " L"]
    ) -> Float[Array, "*blocks L N D"]:
        """Queries or keys of every head, marked with their positions."""

    @abc.abstractmethod
    def bias(
        self, queries: Integer[Array, " T"], keys: Integer[Array, " S"], heads: int
    ) -> Float[Array, "N T S"] | None:
        """What is added to the scores, from the positions of queries and keys; or nothing."""

    def check(self, who: str, size: int) -> None:
        """Raise unless it works with heads of `size` features; any, unless it says otherwise."""


@typing.final
class Unordered(Positions):
    """No positions: the keys that a query sees are a set.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.SelfAttention(4, heads=1, positions=networks.Unordered())
        >>> params, xs = layer.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (5, 4))
        >>> forward, backward = (layer.apply(params, x)[1] for x in (xs, xs[::-1]))
        >>> bool(abs(forward - backward[::-1]).max() < 1e-6)
        True
    """

    def place(
        self, xs: Float[Array, "*blocks L N D"], at: Integer[Array, " L"]
    ) -> Float[Array, "*blocks L N D"]:
        return xs

    def bias(self, queries: Integer[Array, " T"], keys: Integer[Array, " S"], heads: int) -> None:
        return None


@typing.final
class Rotary(Positions):
    """Queries and keys turned by angles that grow with the position.

        (x_i, x_{i+D/2})  turned by  position * base^(-2 i / D),   i = 0, ..., D/2 - 1

    The product of a query and a key then depends on the difference of their positions alone.

    Args:
        base: the longest wavelength is about `2 pi base` steps.

    Raises:
        ValueError: a base of 0 or less; in a layer, heads with an odd number of features.

    Reference: J. Su et al., "RoFormer: enhanced Transformer with rotary position embedding",
    arXiv 2104.09864. (It turns neighbouring features; which are paired is only a matter of order.)

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> x, at = jnp.ones((2, 1, 2)), jnp.array([5, 8])
        >>> q, k = networks.Rotary().place(x, at)[:, 0]
        >>> print(f"{q @ k:.4f} {2 * jnp.cos(3):.4f}")
        -1.9800 -1.9800
    """

    base: Leaf = 10_000.0

    def __post_init__(self) -> None:
        if not _check.holds(lambda base: (base > 0) & (base < np.inf), self.base):
            raise ValueError(f"Rotary: base must be finite and above 0, got {self.base}")

    def place(
        self, xs: Float[Array, "*blocks L N D"], at: Integer[Array, " L"]
    ) -> Float[Array, "*blocks L N D"]:
        """Turn pairs of features, in at least float32."""
        _check.number("Rotary", base=self.base)
        kind = at_least_float32(xs.dtype)
        half = xs.shape[-1] // 2
        rates = jnp.asarray(self.base, kind) ** (-jnp.arange(half, dtype=kind) / half)
        angles = at.astype(kind)[:, None, None] * rates[None, None]
        lead = (1,) * (xs.ndim - 3)
        cos, sin = (f(angles).reshape(*lead, *angles.shape) for f in (jnp.cos, jnp.sin))
        a, b = xs[..., :half].astype(kind), xs[..., half:].astype(kind)
        return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(xs.dtype)

    def bias(self, queries: Integer[Array, " T"], keys: Integer[Array, " S"], heads: int) -> None:
        return None

    def check(self, who: str, size: int) -> None:
        """Features are turned in pairs."""
        if size % 2:
            raise ValueError(
                f"{who}: `Rotary` turns pairs of features, got heads of {size}. Use another number "
                "of heads, `ALiBi()` or `Unordered()`."
            )


@typing.final
class ALiBi(Positions):
    """Attention with linear biases: a score falls with the distance, in every head at another rate.

        score = q . k / sqrt(D) - 2^(-8 h / N) |distance|,   heads h = 1, ..., N

    Reference: O. Press, N. A. Smith & M. Lewis, "Train short, test long", ICLR 2022.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> networks.ALiBi().bias(jnp.array([3]), jnp.arange(3), heads=2)[:, 0].tolist()
        [[-0.1875, -0.125, -0.0625], [-0.01171875, -0.0078125, -0.00390625]]
    """

    def place(
        self, xs: Float[Array, "*blocks L N D"], at: Integer[Array, " L"]
    ) -> Float[Array, "*blocks L N D"]:
        return xs

    def bias(
        self, queries: Integer[Array, " T"], keys: Integer[Array, " S"], heads: int
    ) -> Float[Array, "N T S"]:
        distance = jnp.abs(queries[:, None] - keys[None]).astype(float)
        slopes = 2.0 ** (-8 * jnp.arange(1, heads + 1).astype(float) / heads)
        return -slopes[:, None, None] * distance[None]
