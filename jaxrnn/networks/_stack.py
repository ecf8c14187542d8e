"""`Stack`: layers one after another."""

from collections.abc import Iterable
from typing import Any

import jax

from .. import _check
from .._checked import checked
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._layer import Layer
from ._reading import Shape, fits, read, say


class Stack(Layer):
    """Layers one after another; made by `stack`.

    Parameters and carries are tuples with one entry per layer, or dicts keyed by the layers' names.
    """

    layers: tuple[Layer, ...]
    names: tuple[str, ...] | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        """Check that the layers fit each other."""
        if not self.layers:
            raise ValueError("stack: needs at least one layer")
        _check_shapes(self)
        _check_time(self)

    def init(self, key: Key) -> Params:
        keys = jax.random.split(key, len(self.layers))
        return self._join(layer.init(k) for layer, k in zip(self.layers, keys, strict=True))

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        parts = zip(self.layers, self._parts("params", params), strict=True)
        return self._join(layer.carry(p, batch) for layer, p in parts)

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        parts = self._parts("params", params), self._parts("carry", carry)
        return self._join(
            layer.condition(p, c, context) for layer, p, c in zip(self.layers, *parts, strict=True)
        )

    def run(
        self,
        params: Params,
        xs: Inputs,
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Inputs]:
        """Every layer in turn, each with a key of its own; pooling ends the mask and the resets."""
        keys = [None] * len(self.layers) if key is None else jax.random.split(key, len(self.layers))
        carries = []
        for layer, p, c, k in zip(
            self.layers,
            self._parts("params", params),
            self._parts("carry", carry),
            keys,
            strict=True,
        ):
            last, xs = layer.run(p, read(layer, xs, mask), c, key=k, mask=mask, resets=resets)
            carries.append(last)
            if layer.pools:
                mask = resets = None
        return self._join(carries), xs

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        parts = self._parts("params", params), self._parts("carry", carry)
        carries = []
        for layer, p, c in zip(self.layers, *parts, strict=True):
            following, x = layer.advance(p, c, read(layer, x, None))
            carries.append(following)
        return self._join(carries), x

    @property
    def input_shape(self) -> Shape | None:
        """The input shape of the first layer that does not keep every shape."""
        first = next((layer for layer in self.layers if not _passes(layer)), None)
        return None if first is None else first.input_shape

    @property
    def output_shape(self) -> Shape | None:
        """The input shape, passed through layer by layer."""
        shape: Shape | None = None
        for layer in self.layers:
            shape = shape if _passes(layer) else layer.output_shape
        return shape

    @property
    def keeps_shape(self) -> bool:
        return all(map(_passes, self.layers))

    @property
    def pools(self) -> bool:
        return any(layer.pools for layer in self.layers)

    @property
    def causal(self) -> bool:
        return all(layer.causal for layer in self.layers)

    @property
    def stepwise(self) -> bool:
        return all(layer.stepwise for layer in self.layers)

    @property
    def parts(self) -> tuple[Layer, ...]:
        return tuple(part for layer in self.layers for part in layer.parts)

    def _name(self, index: int) -> str:
        return f"{index}" if self.names is None else f"`{self.names[index]}`"

    def _join(self, parts: Iterable[Any]) -> Any:
        return tuple(parts) if self.names is None else dict(zip(self.names, parts, strict=True))

    def _parts(self, what: str, tree: Any) -> tuple[Any, ...]:
        """Each layer's part of the parameters or carries."""
        if self.names is not None:
            if not isinstance(tree, dict) or {*tree} != {*self.names}:
                got = list(tree) if isinstance(tree, dict) else _kind_of(tree)
                raise TypeError(
                    f"Stack: {what} must be a dict of {', '.join(self.names)}, one a layer, "
                    f"got {got}"
                )
            return tuple(tree[name] for name in self.names)
        if not isinstance(tree, tuple) or len(tree) != len(self.layers):
            got = f"{len(tree)}" if isinstance(tree, tuple) else _kind_of(tree)
            raise TypeError(
                f"Stack: {what} must be a tuple of {len(self.layers)}, one a layer, got {got}"
            )
        return tree


