"""`Chunkwise`: cells with a matrix memory, many steps at once."""

from typing import Any

import jax

from .. import _check
from .._typing import Carry, Inputs, Params
from ..cells import Cell, MemoryCell
from ._chunks import in_chunks
from ._engine import Engine


class Chunkwise(Engine[MemoryCell]):
    """The steps of a `MemoryCell` in chunks: products of matrices inside, a loop between.

    What the steps of a chunk read of one another is one product of their queries with their keys,
    under the decay in between. Where a step erases before it writes, what is written solves a
    triangular system, one for each chunk. The memory is computed only where a chunk ends, so the
    loop has `T / size` iterations, each of which is a product or two. Values and gradients are
    those of `Scan`. Masks and resets may lie anywhere in a chunk.

    A step costs `size` times the features of a key and a value in products inside the chunk, and a
    key times a value in those with the memory, so `size` is best near the features of a head. On a
    CPU it pays for gradients, where a scan keeps the memory of every step; for values alone, and
    for small heads, `Scan` is faster there.

    Args:
        size: steps in a chunk; the last one is filled up with steps that do nothing. Where steps
            erase before they write, a chunk has at most 16 updates for each feature of a key: more
            of them would take longer, and in float32 be less exact.

    Reference: W. Hua et al., "Transformer quality in linear time", ICML 2022; S. Yang et al.,
    "Gated linear attention transformers with hardware-efficient training", ICML 2024, and
    "Parallelizing linear transformers with the delta rule over sequence length", NeurIPS 2024.

    Example:
        >>> import jax, jaxrnn
        >>> cell, xs = jaxrnn.cells.GatedDelta(3, 8, heads=2), jax.numpy.ones((100, 5, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Chunkwise(16))[1].shape
        (100, 5, 8)
    """

    size: int = jax.tree.static(default=64)

    def __post_init__(self) -> None:
        """Check the size."""
        _check.sizes("Chunkwise", size=self.size)

    @property
    def takes(self) -> type[Cell]:
        return MemoryCell

    def run(self, cell: Any, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        """Prepare all steps, run the chunks, and read all outputs."""
        carry, outs = in_chunks(cell.prepare(params, xs), carry, self.size)
        return carry, cell.finish(params, outs, xs)
