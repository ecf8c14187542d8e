"""Trees of arrays, drawn and compared by numpy, which compiles nothing."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_number(leaf: Any) -> bool:
    """Whether a leaf has a derivative: it is real or complex, not an integer, a flag or a key."""
    dtype = leaf.dtype if hasattr(leaf, "dtype") else jnp.result_type(leaf)
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def numbers(tree: Any) -> list[Any]:
    """The leaves that have a derivative."""
    return [leaf for leaf in jax.tree.leaves(tree) if is_number(leaf)]


def with_numbers(tree: Any, leaves: list[Any]) -> Any:
    """The tree with these in the place of its numbers."""
    following = iter(leaves)
    return jax.tree.map(lambda leaf: next(following) if is_number(leaf) else leaf, tree)


def names(tree: Any) -> list[str]:
    """The paths of the numbers."""
    return [path for path, leaf in _paths(tree) if is_number(leaf)]


def cast(tree: Any, dtype: Any) -> Any:
    """The tree with its real numbers in `dtype`, and complex ones of the precision that fits."""

    def leaf(value: Any) -> Any:
        if not is_number(value):
            return value
        value = np.asarray(value)
        if jnp.issubdtype(value.dtype, jnp.complexfloating):
            return jnp.asarray(
                value.astype(np.complex128 if dtype == jnp.float64 else np.complex64)
            )
        return jnp.asarray(value.astype(dtype))

    return jax.tree.map(leaf, tree)


def is_narrow(leaf: Any) -> bool:
    """Whether a number is of less than 32 bits, real and imaginary part each."""
    return bool(jnp.real(jnp.zeros((), leaf.dtype)).dtype.itemsize < 4)


def noise(tree: Any, seed: int, scale: float = 1.0) -> Any:
    """Normal numbers like those of the tree, real and imaginary parts alike; the rest as it is."""
    draw = np.random.default_rng(seed)

    def leaf(value: Any) -> Any:
        value = jnp.asarray(value)
        if not is_number(value):
            return value
        drawn = draw.normal(size=value.shape)
        if jnp.iscomplexobj(value):
            drawn = drawn + 1j * draw.normal(size=value.shape)
        return jnp.asarray(scale * drawn, value.dtype)

    return jax.tree.map(leaf, tree)


def moved(tree: Any, direction: Any, length: float) -> Any:
    """`tree + length * direction`, where the tree has numbers."""

    def leaf(value: Any, along: Any) -> Any:
        if not is_number(value):
            return value
        return jnp.asarray(np.asarray(value) + length * np.asarray(along), value.dtype)

    return jax.tree.map(leaf, tree, direction)


def at(tree: Any, index: Any) -> Any:
    """Every leaf at an index."""
    return jax.tree.map(lambda leaf: _concrete(leaf)[index], tree)


def where(flags: Any, tree: Any, other: Any) -> Any:
    """`tree` where flags of the leading axes are True, and `other`, a tree or a number, elsewhere.

    Integers take the nearest there is: the least for minus infinity, 0 for NaN.
    """
    flags = np.asarray(flags)

    def leaf(value: Any, instead: Any) -> Any:
        value, instead = _concrete(value), _concrete(instead)
        if isinstance(value, jax.Array):  # keys
            return value
        wide = flags.reshape(flags.shape + (1,) * (value.ndim - flags.ndim))
        return jnp.asarray(
            np.where(wide, value, np.broadcast_to(instead, value.shape)), value.dtype
        )

    if isinstance(other, int | float):
        return jax.tree.map(lambda value: leaf(value, _fitting(value, other)), tree)
    return jax.tree.map(leaf, tree, other)


def _fitting(value: Any, number: float) -> Any:
    """A number that a leaf's type can hold."""
    dtype = jnp.asarray(value).dtype
    if jnp.issubdtype(dtype, jnp.inexact):
        return np.asarray(number, dtype)
    if jnp.issubdtype(dtype, jnp.bool_):
        return ~_concrete(value)
    return np.asarray(np.clip(0 if np.isnan(number) else number, -(10**6), 10**6), dtype)


