"""Convolutions over images, as products."""

import itertools

import jax.numpy as jnp

from .._typing import Array
from ._products import dot


def convolve(
    x: Array,
    kernel: Array,
    pads: tuple[tuple[int, int], ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Array:
    """`x [..., *space, I]` convolved with `kernel [*window, I, O]`, in at least float32.

    The windows are laid side by side, and one product serves them all. So it takes any batch axes,
    types and shardings that a product takes; and on a CPU its derivative by the kernel takes a
    tenth of the time of that of XLA's own convolution.
    """
    window = kernel.shape[:-2]
    batch = x.ndim - len(window) - 1
    x = jnp.pad(x, [(0, 0)] * batch + [*pads, (0, 0)])
    sizes = convolved(x.shape[batch:-1], window, strides, dilation)
    tiles = [
        x[
            ...,
            *(
                slice(d * at, d * at + s * (size - 1) + 1, s)
                for at, size, s, d in zip(place, sizes, strides, dilation, strict=True)
            ),
            :,
        ]
        for place in itertools.product(*map(range, window))
    ]
    return dot(jnp.concatenate(tiles, axis=-1), kernel.reshape(-1, kernel.shape[-1]))


def convolved(
    space: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """How many places a window has along each axis of a padded image; 0 or less if it has none."""
    return tuple(
        (n - (d * (w - 1) + 1)) // s + 1
        for n, w, s, d in zip(space, window, strides, dilation, strict=True)
    )
