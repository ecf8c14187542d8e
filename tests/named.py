"""Names for what the tests' own nouns are made of, as a user gives them to a definition."""

import inspect

import optax

from jaxrnn import networks
from jaxrnn._config import Config
from tests import cells, zoo

for module in (cells, zoo):
    for name, thing in list(vars(module).items()):
        mine = getattr(thing, "__module__", None) == module.__name__ and callable(thing)
        noun = isinstance(thing, type) and issubclass(thing, Config)
        if mine and (noun or inspect.isfunction(thing)):
            networks.register(f"{module.__name__}.{name}", thing)
networks.register("optax.GradientTransformation", optax.GradientTransformation)
