"""`Rollout`: what was recorded while a network acted, and what the laws of one rollout share."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._numerics import select
from ..networks import Layer
from . import _trees as trees
from ._law import Shared

WHO, T, B = "check_replay", 8, 3


class Rollout(NamedTuple):
    """What was recorded while a network acted, step after step, with `layer.step`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks, testing
        >>> layer = networks.Recurrent(cells.GRU(3, 4))
        >>> params, carry = layer.init(jax.random.key(0)), jnp.zeros((2, 4))
        >>> xs, resets, ys = jnp.ones((5, 2, 3)), jnp.zeros((5, 2), bool).at[3, 0].set(True), []
        >>> for x, reset in zip(xs, resets):
        ...     carry, y = layer.step(params, carry, x, resets=reset)
        ...     ys.append(y)
        >>> rollout = testing.Rollout(xs, resets, jnp.zeros((2, 4)), jnp.stack(ys), last=carry)
        >>> testing.check_replay(layer, params, rollout, echo=False).holds
        True
    """

    inputs: Any
    """What the network read, `[T, *batch, ...]`, or a tree of such."""

    resets: Any = None
    """`Bool[T, *batch]`, True at the first step of an episode; `None` where none began."""

    carry: Any = None
    """The carry before the first step; `None` where that was the layer's own."""

    outputs: Any = None
    """What `step` gave, `[T, *batch, ...]`; `None` where it was not recorded."""

    last: Any = None
    """The carry after the last step; `None` where it was not recorded."""


class ReplayCase:
    """A layer and a rollout, checked."""

    def __init__(self, layer: Layer, params: Any, rollout: Rollout, tolerance: float | None):
        self.noun, self.rollout, self.given = layer, rollout, tolerance
        _check_values(params=params, **rollout._asdict())
        self.params = jax.tree.map(jnp.asarray, params)
        self.inputs = jax.tree.map(jnp.asarray, rollout.inputs)
        lead = layer.leading(self.inputs)
        if not lead[0]:
            raise ValueError(f"{WHO}: the rollout has no step, so there is nothing to replay")
        if rollout.resets is not None:
            _check.flags(WHO, "resets", np.asarray(rollout.resets), lead)
        none = np.zeros(lead, bool)
        self.resets = none if rollout.resets is None else np.asarray(rollout.resets)
        self.fresh = layer.carry(self.params, lead[1:])
        carry = self.fresh if rollout.carry is None else rollout.carry
        self.carry = jax.tree.map(jnp.asarray, carry)
        for name, value in (("outputs", rollout.outputs), ("last", rollout.last)):
            _check_like(name, value, self.shapes[name == "outputs"])

    @Shared
    def shapes(self) -> Any:
        """The last carry and the outputs, as shapes; it raises what `apply` has to say."""
        run = partial(self.noun.apply, resets=self.resets)
        return jax.eval_shape(run, self.params, self.inputs, self.carry)

    @property
    def tolerance(self) -> float:
        """How far numbers may be apart: as told, or what rounding explains."""
        return self.rounding if self.given is None else self.given

    @property
    def rounding(self) -> float:
        """1.8e-12 for outputs in float64, 6.4e-6 in float32, 2.6e-2 in bfloat16."""
        return self.eps**0.75

    @property
    def eps(self) -> float:
        """How far the next number after 1 is, in the narrowest type of the outputs."""
        types = [leaf.dtype for leaf in trees.numbers(self.shapes[1])]
        found = [jnp.finfo(dtype).eps for dtype in types]  # type: ignore[no-untyped-call]
        return max(map(float, found), default=0.0)

    @Shared
    def both(self) -> Any:
        """`((loss, (last, ys)), gradient)` of the steps, and of the replay."""
        return both_ways(self.noun, (self.params, self.inputs, self.carry), self.resets)

    @Shared
    def replayed(self) -> Any:
        """The last carry and the outputs of one `apply`."""
        return self.both[1][0][1]


