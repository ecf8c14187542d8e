"""`Dense`: a full matrix at every step."""

from typing import NamedTuple

import jax
from jaxtyping import Float

from .. import _check
from .._numerics import Initializer, add, dot, drawn
from .._typing import Array, Key
from ..cells import glorot
from ._layer import Memoryless


class DenseParams(NamedTuple):
    """Parameters of `Dense`."""

    kernel: Float[Array, "I O"]
    bias: Float[Array, " O"] | None


class Dense(Memoryless):
    """A full matrix and a bias: `y = x @ kernel + bias`. To share an embedding's table, see `Tied`.

    Shapes: x `[T, *batch, inputs]`, y `[T, *batch, outputs]`.

    Args:
        inputs: features of x.
        outputs: features of y.
        use_bias: whether there is a bias; without one `params.bias` is None.
        kernel_init: how the kernel is drawn, `(key, shape, dtype) -> Array`. Functions compare by
            identity: call `jax.nn.initializers.he_normal()` once and use the result everywhere;
            a new function makes JAX compile again.
        bias_init: how the bias is drawn, likewise.

    Example:
        >>> import jax
        >>> from jaxrnn import networks
        >>> layer = networks.Dense(3, 5)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jax.numpy.ones((7, 2, 3)))[1].shape
        (7, 2, 5)
    """

    inputs: int = jax.tree.static()
    outputs: int = jax.tree.static()
    use_bias: bool = jax.tree.static(default=True)
    kernel_init: Initializer = jax.tree.static(default=glorot)
    bias_init: Initializer = jax.tree.static(default=jax.nn.initializers.zeros)

    def __post_init__(self) -> None:
        _check.sizes("Dense", inputs=self.inputs, outputs=self.outputs)

    def init(self, key: Key) -> DenseParams:
        kernel = drawn("Dense", "kernel_init", self.kernel_init, key, self.inputs, self.outputs)
        if not self.use_bias:
            return DenseParams(kernel, None)
        key = jax.random.fold_in(key, 1)
        return DenseParams(kernel, drawn("Dense", "bias_init", self.bias_init, key, self.outputs))

    def transform(
        self, params: DenseParams, xs: Float[Array, "... I"], *, key: Key | None = None
    ) -> Float[Array, "... O"]:
        ys = dot(xs, params.kernel)
        ys = ys if params.bias is None else add(ys, params.bias)
        return ys.astype(params.kernel.dtype)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.outputs,)