def on_host(tree: Any) -> Any:
    """The tree as numpy has it."""
    return jax.tree.map(_concrete, tree)


def _concrete(leaf: Any) -> Any:
    """A leaf as numpy has it; keys stay JAX's."""
    key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return leaf if key else np.asarray(leaf)


def _paths(tree: Any) -> Iterator[tuple[str, Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        yield jax.tree_util.keystr(path), leaf


def _pairs(got: Any, wanted: Any, what: str) -> Iterator[tuple[str, Any, Any]]:
    structures: list[Any] = [jax.tree.structure(tree) for tree in (got, wanted)]
    assert structures[0] == structures[1], f"{what}: {structures[0]}, not {structures[1]}"
    for (path, one), other in zip(_paths(got), jax.tree.leaves(wanted), strict=True):
        a, b = _plain(one), _plain(other)
        kinds = f"{a.dtype}{list(a.shape)}", f"{b.dtype}{list(b.shape)}"
        assert kinds[0] == kinds[1], f"{what}{path} is {kinds[0]}, not {kinds[1]}"
        yield f"{what}{path}", a, b


def _plain(leaf: Any) -> Any:
    leaf = jax.random.key_data(leaf) if isinstance(_concrete(leaf), jax.Array) else leaf
    return np.asarray(leaf)


def same(got: Any, wanted: Any, what: str) -> None:
    """Equal, bit for bit."""
    for who, a, b in _pairs(got, wanted, what):
        if not np.array_equal(a, b, equal_nan=a.dtype.kind in "fcV"):
            equal = (a == b) | (np.isnan(a) & np.isnan(b)) if a.dtype.kind in "fc" else a == b
            differing = np.argwhere(~equal)[0].tolist()
            index = tuple(differing)
            raise AssertionError(f"{who} at {differing} is {a[index]}, not {b[index]}")


def near(got: Any, wanted: Any, what: str, tolerance: float = 1e-12) -> float:
    """Equal to `tolerance`, relative to the largest number of each leaf; other leaves exactly.

    It returns the largest error there is.
    """
    largest = 0.0
    for who, a, b in _pairs(got, wanted, what):
        if not is_number(a):
            same(a, b, who)
        elif a.size:
            error, scale = off(a, b)
            worst = np.unravel_index(int(np.argmax(error)), a.shape)
            if not error[worst] <= tolerance * scale:
                place = f" at {[int(i) for i in worst]}" if a.shape else ""
                raise AssertionError(
                    f"{who}{place} is {a[worst]:.9g}, not {b[worst]:.9g} "
                    f"(off by {error[worst]:.1e} where {tolerance * scale:.1e} is allowed)"
                )
            largest = max(largest, float(error[worst] / scale))
    return largest


def off(got: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, float]:
    """How far numbers are apart, infinite for NaN, and the largest that is wanted, or 1e-3."""
    if got.dtype.kind == wanted.dtype.kind == "V":  # bfloat16, of which numpy knows little
        got, wanted = got.astype(np.float32), wanted.astype(np.float32)
    with np.errstate(invalid="ignore"):
        error = np.where(got == wanted, 0.0, np.abs(got - wanted))  # minus infinity is a logit too
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-3)
    return np.where(np.isnan(error), np.inf, error), float(scale)


def finite(tree: Any, what: str) -> None:
    """No number is infinite or NaN."""
    for path, leaf in _paths(tree):
        if is_number(leaf):
            assert np.isfinite(np.asarray(leaf)).all(), f"{what}{path} is not finite"


def alike(got: Any, wanted: Any, what: str) -> None:
    """The structure, shapes and types are equal."""
    structures: list[Any] = [jax.tree.structure(tree) for tree in (got, wanted)]
    assert structures[0] == structures[1], f"{what} is {structures[0]}, not {structures[1]}"
    for (path, a), b in zip(_paths(got), jax.tree.leaves(wanted), strict=True):
        kinds = f"{a.dtype}{list(a.shape)}", f"{b.dtype}{list(b.shape)}"
        assert kinds[0] == kinds[1], f"{what}{path} is {kinds[0]}, not {kinds[1]}"
