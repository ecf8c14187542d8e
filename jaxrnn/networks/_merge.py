"""How `Bidirectional` and `Parallel` combine the outputs of two directions or layers."""

import abc
import typing
from typing import Any

import jax.numpy as jnp

from .._config import Config
from .._typing import Array, Inputs
from ._reading import Shape


class Directions(typing.NamedTuple):
    """One thing for each direction of a `Bidirectional` layer: carries, parameters or outputs."""

    forward: Any
    backward: Any


class Merge(Config):
    """Called as `(ahead, behind) -> ys` with both outputs `[T, *batch, ...]`."""

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Such as `networks.Add()`."

    @abc.abstractmethod
    def __call__(self, ahead: Array, behind: Array) -> Inputs:
        """Both outputs made into one."""

    @abc.abstractmethod
    def shape(self, ahead: Shape, behind: Shape) -> Shape | None:
        """The output shape for these input shapes; `None` if it is not a single array.

        Raises:
            ValueError: features that cannot be merged.
        """


@typing.final
class Concatenate(Merge):
    """Both side by side, along the last axis of features.

    Example:
        >>> import jax.numpy as jnp
        >>> Concatenate()(jnp.ones((7, 4)), jnp.zeros((7, 3))).shape
        (7, 7)
    """

    def __call__(self, ahead: Array, behind: Array) -> Array:
        return jnp.concatenate([ahead, behind], axis=-1)

    def shape(self, ahead: Shape, behind: Shape) -> Shape:
        if ahead[:-1] != behind[:-1] or not ahead:
            raise _unfit(self, ahead, behind)
        sizes = [size for size in (ahead[-1], behind[-1]) if size is not None]
        return (*ahead[:-1], sum(sizes) if len(sizes) == 2 else None)


class Elementwise(Merge):
    """Element by element, of outputs of one shape."""

    def shape(self, ahead: Shape, behind: Shape) -> Shape:
        if ahead != behind:
            raise _unfit(self, ahead, behind)
        return ahead


@typing.final
class Add(Elementwise):
    """The sum.

    Example:
        >>> import jax.numpy as jnp
        >>> Add()(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])).tolist()
        [4.0, 6.0]
    """

    def __call__(self, ahead: Array, behind: Array) -> Array:
        return ahead + behind


@typing.final
class Average(Elementwise):
    """The mean of both.

    Example:
        >>> import jax.numpy as jnp
        >>> Average()(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])).tolist()
        [2.0, 3.0]
    """

    def __call__(self, ahead: Array, behind: Array) -> Array:
        return (ahead + behind) / 2


@typing.final
class Multiply(Elementwise):
    """The product.

    Example:
        >>> import jax.numpy as jnp
        >>> Multiply()(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])).tolist()
        [3.0, 8.0]
    """

    def __call__(self, ahead: Array, behind: Array) -> Array:
        return ahead * behind


@typing.final
class Both(Merge):
    """Neither: `Directions(forward, backward)`, for a layer or an objective that reads both.

    Example:
        >>> import jax.numpy as jnp
        >>> Both()(jnp.ones(4), jnp.zeros(3)).backward.shape
        (3,)
    """

    def __call__(self, ahead: Array, behind: Array) -> Directions:
        return Directions(ahead, behind)

    def shape(self, ahead: Shape, behind: Shape) -> None:
        """There is no single one."""


def _unfit(merge: Merge, ahead: Shape, behind: Shape) -> ValueError:
    return ValueError(
        f"{type(merge).__name__}: cannot merge outputs of shapes {ahead} (first, or forward) "
        f"and {behind} (second, or backward)"
    )
