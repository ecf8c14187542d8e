"""Recurrent networks in JAX: pure-function cells, swappable engines, entropies and metrics."""

from importlib.metadata import version as _version

from . import analysis as analysis
from . import cells as cells
from . import data as data
from . import engines as engines
from . import information as information
from . import metrics as metrics
from . import networks as networks
from . import objectives as objectives
from . import tasks as tasks
from . import training as training
from .engines import unroll as unroll

__version__ = _version("jaxrnn")
