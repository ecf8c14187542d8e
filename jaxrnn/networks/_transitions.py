"""`Transitions`: learned scores for pairs of successive labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._typing import Array, Key
from ._layer import Memoryless


class TransitionsParams(NamedTuple):
    """Parameters of `Transitions`."""

    start: Float[Array, " S"]
    transition: Float[Array, "S S"]


class Transitions(Memoryless):
    """Add a learned score for every pair of successive labels, as `objectives.CRF` takes them.

        y[i, j] = x[j] + transition[i, j]        y[labels, j] = x[j] + start[j]

    Shapes: x `[T, *batch, labels]`, y `[T, *batch, (labels + 1) * labels]`: a flattened table with
    a row for each previous label and a column for each label. The last row is for the first step.

    Args:
        labels: how many labels there are. All scores start at 0.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> network = networks.stack(networks.Dense(3, 5), networks.Transitions(5))
        >>> params = network.init(jax.random.key(0))
        >>> network.apply(params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 30)
    """

    labels: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("Transitions", labels=self.labels)

    def init(self, key: Key) -> TransitionsParams:
        return TransitionsParams(jnp.zeros(self.labels), jnp.zeros((self.labels, self.labels)))

    def transform(
        self, params: TransitionsParams, xs: Float[Array, "... S"], *, key: Key | None = None
    ) -> Float[Array, "... P"]:
        rows = jnp.concatenate([params.transition, params.start[None]])
        rows = rows.reshape((1,) * (xs.ndim - 1) + rows.shape)
        return (xs[..., None, :] + rows).reshape(*xs.shape[:-1], *self.output_shape)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.labels,)

    @property
    def output_shape(self) -> tuple[int]:
        return ((self.labels + 1) * self.labels,)
