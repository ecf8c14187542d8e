"""Layers and weights of Keras 3."""

from ._layers import ProcessingOrder as ProcessingOrder
from ._layers import RepeatLast as RepeatLast
from ._network import network as network
from ._weights import dump as dump
from ._weights import load as load
