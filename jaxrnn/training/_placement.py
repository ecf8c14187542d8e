"""`Placement`: how batches and states lie on devices."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec, Sharding

from .. import _check
from ..data import Batch
from ..networks import Layer
from . import _arrays
from ._batch import lead
from ._state import TrainState

# Functions of JAX that have no types.
_axes: Any = PartitionSpec
_mesh_set: Any = jax.sharding.get_abstract_mesh
_constrained: Any = jax.lax.with_sharding_constraint
_from_rows: Any = jax.make_array_from_process_local_data


class Placement(NamedTuple):
    """Over which axes of a mesh the batch axes lie; `None` leaves everything where it is.

    What is computed never depends on it: XLA divides one program for the whole batch among the
    devices. So an array that cannot be divided, as a carry without a batch axis, may be whole on
    every device.
    """

    sharding: NamedSharding | None = None

    @property
    def several(self) -> bool:
        """Whether devices of other processes take part."""
        return self.sharding is not None and not self.sharding.is_fully_addressable

    def batch(self, who: str, network: Layer, batch: Batch) -> Batch:
        """The batch on its devices; of a process only its own rows are copied to them."""
        if self.sharding is None:
            return batch
        return _put(batch, self._of_batch(who, network, batch))

    def stack(self, who: str, network: Layer, stack: Batch) -> Batch:
        """The same for several batches along a leading axis."""
        if self.sharding is None:
            return stack
        one = self._of_batch(who, network, _first(stack))
        return _put(stack, jax.tree.map(lambda sharding: self._with(None, *sharding.spec), one))

    def state(self, tree: Any) -> Any:
        """The state, or a part of it: the carry divided as batches are, the rest on every device.

        What is on these devices already stays as it is: parameters that a user has divided remain
        so.
        """
        if self.sharding is None:
            return tree
        if not isinstance(tree, TrainState):
            return jax.tree.map(lambda leaf: self._settled(leaf, ()), tree)
        carry = jax.tree.map(lambda leaf: self._settled(leaf, self._rows), tree.carry)
        return TrainState(*map(self.state, tree._replace(carry=())))._replace(carry=carry)

    def shardings(self, tree: Any) -> tuple[Sharding, ...] | None:
        """Where the leaves of a state lie, for `stay`."""
        return None if self.sharding is None else tuple(x.sharding for x in jax.tree.leaves(tree))

    def divided(self, carry: Any) -> Any:
        """Inside `jit`, a carry divided as batches are."""
        if self.sharding is None:
            return carry
        shardings = jax.tree.map(lambda leaf: self._fitting(leaf, self._rows), carry)
        return _constrained(carry, shardings)

    def whole(self, tree: Any) -> Any:
        """Inside `jit`, arrays that every device has all of."""
        if self.sharding is None:
            return tree
        return _constrained(tree, jax.tree.map(lambda _: self._with(), tree))

    @property
    def _rows(self) -> tuple[Any, ...]:
        """The mesh axes of each batch axis."""
        assert self.sharding is not None
        return tuple(self.sharding.spec[1:])

    def _of_batch(self, who: str, network: Layer, batch: Batch) -> Batch:
        """The sharding of every leaf of a batch."""
        axes = lead(network, batch)[1:]
        self._check_divides(who, axes)

        def of(leaf: Any, *starts: int) -> NamedSharding:
            """That of a leaf whose batch axes begin at the first place of these where they fit."""
            for start in starts:
                if leaf.shape[start : start + len(axes)] == axes:
                    return self._with(*[None] * start, *self._rows)
            return self._with()

        # By the network a target belongs to a step or to a sequence; a loss may say otherwise, as
        # CTC does of the lengths of its labels.
        order = (0, 1) if network.pools else (1, 0)
        return Batch(
            jax.tree.map(lambda leaf: of(leaf, 1), batch.inputs),
            jax.tree.map(lambda leaf: of(leaf, *order), batch.targets),
            *jax.tree.map(lambda leaf: of(leaf, 1), batch[2:]),
        )

    def _check_divides(self, who: str, axes: tuple[int, ...]) -> None:
        for axis, names in enumerate(self._rows):
            count = self._devices(names)
            if axis >= len(axes):
                raise ValueError(
                    f"{who}: the sharding divides batch axis {axis}, and the batch has axes "
                    f"[T, {', '.join(map(str, axes))}]. Name a mesh axis for each batch axis: "
                    f"`P(None, 'data')` is for [T, batch]."
                )
            if axes[axis] % count:
                whole = -(-axes[axis] // count) * count
                raise ValueError(
                    f"{who}: a batch of {axes[axis]} cannot be divided evenly among the {count} "
                    f"devices of the mesh axis {names!r}. Take batches of {whole} (`data.Shuffled` "
                    f"fills the last one), or a mesh of another size."
                )

    def _settled(self, leaf: Any, rows: tuple[Any, ...]) -> Any:
        """A leaf of a state on the devices, where it is not yet."""
        assert self.sharding is not None
        there = getattr(leaf, "sharding", None)
        if isinstance(there, NamedSharding) and there.device_set == self.sharding.device_set:
            return jax.device_put(leaf, _automatic(there))
        return put(leaf, self._fitting(leaf, rows))

    def _fitting(self, leaf: Any, rows: tuple[Any, ...]) -> NamedSharding:
        sizes = zip(np.shape(leaf), rows, strict=False)
        divides = all(size % self._devices(names) == 0 for size, names in sizes)
        return self._with(*rows) if divides and len(rows) <= np.ndim(leaf) else self._with()

    def _devices(self, names: Any) -> int:
        """How many devices lie along one axis of the mesh, or several; along none one."""
        assert self.sharding is not None
        several = names if isinstance(names, tuple) else () if names is None else (names,)
        return math.prod(self.sharding.mesh.shape[name] for name in several)

    def _with(self, *spec: Any) -> NamedSharding:
        assert self.sharding is not None
        return NamedSharding(self.sharding.mesh, _axes(*spec))


UNPLACED = Placement()
"""Whatever JAX does by itself."""


def placement(who: str, sharding: Any) -> Placement:
    """The placement that a user's sharding asks for.

    Raises:
        TypeError: it is no `NamedSharding`.
        ValueError: it divides time, its mesh has devices of some of several processes, or another
            mesh with explicit axes is set.
    """
    if sharding is None:
        return UNPLACED
    remedy = "Make one: `NamedSharding(jax.make_mesh((2,), ('data',)), P(None, 'data'))`."
    _check.kind(who, "sharding", sharding, NamedSharding, remedy)
    if sharding.spec and sharding.spec[0] is not None:
        raise ValueError(
            f"{who}: sharding is of [T, batch], and time is not divided, got {sharding.spec}. The "
            f"first entry is None: `P(None, {sharding.spec[0]!r})`."
        )
    if AxisType.Explicit in _mesh_set().axis_types:
        raise ValueError(
            f"{who}: sharding says which mesh is used, and `jax.set_mesh` has set one with "
            "explicit axes. Call outside of it."
        )
    processes = {device.process_index for device in sharding.device_set}
    if len(processes) not in (1, jax.process_count()) or jax.process_index() not in processes:
        raise ValueError(
            f"{who}: the mesh must have devices of all {jax.process_count()} processes, or of this "
            f"one alone, got those of processes {sorted(processes)}"
        )
    return Placement(_automatic(sharding))


def put(leaf: Any, sharding: Sharding) -> jax.Array:
    """An array that this process has whole, on devices that may be of several processes."""
    if sharding.is_fully_addressable or not getattr(leaf, "is_fully_addressable", True):
        return jax.device_put(leaf, sharding)
    if _arrays.is_key(leaf):
        data = put(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    # Each takes its rows, and does not compare the whole with that of others, as `device_put` does.
    host = np.asarray(leaf)
    return _from_rows(sharding, host, host.shape)


def stay(tree: Any, shardings: tuple[Sharding, ...] | None) -> Any:
    """Inside `jit`, keep the leaves of a tree where those of the one before were."""
    if shardings is None:
        return tree
    return _constrained(tree, jax.tree.unflatten(jax.tree.structure(tree), shardings))


def _automatic(sharding: NamedSharding) -> NamedSharding:
    """The same, where the compiler and not the type of an array says how results are divided.

    A mesh of `jax.make_mesh` has explicit axes, with which every operation of a network, a loss or
    a metric would have to say so.
    """
    mesh = sharding.mesh
    automatic = mesh.update(axis_types=(AxisType.Auto,) * len(mesh.axis_names))
    return NamedSharding(automatic, sharding.spec, memory_kind=sharding.memory_kind)


def _first(stack: Batch) -> Batch:
    return jax.tree.map(lambda leaf: leaf[0], stack)


def _put(batch: Batch, shardings: Batch) -> Batch:
    return jax.tree.map(put, batch, shardings)
