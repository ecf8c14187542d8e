"""`Skip` and `Highway`: ways around a cell."""

import abc
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._kinds import shown
from .._numerics import add, dot, glorot
from .._typing import Array, Carry, Inputs, Key, Leaf, Params
from ._transparent import Transparent


class Beside(NamedTuple):
    """What the cell inside reads, and what goes around it."""

    drawn: Any
    x: Any


class Around(Transparent):
    """A wrapper whose output is made of that of the cell and of the input, of the same shape."""

    def __post_init__(self) -> None:
        """Check that the cell gives what it takes."""
        takes, gives = self.cell.input_shape, self.cell.output_shape
        if takes != gives or takes is None:
            name = type(self.cell).__name__
            raise ValueError(
                f"{type(self).__name__}: cell must be one that gives features of the shape that it "
                f"takes, got `{name}`, which takes {shown(takes)} and gives {shown(gives)}."
            )

    @abc.abstractmethod
    def joined(self, params: Params, y: Array, x: Array) -> Array:
        """The output, from that of the cell inside and the input; over any leading axes."""

    def draw(self, params: Params, xs: Inputs, key: Key) -> Inputs:
        drawn = self.cell.draw(self.inside(params), xs, key)
        return xs if drawn is xs else Beside(drawn, xs)

    def split(self, x: Inputs) -> tuple[Inputs, Any]:
        return (x.drawn if isinstance(x, Beside) else x), ()

    def step(self, params: Params, carry: Carry, x: Array) -> tuple[Carry, Array]:
        new, y = self.cell.step(self.inside(params), carry, x)
        return new, self.joined(params, y, x)

    def finish(self, params: Params, outs: Inputs, xs: Inputs) -> Array:
        inner = self.split(xs)[0]
        y = self.cell.finish(self.inside(params), outs, inner)
        return self.joined(params, y, xs.x if isinstance(xs, Beside) else xs)


class Skip(Around):
    """A cell with a path around it, which adds the input to the output: a residual connection.

        carry', h = cell.step(params, carry, x),   y = x + h

    The sum is taken after the loop, for all steps at once. The cell keeps its kind and its engines.
    For layers, see `networks.Residual`.

    Args:
        cell: the cell inside, which gives as many features as it takes.

    Raises:
        ValueError: a cell that gives features of another shape.

    Reference: K. He et al., "Deep residual learning for image recognition", CVPR 2016; in
    recurrent networks: Y. Wu et al., arXiv 1609.08144.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.Skip(jaxrnn.cells.GRU(4, 4))
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 4))
        >>> inside = jaxrnn.unroll(cell.cell, params, xs)[1]
        >>> bool((jaxrnn.unroll(cell, params, xs)[1] == xs + inside).all())
        True
    """

    def joined(self, params: Params, y: Array, x: Array) -> Array:
        return y + x.astype(y.dtype)


class HighwayParams(NamedTuple):
    """Parameters of `Highway`."""

    cell: Params
    kernel: Float[Array, "H H"]
    bias: Float[Array, " H"]


class Highway(Around):
    """A cell with a gated path around it.

        carry', h = cell.step(params.cell, carry, x)
        t = sigmoid(x @ kernel + bias),   y = t * h + (1 - t) * x

    The gate and the sum are taken outside the loop, for all steps at once. The cell keeps its kind
    and its engines.

    Args:
        cell: the cell inside, which gives as many features as it takes.
        gate_bias: the bias that the gate starts from: negative, so that at first the input passes.

    Raises:
        ValueError: a cell that gives features of another shape.

    Reference: R. Srivastava, K. Greff & J. Schmidhuber, "Training very deep networks", NIPS 2015.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.Highway(jaxrnn.cells.GRU(4, 4))
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((7, 2, 4))
        >>> jaxrnn.unroll(cell, params, xs)[1].shape, params.kernel.shape
        ((7, 2, 4), (4, 4))
    """

    gate_bias: Leaf = -2.0

    def init(self, key: Key) -> HighwayParams:
        """The parameters of the cell, and a Glorot kernel."""
        inner, kernel = jax.random.split(key)
        size = self._size
        bias = jnp.broadcast_to(jnp.asarray(self.gate_bias, float), (size,))
        return HighwayParams(self.cell.init(inner), glorot(kernel, size, size, 1), bias)

    def inside(self, params: HighwayParams) -> Params:
        return params.cell

    def around(self, params: HighwayParams, inner: Params) -> HighwayParams:
        return params._replace(cell=inner)

    def joined(self, params: HighwayParams, y: Array, x: Array) -> Array:
        t = jax.nn.sigmoid(add(dot(x, params.kernel), params.bias))
        wide = t * y.astype(t.dtype) + (1 - t) * x.astype(t.dtype)
        return wide.astype(y.dtype)

    @property
    def _size(self) -> int:
        shape = self.cell.output_shape
        assert shape is not None
        size = shape[-1]
        assert size is not None
        return size
