"""`Layer`: what every part of a network offers."""

import abc
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp

from .._config import Config
from .._numerics import alike, placed, select
from .._typing import Array, ArrayOrList, Batch, Carry, Inputs, Key, Params
from ..cells import Cell
from . import _reading
from ._explained import explained
from ._reading import Shape


class Layer(Config):
    """A map from sequences to sequences.

        carry, ys = layer.apply(params, xs)          a whole sequence, [T, *batch, ...]
        carry, y  = layer.step(params, carry, x)     one element of it, [*batch, ...]

    Streaming with `step` gives the same outputs as `apply`. A layer without memory has the empty
    carry `()`.

    A layer of your own defines `init` and `run`, and declares what it reads and gives by
    `input_shape` and `output_shape`. With a memory, it also defines `carry`, and `advance` if one
    step is simpler to compute than a sequence of one. Callers use `apply` and `step`, which check
    and prepare everything first.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> class Total(networks.Layer):
        ...     "What has come so far, added up."
        ...     def init(self, key):
        ...         return ()
        ...     def carry(self, params, batch=()):
        ...         return jnp.zeros((*batch, 1))
        ...     def run(self, params, xs, carry, *, key, mask, resets):
        ...         ys = carry + jnp.cumsum(xs, axis=0)  # padding is zero already
        ...         return ys[-1], ys
        ...     @property
        ...     def input_shape(self):
        ...         return (1,)
        >>> carry, ys = Total().apply((), jnp.ones((4, 2, 1)), lengths=[4, 2])
        >>> carry.ravel().tolist(), Total().step((), carry, jnp.ones((2, 1)))[1].ravel().tolist()
        ([4.0, 2.0], [5.0, 3.0])
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        if isinstance(value, list | tuple):
            return "Pass layers one by one: `stack(*layers)`."
        if isinstance(value, Cell):
            return "Wrap a cell: `networks.Recurrent(cell)`."
        return "Wrap a function: `networks.Activation(f)`." if callable(value) else ""

    @abc.abstractmethod
    def init(self, key: Key) -> Params:
        """Draw the parameters."""

    def carry(self, params: Params, batch: Batch = ()) -> Carry:
        """The carry before the first step."""
        return ()

    def condition(self, params: Params, carry: Carry, context: Any) -> Carry:
        """The carry to start from once something else is known: a sentence to translate.

        A layer that uses a `Context` returns another carry; layers that hold others pass it on.
        """
        return carry

    @abc.abstractmethod
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
        """The layer's own computation; `apply` calls it with every argument present and checked.

        Args:
            params: the parameters.
            xs: the inputs `[T, *batch, ...]`, with features of `input_shape`; zero where masked.
            carry: the carry to start from.
            key: where randomness is drawn from (dropout); `None` means deterministic.
            mask: `Bool[T, *batch]`, False at padding; `None` where every step counts.
            resets: `Bool[T, *batch]`, True where a new sequence starts; `None` where none does.
        """

    def advance(self, params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        """The layer's own single step, which `step` calls; by default a sequence of one."""
        xs = jax.tree.map(lambda leaf: leaf[None], x)
        carry, ys = self.run(params, xs, carry, key=None, mask=None, resets=None)
        return carry, jax.tree.map(lambda leaf: leaf[0], ys)

    def apply(
        self,
        params: Params,
        xs: Inputs,
        carry: Carry | None = None,
        *,
        key: Key | None = None,
        lengths: ArrayOrList | None = None,
        mask: ArrayOrList | None = None,
        resets: ArrayOrList | None = None,
    ) -> tuple[Carry, Inputs]:
        """Run over a sequence; returns the last carry and the outputs.

        Args:
            params: the parameters.
            xs: the inputs `[T, *batch, ...]`.
            carry: the carry to start from, with the structure of `self.carry(params, batch)`,
                which is the default.
            key: where randomness is drawn from (dropout); `None` means deterministic.
            lengths: `Int[*batch]`, in `[0, T]`: how many leading steps count.
            mask: `Bool[T, *batch]`, False at padding. With `lengths`, both must agree to count.
            resets: `Bool[T, *batch]`, True where a new sequence starts.

        Raises:
            ValueError: shapes that do not fit, or lengths outside `[0, T]` where they are known.
            TypeError: wrong dtypes.
        """
        who = type(self).__name__
        xs = _reading.arrays(who, xs, self.input_shape)
        lead = _reading.leading(who, xs, self.input_shape, least=1)
        marks = (
            _reading.counted(who, lengths, mask, lead),
            _reading.flags(who, "resets", resets, lead),
        )
        first = jax.tree.leaves(xs)[0]
        counted, starts = placed(marks, first, range(len(lead)))
        xs = _reading.without_padding(xs, counted)
        with self._explained(carry, lead[1:]):
            carry = self.carry(params, lead[1:]) if carry is None else _reading.carry(carry)
            carry = placed(carry, first, range(1, len(lead)))
            carry, _ = alike((carry, (params, xs, counted, starts)))
            return self.run(params, xs, carry, key=key, mask=counted, resets=starts)

    def step(
        self,
        params: Params,
        carry: Carry | None,
        x: Inputs,
        *,
        resets: ArrayOrList | None = None,
    ) -> tuple[Carry, Inputs]:
        """Stream one element, deterministically; returns the next carry and the output.

        Args:
            params: the parameters.
            carry: what came before, or `None` for the initial carry.
            x: one element `[*batch, ...]` of a sequence.
            resets: `Bool[*batch]`, True where a new sequence starts: the layer's initial carry
                replaces the old one, by selection, before `x` is read.

        Raises:
            ValueError: shapes that do not fit.
            TypeError: wrong dtypes, or a layer that needs the whole sequence.
        """
        who = type(self).__name__
        self.check_causal()
        x = _reading.arrays(who, jax.tree.map(_number, x), self.input_shape)
        batch = _reading.leading(who, x, self.input_shape)
        resets = _reading.flags(who, "resets", resets, batch, "[*batch]")
        with self._explained(carry, batch):
            if carry is None:
                return self.advance(params, self.carry(params, batch), x)
            carry = _reading.carry(carry)
            if resets is not None:
                carry = select(resets, self.carry(params, batch), carry)
            return self.advance(params, carry, x)

    def _explained(self, carry: Carry | None, batch: Batch) -> AbstractContextManager[None]:
        def fresh() -> Carry:
            return self.carry(self.init(jax.random.key(0)), batch)

        return explained(type(self).__name__, carry, batch, fresh)

    def check_causal(self) -> None:
        """Raise `TypeError` where an output depends on later steps, so that it cannot stream."""
        for part in self.parts:
            if not part.causal:
                raise TypeError(
                    f"{type(part).__name__} cannot stream: its output depends on what comes later. "
                    "Use `apply` on the whole sequence, or a forward layer."
                )

    def leading(self, xs: Inputs) -> Batch:
        """`(T, *batch)`: the shape of a sequence of inputs less the axes of their features.

        It is `input_shape` that says how many axes those are, never the type of the numbers.
        """
        who = type(self).__name__
        xs = _reading.arrays(who, xs, self.input_shape)
        return _reading.leading(who, xs, self.input_shape, least=1)

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one step's input: `(64,)`, or `(None, None, 3)` for an image.

        `None` inside the tuple is an axis of any size. Features are floating-point numbers. Symbols
        have no feature axis: `()`. `None` instead of a tuple means that the layer takes anything;
        applied on its own, it is assumed to have one axis of features.
        """
        return None

    @property
    def output_shape(self) -> Shape | None:
        """The shape of one step's output; `None` if the layer does not say."""
        return None

    @property
    def keeps_shape(self) -> bool:
        """Whether the outputs have the same features as the inputs, whatever these are."""
        return False

    @property
    def pools(self) -> bool:
        """Whether the layer gives one vector per sequence, so that time, mask and resets end."""
        return False

    @property
    def causal(self) -> bool:
        """Whether no output depends on a later step, so that the layer can stream."""
        return True

    @property
    def stepwise(self) -> bool:
        """Whether it acts on each step independently, so that it also works without a time axis."""
        return False

    @property
    def takes_last(self) -> bool:
        """Whether it reads only the last step of a sequence."""
        return False

    @property
    def sees_all(self) -> bool:
        """Whether every step reads the whole sequence, so that the last one is a summary of it."""
        return False

    @property
    def parts(self) -> tuple["Layer", ...]:
        """The innermost layers, in order; just itself, for a layer that holds no others."""
        return (self,)


def _number(x: Any) -> Any:
    """A Python number, such as one symbol, as an array."""
    fits = isinstance(x, int | float) and abs(x) < 2**31
    return jnp.asarray(x) if fits else x


class Memoryless(Layer):
    """A layer without a carry, whose padding is zero before it computes: it defines `transform`."""

    @abc.abstractmethod
    def transform(self, params: Params, xs: Array, *, key: Key | None = None) -> Array:
        """From inputs `[T, *batch, ...]` to outputs."""

    def init(self, key: Key) -> Params:
        """Nothing, unless the layer has parameters."""
        return ()

    def run(
        self, params: Params, xs: Inputs, carry: Carry, *, key: Key | None, **marks: Any
    ) -> tuple[Carry, Inputs]:
        return carry, self.transform(params, xs, key=key)

    @property
    def stepwise(self) -> bool:
        return True
