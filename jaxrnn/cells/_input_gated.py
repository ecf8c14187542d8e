"""`InputGatedCell`: a linear cell whose gates depend on the inputs alone."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._numerics import add, dot, glorot, zeros
from .._typing import Array, Batch, Carry, Key, Leaf
from ._associative import LinearCell


class InputGatedParams(NamedTuple):
    """Parameters of `MinGRU`, `MinLSTM` and `QRNN`: the gates side by side, in the cell's order."""

    kernel: Float[Array, "I G"]
    bias: Float[Array, " G"] | None


class InputGatedCell(LinearCell):
    """A linear cell with one product, of the inputs: `params` has `kernel` and `bias`.

        u = x @ kernel + bias

    A subclass writes `blocks`, `coefficients` and `read`, and `init` if it has more parameters.
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        _check.sizes(type(self).__name__, inputs=self.inputs, hidden=self.hidden)

    def need_bias(self, **biases: Leaf) -> None:
        """Raise if a bias is to start from something and there is none."""
        for name, bias in biases.items():
            if not self.use_bias and not _check.holds(lambda bias: bias == 0, bias):
                raise ValueError(
                    f"{type(self).__name__}: {name}={bias} needs use_bias=True; pass 0 without"
                )

    @property
    def blocks(self) -> int:
        """How many blocks of `hidden` columns the kernel has."""
        return 1

    @property
    def input_shape(self) -> tuple[int]:
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.hidden,)

    def init(self, key: Key) -> Any:
        """Glorot kernels, no bias."""
        width = self.blocks * self.hidden
        bias = jnp.zeros(width) if self.use_bias else None
        return InputGatedParams(glorot(key, self.inputs, self.hidden, self.blocks), bias)

    def carry(self, params: Any, batch: Batch = ()) -> Carry:
        return zeros(batch, self.hidden, params.kernel)

    def project(self, params: Any, x: Array, first: int, last: int) -> list[Array]:
        """The blocks from `first` up to `last` of `x @ kernel + bias`, each `[..., H]`."""
        part = slice(first * self.hidden, last * self.hidden)
        u = dot(x, params.kernel[:, part])
        u = u if params.bias is None else add(u, params.bias[part])
        return jnp.split(u, last - first, axis=-1)
