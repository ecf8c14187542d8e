"""Cores, layers and weights of haiku."""

from ._network import network as network
from ._weights import dump as dump
from ._weights import load as load
