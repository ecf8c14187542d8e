"""`Attention`: how queries read a memory, such as what an encoder made of a sentence."""

import abc
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Bool, Float

from .. import _check
from .._checked import checked
from .._config import Config
from .._kinds import shown
from .._numerics import drop, placed
from .._typing import Array, ArrayLike, ArrayOrList, Key, Params
from . import _reading


class Memory(NamedTuple):
    """What `Attention.prepare` made of a memory `[S, *batch, M]`, for any number of reads.

    `keys` and `values` are what the kind of attention compares and returns, `[S, *batch, ...]`;
    `mask`, `Bool[S, *batch]`, says which entries there are.
    """

    keys: Array
    values: Array
    mask: Bool[Array, "S ..."]


class Attention(Config):
    """A kind of attention: how queries read a memory of another sequence.

        memory = attention.prepare(params, encoded, mask)         once a sequence
        context, weights = attention.read(params, memory, query)  at every step, or for all steps

    One of your own defines `init`, the three sizes, `project` (all that depends on the memory
    alone), and `look`, which may rely on checked arguments and on a memory that is zero where
    masked. A query that finds nothing (a mask without a True, or a memory of length 0) has a
    context and weights of zeros, and gradient 0.

    See `MultiHead`.
    """

    @classmethod
    def _remedy(cls, value: Any) -> str:
        return "Such as `networks.MultiHead(8, 8, heads=2)`."

    @abc.abstractmethod
    def init(self, key: Key) -> Params:
        """Draw the parameters."""

    @abc.abstractmethod
    def project(self, params: Params, memory: Float[Array, "S ..."]) -> tuple[Array, Array]:
        """Keys and values `[S, *batch, ...]` of a memory `[S, *batch, M]`, zero where masked."""

    @abc.abstractmethod
    def look(
        self, params: Params, memory: Memory, queries: Float[Array, "T ..."]
    ) -> tuple[Array, Array]:
        """Contexts `[T, *batch, C]` and weights `[T, *batch, S]` of queries `[T, *batch, Q]`."""

    @property
    @abc.abstractmethod
    def query_shape(self) -> tuple[int]:
        """The shape of one query, `(Q,)`."""

    @property
    @abc.abstractmethod
    def memory_shape(self) -> tuple[int]:
        """The shape of one entry of the memory, `(M,)`."""

    @property
    @abc.abstractmethod
    def output_shape(self) -> tuple[int]:
        """The shape of one context, `(C,)`."""

    @checked
    def prepare(self, params: Params, memory: ArrayLike, mask: ArrayOrList | None = None) -> Memory:
        """Compute what every read needs of a memory.

        Args:
            params: the parameters.
            memory: `[S, *batch, M]`.
            mask: `Bool[S, *batch]`, False at padding, which is never read, whatever it holds.

        Raises:
            ValueError: shapes that do not fit.
            TypeError: wrong dtypes.
        """
        who = type(self).__name__
        memory = _features(who, "memory", memory, self.memory_shape)
        if memory.ndim < 2:
            raise ValueError(f"{who}: memory must be [S, *batch, M], got {_check.describe(memory)}")
        lead = memory.shape[:-1]
        there = _reading.flags(who, "mask", mask, lead, "[S, *batch]")
        there = jnp.ones(lead, bool) if there is None else there
        there = placed(there, memory, range(memory.ndim - 1))
        keys, values = self.project(params, drop(~there, memory))
        return Memory(keys, values, there)

    @checked
    def read(self, params: Params, memory: Any, queries: ArrayLike) -> tuple[Array, Array]:
        """Read a memory; returns the contexts, and how much each entry weighed in them.

        Args:
            params: the parameters.
            memory: what `prepare` gave.
            queries: `[*batch, Q]`, those of one step, or `[T, *batch, Q]`.

        Returns:
            `(context, weights)`, `[*batch, C]` and `[*batch, S]`, with a leading T if the queries
            have one. Weights are at least 0 and sum to 1.

        Raises:
            ValueError: shapes that do not fit.
            TypeError: wrong dtypes, or a memory that was not prepared.
        """
        who = type(self).__name__
        if not isinstance(memory, Memory):
            raise TypeError(
                f"{who}: memory must be a `Memory`, got {shown(memory)}. "
                "Make one: `attention.prepare(params, memory, mask)`."
            )
        queries = _features(who, "queries", queries, self.query_shape)
        batch = memory.mask.shape[1:]
        if queries.shape[:-1] == batch:
            context, weights = self.look(params, memory, queries[None])
            return context[0], weights[0]
        if queries.shape[1:-1] != batch or queries.ndim != len(batch) + 2:
            raise ValueError(
                f"{who}: queries must be [*batch, Q] or [T, *batch, Q] with the batch {batch} of "
                f"the memory, got {_check.describe(queries)}"
            )
        return self.look(params, memory, queries)


def _features(who: str, name: str, value: ArrayLike, shape: tuple[int]) -> Array:
    _check.array(who, name, value)
    value = jnp.asarray(value)
    if value.shape[-1:] != shape:
        raise ValueError(
            f"{who}: {name} must have {shape[0]} features, got {_check.describe(value)}"
        )
    _check.floating(who, name, value, f"Pass `{name}.astype(float)`.")
    return value
