"""Recurrent networks in JAX: pure-function cells, swappable engines, entropies and metrics."""

from importlib.metadata import version as _version

from . import cells as cells
from . import engines as engines
from . import networks as networks
from .engines import unroll as unroll

__version__ = _version("jaxrnn")
