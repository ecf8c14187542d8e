"""Engines that run another engine segment by segment: `Chunked`, `Offloaded`, `Truncated`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from .. import _check
from .._numerics import known, select
from .._typing import Carry, Inputs, Params
from ..cells import Cell
from ._controls import controlled
from ._engine import Engine, Kind

Segment = Callable[[Cell, Carry, Inputs], tuple[Carry, Inputs]]


class Chunked(Engine[Kind]):
    """Segments under `jax.checkpoint`: less memory for more time.

    The forward pass keeps only the carries between segments; the backward pass runs each segment
    again. This stores about `T / size` carries plus the activations of `size` steps, which is
    least at `size = sqrt(T)`. Levels nest: `Chunked(Chunked(engine, 10), 100)` stores `T / 100`
    carries, 10 more of the segment that is run again, and the activations of 10 steps; the steps
    of the innermost segments then run three times, where they ran twice.

    Args:
        engine: runs one segment; it may be `Chunked` itself, of a smaller size.
        size: steps in a segment; the last one may be shorter.

    Reference: A. Gruslys et al., "Memory-efficient backpropagation through time", NIPS 2016.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.engines import Chunked, Scan
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jax.numpy.ones((100, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=Chunked(Scan(), 10))[1].shape
        (100, 4)
    """

    engine: Engine[Kind]
    size: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Chunked", size=self.size)

    @property
    def takes(self) -> type[Cell]:
        return self.engine.takes

    def run(self, cell: Kind, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        def segment(cell: Any, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
            return self.engine.run(cell, params, carry, xs)

        return recomputed(segment, self.size, cell, carry, xs)


class Offloaded(Engine[Kind]):
    """`Chunked`, with the carries between segments in the memory of the host.

    Where `Chunked` keeps a carry on the device until the backward pass needs it, this copies it to
    the host's pinned memory, and back one segment at a time. The device then holds the activations
    of `size` steps, however long the sequence is; inputs, outputs and their cotangents stay where
    they are. Copies run beside the computation if a segment takes longer than they do, so `size`
    should not be small. On a CPU both memories are the same, and it does what `Chunked` does.

    Only floating-point numbers move; integers and keys in a carry stay on the device. JAX does not
    take `grad` of a `grad` through the host's memory; forward over reverse, as `jax.hessian` does
    it, and all other transformations work.

    Args:
        engine: runs one segment.
        size: steps in a segment; the last one may be shorter.

    Reference: M. Rhu et al., "vDNN: virtualized deep neural networks for scalable,
    memory-efficient neural network design", MICRO 2016.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.engines import Chunked, Offloaded, Scan
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jax.numpy.ones((100, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> engine = Offloaded(Chunked(Scan(), 5), 50)
        >>> jaxrnn.unroll(cell, params, xs, engine=engine)[1].shape
        (100, 4)
    """

    engine: Engine[Kind]
    size: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Offloaded", size=self.size)

    @property
    def takes(self) -> type[Cell]:
        return self.engine.takes

    def run(self, cell: Kind, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        name = f"carry of every {self.size} steps"  # another one at every level of nested engines
        policy = jax.checkpoint_policies.save_and_offload_only_these_names(
            names_which_can_be_saved=[],
            names_which_can_be_offloaded=[name],
            offload_src="device",
            offload_dst="pinned_host",
        )

        def named(leaf: jax.Array) -> jax.Array:
            floating = jnp.issubdtype(leaf.dtype, jnp.inexact)
            return checkpoint_name(leaf, name) if floating else leaf  # type: ignore[no-untyped-call]

        def segment(cell: Any, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
            return self.engine.run(cell, params, jax.tree.map(named, carry), xs)

        return recomputed(segment, self.size, cell, carry, xs, policy)


class Truncated(Engine[Kind]):
    """Truncated back-propagation through time inside one unroll.

    The values are those of `engine`; gradients do not cross from one segment into the one before.
    Masked steps count towards the length of a segment. So a last carry that was held through a
    whole segment of padding has no gradient.

    Args:
        engine: runs one segment.
        size: steps in a segment; the last one may be shorter.

    Reference: R. Williams & J. Peng, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", Neural Computation 2 (1990).

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.engines import BPTT, Truncated
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jax.numpy.ones((100, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=Truncated(BPTT(), 20))[1].shape
        (100, 4)
    """

    engine: Engine[Kind]
    size: int = jax.tree.static()

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Truncated", size=self.size)

    @property
    def takes(self) -> type[Cell]:
        return self.engine.takes

    def run(self, cell: Kind, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        def run(cell: Any, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
            return self.engine.run(cell, params, carry, xs)

        def border(cell: Cell, carry: Carry, xs: Inputs) -> Carry:
            return cell.detach(carry, jax.tree.map(lambda leaf: leaf[-1], xs))

        return in_segments(run, self.size, cell, carry, xs, border)


def recomputed(
    run: Segment, size: int, cell: Cell, carry: Carry, xs: Inputs, policy: Any = None
) -> tuple[Carry, Inputs]:
    """`in_segments`, run again in the backward pass, but for what `policy` keeps."""
    once_more = jax.checkpoint(run, policy=policy, prevent_cse=False)  # the scan prevents it
    return in_segments(once_more, size, cell, carry, xs)


def in_segments(
    run: Segment,
    size: int,
    cell: Cell,
    carry: Carry,
    xs: Inputs,
    border: Callable[[Cell, Carry, Inputs], Carry] | None = None,
) -> tuple[Carry, Inputs]:
    """Scan over whole segments, then run the remainder.

    A border lies between two segments and not after the last one, so with borders the last segment
    stays out of the scan even when it is whole.
    """
    steps = jax.tree.leaves(xs)[0].shape[0]
    if not known(steps):
        return _in_padded_segments(run, size, cell, carry, xs, border)
    count = steps // size if border is None else (steps - 1) // size
    cut = count * size

    def body(carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        carry, ys = run(cell, carry, xs)
        return carry if border is None else border(cell, carry, xs), ys

    def fold(leaf: jax.Array) -> jax.Array:
        return leaf[:cut].reshape(count, size, *leaf.shape[1:])

    parts = []
    if count:
        carry, heads = jax.lax.scan(body, carry, jax.tree.map(fold, xs))
        parts.append(jax.tree.map(lambda leaf: leaf.reshape(cut, *leaf.shape[2:]), heads))
    if cut < steps:
        carry, rest = run(cell, carry, jax.tree.map(lambda leaf: leaf[cut:], xs))
        parts.append(rest)
    if len(parts) == 1:
        return carry, parts[0]
    return carry, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


def _in_padded_segments(
    run: Segment,
    size: int,
    cell: Cell,
    carry: Carry,
    xs: Inputs,
    border: Callable[[Cell, Carry, Inputs], Carry] | None,
) -> tuple[Carry, Inputs]:
    """The same for a symbolic number of steps: the last segment is padded, and masked."""
    steps = jax.tree.leaves(xs)[0].shape[0]
    count = (steps + size - 1) // size
    times = jnp.arange(count)[:, None] * size + jnp.arange(size)[None]
    folded = jax.tree.map(lambda leaf: leaf[jnp.minimum(times, steps - 1)], xs)

    def body(carry: Carry, segment: tuple[jax.Array, Inputs]) -> tuple[Carry, Inputs]:
        times, xs = segment
        masked, carry, inputs = controlled(cell, carry, carry, xs, times < steps, None)
        carry, ys = run(masked, carry, inputs)
        if border is not None:
            last = times[-1] >= steps - 1
            carry = select(last, carry, border(masked, carry, inputs))
        return carry, ys

    carry, ys = jax.lax.scan(body, carry, (times, folded))
    time = jnp.arange(steps)
    return carry, jax.tree.map(lambda leaf: leaf[time // size, time % size], ys)
