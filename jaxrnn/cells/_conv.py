"""`ConvCell`: a gated cell over images, whose products are convolutions."""

import jax
import jax.numpy as jnp

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, convolve, convolved, orthonormal
from .._typing import Array, Batch, Carry, Key, Params
from ._cell import GatedCell
from ._padding import Padding, Same


class ConvCell(GatedCell):
    """A gated cell of two convolutions: `params` has `kernel`, `recurrent` and `bias`.

        u = x * kernel + bias,   r = h * recurrent

    where `*` convolves. That of the inputs has strides, dilation and padding; that of the state has
    stride 1 and keeps its size. A subclass writes `init` and `gate`. It also writes `carry` and
    `mix` if its carry is more than one image `[*batch, *space, hidden]`.
    """

    inputs: int = jax.tree.static()
    hidden: int = jax.tree.static()
    space: tuple[int, ...] = jax.tree.static()
    kernel_size: int | tuple[int, ...] = jax.tree.static(default=3)
    strides: int | tuple[int, ...] = jax.tree.static(default=1)
    dilation: int | tuple[int, ...] = jax.tree.static(default=1)
    padding: Padding = Same()
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes, and that the kernel fits into the image."""
        who = type(self).__name__
        _check.sizes(who, inputs=self.inputs, hidden=self.hidden)
        if not self.space:
            raise ValueError(f"{who}: space must have an axis at least, such as (32, 32), got ()")
        for name in ("space", "kernel_size", "strides", "dilation"):
            value = getattr(self, name)
            for size in value if isinstance(value, tuple) else (value,):
                _check.sizes(who, **{name: size})
            if isinstance(value, tuple) and len(value) != len(self.space):
                raise ValueError(
                    f"{who}: {name} must have one number for each axis of space {self.space}, "
                    f"got {value}"
                )
        if min(self._state_space) < 1:
            raise ValueError(
                f"{who}: a kernel of {self._dilated} places does not fit into space "
                f"{self.space}. Use `Same()`, or a smaller kernel or dilation."
            )

    def _each(self, value: int | tuple[int, ...]) -> tuple[int, ...]:
        """One number for each axis."""
        return value if isinstance(value, tuple) else (value,) * len(self.space)

    @property
    def _window(self) -> tuple[int, ...]:
        return self._each(self.kernel_size)

    @property
    def _dilated(self) -> tuple[int, ...]:
        """How far the kernel of the inputs reaches along each axis."""
        both = zip(self._window, self._each(self.dilation), strict=True)
        return tuple(dilation * (size - 1) + 1 for size, dilation in both)

    @property
    def _pads(self) -> tuple[tuple[int, int], ...]:
        return self.padding.pads(self.space, self._dilated, self._each(self.strides))

    @property
    def _state_space(self) -> tuple[int, ...]:
        padded = tuple(n + sum(pad) for n, pad in zip(self.space, self._pads, strict=True))
        return convolved(padded, self._window, self._each(self.strides), self._each(self.dilation))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(*space, inputs)`."""
        return (*self.space, self.inputs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """`(*space, hidden)`, of the space that strides and padding leave."""
        return (*self._state_space, self.hidden)

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """Zeros."""
        return self._blank(params, batch)

    def project(self, params: Params, x: Array) -> Array:
        """`x * kernel + bias`."""
        strides, dilation = self._each(self.strides), self._each(self.dilation)
        u = convolve(x, params.kernel, self._pads, strides, dilation)
        return u if params.bias is None else add(u, params.bias)

    def mix(self, params: Params, carry: Carry) -> Array:
        """`h * recurrent`."""
        return self._spread(carry, params.recurrent)

    def _blank(self, params: Params, batch: Batch) -> Array:
        dtype = at_least_float32(params.recurrent.dtype)
        return jnp.zeros((*batch, *self.output_shape), dtype)

    def _spread(self, h: Array, kernel: Array) -> Array:
        """`h * kernel`, of the same size; the weights' type decides, as in `recur`."""
        ones = (1,) * len(self.space)
        pads = Same().pads(self._state_space, self._window, ones)
        return convolve(h.astype(kernel.dtype), kernel, pads, ones, ones)

    def _draw(self, key: Key, blocks: int, recurrent: int) -> tuple[Array, Array]:
        """Glorot kernels for the inputs, orthogonal ones for the state, side by side per gate."""
        first, second = jax.random.split(key)
        glorot = jax.nn.initializers.glorot_uniform()
        kernel = [
            glorot(k, (*self._window, self.inputs, self.hidden))
            for k in jax.random.split(first, blocks)
        ]
        mixed = [
            orthonormal(k, (*self._window, self.hidden, self.hidden))
            for k in jax.random.split(second, recurrent)
        ]
        return jnp.concatenate(kernel, axis=-1), jnp.concatenate(mixed, axis=-1)
