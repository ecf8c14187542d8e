"""`to_json` and `from_json`: what a noun is, as a text that can name nothing but what is known."""

import json
from typing import Any

from .._checked import checked
from .._config import Config
from ._definition_reader import FORMAT, read, refuse_large
from ._definition_writer import written


@checked
def to_json(noun: Config) -> str:
    """The definition of a network, or of any other noun, as JSON.

    Every field is written, also where it has its default, so that a later version of the library
    with another default reads the same noun.

    Args:
        noun: a network, layer, cell, engine, objective, ... made of nouns of the library and of
            what you `register`, of numbers and arrays, and of functions: those of `jax.nn`,
            elementwise ones of `jax.numpy`, and the library's own.

    Raises:
        TypeError: a field holds something that has no name, such as a `lambda`.
        ValueError: a definition larger than `from_json` reads.

    Example:
        >>> from jaxrnn import networks
        >>> print(networks.to_json(networks.WithPrevious(3)))
        {"format": 1, "definition": {"networks.WithPrevious": {"inputs": 3}}}
    """
    text = json.dumps({"format": FORMAT, "definition": written("to_json", noun)}, allow_nan=False)
    refuse_large("to_json", text)
    return text


@checked
def from_json(text: str) -> Any:
    """The noun that `to_json` wrote.

    Nothing in the text is run or imported: it can only name nouns and functions of a table, which
    are those of the library's packages that are imported, and those given to `register`. Sizes may
    be any: nothing is computed or allocated. What it can do is take time, a minute or two: it is at
    most 64 MiB long, of at most 20,000 values, 64 nouns deep.

    Args:
        text: what `to_json` returned, by this version of the library or an earlier one.

    Raises:
        ValueError: anything else; the message says where, and names what is not known.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> cell = cells.Leaky(3, 4, 0.1, jax.nn.relu)
        >>> networks.from_json(networks.to_json(cell)) == cell
        True
    """
    return read("from_json", text)
