"""Products of queries with keys that decay in between."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array
from ._triangular import cut, halves, joined, padded


class Decayed(NamedTuple):
    """What `decayed_products` gives."""

    products: tuple[Float[Array, "... M M"], ...]
    """One for each of the rows: what query t reads of key s, and zero where s > t."""
    since: Float[Array, "... M D"]
    """The sum of the log-decays from the first step to this one, both included."""
    until: Float[Array, "... M D"]
    """The sum of those after this step."""


def decayed_products(
    rows: tuple[Float[Array, "... M K"], ...],
    keys: Float[Array, "... M K"],
    log_decay: Float[Array, "... M D"],
) -> Decayed:
    """For each of the rows, `sum_k row[t, k] key[s, k] exp(sum_{s < r <= t} log_decay[r, k])`.

    D is K, or 1 if all features decay alike. No exponent is a difference of sums, so nothing
    cancels, and none is positive if no log-decay is, so nothing overflows.
    """
    if log_decay.shape[-1] == keys.shape[-1]:
        return _each(rows, keys, log_decay)
    return _alike(rows, keys, log_decay)


def _alike(rows: tuple[Array, ...], keys: Array, log_decay: Array) -> Decayed:
    """One decay for all features: the products, times the decay between each two steps."""
    steps = keys.shape[-2]
    reached = jnp.tril(jnp.ones((steps, steps), bool))  # step t by step s
    wide = (*log_decay.shape[:-1], steps)
    after = jnp.where(
        jnp.broadcast_to(jnp.tril(reached, -1), wide), jnp.broadcast_to(log_decay, wide), 0
    )
    between = jnp.einsum("tr,...rs->...ts", reached.astype(log_decay.dtype), after)
    weights = jnp.exp(jnp.where(jnp.broadcast_to(reached, wide), between, -jnp.inf))
    products = tuple((row @ jnp.matrix_transpose(keys)) * weights for row in rows)
    return Decayed(products, jax.lax.cumsum(log_decay, log_decay.ndim - 2), between[..., -1:, :].mT)


def _each(rows: tuple[Array, ...], keys: Array, log_decay: Array) -> Decayed:
    """A decay for each feature: blocks of steps, two of which become one of twice the size.

    Between two blocks, rows are decayed since the border and keys until it.
    """
    steps = keys.shape[-2]
    rows, keys, log_decay = jax.tree.map(padded, (rows, keys, log_decay))
    products = [(row * keys).sum(-1)[..., None, None] for row in rows]
    since, until = cut(log_decay, 1), jnp.zeros_like(cut(log_decay, 1))
    size = 1
    while size < keys.shape[-2]:
        (since_first, since_second), (until_first, until_second) = halves(since), halves(until)
        late, early = jnp.exp(since_second), jnp.exp(until_first)
        read = jnp.matrix_transpose(halves(cut(keys, size))[0] * early)
        products = [
            joined(product, (halves(cut(row, size))[1] * late) @ read)
            for product, row in zip(products, rows, strict=True)
        ]
        since = jnp.concatenate([since_first, since_first[..., -1:, :] + since_second], -2)
        until = jnp.concatenate([until_first + since_second[..., -1:, :], until_second], -2)
        size *= 2
    inner = tuple(product[..., 0, :steps, :steps] for product in products)
    return Decayed(inner, since[..., 0, :steps, :], until[..., 0, :steps, :])
