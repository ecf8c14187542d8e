"""`predict`: the outputs of a network, for any number of sequences, on the host."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check, _host
from .._checked import checked
from .._typing import Inputs, Params
from ..data import Batch, Dataset, Padded, Stacked, bucket, pad
from ..networks import Layer, Pair
from . import _sequences
from ._bar import Bar
from ._batch import as_batch, nested_numbers
from ._finite import check_inputs, check_symbols
from ._progress import Progress
from ._state import TrainState


class Call(NamedTuple):
    """What the network reads at once, of which sequences, and how many steps those have."""

    xs: Inputs
    mask: np.ndarray | None
    resets: np.ndarray | None
    indices: np.ndarray
    steps: int


@checked
def predict(
    network: Layer,
    params: Params,
    inputs: Any,
    *,
    batch: int = 64,
    buckets: int = 4,
    progress: Progress | None = None,
) -> Any:
    """Run a trained network over data, deterministically, and return its outputs as numpy arrays.

    Sequences run `batch` at a time, each from the initial carry, and come back in the order in
    which they were given. Each has the outputs that it would have alone. What `inputs` are says
    what is returned:

    - **An array**, or a tree of them, `[T, *batch, ...]`: an array `[T, *batch, ...]`, one row a
      sequence, `[*batch, ...]`, of a network that pools. There may be no batch axis, or several.
    - **A list of sequences** of several lengths, `[T_n, ...]` each, or a `data.Padded`: a list of
      `[T_n, ...]`, without any padding; one array `[N, ...]` of a network that pools. Sequences of
      similar lengths run together, in at most `buckets` padded lengths, so that few programs are
      compiled. **A list of `networks.Pair`**, for an encoder-decoder: likewise, in one length.
    - **A `data.Batch`**: as an array; steps outside of its mask are zero. Targets are not read.
    - **Batches**, a `data.Dataset`, of which it is the first epoch, a `data.Stacked` or any
      iterable of `data.Batch`: a list, one entry a batch.

    Args:
        network: any `Layer`.
        params: its parameters, or a `TrainState` that holds them.
        inputs: the data, as above.
        batch: how many sequences run at once.
        buckets: how many padded lengths there are at most.
        progress: what is shown: `Progress(unit="characters")`; `None` shows nothing.

    Raises:
        TypeError: `inputs` are none of the above, or traced: under `jit` use `network.apply`.
        ValueError: sequences differ in more than their length; an input that counts is not finite
            (the message says in which sequence, step and feature), or a symbol that of none.

    Example:
        >>> import jax, numpy as np
        >>> from jaxrnn import cells, networks, training
        >>> network = networks.stack(networks.Embedding(5, 3), networks.Recurrent(cells.GRU(3, 2)))
        >>> params = network.init(jax.random.key(0))
        >>> outputs = training.predict(network, params, [[1, 2, 3], [4], []])
        >>> [one.shape for one in outputs]
        [(3, 2), (1, 2), (0, 2)]
        >>> training.predict(network, params, np.array([1, 2, 3])).shape  # one sequence
        (3, 2)
    """
    _check.sizes("predict", batch=batch, buckets=buckets)
    params = params.params if isinstance(params, TrainState) else params
    _refuse_traced(network, params)
    with Bar(progress) as bar:
        run = _Run(network, params, batch, bar)
        return _predict(run, inputs, buckets)


def _predict(run: "_Run", inputs: Any, buckets: int) -> Any:
    if isinstance(inputs, Padded):
        values, lengths = np.asarray(inputs.values), np.asarray(inputs.lengths)
        _check.lengths("predict", "lengths", lengths, values.shape[:2])
        return _ragged(run, [values[:n, at] for at, n in enumerate(lengths)], buckets)
    if isinstance(inputs, Batch):
        return _array(run, inputs, "")
    if isinstance(inputs, Stacked):
        stack = inputs.batches
        inputs = (
            jax.tree.map(lambda leaf, at=at: leaf[at], stack)
            for at in range(len(jax.tree.leaves(stack)[0]))
        )
    if isinstance(inputs, str | bytes):
        raise TypeError(f"predict: text goes through Vocab.encode first, got {inputs!r:.40}")
    iterates = isinstance(inputs, list | Dataset | Iterator)
    if iterates or (isinstance(inputs, Iterable) and not _is_tree(inputs)):
        return _several(run, iter(inputs), buckets)
    _refuse_tuple(run.network, inputs, "")
    if not jax.tree.leaves(inputs):
        raise TypeError(f"predict: inputs must hold an array, got {inputs!r}")
    is_array = hasattr(inputs, "__array__") and not isinstance(inputs, jax.Array)
    several = isinstance(inputs, np.ndarray) and inputs.dtype.hasobject
    remedy = "Sequences of several lengths are a list: `list(inputs)`." if several else ""
    xs = _host.read("predict", "inputs", inputs, remedy) if is_array else inputs
    return _array(run, Batch(xs, ()), "")


def _several(run: "_Run", items: Iterator[Any], buckets: int) -> Any:
    """The outputs of batches, one after another, or of sequences, all together."""
    first = next(items, None)
    if isinstance(first, Batch):
        outputs = [_array(run, first, " of batch 0")]
        for place, item in enumerate(items, start=1):
            _check.kind("predict", f"item {place} of the batches", item, Batch)
            outputs.append(_array(run, item, f" of batch {place}"))
        return outputs
    if not nested_numbers(first):
        _refuse_tuple(run.network, first, " as sequence 0")
    sequences = [] if first is None else [first, *items]
    if isinstance(first, Pair):
        return _pairs(run, sequences)
    return _ragged(run, sequences, buckets)


def _pairs(run: "_Run", items: list[Any]) -> Any:
    """The outputs of pairs, each of whose parts has a length of its own."""
    for place, item in enumerate(items):
        _check.kind("predict", f"sequence {place}", item, Pair)
        if item.mask is not None:
            raise ValueError(
                f"predict: sequence {place} has a mask. In a list a pair is without padding; of "
                "padded ones make a batch: `data.Batch(Pair(source, target, mask), ())`."
            )
    source, target = (pad([item[part] for item in items]) for part in (0, 1))
    there, counts = (
        np.arange(len(part.values))[:, None] < part.lengths for part in (source, target)
    )
    batch = Batch(Pair(source.values, target.values, there), (), counts)
    outputs = _array(run, batch, "")
    return [
        jax.tree.map(lambda leaf, at=at, n=n: leaf[:n, at].copy(), outputs)
        for at, n in enumerate(target.lengths)
    ]


def _array(run: "_Run", batch: Batch, where: str) -> Any:
    """The outputs of sequences of one length, `[T, *batch, ...]`."""
    xs, _, mask, resets = as_batch("predict", batch._replace(targets=()))
    _refuse_traced(xs, mask, resets)
    lead = run.network.leading(xs)
    axes, count = len(lead), math.prod(lead[1:])
    if lead[0] == 0:
        raise ValueError(
            "predict: inputs must have at least one step, got T = 0. A sequence of length 0 may "
            "stand in a list of sequences."
        )
    for name, mark in {"mask": mask, "resets": resets}.items():
        if mark is not None:
            _check.flags("predict", name, mark, lead)
    check_inputs("predict", xs, mask, axes, where)

    def flat(leaf: Any) -> np.ndarray:
        return np.asarray(leaf).reshape(len(leaf), count, *leaf.shape[axes:])

    xs = jax.tree.map(flat, xs)
    marks = [None if mark is None else flat(mark) for mark in (mask, resets)]
    width = max(min(run.batch, count), 1)

    def calls() -> Iterator[Call]:
        for start in range(0, count, width):
            # The last batch is filled with its last sequence, so that it has the shape of others.
            at = np.minimum(np.arange(start, start + width), count - 1)
            part, (mask, resets) = jax.tree.map(lambda leaf, at=at: leaf[:, at], (xs, marks))
            some = np.arange(start, min(start + width, count))
            yield Call(part, mask, resets, some, lead[0] * len(some))

    axis = 0 if run.network.pools else 1
    run.bar.add(lead[0] * count)
    pieces = [
        jax.tree.map(lambda leaf, call=call: leaf.take(range(len(call.indices)), axis), outputs)
        for call, outputs in run.outputs(calls())
    ] or [run.nothing(xs)]
    return jax.tree.map(
        lambda *leaves: _joined(leaves, axis, lead[1:]),
        *pieces,
    )


def _joined(leaves: tuple[np.ndarray, ...], axis: int, batch: tuple[int, ...]) -> np.ndarray:
    """One array of several, with its batch axes again."""
    whole = leaves[0] if len(leaves) == 1 else np.concatenate(leaves, axis)
    return whole.reshape(*whole.shape[:axis], *batch, *whole.shape[axis + 1 :])


def _ragged(run: "_Run", items: list[Any], buckets: int) -> Any:
    """The outputs of sequences of several lengths."""
    network = run.network
    if not items and not network.pools:
        return []
    sequences = _sequences.read(network, run.params, items or [[]])
    if not items:
        sequences = sequences._replace(lengths=sequences.lengths[:0])
    lengths = sequences.lengths
    for place in range(len(items)):
        tree = jax.tree.unflatten(sequences.structure, [c[place] for c in sequences.leaves])
        check_inputs("predict", tree, None, 1, f" of sequence {place}")

    def calls() -> Iterator[Call]:
        # Only the lengths say which go together: of the sequences no copy is made.
        groups = bucket([np.zeros(max(n, 1), bool) for n in lengths], count=buckets)
        for group in groups:
            width = min(run.batch, len(group.indices))
            for start in range(0, len(group.indices), width):
                some = group.indices[start : start + width]
                xs, mask = sequences.together(some, len(group.padded.values), width)
                yield Call(xs, mask, None, some, int(mask.sum()))

    run.bar.add(int(lengths.sum()))
    outputs: list[Any] = [None] * len(items)
    for call, batch in run.outputs(calls() if items else iter(())):
        for at, index in enumerate(call.indices):
            outputs[index] = jax.tree.map(
                lambda leaf, at=at, index=index: (
                    leaf[at] if network.pools else leaf[: lengths[index], at].copy()
                ),
                batch,
            )
    if not network.pools:
        return outputs
    if not outputs:
        xs, _ = sequences.together(np.arange(0), 1, 1)
        return jax.tree.map(lambda leaf: leaf[:0], run.nothing(xs))
    return jax.tree.map(lambda *rows: np.stack(rows), *outputs)


class _Run(NamedTuple):
    """A network, and how it is run."""

    network: Layer
    params: Params
    batch: int
    bar: Bar

    def outputs(self, calls: Iterator[Call]) -> Iterator[tuple[Call, Any]]:
        """The outputs of each call on the host, while the device works on the next one."""
        before = None
        for call in calls:
            now = call, _apply(self.network, self.params, *call[:3])
            if before is not None:
                yield self._read(*before)
            before = now
        if before is not None:
            yield self._read(*before)

    def _read(self, call: Call, outputs: Any) -> tuple[Call, Any]:
        outputs = jax.tree.map(np.asarray, jax.device_get(outputs))
        check_symbols(
            "predict", self.network, self.params, call.xs, call.mask, outputs, call.indices
        )
        self.bar.advance(call.steps)
        return call, outputs

    def nothing(self, xs: Inputs) -> Any:
        """The outputs of no sequence at all."""
        one = jax.tree.map(lambda leaf: np.zeros((len(leaf), 1, *leaf.shape[2:]), leaf.dtype), xs)
        shapes = _apply.eval_shape(self.network, self.params, one, None, None)  # type: ignore[no-untyped-call]
        axis = 0 if self.network.pools else 1
        return jax.tree.map(lambda s: np.zeros(s.shape, s.dtype).take([], axis), shapes)


@jax.jit
def _apply(network: Layer, params: Params, xs: Inputs, mask: Any, resets: Any) -> Any:
    return network.apply(params, xs, mask=mask, resets=resets)[1]


def _refuse_traced(*trees: Any) -> None:
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(trees)):
        raise TypeError(
            "predict: cannot run inside jit, vmap or grad, for it works on the host. There, use "
            "`network.apply(params, xs, lengths=lengths)`."
        )


def _refuse_tuple(network: Layer, inputs: Any, where: str) -> None:
    if type(inputs) is tuple and network.input_shape is not None:
        raise TypeError(
            f"predict: {type(network).__name__} reads one array, got a tuple of {len(inputs)}"
            f"{where}. A batch is a `data.Batch(inputs, targets)`; sequences are a list."
        )


def _is_tree(inputs: Any) -> bool:
    """Whether it holds arrays by its structure, or is one; what else iterates gives items."""
    return isinstance(inputs, tuple | dict) or hasattr(inputs, "__array__")
