"""`Padding`: what a convolution reads beyond the borders of an image."""

import abc

from jax.lax import padtype_to_pads

from .._config import Config


class Padding(Config):
    """How many zeros a convolution adds before and after each axis of an image."""

    @abc.abstractmethod
    def pads(
        self, space: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
    ) -> tuple[tuple[int, int], ...]:
        """The zeros of each axis, for a window that already includes its dilation."""


class Same(Padding):
    """As many zeros as an image needs to keep its size: `ceil(size / stride)` places per axis.

    If their number is odd, there is one more at the end, as in TensorFlow and Keras.

    Example:
        >>> import jaxrnn
        >>> jaxrnn.cells.Same().pads((5, 5), (3, 2), (1, 1))
        ((1, 1), (0, 1))
    """

    def pads(
        self, space: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
    ) -> tuple[tuple[int, int], ...]:
        return tuple(padtype_to_pads(space, window, strides, "SAME"))


class Valid(Padding):
    """No zeros: the window stays inside of the image, `(size - window) // stride + 1` places.

    Example:
        >>> import jax, jaxrnn
        >>> cell = jaxrnn.cells.ConvLSTM(3, 4, (8, 8), padding=jaxrnn.cells.Valid())
        >>> cell.output_shape
        (6, 6, 4)
    """

    def pads(
        self, space: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
    ) -> tuple[tuple[int, int], ...]:
        return ((0, 0),) * len(space)