@jax.jit
def both_ways(layer: Layer, tree: Any, resets: Any) -> Any:
    """Values and gradients of `step` after `step`, and of one `apply`, of `(params, xs, carry)`."""

    def run(own: Any, *, whole: bool) -> Any:
        params, xs, carry = trees.with_numbers(tree, own)
        if whole:
            results = layer.apply(params, xs, carry, resets=resets)
        else:
            results = stepped(layer, params, xs, carry, resets)
        return sum(map(_weighed, trees.numbers(results)), jnp.zeros(())), results

    ways = [partial(run, whole=whole) for whole in (False, True)]
    return [jax.value_and_grad(way, has_aux=True)(trees.numbers(tree)) for way in ways]


@jax.jit
def stepped(
    layer: Layer, params: Any, xs: Any, carry: Any, resets: Any, fresh: Any = None
) -> tuple[Any, Any]:
    """The last carry and the outputs of `step` after `step`.

    With `fresh`, a carry to take at a reset instead of the layer's own.
    """

    def step(carry: Any, now: Any) -> Any:
        x, reset = now
        if fresh is None:
            return layer.step(params, carry, x, resets=reset)
        return layer.step(params, select(reset, fresh, carry), x)

    return jax.lax.scan(step, carry, (xs, jnp.asarray(resets)))


def drawn(layer: Layer, params: Any, rollout: Rollout | None, key: Any) -> tuple[Any, Rollout]:
    """Parameters and a rollout in float64, where none are given."""
    if params is None:
        params = layer.init(key)
        params = trees.moved(params, trees.noise(params, 1), 0.3)
    if rollout is None:
        params = trees.cast(params, jnp.float64)
        shape = layer.input_shape
        sizes = (3,) if shape is None else tuple(2 if size is None else size for size in shape)
        resets = np.zeros((T, B), bool)
        resets[[0, 3, 4, T - 1], [1, 0, 0, 1]] = True  # the last sequence goes on from before
        carry = layer.carry(params, (B,))
        carry = trees.moved(carry, trees.noise(carry, 2), 0.5)
        xs = trees.noise(jnp.zeros((T, B, *sizes)), 3)
        xs = xs if shape != () else (xs > 0).astype(jnp.int32)  # two symbols that all tables have
        rollout = Rollout(xs, resets, carry)
    return params, rollout


def _weighed(leaf: Any) -> Any:
    """A sum of everything, each number with a weight of its own."""
    weights = jnp.cos(jnp.arange(leaf.size).astype(float)).reshape(leaf.shape)
    return (weights * leaf.real.astype(float) + 0.3 * weights * leaf.imag.astype(float)).sum()


def _check_values(**trees_by_name: Any) -> None:
    """Raise unless all are arrays whose values can be compared."""
    _check.arrays(WHO, **{n: tree for n, tree in trees_by_name.items() if n != "resets"})
    for name, tree in trees_by_name.items():
        for leaf in jax.tree.leaves(tree):
            if not _check.concrete(leaf):
                raise TypeError(
                    f"{WHO}: {name} is traced. It compares values: call it outside jit."
                )
            if trees.is_number(leaf) and np.isnan(np.asarray(leaf)).any():
                place = np.argwhere(np.isnan(np.asarray(leaf)))[0].tolist()
                raise ValueError(f"{WHO}: {name} holds NaN, first at {place}: it equals nothing.")


def _check_like(name: str, value: Any, shapes: Any) -> None:
    """Raise unless what was recorded has the shapes that the layer gives."""
    if value is None:
        return
    got, wanted = ([np.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (value, shapes))
    structures: list[Any] = [jax.tree.structure(tree) for tree in (value, shapes)]
    if structures[0] != structures[1] or got != wanted:
        raise ValueError(
            f"{WHO}: the layer gives {name} of the shapes {wanted}, and the rollout has "
            f"{got}. Record what `layer.step` returned, time first: {structures[1]}."
        )
