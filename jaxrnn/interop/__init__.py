"""Modules and weights of other libraries; each package loads its library when it is used."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from . import cudnn as cudnn
    from . import equinox as equinox
    from . import haiku as haiku
    from . import keras as keras
    from . import linen as linen
    from . import nnx as nnx
    from . import onnx as onnx
    from . import torch as torch

_LIBRARIES = ("cudnn", "equinox", "haiku", "keras", "linen", "nnx", "onnx", "torch")


def __getattr__(name: str) -> typing.Any:
    if name in _LIBRARIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_LIBRARIES)
