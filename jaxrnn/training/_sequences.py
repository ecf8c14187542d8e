"""Sequences of several lengths, as `predict` takes them: read, checked, and laid side by side."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _host
from .._typing import Inputs, Params
from ..networks import Layer
from ._batch import nested_numbers

WHO = "predict"


class Sequences(NamedTuple):
    """Sequences of one kind, alike in all but their length.

    Shapes:
        leaves: for each array of the inputs' tree one `[T_n, *features]` a sequence.
        structure: of that tree.
        lengths: `Int[N]`.
    """

    leaves: list[list[np.ndarray]]
    structure: Any
    lengths: np.ndarray

    def together(self, indices: np.ndarray, length: int, width: int) -> tuple[Inputs, np.ndarray]:
        """Some of them side by side, `[length, width, ...]`, and which steps count.

        What is left over is filled with zeros, and with sequences that have no step: every batch
        of one length runs the same program.
        """
        arrays = []
        for column in self.leaves:
            array = np.zeros((length, width, *column[0].shape[1:]), column[0].dtype)
            for place, index in enumerate(indices):
                array[: self.lengths[index], place] = column[index]
            arrays.append(array)
        lengths = np.zeros(width, int)
        lengths[: len(indices)] = self.lengths[indices]
        mask = np.arange(length)[:, None] < lengths
        return jax.tree.unflatten(self.structure, arrays), mask


def read(network: Layer, params: Params, items: Iterable[Any]) -> Sequences:
    """The sequences of a list.

    Raises:
        TypeError, ValueError: as `predict` says.
    """
    trees = [jax.tree.flatten_with_path(item, is_leaf=_is_one) for item in items]
    structure: Any = trees[0][1]
    for place, (_, other) in enumerate(trees):
        if other != structure:
            raise TypeError(
                f"{WHO}: sequence {place} is {_kind(other)}, and sequence 0 {_kind(structure)}. "
                "All must have one structure, whose arrays are [T, *features]."
            )
    features = 1 if network.input_shape is None else len(network.input_shape)
    columns: list[list[np.ndarray]] = [
        [
            _one(f"sequence {place}{jax.tree_util.keystr(leaves[index][0])}", leaves[index][1])
            for place, (leaves, _) in enumerate(trees)
        ]
        for index in range(structure.num_leaves)
    ]
    if not columns:
        raise ValueError(f"{WHO}: sequence 0 holds no array")
    columns = [_alike(column, features, network, params) for column in columns]
    lengths = np.array([list(map(len, column)) for column in columns])
    differ = np.flatnonzero((lengths != lengths[0]).any(axis=0))
    if len(differ):
        steps = " and ".join(map(str, lengths[:, differ[0]]))
        raise ValueError(
            f"{WHO}: the arrays of sequence {differ[0]} have {steps} steps, and must have as many "
            "as one another"
        )
    return Sequences(columns, structure, lengths[0])


def _one(what: str, leaf: Any) -> np.ndarray:
    array = _host.read(WHO, what, leaf, "Text goes through Vocab.encode first.")
    if array.ndim == 0:
        raise TypeError(
            f"{WHO}: {what} must be [T, ...], got the number {array}. A list is one of sequences: "
            "for a single sequence pass an array, or [sequence]."
        )
    return array


def _alike(
    column: list[np.ndarray], features: int, network: Layer, params: Params
) -> list[np.ndarray]:
    """One dtype and one shape of features for all, those without a step too."""
    # `[]` has no features, and no dtype that means anything.
    filled = [(place, array) for place, array in enumerate(column) if array.size]
    if filled:
        shape, dtypes = filled[0][1].shape[1:], {array.dtype for _, array in filled}
    else:
        shape = tuple(size or 1 for size in network.input_shape or (1,) * features)
        # Any will do that the network takes, for nothing is read.
        dtypes = {leaf.dtype for leaf in jax.tree.leaves(params)[:1] if shape}
        dtypes = dtypes or {np.dtype(np.float32 if shape else np.int32)}
    for place, array in filled:
        if array.ndim != 1 + features or array.shape[1:] != shape:
            wanted = network.input_shape if len(shape) != features else shape
            wanted = ("features",) if wanted is None else wanted
            axes = f"[{', '.join(map(str, ('T', *wanted)))}]"
            raise ValueError(
                f"{WHO}: sequence {place} must be {axes}, got an array {array.shape}. Sequences "
                "differ in length only; several of one length, [T, *batch, ...], are one array, "
                "and no list."
            )
    try:
        dtype = np.result_type(*dtypes)
    except TypeError as error:
        kinds = " and ".join(sorted(map(str, dtypes)))
        raise TypeError(
            f"{WHO}: sequences must have one dtype, got {kinds}. Convert them: `x.astype(dtype)`."
        ) from error
    return [
        array.astype(dtype, copy=False) if array.size else np.zeros((len(array), *shape), dtype)
        for array in column
    ]


def _is_one(node: Any) -> bool:
    return isinstance(node, list) or nested_numbers(node)


def _kind(structure: Any) -> str:
    return "one array" if structure == jax.tree.structure(0) else f"a tree {structure}"
