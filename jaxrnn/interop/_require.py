"""Other libraries, imported where they are used, or an error that names the extra to install."""

import importlib
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """The module, imported.

    Raises:
        ImportError: it is not installed, or cannot be loaded.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise ImportError(
            f"jaxrnn.interop.{extra} needs {library}: pip install 'jaxrnn[{extra}]'"
        ) from error
