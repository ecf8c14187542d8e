"""`Config`: the base of every noun in jaxrnn."""

import abc
import dataclasses
import importlib
import inspect
import operator
import typing
from collections.abc import Callable
from typing import Any

import jax


@typing.dataclass_transform(
    frozen_default=True, field_specifiers=(dataclasses.field, jax.tree.static)
)
class Config(abc.ABC):  # noqa: B024  (its subclasses have the abstract methods)
    """A frozen dataclass that is a pytree.

    Every subclass becomes a frozen dataclass registered with JAX. Sizes and switches are static
    fields, `jax.tree.static()`, and belong to the tree's structure; every other field is a leaf or
    a subtree, so that `vmap`, `grad` and `jit` work over it without retracing.

    A class is either abstract or final: deriving from a concrete one raises `TypeError`.
    `__post_init__` runs where a user makes the noun, not where JAX rebuilds it around other leaves.

    Example:
        >>> import jax
        >>> class Scale(Config):
        ...     size: int = jax.tree.static()
        ...     factor: float = 2.0
        >>> jax.tree.leaves(Scale(3))
        [2.0]
        >>> Scale(3, 5.0)
        Scale(size=3, factor=5.0)
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make `cls` a frozen dataclass and a pytree, after refusing a concrete base."""
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__[1:]:
            if base is not Config and issubclass(base, Config) and not inspect.isabstract(base):
                raise TypeError(
                    f"{cls.__name__} derives from {base.__name__}, which is final. "
                    "Hold one as a field and delegate to it instead."
                )
        # `slots` and `eq` stay at their defaults: equal fields make equal nouns, and a noun that
        # holds arrays is unhashable, which is why nouns are ordinary arguments of jitted functions.
        dataclasses.dataclass(frozen=True, repr=False)(cls)
        _register(cls)

    def __repr__(self) -> str:
        """The call that makes the noun; a function shows as its name."""
        shown = (f"{name}={_name(getattr(self, name))}" for name in _field_names(self))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Callable[..., "Config"], tuple[Any, ...]]:
        """Pickle by fields; a decorated function travels as the place where it is found."""
        values = [_Reference.of(getattr(self, name)) for name in _field_names(self)]
        return _rebuild, (type(self), values)


def _register(cls: type[Config]) -> None:
    """Make `cls` a pytree that JAX rebuilds without `__post_init__`.

    What JAX puts into a noun need not pass the checks of what a user does: placeholders, tracers,
    and gradients, for the gradient with respect to a noun is a noun whose numbers lie anywhere.
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    static = [field.name for field in fields if field.metadata.get("static", False)]
    leaves = [field.name for field in fields if field.name not in static]
    keys = [jax.tree_util.GetAttrKey(name) for name in leaves]

    children_of, static_of = _getter(leaves), _getter(static)

    def flatten(noun: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return children_of(noun), static_of(noun)

    def flatten_with_keys(noun: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(zip(keys, children_of(noun), strict=True)), static_of(noun)

    def unflatten(aux: tuple[Any, ...], children: Any) -> Any:
        noun = object.__new__(cls)
        noun.__dict__.update(zip(static, aux, strict=True))
        noun.__dict__.update(zip(leaves, children, strict=True))
        return noun

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """From a noun to the tuple of those fields."""
    if not names:
        return lambda noun: ()
    get = operator.attrgetter(*names)
    return get if len(names) > 1 else lambda noun: (get(noun),)


class _Reference(typing.NamedTuple):
    """Where a public callable is found. JAX's own decorated functions do not pickle otherwise."""

    module: str
    name: str

    @classmethod
    def of(cls, value: Any) -> Any:
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not (callable(value) and isinstance(module, str) and isinstance(name, str)):
            return value
        reference = cls(module, name)
        return reference if reference.resolve() is value else value

    def resolve(self) -> Any:
        found: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part, None)
        return found


def _field_names(config: Config) -> list[str]:
    return [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]


def _rebuild(cls: type[Config], values: list[Any]) -> Config:
    return cls(*(v.resolve() if isinstance(v, _Reference) else v for v in values))


def _name(value: Any) -> str:
    if callable(value) and not isinstance(value, Config):
        return str(getattr(value, "__name__", repr(value)))
    return repr(value)
