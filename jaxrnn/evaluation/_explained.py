"""What an explanation is of: a network, what it reads, and one number of what it gives."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._config import Config
from .._kinds import shown
from .._numerics import drop, last_valid, within
from .._typing import Array, ArrayLike, Batch, Inputs, Params
from ..networks import Embedding, Layer

if TYPE_CHECKING:
    Target: TypeAlias = ArrayLike | Callable[..., Any]
else:
    Target = Any
"""What is explained: a unit of the outputs, `Int[*batch]`, or a function of them."""


class Blended(Layer):
    """An embedding whose vectors are moved: `scale * table[x] + shift`."""

    embedding: Embedding
    scale: Array
    shift: Array

    def init(self, key: Any) -> Params:
        return self.embedding.init(key)

    def transform(self, params: Params, xs: Array, *, key: Any = None) -> Array:
        """The vectors of symbols, as `Embedding.transform`, for layers that call it themselves."""
        return moved(self.embedding.transform(params, xs), self.scale, self.shift)

    def run(self, params: Params, xs: Inputs, carry: Any, **marks: Any) -> tuple[Any, Inputs]:
        return carry, self.transform(params, xs)

    @property
    def input_shape(self) -> tuple[()]:
        return ()

    @property
    def output_shape(self) -> tuple[int]:
        return self.embedding.output_shape


class Unit(Config):
    """One unit of the outputs: of a sequence's last step that counts, unless they are pooled."""

    index: Any

    def __call__(self, outputs: Array, mask: Array | None, pools: bool) -> Array:
        """From `[T, *batch, V]`, or `[*batch, V]` where pooled, to `[*batch]`."""
        if not pools:
            outputs = outputs[-1] if mask is None else last_valid(outputs, mask)
        return self.of_steps(outputs)

    def of_steps(self, outputs: Array) -> Array:
        """The unit of every vector; NaN where there is none of that number."""
        index = jnp.asarray(self.index)
        wide = jnp.broadcast_to(index.astype(jnp.int32), outputs.shape[:-1])[..., None]
        inside = (wide >= 0) & (wide < outputs.shape[-1])
        taken = jnp.take_along_axis(outputs, jnp.where(inside, wide, 0), axis=-1)
        return jnp.where(inside, taken, jnp.nan)[..., 0]


class Function(Config):
    """Any function of the outputs that gives one number a sequence."""

    function: Callable[..., Any] = jax.tree.static()

    def __call__(self, outputs: Inputs, mask: Array | None, pools: bool) -> Array:
        """The outputs at padding are zero before the function reads them."""
        return jnp.asarray(self.function(_masked(outputs, mask, pools)))


class Explained(NamedTuple):
    """One call: everything in it is a tree of arrays, so that it goes through `jit` as a whole."""

    network: Layer
    params: Params
    xs: Array
    mask: Array | None
    resets: Array | None
    target: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """`[T, *batch, features]`: where an attribution has a number each."""
        embedding = _embedding(self.network)
        return self.xs.shape if embedding is None else (*self.xs.shape, embedding.features)

    @property
    def axes(self) -> int:
        """How many axes `[T, *batch]` has."""
        shape = self.network.input_shape
        return self.xs.ndim - (1 if shape is None else len(shape))

    def outputs(self, scale: Array, shift: Array, mask: Array | None) -> Inputs:
        """What the network gives for `scale * vectors + shift`, zero at padding."""
        network, xs = self.network, self.xs
        if _embedding(network) is None:
            xs = moved(xs, scale, shift)
        else:
            network = jax.tree.map(
                lambda node: Blended(node, scale, shift) if _is_embedding(node) else node,
                network,
                is_leaf=_is_embedding,
            )
        _, ys = network.apply(self.params, xs, mask=mask, resets=self.resets)
        return _masked(ys, mask, network.pools)

    def value(self, scale: Array, shift: Array, mask: Array | None) -> Float[Array, "*batch"]:
        """The number that is explained, of every sequence."""
        outputs = self.outputs(scale, shift, mask)
        return self.target(outputs, mask, self.network.pools)

    def whole(self) -> tuple[Array, Array]:
        """The scale and the shift that change nothing."""
        return jnp.ones(self.shape), jnp.zeros(self.shape)

    def kept(self, attributions: Array) -> Array:
        """Attributions with zeros at padding; `[T, *batch, ...]`."""
        return attributions if self.mask is None else drop(~self.mask, attributions)


def moved(vectors: Array, scale: Array, shift: Array) -> Array:
    """`scale * vectors + shift`, in the type of the vectors."""
    wide = vectors.astype(jnp.result_type(scale))
    return (scale * wide + shift).astype(vectors.dtype)


def explained(
    who: str,
    network: Layer,
    params: Params,
    xs: Any,
    target: Target | None,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    resets: ArrayLike | None,
) -> Explained:
    """What was asked, checked, and with zeros in the inputs' padding."""
    _check.kind(who, "network", network, Layer)
    if isinstance(xs, dict | tuple):
        raise TypeError(f"{who}: xs must be one array [T, *batch, ...], got {shown(xs)}")
    xs = _check.numbers(who, "xs", xs)
    lead = network.leading(xs)
    symbols = network.input_shape == ()
    if symbols and _embedding(network) is None:
        count = len(_embeddings(network))
        raise ValueError(
            f"{who}: symbols are explained at the vectors that an `Embedding` gives them; the "
            f"network reads symbols, and holds {count or 'none'}. Explain the part that reads "
            "vectors, with the vectors as its xs."
        )
    counted, starts = marks(who, lengths, mask, resets, lead)
    xs = xs if counted is None else drop(~counted, xs)
    _refuse_missing(who, xs)
    asked = Explained(network, params, xs, counted, starts, None)
    _, outputs = jax.eval_shape(lambda: network.apply(params, xs, mask=counted, resets=starts))
    return asked._replace(target=_read(who, target, outputs, lead, network.pools))