@checked
def stack(*layers: Layer, **named: Layer) -> Stack:
    """Put layers one after another, checking that they fit.

    Parameters and carries are tuples in the layers' order or, if the layers are given by name,
    dicts keyed by these names.

    Raises:
        ValueError: no layer, layers both with and without a name, a layer whose input shape is not
            the previous one's output shape, a layer that runs over time after one that pools it
            away, or `LastPool` where the last step has not read the whole sequence.
        TypeError: something that is not a layer.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.stack(
        ...     networks.Embedding(20, 8),
        ...     networks.Recurrent(cells.GRU(8, 16)),
        ...     networks.Dense(16, 20))
        >>> params = network.init(jax.random.key(0))
        >>> symbols = jax.numpy.zeros((7, 2), int)
        >>> network.apply(params, symbols)[1].shape
        (7, 2, 20)

        >>> network = networks.stack(
        ...     embedding=networks.Embedding(20, 8),
        ...     rnn=networks.Recurrent(cells.GRU(8, 16)),
        ...     readout=networks.Dense(16, 20))
        >>> params = network.init(jax.random.key(0))
        >>> params["readout"].kernel.shape, network.carry(params, (2,))["rnn"].shape
        ((16, 20), (2, 16))
    """
    if layers and named:
        raise ValueError(
            f"stack: give every layer a name or none, got {len(layers)} without one and "
            f"{', '.join(named)}"
        )
    for name, layer in [*enumerate(layers), *named.items()]:
        _check.kind("stack", f"layer {name}" if layers else f"layer `{name}`", layer, Layer)
    return Stack(tuple(named.values()), tuple(named)) if named else Stack(layers)


def _check_shapes(stack: Stack) -> None:
    """Raise unless every layer reads what the one before it gives, as far as they declare it."""
    shape: Shape | None = None
    giver = -1
    for index, layer in enumerate(stack.layers):
        takes = layer.input_shape
        if shape is not None and takes is not None and not fits(shape, takes):
            gives = f"{shape[0]}" if len(shape) == 1 else say(shape)
            raise ValueError(
                f"stack: layer {stack._name(index)} takes {say(takes, 'inputs')}, layer "
                f"{stack._name(giver)} gives {gives}"
            )
        if not _passes(layer):
            shape, giver = layer.output_shape, index


def _check_time(stack: Stack) -> None:
    """Raise if a layer needs time that is pooled away, or a last step that has read everything."""
    earlier: list[Layer] = []
    pool: str | None = None
    for index, layer in enumerate(stack.layers):
        for part in layer.parts:
            if pool is not None and not part.stepwise:
                raise ValueError(
                    f"stack: layer {stack._name(index)} (`{type(part).__name__}`) runs over time, "
                    f"which layer {pool} has pooled away"
                )
            blind = _blind(earlier) if part.takes_last else None
            if blind is not None:
                raise ValueError(
                    f"stack: layer {stack._name(index)} (`{type(part).__name__}`) takes the last "
                    f"step, when `{type(blind).__name__}`, running backward, has read that step "
                    "only. Pool with `MeanPool` or `MaxPool`, or take the carries that its `apply` "
                    "returns: they have read the whole sequence."
                )
            earlier.append(part)
            if part.pools:
                pool = stack._name(index)


def _blind(layers: list[Layer]) -> Layer | None:
    """The layer because of which the last step has not read the whole sequence."""
    for layer in layers[::-1]:
        if layer.sees_all:
            return None
        if not layer.causal:
            return layer
        if not layer.stepwise and _remembers(layer):
            return None  # it has read all that came before
    return None


def _remembers(layer: Layer) -> bool:
    carry = jax.eval_shape(lambda key: layer.carry(layer.init(key)), jax.random.key(0))
    return bool(jax.tree.leaves(carry))


def _kind_of(tree: Any) -> str:
    return _check.describe(tree) if isinstance(tree, jax.Array) else f"`{type(tree).__name__}`"


def _passes(layer: Layer) -> bool:
    """Whether the layer keeps every shape."""
    return layer.keeps_shape and layer.output_shape is None
