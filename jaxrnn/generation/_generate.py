"""`generate`: let a network of symbols write."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .. import _check
from .._numerics import last_valid, within
from .._typing import Array, ArrayOrList, Batch, Carry, Key, Params
from ..information import surprisal
from ..networks import Layer
from ._samplers import Sampler, Temperature


class Generated(NamedTuple):
    """What `generate` wrote.

    Shapes:
        symbols: `Int[length, *batch]`.
        lengths: `Int[*batch]`, how many of them count, the stop symbol included.
        log_p: `[length, *batch]`, each symbol's log-probability under the model, given all before
            it; 0 after the stop symbol.
        log_q: likewise, under what it was drawn from, which the sampler and `forbid` have changed.

    `log_p.sum(0)` says how likely the model finds what was written. An expectation over the model
    itself weighs what was drawn otherwise by `exp((log_p - log_q).sum(0))`.
    """

    symbols: Int[Array, "N *batch"]
    lengths: Int[Array, "*batch"]
    log_p: Float[Array, "N *batch"]
    log_q: Float[Array, "N *batch"]


def generate(
    network: Layer,
    params: Params,
    prompt: ArrayOrList,
    length: int,
    carry: Carry | None = None,
    *,
    key: Key,
    sampler: Sampler = Temperature(),  # noqa: B008  (a frozen noun)
    lengths: ArrayOrList | None = None,
    stop: int | None = None,
    forbid: ArrayOrList | None = None,
) -> Generated:
    """Continue a prompt, symbol by symbol.

    The prompt is read in one pass; then each drawn symbol is the next input. After the stop symbol
    a sequence goes on repeating it. Compiled once a shape of prompt and length.

    Shapes: prompt `Int[T, *batch]`; what comes back is said at `Generated`.

    Args:
        network: a layer from symbols to logits that can `step`.
        params: its parameters.
        prompt: what has been written so far; at least one symbol.
        length: how many symbols to draw.
        carry: what the network knew before the prompt; by default its initial carry.
        key: where randomness is drawn from.
        sampler: how a symbol is drawn: `Greedy()`, `Temperature(t)`, `TopK(k)`, `Nucleus(mass)`.
        lengths: `Int[*batch]`, in `[1, T]`, where prompts are padded at their end.
        stop: the symbol that ends a sequence.
        forbid: symbols that are never drawn, such as `[vocab.padding, vocab.unknown]`; or where
            they are, `Bool[V]` or `Bool[*batch, V]`. The sampler chooses among the others.

    Raises:
        ValueError: an empty prompt, lengths out of range, a symbol or stop symbol that the network
            does not know, or nothing left to draw.
        TypeError: a prompt that does not hold integers, or a layer that cannot stream.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, generation, networks
        >>> network = networks.stack(
        ...     networks.Embedding(5, 8), networks.Recurrent(cells.GRU(8, 8)), networks.Dense(8, 5))
        >>> params = network.init(jax.random.key(0))
        >>> prompt = jnp.zeros((3, 2), int)
        >>> written = generation.generate(
        ...     network, params, prompt, 7, key=jax.random.key(1), forbid=[0, 1])
        >>> written.symbols.shape, int(written.symbols.min())
        ((7, 2), 2)
    """
    _check.kind("generate", "network", network, Layer, "Wrap a cell: `networks.Recurrent(cell)`.")
    _check.kind("generate", "sampler", sampler, Sampler)
    _check.one_key("generate", key)
    network.check_causal()
    _check.arrays("generate", params=params, carry=carry)
    prompt = _symbols(prompt)
    _check.sizes("generate", length=length)
    known = [size for size in prompt.shape[1:] if isinstance(size, int)]  # others are symbols
    remedy = "Write in pieces: go on from a `carry`."
    _check.memory("generate", "the symbols", (length, *known), jnp.int32, remedy)
    if lengths is not None:
        lengths = np.asarray(lengths) if isinstance(lengths, list | tuple) else lengths
        _check.array("generate", "lengths", lengths)
        _check.lengths("generate", "lengths", lengths, prompt.shape, least=1)
        lengths = jnp.asarray(lengths)
    if carry is None:
        carry = network.carry(params, prompt.shape[1:])
    classes = _classes(network, params, prompt, carry)
    forbidden = None if forbid is None else _mask(forbid, prompt.shape[1:], classes)
    if stop is not None:
        if isinstance(stop, bool) or not isinstance(stop, int | np.integer):
            raise TypeError(f"generate: stop must be an integer, got {stop!r}")
        if not 0 <= stop < classes:
            raise ValueError(f"generate: stop must lie in [0, {classes}), got {stop}")
        if _check.concrete(forbidden) and np.asarray(forbidden)[..., stop].any():
            raise ValueError(f"generate: stop, {stop}, is among the symbols that are forbidden")
    generated, sound = _generate(
        network, params, prompt, carry, lengths, forbidden, key, sampler, length=length, stop=stop
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
    carry: Carry,
    lengths: Array | None,
    forbidden: Array | None,
    key: Key,
    sampler: Sampler,
    *,
    length: int,
    stop: int | None,
) -> tuple[Generated, Array]:
    carry, read = network.apply(params, prompt, carry, lengths=lengths)
    logits = read[-1] if lengths is None else last_valid(read, within(lengths, prompt.shape[0]))
    if forbidden is not None:
        forbidden = jnp.broadcast_to(forbidden, logits.shape)

    def body(
        state: tuple[Carry, Array, Array], key: Key
    ) -> tuple[tuple[Carry, Array, Array], tuple[Array, ...]]:
        carry, logits, stopped = state
        allowed = logits if forbidden is None else jnp.where(forbidden, -jnp.inf, logits)
        symbol = sampler(key, allowed)
        log_p = -surprisal(logits, symbol)
        log_q = -surprisal(sampler.adjust(allowed), symbol)
        counts = ~stopped
        if stop is not None:
            symbol = jnp.where(stopped, stop, symbol)
            log_p, log_q = (jnp.where(stopped, 0, log) for log in (log_p, log_q))
            stopped = symbol == stop
        carry, logits = network.step(params, carry, symbol)
        return (carry, logits, stopped), (symbol, counts, log_p, log_q)

    start = carry, logits, jnp.zeros(prompt.shape[1:], bool)
    _, drawn = jax.lax.scan(body, start, jax.random.split(key, length))
    symbols, counts, log_p, log_q = drawn
    generated = Generated(symbols, counts.sum(0, dtype=jnp.int32), log_p, log_q)
    return generated, ~jnp.isnan(logits).any()


def _symbols(prompt: ArrayOrList) -> Array:
    if any(isinstance(leaf, str | bytes) for leaf in jax.tree.leaves(prompt)):
        raise TypeError(
            f"generate: the prompt must hold integers, got text, {prompt!r}. Encode it first: "
            "`vocab.encode(prompt)`."
        )
    if not isinstance(prompt, list | tuple):
        _check.array("generate", "prompt", prompt)
    try:
        symbols = jnp.asarray(prompt)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"generate: the prompt must be an array of integers [T, *batch], got {prompt!r}. Fill "
            "prompts of several lengths up with `data.pad`, and pass their `lengths`."
        ) from error
    if symbols.ndim == 0 or 0 in symbols.shape:
        raise ValueError(f"generate: the prompt needs a symbol, got {_check.describe(symbols)}")
    if not jnp.issubdtype(symbols.dtype, jnp.integer):
        raise TypeError(f"generate: the prompt must hold integers, got {symbols.dtype}")
    return symbols


def _classes(network: Layer, params: Params, prompt: Array, carry: Carry) -> int:
    """How many symbols the network tells apart."""
    if network.input_shape not in ((), None):
        raise ValueError(
            f"generate: the network must read symbols, it takes features {network.input_shape}. "
            "Put an `Embedding` first."
        )
    shape = network.output_shape
    if shape is not None and len(shape) == 1 and shape[0] is not None:
        return shape[0]
    _, logits = jax.eval_shape(network.step, params, carry, prompt[0])
    if not hasattr(logits, "shape") or logits.shape[:-1] != prompt.shape[1:]:
        raise ValueError(
            f"generate: the network must give logits [*batch, V], it gives {logits} for one step"
        )
    return logits.shape[-1]


def _mask(forbid: ArrayOrList, batch: Batch, classes: int) -> Array:
    """Where symbols are forbidden, `Bool[V]` or `Bool[*batch, V]`."""
    forbid = forbid if isinstance(forbid, jax.Array) else np.asarray(forbid)
    if forbid.dtype == np.bool_:
        if forbid.shape not in ((classes,), (*batch, classes)):
            raise ValueError(
                f"generate: forbid must be Bool[V] or Bool[*batch, V], {(classes,)} or "
                f"{(*batch, classes)}, got {forbid.shape}"
            )
        mask = jnp.asarray(forbid)
    else:
        if forbid.size and not jnp.issubdtype(forbid.dtype, jnp.integer):
            raise TypeError(f"generate: forbid must be symbols or Bool[V], got {forbid.dtype}")
        if _check.concrete(forbid):
            symbols = np.asarray(forbid)
            wrong = symbols[(symbols < 0) | (symbols >= classes)]
            if wrong.size:
                raise ValueError(
                    f"generate: forbid must lie in [0, {classes}), got {wrong.ravel()[0]}"
                )
        named = jnp.ravel(jnp.asarray(forbid)).astype(jnp.int32)
        mask = jax.nn.one_hot(named, classes, dtype=bool).any(0)
    if _check.concrete(mask) and np.asarray(mask).all(-1).any():
        raise ValueError("generate: forbid leaves no symbol to draw")
    return mask
