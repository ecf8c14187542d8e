"""Layers with paths around them, normalised before or after: `pre_norm`, `post_norm`."""

from .. import _check
from .._checked import checked
from .._typing import Leaf
from ._layer import Layer
from ._pointwise import LayerNorm
from ._stack import Stack, stack
from ._wrapper import Residual


@checked
def pre_norm(*layers: Layer, epsilon: Leaf = 1e-6) -> Stack:
    """Layers one after another, each on normalised inputs and with a path around it.

        x = x + layer(LayerNorm(x))        for every layer

    The path from the first to the last step of depth is free, so that deep networks train; a last
    `LayerNorm` belongs before the readout.

    Args:
        *layers: layers that give features of the shape that they take, all of the same.
        epsilon: that of `LayerNorm`.

    Raises:
        ValueError: no layer, or features that differ.
        TypeError: something that is not a layer.

    Reference: R. Xiong et al., "On layer normalization in the Transformer architecture", ICML 2020.

    Example:
        >>> from jaxrnn import cells, networks
        >>> block = networks.pre_norm(
        ...     networks.Recurrent(cells.GRU(8, 8)), networks.feed_forward(8, 32))
        >>> block.output_shape
        (8,)
    """
    features = _shared("pre_norm", layers)
    return stack(*(Residual(stack(LayerNorm(features, epsilon), layer)) for layer in layers))


@checked
def post_norm(*layers: Layer, epsilon: Leaf = 1e-6) -> Stack:
    """Layers one after another, each with a path around it, and normalised after that.

        x = LayerNorm(x + layer(x))        for every layer

    So the first Transformer was built. See `pre_norm`, which is easier to train when deep.

    Args:
        *layers: layers that give features of the shape that they take, all of the same.
        epsilon: that of `LayerNorm`.

    Raises:
        ValueError: no layer, or features that differ.
        TypeError: something that is not a layer.

    Reference: A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Example:
        >>> from jaxrnn import networks
        >>> block = networks.post_norm(networks.SelfAttention(8, 2), networks.feed_forward(8, 32))
        >>> len(block.layers)
        4
    """
    features = _shared("post_norm", layers)
    pairs = ((Residual(layer), LayerNorm(features, epsilon)) for layer in layers)
    return stack(*(part for pair in pairs for part in pair))


def _shared(who: str, layers: tuple[Layer, ...]) -> int:
    """How many features all layers take and give."""
    if not layers:
        raise ValueError(f"{who}: needs at least one layer")
    for index, layer in enumerate(layers):
        _check.kind(who, f"layer {index}", layer, Layer)
    shapes = [layer.input_shape for layer in layers if layer.input_shape is not None]
    features = width(who, "the layers' inputs", shapes[0] if shapes else None)
    for index, layer in enumerate(layers):
        for shape in (layer.input_shape, layer.output_shape):
            if shape is not None and shape != (features,):
                raise ValueError(
                    f"{who}: all layers must take and give {features} features, layer {index} "
                    f"(`{type(layer).__name__}`) takes {layer.input_shape} and gives "
                    f"{layer.output_shape}"
                )
    return features


def width(who: str, what: str, shape: tuple[int | None, ...] | None) -> int:
    """The size of the only axis of features."""
    if shape is None or len(shape) != 1 or shape[0] is None:
        raise ValueError(
            f"{who}: {what} must have one axis of features, of a known size, got {shape}"
        )
    return shape[0]
