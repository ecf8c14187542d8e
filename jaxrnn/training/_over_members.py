"""`over_members`: a function of one member, run for many of them on all devices."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from .. import _check
from .._checked import checked
from ._members import OneByOne, Vmapped

_AXIS = "members"
_SPEC: Any = PartitionSpec  # whose functions have no types
_ROWS, _EVERYWHERE = _SPEC(_AXIS), _SPEC()


@checked
def over_members(
    function: Callable[..., Any],
    in_axes: int | Sequence[int | None] = 0,
    *,
    members: OneByOne | Vmapped | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Callable[..., Any]:
    """Map a function of one member over many: those of an ensemble, seeds, settings.

    It computes what `jax.vmap(function, in_axes)` computes, within rounding. The members are
    divided between the devices. On a CPU those of a device run one after another, elsewhere side
    by side. If the function takes a gradient, a member's forward and backward pass then follow each
    other, and memory holds what *one* backward pass needs. `jax.vmap` keeps that of all members.

    The result is compiled, once for a function and equal shapes; `jit`, `grad` and `vmap` apply to
    it. If the number of members does not divide between the devices, the last member is computed
    again in the places that are left over, and dropped. Inside `shard_map`, under a mesh that is
    set, and inside another `over_members`, the members are not divided again.

    A CPU is one device, whatever its number of cores, unless the program begins with
    `jax.config.update("jax_num_cpu_devices", cores)`.

    Args:
        function: of one member; arrays in and out, in any trees.
        in_axes: 0 for an argument whose arrays have the members as their first axis, and None for
            one that all members share; for all arguments, or one by one.
        members: how the members of a device run: `OneByOne()`, or `Vmapped(size)`, slices of so
            many side by side, which is faster for tiny networks. By default as described above.
        devices: those that are used, by default all that this process has.

    Returns:
        A function of the same arguments, whose results have the members as their first axis.

    Raises:
        TypeError: `function` is no function, or one of the others is of another kind.
        ValueError: `in_axes` holds something else than 0 and None, or nothing to map; there is no
            device. When it is called: the arguments are not as many as the axes, or differ in the
            number of members, or there is no member.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, training, unroll
        >>> cell, xs = cells.GRU(2, 3), jax.numpy.ones((5, 4, 2))
        >>> loss = lambda params, xs: unroll(cell, params, xs)[1].var()
        >>> ensemble = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), 6))
        >>> gradients = training.over_members(jax.grad(loss), in_axes=(0, None))(ensemble, xs)
        >>> gradients.recurrent.shape
        (6, 3, 9)
    """
    _check.function("over_members", "function", function)
    if devices is not None and not len(devices):
        raise ValueError("over_members: devices is empty. Pass at least one, or leave it out.")
    axes = _axes(in_axes)
    chosen = None if devices is None else tuple(devices)

    def plain(*args: Any) -> Any:  # of a noun that holds arrays, a method has no hash
        return function(*args)

    many = _Many(function if _hashes(function) else plain, members, chosen)

    def call(*args: Any) -> Any:
        mapped, shared, order = _parted(axes, args)
        mesh = many.mesh(_total(mapped))
        if mesh is not None and not any(map(_traced, jax.tree.leaves(args))):
            # What was put on one device, as a file's arrays are, would have to stay there.
            place = _ROWS if _total(mapped) % mesh.size == 0 else _EVERYWHERE
            mapped = jax.device_put(mapped, NamedSharding(mesh, place))
            shared = jax.device_put(shared, NamedSharding(mesh, _EVERYWHERE))
        return _run(many, mapped, shared, order)

    return call


class _Many(NamedTuple):
    """What is run for many members, and how; what its program is compiled for."""

    function: Callable[..., Any]
    members: OneByOne | Vmapped | None
    chosen: tuple[jax.Device, ...] | None

    @property
    def devices(self) -> list[Any]:
        """Those that are used; not before the call, for they cannot be changed once looked at."""
        return local_devices() if self.chosen is None else [*self.chosen]

    def mesh(self, total: int) -> Mesh | None:
        """The devices that so many members are divided between; None for one, and inside a mesh."""
        used, _ = divided(total, len(self.devices))
        if used == 1 or not jax.sharding.get_abstract_mesh().empty:
            return None
        return Mesh(np.array(self.devices[:used]), (_AXIS,), axis_types=(AxisType.Auto,))

    def each(self, one: Callable[[Any], Any], mapped: list[Any]) -> Any:
        """The members of one device."""
        if _total(mapped) == 1:
            result = one(jax.tree.map(lambda leaf: leaf[0], mapped))
            return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], result)
        members = self.members
        if members is None:
            members = OneByOne() if self.devices[0].platform == "cpu" else Vmapped(_total(mapped))
        if isinstance(members, OneByOne):
            return jax.lax.map(one, mapped)
        if members.size >= _total(mapped):
            return jax.vmap(one)(mapped)
        return jax.lax.map(one, mapped, batch_size=members.size)


@functools.partial(jax.jit, static_argnums=(0, 3))
def _run(many: _Many, mapped: list[Any], shared: list[Any], order: tuple[bool, ...]) -> Any:
    def on_a_device(mapped: list[Any], shared: list[Any]) -> Any:
        return many.each(lambda one: many.function(*_joined(order, one, shared)), mapped)

    total = _total(mapped)
    mesh = many.mesh(total)
    if mesh is None:
        return on_a_device(mapped, shared)
    count = mesh.size * -(-total // mesh.size)
    if count > total:
        places = np.minimum(np.arange(count), total - 1)
        mapped = jax.tree.map(lambda leaf: leaf[places], mapped)
    # Unchecked: a scan in the function may start from zeros, which are the same everywhere.
    result = jax.shard_map(
        on_a_device, mesh=mesh, in_specs=(_ROWS, _EVERYWHERE), out_specs=_ROWS, check_vma=False
    )(mapped, shared)
    return result if count == total else jax.tree.map(lambda leaf: leaf[:total], result)


def _hashes(function: Callable[..., Any]) -> bool:
    try:
        hash(function)
    except TypeError:
        return False
    return True


def divided(total: int, devices: int) -> tuple[int, int]:
    """How many of the devices so many members need, and how many there are on each of these."""
    each = -(-total // devices)
    return -(-total // each), each


def local_devices() -> list[Any]:
    """The devices of this process, or the one that is to be the default."""
    config: Any = jax.config
    default = config.jax_default_device
    if default is None or isinstance(default, str):
        return jax.local_devices(backend=default)
    return [default]


def _axes(in_axes: Any) -> tuple[int | None, ...] | int | None:
    axes = tuple(in_axes) if isinstance(in_axes, Sequence) else (in_axes,)
    if any(axis is not None and (type(axis) is not int or axis) for axis in axes) or 0 not in axes:
        raise ValueError(
            "over_members: in_axes must be 0, or 0 or None for each argument, with a 0 among them, "
            f"got {in_axes!r}. Move the axis of the members to the front."
        )
    return axes if isinstance(in_axes, Sequence) else 0


def _parted(axes: Any, args: tuple[Any, ...]) -> tuple[list[Any], list[Any], tuple[bool, ...]]:
    """What is mapped, what is shared, and for each argument whether it is mapped."""
    if isinstance(axes, tuple) and len(axes) != len(args):
        raise ValueError(
            f"over_members: in_axes has {len(axes)} entries, the function got {len(args)} "
            "arguments. Pass 0 or None for each."
        )
    order = tuple(axis == 0 for axis in (axes if isinstance(axes, tuple) else [axes] * len(args)))
    mapped = [arg for arg, each in zip(args, order, strict=True) if each]
    sizes = {np.shape(leaf)[0] if np.ndim(leaf) else None for leaf in jax.tree.leaves(mapped)}
    if len(sizes) != 1 or not all(sizes):
        there = [arg if each else None for arg, each in zip(args, order, strict=True)]
        came = ", ".join(
            f"{jax.tree_util.keystr(path)}: {list(np.shape(leaf))}"
            for path, leaf in jax.tree.leaves_with_path(there)
        )
        raise ValueError(
            "over_members: the first axis of every array must be the members, the same number of "
            f"them everywhere and at least one, got {came or 'no array'}. Pass `in_axes=None` for "
            "an argument that all share."
        )
    return mapped, [arg for arg, each in zip(args, order, strict=True) if not each], order


def _joined(order: tuple[bool, ...], mapped: list[Any], shared: list[Any]) -> list[Any]:
    """The arguments in their order."""
    of_one, of_all = iter(mapped), iter(shared)
    return [next(of_one if each else of_all) for each in order]


def _total(mapped: Any) -> int:
    size: int = np.shape(jax.tree.leaves(mapped)[0])[0]
    return size


def _traced(leaf: Any) -> bool:
    return isinstance(leaf, jax.core.Tracer)
