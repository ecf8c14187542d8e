"""Splits of examples that have no order: at random, by label, by group."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from ._random import permutation


class Split(NamedTuple):
    """Which examples are in each part: `labels[split.train]`, `inputs[:, split.train]`.

    Every example is in exactly one part. Indices are in order; `validation` is empty if none was
    asked for.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@checked
def random_split(count: int, *, test: Any, validation: Any = None, seed: Any) -> Split:
    """Part examples at random. The parts are the same in every version of numpy.

    Not for the steps of a series, whose neighbours would land in different parts: `time_split`.
    Nor for examples that belong together, several of one speaker: `grouped_split`.

    Args:
        count: how many examples there are.
        test: how many are for the test, or which share of all.
        validation: the same for validation.
        seed: an integer of at least 0, or a key of JAX.

    Raises:
        TypeError: a size is no number, or `seed` neither an integer nor one key.
        ValueError: a part would be empty, or `seed` is negative.

    Example:
        >>> random_split(6, validation=1, test=0.3, seed=0)
        Split(train=array([0, 4, 5]), validation=array([1]), test=array([2, 3]))
    """
    _check.sizes("random_split", count=count)
    _check.memory("random_split", "the order", (count,), np.int64, "Pass a smaller count.")
    sizes = _sizes("random_split", "examples", count, validation, test)
    return _parts(permutation(_seed("random_split", seed), count), sizes)


@checked
def stratified_split(labels: ArrayLike, *, test: Any, validation: Any = None, seed: Any) -> Split:
    """Part examples at random, so that every part has its share of each class.

    The number of a class in a part differs by less than one from the part's share of it. Parts are
    drawn one after the other: a random order of the examples is sorted by class, and the test part
    gets every example at which the share, added up, passes a half.

    Args:
        labels: `[N]`, of any integers or texts.
        test: how many examples are for the test, or which share of all.
        validation: the same for validation.
        seed: an integer of at least 0, or a key of JAX.

    Raises:
        TypeError: labels are not integers, flags or texts; or as `random_split` says.
        ValueError: labels are not `[N]`, a part would be empty, or a class would be missing from
            training (the message names it).

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
        >>> split = stratified_split(labels, test=1 / 3, seed=0)
        >>> np.bincount(labels[split.train]).tolist(), np.bincount(labels[split.test]).tolist()
        ([4, 2], [2, 1])
    """
    who = "stratified_split"
    names, classes = _read_names(who, "labels", labels)
    sizes = _sizes(who, "examples", len(classes), validation, test)
    order = permutation(_seed(who, seed), len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    held_out = []
    for size in reversed(sizes):
        shares = (np.arange(len(order) + 1) * size + len(order) // 2) // len(order)
        chosen = np.diff(shares) > 0
        held_out.append(order[chosen])
        order = order[~chosen]
    counts = np.bincount(classes[order], minlength=len(names))
    if not counts.all():
        missing = int(np.flatnonzero(counts == 0)[0])
        raise ValueError(
            f"{who}: class {names[missing]} has {np.sum(classes == missing)} examples, and none "
            "would be left for training. Leave the class out, or take smaller parts."
        )
    test_part, validation_part = held_out
    return Split(*map(np.sort, (order, validation_part, test_part)))


@checked
def grouped_split(groups: ArrayLike, *, test: Any, validation: Any = None, seed: Any) -> Split:
    """Part examples by group at random: all that belong together are in one part.

    Sequences of one speaker, patient or machine are alike. Where some are trained on and others
    tested, the score says how well known ones are recognised, not new ones.

    Args:
        groups: `[N]`, the group of each example, any integers or texts.
        test: how many *groups* are for the test, or which share of the groups.
        validation: the same for validation.
        seed: an integer of at least 0, or a key of JAX.

    Raises:
        TypeError: groups are not integers, flags or texts; or as `random_split` says.
        ValueError: groups are not `[N]`, or a part would be empty.

    Example:
        >>> split = grouped_split(["ann", "bob", "ann", "eve"], test=1, seed=0)
        >>> split.train.tolist(), split.test.tolist()
        ([0, 1, 2], [3])
    """
    who = "grouped_split"
    names, owners = _read_names(who, "groups", groups)
    sizes = _sizes(who, "groups", len(names), validation, test)
    parts = _parts(permutation(_seed(who, seed), len(names)), sizes)
    return Split(*(np.flatnonzero(np.isin(owners, part)) for part in parts))


def _parts(order: np.ndarray, sizes: tuple[int, int]) -> Split:
    """The first of an order for the test, then those for validation, the rest to learn from."""
    validation, test = sizes
    test_part, validation_part, train = np.split(order, [test, test + validation])
    return Split(*map(np.sort, (train, validation_part, test_part)))


def _sizes(who: str, what: str, count: int, validation: Any, test: Any) -> tuple[int, int]:
    """How many are for validation, and for the test."""
    sizes = []
    for name, part in (("validation", validation), ("test", test)):
        if name == "validation" and part is None:
            sizes.append(0)
            continue
        if isinstance(part, int | np.integer) and not isinstance(part, bool):
            size = int(part)
        elif isinstance(part, float | np.floating):
            if not 0 < part < 1:
                raise ValueError(f"{who}: {name} must be a share between 0 and 1, got {part}")
            size = round(float(part) * count)
        else:
            raise TypeError(
                f"{who}: {name} must be a number of {what} or a share of them, got {shown(part)}"
            )
        if size < 1:
            raise ValueError(
                f"{who}: {name}={part!r} of {count} {what} leaves that part empty. Take "
                "a larger part."
            )
        sizes.append(size)
    if sum(sizes) >= count:
        raise ValueError(
            f"{who}: validation={validation!r} and test={test!r} leave nothing to learn from, of "
            f"{count} {what}. Take smaller parts."
        )
    return sizes[0], sizes[1]


def _seed(who: str, seed: Any) -> int:
    """The number that an order is drawn from."""
    if isinstance(seed, jax.Array) and (seed.ndim or not jnp.issubdtype(seed.dtype, jnp.integer)):
        _check.one_key(who, seed)
        typed = jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
        words = np.asarray(jax.random.key_data(seed) if typed else seed).ravel()
        return sum(int(word) << 32 * place for place, word in enumerate(words))
    _check.integers(who, 0, seed=seed)
    return int(seed)


def _read_names(who: str, name: str, value: Any) -> tuple[list[Any], np.ndarray]:
    """The different names, in order, and which of them each example has: `Int[N]`."""
    _host.refuse_masked(who, name, value)
    texts = isinstance(value, list | tuple | np.ndarray) and _is_text(value)
    array = np.asarray(value) if texts else _host.read(who, name, value)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{who}: {name} must be [N] and not empty, got shape {array.shape}")
    if not texts and array.dtype.kind not in "iub":
        raise TypeError(f"{who}: {name} must be integers or texts, got {array.dtype}")
    names, places = np.unique(array.astype(str) if texts else array, return_inverse=True)
    return names.tolist(), places


def _is_text(value: Any) -> bool:
    """Whether it is an array or a list of texts and nothing else."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.kind in "US"
    return len(value) > 0 and all(isinstance(one, str) for one in value)
