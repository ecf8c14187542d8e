"""The fast-slow network: several cells in one step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._typing import Batch, Carry, Inputs, Key, Params
from ._cell import Cell


class FastSlowParams(NamedTuple):
    """Parameters of `FastSlow`: of each cell."""

    fast: tuple[Params, ...]
    slow: Params


class FastSlowCarry(NamedTuple):
    """Carry of `FastSlow`: the fast cells hand one carry from each to the next."""

    fast: Carry
    slow: Carry


class FastSlow(Cell):
    """The fast-slow network: fast cells that follow one another within a step, and a slow one.

        f, y = fast[0](f, x_t)
        s, z = slow(s, y)
        f, y = fast[1](f, z)
        f, y = fast[i](f, 0)        for i = 2, 3, ...;   y_t = y

    The fast cells share one carry, which each takes from the one before and the first from the last
    of the step before; so within a step it changes several times, and the slow one's once. Cells
    behind the second have no input of their own: they read zeros.

    Shapes: x that of `fast[0]`; carry `FastSlowCarry(fast, slow)`; y that of the fast cells.

    Args:
        fast: two cells at least, with carries of one form. The first reads the inputs, the others
            what the slow one gives.
        slow: the cell that reads what the first fast one gives.

    Raises:
        TypeError: fast cells whose carries differ, found in `init`.
        ValueError: fewer than two fast cells, or sizes that do not follow one another.

    Reference: A. Mujika, F. Meier & A. Steger, "Fast-slow recurrent neural networks", NeurIPS 2017.

    Example:
        >>> import jax, jaxrnn
        >>> from jaxrnn.cells import LSTM, FastSlow
        >>> cell = FastSlow(fast=(LSTM(3, 4), LSTM(5, 4)), slow=LSTM(4, 5))
        >>> params = cell.init(jax.random.key(0))
        >>> jaxrnn.unroll(cell, params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 4)
    """

    fast: tuple[Cell, ...]
    slow: Cell

    def __post_init__(self) -> None:
        """Check that each cell takes what another gives."""
        if len(self.fast) < 2:
            raise ValueError(f"FastSlow: fast must hold two cells at least, got {len(self.fast)}")
        first, *others = self.fast
        for name, takes, gives in [
            ("slow", self.slow.input_shape, first.output_shape),
            *(
                (f"fast[{i}]", cell.input_shape, self.slow.output_shape)
                for i, cell in enumerate(others, 1)
            ),
        ]:
            if None not in (takes, gives) and takes != gives:
                raise ValueError(
                    f"FastSlow: {name} takes inputs of shape {takes}, what it reads is of {gives}"
                )

    @property
    def input_shape(self) -> tuple[int | None, ...] | None:
        """That of the first fast cell."""
        return self.fast[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...] | None:
        """That of the last fast cell."""
        return self.fast[-1].output_shape

    def init(self, key: Key) -> FastSlowParams:
        """Each cell's own."""
        *fast, slow = jax.random.split(key, len(self.fast) + 1)
        params = tuple(cell.init(k) for cell, k in zip(self.fast, fast, strict=True))
        carries = [jax.eval_shape(cell.carry, p) for cell, p in zip(self.fast, params, strict=True)]
        if any(carry != carries[0] for carry in carries):
            raise TypeError(
                f"FastSlow: the fast cells must have carries of one form, got {carries}"
            )
        return FastSlowParams(params, self.slow.init(slow))

    def carry(self, params: FastSlowParams, batch: Batch = ()) -> FastSlowCarry:
        """The first fast cell's, and the slow one's."""
        return FastSlowCarry(
            self.fast[0].carry(params.fast[0], batch), self.slow.carry(params.slow, batch)
        )

    def prepare(self, params: FastSlowParams, xs: Inputs) -> Any:
        """What the first fast cell computes of the inputs, and these."""
        return self.fast[0].prepare(params.fast[0], xs), xs

    def advance(
        self, params: FastSlowParams, carry: FastSlowCarry, u: Any
    ) -> tuple[FastSlowCarry, Inputs]:
        """The cells, one after another."""
        (first, second, *others), (prepared, x) = self.fast, u
        fast, out = first.advance(params.fast[0], carry.fast, prepared)
        y = first.finish(params.fast[0], out, x)
        slow, z = self.slow.step(params.slow, carry.slow, y)
        fast, y = second.step(params.fast[1], fast, z)
        nothing = jax.tree.map(jnp.zeros_like, z)
        for cell, own in zip(others, params.fast[2:], strict=True):
            fast, y = cell.step(own, fast, nothing)
        return FastSlowCarry(fast, slow), y

    def step(
        self, params: FastSlowParams, carry: FastSlowCarry, x: Inputs
    ) -> tuple[FastSlowCarry, Inputs]:
        return self.advance(params, carry, self.prepare(params, x))

    def draw(self, params: FastSlowParams, xs: Inputs, key: Key) -> Inputs:
        """What the first fast cell draws; the others draw nothing."""
        return self.fast[0].draw(params.fast[0], xs, key)
