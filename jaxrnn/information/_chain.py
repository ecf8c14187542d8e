"""Linear chains: the paths of a hidden Markov model or of a conditional random field."""

import jax.numpy as jnp
from jaxtyping import Float

from .._numerics import chain_backward, exact_logsumexp, real
from .._typing import Array, ArrayLike


def chain_potentials(
    unary: ArrayLike, transition: ArrayLike, start: ArrayLike | None = None
) -> Float[Array, "T *batch S1 S"]:
    r"""Potentials of a linear chain, $\theta_{t,i,j}$ for state `j` at step `t` after state `i`.

        theta[t, ..., i, j] = transition[i, j] + unary[t, ..., j]
        theta[t, ..., S, j] = start[j] + unary[t, ..., j]

    The last of the `S + 1` rows is for the first step, which has no state before it. Of a hidden
    Markov model that emitted `y`, `unary` is `log B[:, y].T` for emissions `B[S, V]`, `transition`
    is `log A` and `start` is `log pi`: then the paths' distribution is that of the hidden states
    given `y`, and `chain_log_partition` is $\log p(y)$.

    Args:
        unary: `[T, *batch, S]`.
        transition: `[S, S]`, from the row to the column.
        start: `[S]`; nothing where it is left out.

    Returns:
        `[T, *batch, S + 1, S]`.

    Raises:
        TypeError: for numbers that are not real and floating.
        ValueError: for shapes that do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import chain_log_partition, chain_potentials, path_entropy
        >>> pi, A = jnp.array([0.6, 0.4]), jnp.array([[0.7, 0.3], [0.4, 0.6]])
        >>> B, y = jnp.array([[0.9, 0.1], [0.2, 0.8]]), jnp.array([0, 1, 0, 0, 1])
        >>> theta = chain_potentials(jnp.log(B[:, y].T), jnp.log(A), jnp.log(pi))
        >>> print(f"log p(y) = {chain_log_partition(theta):.4f}")
        log p(y) = -3.7514
        >>> print(f"H(states | y) = {path_entropy(chain_log_partition, theta):.4f}")
        H(states | y) = 2.4160
    """
    who = "chain_potentials"
    unary, transition = real(who, "unary", unary), real(who, "transition", transition)
    states = unary.shape[-1] if unary.ndim > 1 else 0
    begin = jnp.zeros(states) if start is None else real(who, "start", start)
    if not states or transition.shape != (states, states) or begin.shape != (states,):
        raise ValueError(
            f"{who}: unary must be [T, *batch, S], transition [S, S] and start [S], got "
            f"{unary.shape}, {transition.shape} and {begin.shape}."
        )
    dtype = jnp.promote_types(unary.dtype, transition.dtype)
    rows = jnp.concatenate([transition.astype(dtype), begin.astype(dtype)[None]])
    unary = unary.astype(dtype)[..., None, :]
    return unary + rows.reshape((1,) * (unary.ndim - 2) + rows.shape)


def chain_log_partition(
    potentials: ArrayLike, *, mask: ArrayLike | None = None
) -> Float[Array, "*batch"]:
    r"""$\log \sum_y \exp \sum_t \theta_{t, y_{t-1}, y_t}$ over all paths of a linear chain.

    One `lax.scan`. With `path_entropy` and its kin it gives the entropies of the paths.

    Args:
        potentials: `[T, *batch, S + 1, S]`, as `chain_potentials` makes them; `-inf` forbids.
        mask: `Bool[T, *batch]`; a step where it is False is left out.

    Returns:
        `[*batch]`; `-inf` where no path is possible, 0 where there is no step.

    Raises:
        TypeError: for potentials that are not real floating, or a mask that is not bool.
        ValueError: for potentials or a mask of another shape.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import chain_log_partition, chain_potentials
        >>> theta = chain_potentials(jnp.zeros((4, 3)), jnp.zeros((3, 3)))
        >>> print(f"{jnp.exp(chain_log_partition(theta)):.0f} paths")
        81 paths
    """
    return chain_backward("chain_log_partition", potentials, mask, exact_logsumexp).total
