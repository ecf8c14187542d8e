"""`Tied`: one table for the embedding and for the readout."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import add, dot
from .._typing import Array, Batch, Carry, Inputs, Key, Params
from ._embedding import Embedding
from ._layer import Layer
from ._reading import fits, read, say


class TiedParams(NamedTuple):
    """Parameters of `Tied`."""

    table: Float[Array, "V F"]
    network: Params
    bias: Float[Array, " V"] | None


class Tied(Layer):
    """An embedding, a network, and a readout that uses the embedding's table.

        y = network(table[x]) @ table.T + bias

    The parameters hold the table once; its gradient is the sum over both uses. Compared with
    `stack(embedding, network, Dense(F, V))`, that saves `F * V` parameters.

    Shapes: x `Int[T, *batch]`, y `[T, *batch, V]`.

    Args:
        embedding: how symbols are read, `Embedding(V, F)`.
        network: a layer from F features to F features.
        use_bias: whether there is a bias, zero at first; without one `params.bias` is None.

    Raises:
        ValueError: a network that takes or gives another number of features.

    Reference: O. Press & L. Wolf, "Using the output embedding to improve language models",
    EACL 2017.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> network = networks.Tied(
        ...     networks.Embedding(20, 8), networks.Recurrent(cells.GRU(8, 8)))
        >>> params = network.init(jax.random.key(0))
        >>> network.apply(params, jax.numpy.zeros((7, 2), int))[1].shape
        (7, 2, 20)
    """

    embedding: Embedding
    network: Layer
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check that the network takes and gives what the table has."""
        wanted = self.embedding.output_shape
        for verb, shape in {
            "takes": self.network.input_shape,
            "gives": self.network.output_shape,
        }.items():
            if shape is not None and not fits(wanted, shape):
                raise ValueError(
                    f"Tied: the network {verb} {say(shape)}, the table has {wanted[0]}. "
                    "A `Dense` at its end can change that."
                )

    def init(self, key: Key) -> TiedParams:
        """The table, the network's, and a bias of zero."""
        table, network = jax.random.split(key)
        bias = jnp.zeros(self.embedding.vocab) if self.use_bias else None
        return TiedParams(self.embedding.init(table), self.network.init(network), bias)

    def carry(self, params: TiedParams, batch: Batch = ()) -> Carry:
        return self.network.carry(params.network, batch)

    def condition(self, params: TiedParams, carry: Carry, context: Any) -> Carry:
        return self.network.condition(params.network, carry, context)

    def run(
        self,
        params: TiedParams,
        xs: Array,
        carry: Carry,
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Carry, Array]:
        vectors = read(self.network, self.embedding.transform(params.table, xs), mask)
        given: dict[str, Any] = {"key": key, "mask": mask, "resets": resets}
        carry, ys = self.network.run(params.network, vectors, carry, **given)
        return carry, self._write(params, ys)

    def advance(self, params: TiedParams, carry: Carry, x: Inputs) -> tuple[Carry, Array]:
        vector = read(self.network, self.embedding.transform(params.table, x), None)
        carry, y = self.network.advance(params.network, carry, vector)
        return carry, self._write(params, y)

    def _write(self, params: TiedParams, ys: Array) -> Array:
        logits = dot(ys, params.table.T)
        logits = logits if params.bias is None else add(logits, params.bias)
        return logits.astype(params.table.dtype)

    @property
    def input_shape(self) -> tuple[()]:
        return ()

    @property
    def output_shape(self) -> tuple[int]:
        return (self.embedding.vocab,)

    @property
    def pools(self) -> bool:
        return self.network.pools

    @property
    def causal(self) -> bool:
        return self.network.causal

    @property
    def stepwise(self) -> bool:
        return self.network.stepwise

    @property
    def parts(self) -> tuple[Layer, ...]:
        return (self.embedding, *self.network.parts)
