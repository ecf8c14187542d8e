"""`Fresh`, `Carried`: what a batch remembers of the batch before it."""

import abc
import typing

import jax

from .. import _check
from .._config import Config
from .._typing import Batch, Carry, Params
from ..networks import Layer


class CarryPolicy(Config):
    """What carry a batch starts from, and what is kept of the carry that it ends with."""

    def check(self, network: Layer) -> None:
        """Raise where the network cannot be trained so; `Trainer` asks when it is made."""
        return

    @abc.abstractmethod
    def first(self, network: Layer, params: Params, batch: Batch | None = None) -> Carry:
        """What is held before the first batch; `batch` are its batch axes, `None` training's."""

    @abc.abstractmethod
    def start(self, network: Layer, params: Params, held: Carry, batch: Batch) -> Carry:
        """The carry that a batch starts from, given what is held."""

    @abc.abstractmethod
    def keep(self, carry: Carry) -> Carry:
        """What is held of the carry that a batch ends with."""


@typing.final
class Fresh(CarryPolicy):
    """Every batch starts from the network's initial carry, which may be learned.

    Example:
        >>> Fresh()
        Fresh()
    """

    def first(self, network: Layer, params: Params, batch: Batch | None = None) -> Carry:
        return ()

    def start(self, network: Layer, params: Params, held: Carry, batch: Batch) -> Carry:
        return network.carry(params, batch)

    def keep(self, carry: Carry) -> Carry:
        return ()


@typing.final
class Carried(CarryPolicy):
    """Truncated back-propagation through time over a long stream.

    The carry that one batch ends with starts the next one; no gradient flows between them. Where
    `resets[0]` of a batch is True, that sequence starts afresh; a batch without `resets` goes on
    from the batch before it.

    Args:
        batch: the sizes of the batch axes, as `(32,)`; `()` for one sequence alone.

    Raises:
        TypeError: `batch` is not a tuple of integers; by `Trainer`, for a network whose outputs
            depend on what comes later, such as `Bidirectional`.
        ValueError: a size is below 1, or a batch of another size comes.

    Reference:
        Williams and Peng, 1990, "An efficient gradient-based algorithm for on-line training of
        recurrent network trajectories", https://doi.org/10.1162/neco.1990.2.4.490

    Example:
        >>> Carried(batch=(32,))
        Carried(batch=(32,))
    """

    batch: tuple[int, ...] = jax.tree.static()

    def __post_init__(self) -> None:
        for size in self.batch:
            _check.sizes("Carried", batch=size)

    def check(self, network: Layer) -> None:
        for layer in network.parts:
            if not (layer.causal or layer.pools):
                raise TypeError(
                    f"Trainer: {self} hands the carry of each batch on to the next, and the "
                    f"outputs of `{type(layer).__name__}` depend on what comes later, which is not "
                    "there yet. Use a layer that runs forward, or `Fresh()`."
                )

    def first(self, network: Layer, params: Params, batch: Batch | None = None) -> Carry:
        return network.carry(params, self.batch if batch is None else batch)

    def start(self, network: Layer, params: Params, held: Carry, batch: Batch) -> Carry:
        fitting = jax.eval_shape(lambda: network.carry(params, batch))
        if _shapes(held) != _shapes(fitting):
            raise ValueError(
                f"Carried: the carry of the batch before does not fit a batch of {batch}: it has "
                f"shapes {_shapes(held)}, not {_shapes(fitting)}. All batches of a stream have the "
                f"same size, that of {self}."
            )
        return jax.lax.stop_gradient(held)

    def keep(self, carry: Carry) -> Carry:
        return carry


def _shapes(carry: Carry) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(carry)]
