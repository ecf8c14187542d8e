"""`Config`: the base of every noun in jaxrnn, which is a frozen configuration object."""

import abc
import dataclasses
import functools
import importlib
import inspect
import operator
import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._annotations import kind_of
from ._checked import guard
from ._kinds import Kind, Refused, refusal


@typing.dataclass_transform(
    frozen_default=True, field_specifiers=(dataclasses.field, jax.tree.static)
)
class Config(abc.ABC):  # noqa: B024  (its subclasses have the abstract methods)
    """A frozen dataclass that is a pytree.

    Every subclass becomes a frozen dataclass registered with JAX. Sizes and switches are static
    fields, `jax.tree.static()`, and belong to the tree's structure; every other field is a leaf or
    a subtree, so that `vmap`, `grad` and `jit` work over it without retracing.

    A class is either abstract or final: deriving from a concrete one raises `TypeError`.

    Where a user makes a noun, every field is held against its annotation, and `__post_init__`
    checks the rest: ranges, and what fields must be to each other. Neither happens where JAX
    rebuilds the noun around other leaves, nor where it is copied or unpickled.

    Nouns are equal where their static fields and their leaves are: arrays of one shape, dtype and
    content, bit for bit; a tracer equals itself alone. A noun that holds arrays has no hash, which
    is why nouns are ordinary arguments of jitted functions.

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
        if "__post_init__" in cls.__dict__:
            cls.__post_init__ = _after_kinds(cls.__dict__["__post_init__"])  # type: ignore[method-assign]
        guard(cls)
        dataclasses.dataclass(frozen=True, repr=False, eq=False)(cls)
        _register(cls)

    def __post_init__(self) -> None:
        """Check what the kinds of the fields do not say; they have been checked before."""
        _check_kinds(self)

    @classmethod
    def _remedy(cls, value: Any) -> str:
        """What to do with a `value` that came where a noun of this class is wanted."""
        return ""

    def __eq__(self, other: object) -> bool:
        """Whether both are the same noun with the same numbers."""
        if type(self) is not type(other):
            return NotImplemented
        mine, others = jax.tree.leaves(self), jax.tree.leaves(other)
        structures: list[Any] = [jax.tree.structure(self), jax.tree.structure(other)]
        return bool(structures[0] == structures[1]) and all(map(_equal, mine, others))

    def __hash__(self) -> int:
        """Equal nouns have equal ones; raises for a noun that holds arrays."""
        leaves, structure = jax.tree.flatten(self)
        return hash((structure, *leaves))

    def __repr__(self) -> str:
        """The call that makes the noun; a function shows as its name."""
        shown = (f"{name}={_name(getattr(self, name))}" for name in _field_names(self))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Callable[..., "Config"], tuple[Any, ...]]:
        """Copy and pickle as JAX rebuilds: without checks, for a gradient is a noun as well.

        A decorated function travels as the place where it is found.
        """
        values = {name: _Reference.of(getattr(self, name)) for name in _field_names(self)}
        return _rebuild, (type(self), values)


def _after_kinds(check: Callable[..., None]) -> Callable[..., None]:
    """A class's own `__post_init__`, after the kinds of all fields have been checked, once."""

    @functools.wraps(check)
    def checked(self: Config, *args: Any) -> None:
        if type(self).__post_init__ is checked:  # not where a subclass calls it
            _check_kinds(self)
        check(self, *args)

    return checked


def _check_kinds(noun: Config) -> None:
    """Raise unless every field holds what its annotation says; numpy's integers become Python's."""
    cls = type(noun)
    kinds = cls.__dict__.get("_kinds")
    if kinds is None:
        kinds = cls._kinds = _kinds_of(cls)  # type: ignore[attr-defined]
    for name, kind in kinds:
        value = getattr(noun, name)
        kept = kind.take(value)
        if kept is Refused:
            raise TypeError(refusal(cls.__name__, name, kind, value))
        if kept is not value:
            object.__setattr__(noun, name, kept)


def _kinds_of(cls: type[Config]) -> list[tuple[str, Kind]]:
    """The kinds of the fields, as far as annotations say; read once, when a noun is first made."""
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError):
        hints = {}  # one is a string that cannot be read here; those that are none can
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    kinds = [
        (field.name, kind_of(hints.get(field.name, field.type), static=_is_static(field)))
        for field in fields
    ]
    return [(name, kind) for name, kind in kinds if kind is not None]


def _is_static(field: Any) -> bool:
    return bool(field.metadata.get("static", False))


def _equal(a: Any, b: Any) -> bool:
    """Whether two leaves are the same number, or the same array, of numpy or JAX alike."""
    if a is b:
        return True
    if not (_is_array(a) and _is_array(b)):
        return type(a) is type(b) and not isinstance(a, jax.core.Tracer) and bool(a == b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
        a, b = jax.random.key_data(a), jax.random.key_data(b)
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | jax.Array) and not isinstance(value, jax.core.Tracer)


def _register(cls: type[Config]) -> None:
    """Make `cls` a pytree that JAX rebuilds without `__post_init__`.

    What JAX puts into a noun need not pass the checks of what a user does: placeholders, tracers,
    and gradients, for the gradient with respect to a noun is a noun whose numbers lie anywhere.
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    static = [field.name for field in fields if _is_static(field)]
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


def parts(noun: Config, kind: type | tuple[type, ...]) -> list[Any]:
    """The nouns of a kind that a noun holds in its fields; not those that they hold in turn."""
    fields = [getattr(noun, name) for name in _field_names(noun)]
    nodes = jax.tree.leaves(fields, is_leaf=lambda node: isinstance(node, kind))
    return [node for node in nodes if isinstance(node, kind)]


def _field_names(config: Config) -> list[str]:
    return [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]


def _rebuild(cls: type[Config], values: dict[str, Any]) -> Config:
    noun = object.__new__(cls)
    for name, value in values.items():
        noun.__dict__[name] = value.resolve() if isinstance(value, _Reference) else value
    return noun


def _name(value: Any) -> str:
    if callable(value) and not isinstance(value, Config):
        return str(getattr(value, "__name__", repr(value)))
    return repr(value)