def marks(
    who: str,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    resets: ArrayLike | None,
    lead: Batch,
) -> tuple[Array | None, Array | None]:
    """The mask of the steps that count, and the resets; `None` where nothing is marked."""
    for name, flags in {"mask": mask, "resets": resets}.items():
        if flags is not None:
            _check.flags(who, name, flags, lead)
    counted = None if mask is None else jnp.asarray(mask)
    if lengths is not None:
        _check.lengths(who, "lengths", lengths, lead)
        leading = within(jnp.asarray(lengths), lead[0])
        counted = leading if counted is None else leading & counted
    return counted, None if resets is None else jnp.asarray(resets)


def baseline_of(who: str, asked: Explained, baseline: ArrayLike | None) -> Array:
    """The baseline as `[T, *batch, features]`; zero where none is given."""
    if baseline is None:
        return jnp.zeros(asked.shape)
    given = _check.numbers(who, "baseline", baseline)
    features = asked.shape[asked.axes :]
    if given.shape not in ((), features, asked.shape):
        raise ValueError(
            f"{who}: baseline must be one number, the features of one step {features}, or those of "
            f"every step {asked.shape}, got {_check.describe(given)}"
        )
    if _check.concrete(given) and not np.isfinite(given).all():
        raise ValueError(f"{who}: baseline must be finite, got {shown(baseline)}")
    given = jnp.broadcast_to(given.astype(jnp.zeros(()).dtype), asked.shape)
    return asked.kept(given)


def finite(who: str, what: str, values: Array, axes: str) -> None:
    """Raise where numbers that can be read are not finite, and say which is the first."""
    if _check.concrete(values) and not np.isfinite(values).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(np.asarray(values)))[0]))
        raise FloatingPointError(
            f"{who}: {what} {np.asarray(values)[place]} at {axes} = {list(place)}. The network's "
            "output or its gradient is not finite there: look at the inputs, and whether training "
            "has diverged."
        )


def _refuse_missing(who: str, xs: Array) -> None:
    """Raise for an input that is not finite, if it can be read, and say where it is.

    Through a network it reaches other steps, so the attributions do not say.
    """
    if _check.concrete(xs) and not np.isfinite(xs).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(np.asarray(xs)))[0]))
        raise ValueError(
            f"{who}: xs must be finite, got {np.asarray(xs)[place]} at [T, *batch, features] = "
            f"{list(place)}. Fill in what is missing, or leave padding out by lengths or a mask."
        )


def _read(who: str, target: Target | None, outputs: Any, lead: Batch, pools: bool) -> Any:
    batch = lead[1:]
    if target is None:
        return None
    if callable(target):
        given: Any = jax.eval_shape(target, outputs)
        if not isinstance(given, jax.ShapeDtypeStruct) or given.shape != batch:
            raise ValueError(
                f"{who}: target must give one number a sequence, {list(batch)}, got "
                f"{shown(given) if not hasattr(given, 'shape') else _check.describe(given)} for "
                f"outputs {shown(outputs)}"
            )
        if not jnp.issubdtype(given.dtype, jnp.floating):
            raise TypeError(
                f"{who}: target must give floating numbers, got {given.dtype}: a decision, such as "
                "an argmax, has no gradient"
            )
        return Function(target)
    index = _check.numbers(who, "target", target)
    if not jnp.issubdtype(index.dtype, jnp.integer):
        raise TypeError(
            f"{who}: target must be the number of a unit of the outputs, or a function of the "
            f"outputs, got {index.dtype}"
        )
    if not isinstance(outputs, jax.ShapeDtypeStruct) or len(outputs.shape) != len(lead) + (
        not pools
    ):
        raise TypeError(
            f"{who}: the outputs are {shown(outputs)}, with no one axis of units. Pass a function "
            f"of the outputs that gives one number a sequence, {list(batch)}."
        )
    if index.shape not in ((), batch):
        raise ValueError(
            f"{who}: target must be one number, or one a sequence {list(batch)}, got "
            f"{_check.describe(index)}"
        )
    units = outputs.shape[-1]
    if _check.concrete(index) and bool(jnp.any((index < 0) | (index >= units))):
        raise ValueError(f"{who}: target must lie in [0, {units}), got {index.tolist()}")
    return Unit(index)


def _masked(outputs: Inputs, mask: Array | None, pools: bool) -> Inputs:
    return outputs if mask is None or pools else drop(~mask, outputs)


def _is_embedding(node: Any) -> bool:
    return isinstance(node, Embedding)


def _embeddings(network: Layer) -> list[Embedding]:
    return [n for n in jax.tree.leaves(network, is_leaf=_is_embedding) if _is_embedding(n)]


def _embedding(network: Layer) -> Embedding | None:
    """The one through which a network reads symbols; `None` where it reads numbers."""
    found = _embeddings(network) if network.input_shape == () else []
    return found[0] if len(found) == 1 else None
