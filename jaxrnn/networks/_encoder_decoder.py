"""`EncoderDecoder`: a sequence read whole, and another one written from it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import _check
from .._typing import ArrayLike, ArrayOrList, Batch, Carry, Inputs, Key, Params
from . import _reading
from ._context import Context
from ._layer import Layer
from ._pooling import LastPool, Pool
from ._reading import Shape
from ._stack import stack


class Pair(NamedTuple):
    """What an `EncoderDecoder` reads.

    Shapes:
        source: what is encoded, `[S, *batch, ...]`.
        target: what the decoder reads, `[T, *batch, ...]`: what was written so far.
        mask: `Bool[S, *batch]`, which steps of the source count; `None` for all.
    """

    source: Inputs
    target: Inputs
    mask: ArrayLike | None = None


class EncoderDecoderParams(NamedTuple):
    """Parameters of `EncoderDecoder`."""

    encoder: Params
    decoder: Params


class EncoderDecoder(Layer):
    """An encoder, and a decoder that is conditioned on what the encoder made.

        memory = encoder(source),   context = (pool(memory), memory)
        ys = decoder(target, starting from condition(carry, context))

    Training is by teacher forcing: the decoder reads the target, shifted by one, and mask and
    outputs are the target's. Its inputs are a `Pair`, so that a batch for `training.fit` is
    `data.Batch(Pair(source, shifted, source_mask), target, target_mask)`.

    Writing is done by the decoder alone, a layer as any other, from the carry that `start` makes:

        carry = network.start(params, source, mask=...)
        generation.generate(network.decoder, params.decoder, prompt, ..., carry=carry)
        SequenceModel(partial(network.decoder.step, params.decoder), carry, ...)   for `beam_search`

    With `CarryFromContext` in the decoder its carry starts from the context; with `Attending` it
    looks at the memory at every step; with both it does both.

    Args:
        encoder: from the source to `[S, *batch, M]`; a bidirectional one may be best.
        decoder: any layers that stream, some of which use the context.
        pool: what the context's vector is made by: the last valid step or, after a bidirectional
            encoder, `MeanPool()`.

    Raises:
        TypeError: a decoder that reads what comes later.
        ValueError: an encoder that pools, or `LastPool` after one that runs backward; in `apply`,
            another batch for the source than for the target, a carry, or `resets`.

    Reference: I. Sutskever, O. Vinyals & Q. Le, "Sequence to sequence learning with neural
    networks", NeurIPS 2014; K. Cho et al., EMNLP 2014.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks
        >>> network = networks.EncoderDecoder(
        ...     networks.stack(networks.Embedding(9, 4), networks.Recurrent(cells.GRU(4, 8))),
        ...     networks.stack(
        ...         networks.Embedding(5, 4),
        ...         networks.CarryFromContext(networks.Recurrent(cells.GRU(4, 8)), 8),
        ...         networks.Dense(8, 5)))
        >>> params = network.init(jax.random.key(0))
        >>> source, target = jnp.zeros((7, 3), int), jnp.zeros((4, 3), int)
        >>> network.apply(params, networks.Pair(source, target))[1].shape
        (4, 3, 5)
        >>> carry = network.start(params, source, lengths=[7, 2, 5])
        >>> carry, logits = network.decoder.step(params.decoder, carry, target[0])
        >>> logits.shape
        (3, 5)
    """

    encoder: Layer
    decoder: Layer
    pool: Pool = LastPool()

    def __post_init__(self) -> None:
        """Check that the one gives a sequence, and the other streams."""
        if self.encoder.pools:
            raise ValueError(
                "EncoderDecoder: the encoder pools, and the decoder would have nothing to look at. "
                "Leave the pooling out, and pass it as `pool`."
            )
        stack(encoder=self.encoder, pool=self.pool)  # it says where the last step has read little
        self.decoder.check_causal()

    def init(self, key: Key) -> EncoderDecoderParams:
        encoder, decoder = jax.random.split(key)
        return EncoderDecoderParams(self.encoder.init(encoder), self.decoder.init(decoder))

    def start(
        self,
        params: Params,
        source: Inputs,
        *,
        key: Key | None = None,
        lengths: ArrayOrList | None = None,
        mask: ArrayOrList | None = None,
    ) -> Carry:
        """Encode a source; returns the carry that the decoder starts from.

        Args:
            params: the parameters.
            source: `[S, *batch, ...]`.
            key: where randomness is drawn from (dropout); `None` means deterministic.
            lengths: `Int[*batch]`, how many leading steps of the source count.
            mask: `Bool[S, *batch]`, False at padding.
        """
        lead = self.encoder.leading(source)
        mask = _reading.counted("EncoderDecoder", lengths, mask, lead)
        _, memory = self.encoder.apply(params.encoder, source, key=key, mask=mask)
        vector = self.pool.pool(memory, jnp.ones(lead[0], bool) if mask is None else mask)
        carry = self.decoder.carry(params.decoder, lead[1:])
        return self.decoder.condition(params.decoder, carry, Context(vector, memory, mask))

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
        pair = self._pair(xs)
        self.leading(pair)  # raises where the two have different batches
        if jax.tree.leaves(carry):
            raise ValueError(
                "EncoderDecoder: it has no carry, as the decoder starts from the source. From "
                "another carry run the decoder: `network.decoder.apply(params.decoder, target, "
                "carry)`."
            )
        keys = [None, None] if key is None else jax.random.split(key)
        if resets is not None:
            raise ValueError(
                "EncoderDecoder: a target has one source. Give each sequence a place of its own in "
                "the batch instead of `resets`."
            )
        begun = self.start(params, pair.source, key=keys[0], mask=pair.mask)
        _, ys = self.decoder.apply(
            params.decoder, pair.target, begun, key=keys[1], lengths=lengths, mask=mask
        )
        return (), ys

    def run(self, params: Params, xs: Inputs, carry: Carry, **given: Any) -> tuple[Carry, Inputs]:
        """Only other layers call it, whose masks and keys are those of one sequence."""
        raise TypeError(
            "EncoderDecoder: it reads two sequences, so that no layer can hold it. Put what "
            "follows into its decoder, `stack(decoder, Dense(...))`, and `Precision` around each "
            "of its parts."
        )

    def step(
        self, params: Params, carry: Carry | None, x: Inputs, *, resets: Any = None
    ) -> tuple[Carry, Inputs]:
        raise TypeError(
            "EncoderDecoder: its decoder streams. `carry = network.start(params, source)`, then "
            "`network.decoder.step(params.decoder, carry, x)`."
        )

    def leading(self, xs: Inputs) -> Batch:
        pair = self._pair(xs)
        source, target = self.encoder.leading(pair.source), self.decoder.leading(pair.target)
        if source[1:] != target[1:]:
            raise ValueError(
                f"EncoderDecoder: source and target must have the same batch, got {source[1:]} and "
                f"{target[1:]}"
            )
        return target

    @property
    def causal(self) -> bool:
        """Only its decoder streams."""
        return False

    @property
    def output_shape(self) -> Shape | None:
        return self.decoder.output_shape

    def _pair(self, xs: Any) -> Pair:
        if not isinstance(xs, tuple) or len(xs) not in (2, 3):
            raise TypeError(
                "EncoderDecoder: inputs must be a `Pair(source, target, mask)`, got "
                f"{_check.describe(xs) if _check.is_array(xs) else type(xs).__name__}"
            )
        return Pair(*xs)
