"""The leaves that a sweep can change: of a trainer, and of its optimizer's state."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import _host
from .._config import Config
from .._kinds import shown
from ._hyperparameters import numbers
from ._state import TrainState
from ._trainer import Trainer


class Place(NamedTuple):
    """A leaf: which one it is of the trainer's, or of the optimizer's state."""

    name: str
    of_trainer: bool
    at: int
    path: tuple[Any, ...]
    like: Any


def places(trainer: Trainer) -> dict[str, Place]:
    """Every leaf by its name.

    A leaf of the trainer is called as it is reached, `network.layers[1].cell.leak`; one that
    `optax.inject_hyperparams` put into the optimizer's state by its argument, `learning_rate`, with
    its place in front where there are several of that name.
    """
    found = {}
    for index, (path, leaf) in enumerate(jax.tree.leaves_with_path(trainer)):
        name = jax.tree_util.keystr(path).removeprefix(".")
        found[name] = Place(name, True, index, path, leaf)
    state = jax.eval_shape(Trainer.init, trainer, jax.random.key(0)).opt_state
    known = {path: index for index, (path, _) in enumerate(jax.tree.leaves_with_path(state))}
    leaves = jax.tree.leaves(state)
    injected = numbers(state)
    for path in injected:
        short = path[-1].key
        alone = sum(other[-1].key == short for other in injected) == 1 and short not in found
        name = short if alone else f"optimizer{jax.tree_util.keystr(path)}"
        found[name] = Place(name, False, known[path], path, leaves[known[path]])
    return found


def members(settings: Any) -> list[dict[str, Any]]:
    """Every setting as a dictionary: of a mapping, all combinations of its values."""
    if isinstance(settings, Mapping):
        grid: list[dict[str, Any]] = [{}]
        for name, values in settings.items():
            if isinstance(values, str | Mapping) or not isinstance(
                values, Sequence | np.ndarray | jax.Array
            ):
                raise TypeError(
                    f"sweep: settings[{name!r}] must be a list of values, got {shown(values)}"
                )
            _host.refuse_masked("sweep", f"settings[{name!r}]", values)
            if not len(values):
                raise ValueError(
                    f"sweep: settings[{name!r}] is an empty list of values. Pass at least one."
                )
            grid = [setting | {name: value} for setting in grid for value in values]
        return grid
    if isinstance(settings, str) or not isinstance(settings, Sequence):
        raise TypeError(
            'sweep: settings must be values by the name of a leaf, {"learning_rate": [0.01, 0.1]}, '
            f"or a list of settings, got {shown(settings)}"
        )
    if not settings:
        raise ValueError("sweep: settings is an empty list. For seeds alone pass settings={}.")
    for setting in settings:
        if not isinstance(setting, Mapping) or setting.keys() != settings[0].keys():
            raise TypeError(
                "sweep: settings must be a list of dictionaries with the same names, got "
                f"{shown(settings[0])} and {shown(setting)}"
            )
    return [dict(setting) for setting in settings]


def check(
    trainer: Trainer, settings: list[dict[str, Any]]
) -> tuple[list[Place], list[dict[str, Any]]]:
    """The places of what is swept, and the settings with each value as its leaf takes it.

    Raises:
        TypeError, ValueError: no leaf has that name, or a value does not fit its leaf.
    """
    there = places(trainer)
    for name in settings[0]:
        if name not in there:
            known = "\n  ".join(there) or "(none)"
            raise ValueError(
                f"sweep: {name!r} is no leaf of the trainer and none of its optimizer's state. "
                f"There are\n  {known}\nA size is no leaf: sweep once for each size, and `join`. A "
                "learning rate is one with `optax.inject_hyperparams(optax.adam)(1e-3)`."
            )
    fitting: list[dict[str, Any]] = []
    seen: list[Any] = []
    for setting in settings:
        fitting.append({name: _fitting(there[name], value) for name, value in setting.items()})
        if (plain := plain_setting(fitting[-1])) in seen:
            raise ValueError(f"sweep: the setting {plain} is there twice")
        seen.append(plain)
        changed: Any = trainer
        for name, value in fitting[-1].items():
            if there[name].of_trainer:
                changed = _put(changed, there[name].path, value)
    return [there[name] for name in settings[0]], fitting


def plain_setting(setting: dict[str, Any]) -> dict[str, Any]:
    """A setting as Python's numbers and lists."""
    return {name: np.asarray(value).tolist() for name, value in setting.items()}


def stacked(places: Sequence[Place], settings: Sequence[dict[str, Any]]) -> list[jax.Array]:
    """The values of several members along a new first axis, with the dtype that one would have."""
    return [_stack(place, [setting[place.name] for setting in settings]) for place in places]


def place_trainer(trainer: Trainer, places: tuple[Place, ...], values: Any) -> Trainer:
    """The trainer with those values; inside `jit`, without checks."""
    leaves, structure = jax.tree.flatten(trainer)
    for place, value in zip(places, values, strict=True):
        if place.of_trainer:
            leaves[place.at] = value
    changed: Trainer = jax.tree.unflatten(structure, leaves)
    return changed


def place_state(state: TrainState, places: tuple[Place, ...], values: Any) -> TrainState:
    """The state with those hyper-parameters in its optimizer's."""
    leaves, structure = jax.tree.flatten(state.opt_state)
    for place, value in zip(places, values, strict=True):
        if not place.of_trainer:
            leaves[place.at] = jnp.asarray(value, leaves[place.at].dtype)
    return state._replace(opt_state=jax.tree.unflatten(structure, leaves))


def _fitting(place: Place, value: Any) -> Any:
    who = f"sweep: a value of {place.name!r}"
    _host.refuse_masked("sweep", place.name, value)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who} must be a number, got {shown(value)}") from error
    like = place.like
    whole = jnp.issubdtype(jnp.result_type(like), jnp.integer) and hasattr(like, "dtype")
    if array.dtype.kind not in "iuf" and array.dtype != jnp.bfloat16:
        raise TypeError(f"{who} must be a number, got {shown(value)}")
    if whole and array.dtype.kind == "f":
        raise TypeError(f"{who} must be an integer, as {shown(like)} is, got {shown(value)}")
    if array.shape != np.shape(like):
        raise ValueError(
            f"{who} must have the shape {np.shape(like)} of that leaf, got {array.shape}"
        )
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{who} is not a number: {shown(value)}")
    if hasattr(like, "dtype"):
        return array.astype(like.dtype)
    return array.item()


def _put(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The node with another leaf; every noun on the way is made anew, and so checks its range."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(node, Config):
        changed = {key.name: _put(getattr(node, key.name), rest, value)}
        return dataclasses.replace(node, **changed)  # type: ignore[type-var]
    if isinstance(node, dict):
        return node | {key.key: _put(node[key.key], rest, value)}
    if isinstance(node, tuple) and hasattr(node, "_replace"):
        return node._replace(**{key.name: _put(getattr(node, key.name), rest, value)})
    if isinstance(node, list | tuple):
        parts = list(node)
        parts[key.idx] = _put(parts[key.idx], rest, value)
        return type(node)(parts)
    return node  # of somebody else's class, which checks what it checks


def _stack(place: Place, values: list[Any]) -> jax.Array:
    if hasattr(place.like, "dtype"):
        return jnp.asarray(np.stack(values))
    # Python's numbers stay weakly typed, as they are where one trainer is passed to `jit`.
    kind = float if any(isinstance(value, float) for value in values) else int
    each = [jax.lax.broadcast(jnp.asarray(kind(value)), (1,)) for value in values]
    return jax.lax.concatenate(each, 0)
