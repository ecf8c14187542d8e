"""Recurrent networks in JAX: pure-function cells, swappable engines, entropies and metrics."""

import importlib
from typing import TYPE_CHECKING, Any

from . import cells as cells
from . import constraints as constraints
from . import engines as engines
from .engines import unroll as unroll

if TYPE_CHECKING:
    from . import analysis as analysis
    from . import data as data
    from . import evaluation as evaluation
    from . import generation as generation
    from . import heads as heads
    from . import information as information
    from . import interop as interop
    from . import metrics as metrics
    from . import networks as networks
    from . import objectives as objectives
    from . import tasks as tasks
    from . import testing as testing
    from . import training as training

    __version__: str

# Loaded when they are first used: `import jaxrnn` costs little more than `import jax`.
_LAZY = (
    "analysis",
    "data",
    "evaluation",
    "generation",
    "heads",
    "information",
    "interop",
    "metrics",
    "networks",
    "objectives",
    "tasks",
    "testing",
    "training",
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["__version__", "cells", "constraints", "engines", "unroll", *_LAZY])
