"""`generate`: let a network of symbols write."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from .. import _check
from .._numerics import last_valid, within
from .._typing import Array, ArrayLike, Carry, Key, Params
from ..networks import Layer
from ._samplers import Sampler, Temperature


class Generated(NamedTuple):
    """What `generate` wrote."""

    symbols: Int[Array, "N *batch"]
    lengths: Int[Array, "*batch"]


def generate(
    network: Layer,
    params: Params,
    prompt: ArrayLike,
    length: int,
    *,
    key: Key,
    sampler: Sampler = Temperature(),  # noqa: B008  (a frozen noun)
    prompt_lengths: ArrayLike | None = None,
    stop: int | None = None,
) -> Generated:
    """Continue a prompt, symbol by symbol.

    The prompt is read in one pass; then each drawn symbol is the next input. After the stop symbol
    a sequence goes on repeating it. Compiled once a shape of prompt and length.

    Shapes: prompt `Int[T, *batch]`; the result's symbols `Int[length, *batch]`, and lengths
    `Int[*batch]`: how many of them count, the stop symbol included.

    Args:
        network: a layer from symbols to logits that can `step`.
        params: its parameters.
        prompt: what has been written so far; at least one symbol.
        length: how many symbols to draw.
        key: where randomness is drawn from.
        sampler: how a symbol is drawn: `Greedy()`, `Temperature(t)`, `TopK(k)`, `Nucleus(mass)`.
        prompt_lengths: `Int[*batch]`, in `[1, T]`, where prompts are padded at their end.
        stop: the symbol that ends a sequence.

    Raises:
        ValueError: an empty prompt, lengths out of range, a symbol or stop symbol that the network
            does not know.
        TypeError: a prompt that does not hold integers, or a layer that cannot stream.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, generation, networks
        >>> network = networks.stack(
        ...     networks.Embedding(5, 8), networks.Recurrent(cells.GRU(8, 8)), networks.Dense(8, 5))
        >>> params = network.init(jax.random.key(0))
        >>> prompt = jnp.zeros((3, 2), int)
        >>> generation.generate(network, params, prompt, 7, key=jax.random.key(1)).symbols.shape
        (7, 2)
    """
    _check.kind("generate", "network", network, Layer)
    _check.kind("generate", "sampler", sampler, Sampler)
    if any(isinstance(leaf, str | bytes) for leaf in jax.tree.leaves(prompt)):
        raise TypeError(
            f"generate: the prompt must hold integers, got text, {prompt!r}. Encode it first: "
            "`vocab.encode(prompt)`."
        )
    prompt = jnp.asarray(prompt)
    if not jnp.issubdtype(prompt.dtype, jnp.integer):
        raise TypeError(f"generate: the prompt must hold integers, got {prompt.dtype}")
    if prompt.ndim == 0 or prompt.size == 0:
        raise ValueError(f"generate: the prompt needs a symbol, got {_check.describe(prompt)}")
    _check.sizes("generate", length=length)
    if prompt_lengths is not None:
        _check.lengths("generate", "prompt_lengths", prompt_lengths, prompt.shape, least=1)
        prompt_lengths = jnp.asarray(prompt_lengths)
    if stop is not None:
        if not isinstance(stop, int | np.integer):
            raise TypeError(f"generate: stop must be an integer, got {stop!r}")
        classes = (network.output_shape or (None,))[-1]
        if classes is not None and not 0 <= stop < classes:
            raise ValueError(f"generate: stop must lie in [0, {classes}), got {stop}")
    generated, sound = _generate(
        network, params, prompt, prompt_lengths, key, sampler, length=length, stop=stop
    )
    if _check.concrete(sound) and not sound:
        raise ValueError(
            "generate: the logits after the prompt are NaN. Either the prompt holds a symbol that "
            "the network does not know, or its parameters are not finite."
        )
    return generated


@partial(jax.jit, static_argnames=("length", "stop"))
def _generate(
    network: Layer,
    params: Params,
    prompt: Array,
    prompt_lengths: Array | None,
    key: Key,
    sampler: Sampler,
    *,
    length: int,
    stop: int | None,
) -> tuple[Generated, Array]:
    batch = prompt.shape[1:]
    if prompt_lengths is None:
        carry, logits = network.apply(params, prompt)
        logits = logits[-1]
    else:
        mask = within(prompt_lengths, len(prompt))
        carry, logits = network.apply(params, prompt, mask=mask)
        logits = last_valid(logits, mask)

    def body(
        state: tuple[Carry, Array, Array], key: Key
    ) -> tuple[tuple[Carry, Array, Array], tuple[Array, Array]]:
        carry, logits, stopped = state
        symbol = sampler(key, logits)
        if stop is not None:
            symbol = jnp.where(stopped, stop, symbol)
        counts = ~stopped
        if stop is not None:
            stopped = symbol == stop
        carry, logits = network.step(params, carry, symbol)
        return (carry, logits, stopped), (symbol, counts)

    start = carry, logits, jnp.zeros(batch, bool)
    _, (symbols, counts) = jax.lax.scan(body, start, jax.random.split(key, length))
    return Generated(symbols, counts.sum(0, dtype=jnp.int32)), ~jnp.isnan(logits).any()
