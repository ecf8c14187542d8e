"""Jacobians of the steps along a sequence, and the Lyapunov spectrum that they add up to."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array, Carry, Inputs, Params, Size
from ._stepping import Stepping, check_step, maps_of, sequence


@checked
def step_jacobians(
    model: Stepping, params: Params, xs: Inputs, carry: Carry | None = None
) -> Float[Array, "T n n"]:
    r"""The Jacobian $J_t = \partial h_t / \partial h_{t-1}$ of each step of one sequence.

    The carry counts as one vector of `n` numbers, in the order of its leaves: an LSTM's hidden
    state, then its cell. For many sequences use `jax.vmap`.

    Args:
        model: a cell, or a layer that streams.
        params: its parameters.
        xs: `[T, ...]`, one sequence.
        carry: what the first step starts from; the model's initial carry where `None`.

    Returns:
        `[T, n, n]`, with the row of what is affected and the column of what affects it.

    Raises:
        TypeError: a model without steps, a carry without derivatives.
        ValueError: no step, or a batch of sequences.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.GRU(2, 4)
        >>> params = cell.init(jax.random.key(0))
        >>> jacobians = analysis.step_jacobians(cell, params, jnp.ones((9, 2)))
        >>> jacobians.shape, jnp.linalg.svd(jacobians, compute_uv=False).shape
        ((9, 4, 4), (9, 4))
    """
    who = "step_jacobians"
    step, start, _ = maps_of(who, model, params, carry)
    xs = sequence(who, xs)
    check_step(who, "xs", model, xs, lead=1)

    def body(vector: Array, x: Any) -> tuple[Array, Array]:
        return step(vector, x), jax.jacfwd(step)(vector, x)

    return jax.lax.scan(body, start, xs)[1]


@checked
def step_singular_values(
    model: Stepping, params: Params, xs: Inputs, carry: Carry | None = None
) -> Float[Array, "T n"]:
    r"""The singular values of each step's Jacobian, largest first.

    By how much a step can stretch a gradient, and how little it may leave of it: where all are
    below 1 every gradient shrinks; where all are 1, as of an orthogonal matrix without a squashing
    function, none does. Arguments and errors are those of `step_jacobians`.

    Reference: A. Saxe, J. McClelland & S. Ganguli, ICLR 2014 ("dynamical isometry").

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.Elman(2, 4)  # which starts from an orthogonal matrix
        >>> params = cell.init(jax.random.key(0))
        >>> values = analysis.step_singular_values(cell, params, jnp.zeros((3, 2)))
        >>> print(jnp.round(values[0], 3))
        [1. 1. 1. 1.]
    """
    return jnp.linalg.svd(step_jacobians(model, params, xs, carry), compute_uv=False)


class LyapunovSpectrum(NamedTuple):
    """Rates of growth of small deviations.

    Shapes:
        exponents: in nats a step, largest first. Above 0 there is chaos.
        standard_error: of each, from the means of ten stretches of the sequence; NaN of -inf.
        dimension: of the attractor, by Kaplan and Yorke; the number of exponents where even
            their sum is not negative.
    """

    exponents: Float[Array, " k"]
    standard_error: Float[Array, " k"]
    dimension: Float[Array, ""]


@checked
def lyapunov_spectrum(
    model: Stepping,
    params: Params,
    xs: Inputs,
    carry: Carry | None = None,
    *,
    count: Size | None = None,
    skip: Size = 0,
) -> LyapunovSpectrum:
    r"""The Lyapunov exponents of a recurrent network along one sequence.

        J_t Q_{t-1} = Q_t R_t            (QR, with Q_0 the identity)
        exponents = mean_t log |diag R_t|

    The rates at which small deviations of the carry grow or shrink: the largest says whether the
    network forgets how it began. A gradient that goes back `k` steps changes by about `exp(k *
    exponent)`. Of a map of one's own make a cell, `cells.from_functions`; of a flow, one whose step
    integrates over `dt`, and divide by `dt`.

    Args:
        model: a cell, or a layer that streams.
        params: its parameters.
        xs: `[T, ...]`, the sequence that drives it; long, since the error falls as one over the
            square root of T.
        carry: what the first step starts from; the model's initial carry where `None`.
        count: how many exponents, from the largest; all where `None`.
        skip: how many steps at the beginning do not count, until the carry is on its course.

    Returns:
        `LyapunovSpectrum(exponents, standard_error, dimension)`.

    Raises:
        TypeError: a model without steps, a carry without derivatives.
        ValueError: a batch of sequences, fewer than ten steps that count, more exponents than the
            carry has numbers.

    Reference: G. Benettin, L. Galgani, A. Giorgilli & J.-M. Strelcyn, Meccanica 15 (1980); of
    recurrent networks: R. Engelken, F. Wolf & L. Abbott, Physical Review Research 5 (2023).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> logistic = cells.from_functions(
        ...     init=lambda key: jnp.array(4.0),
        ...     carry=lambda params, batch: jnp.full((*batch, 1), 0.3),
        ...     step=lambda r, h, x: 2 * (r * h * (1 - h),),
        ... )
        >>> found = analysis.lyapunov_spectrum(logistic, 4.0, jnp.zeros((20_000, 1)))
        >>> print(f"{found.exponents[0]:.2f}, and {jnp.log(2.0):.2f} in theory")
        0.69, and 0.69 in theory
    """
    who = "lyapunov_spectrum"
    step, start, _ = maps_of(who, model, params, carry)
    xs = sequence(who, xs)
    check_step(who, "xs", model, xs, lead=1)
    size, length = start.size, len(jax.tree.leaves(xs)[0])
    count = size if count is None else count
    _check.sizes(who, count=count)
    _check.integers(who, 0, skip=skip)
    if count > size:
        raise ValueError(f"{who}: count={count} exponents of a carry of {size} numbers")
    if length - skip < _STRETCHES:
        raise ValueError(
            f"{who}: at least {_STRETCHES} steps must count, got {length}, of which skip={skip}"
        )

    def body(state: tuple[Array, Array], x: Any) -> tuple[tuple[Array, Array], Array]:
        vector, frame = state
        vector, push = jax.linearize(lambda vector: step(vector, x), vector)
        frame, upper = jnp.linalg.qr(jax.vmap(push, 1, 1)(frame))
        return (vector, frame), jnp.log(jnp.abs(jnp.diagonal(upper)))

    frame = jnp.eye(size, count, dtype=start.dtype)
    growth = jax.lax.scan(body, (start, frame), xs)[1][skip:]
    whole = len(growth) // _STRETCHES * _STRETCHES
    means = growth[:whole].reshape(_STRETCHES, -1, count).mean(1)
    exponents = growth.mean(0)
    order = jnp.argsort(-exponents)
    error = jnp.std(means, axis=0, ddof=1) / jnp.sqrt(jnp.asarray(_STRETCHES, means.dtype))
    return LyapunovSpectrum(exponents[order], error[order], _dimension(exponents[order]))


def _dimension(exponents: Array) -> Array:
    """How many exponents add up to 0, with a fraction of the one that would make it negative."""
    sums = jnp.concatenate([jnp.zeros(1, exponents.dtype), jnp.cumsum(exponents)])
    whole = jnp.sum(sums[1:] >= 0)
    at = jnp.minimum(whole, len(exponents) - 1)
    fraction = sums[at] / jnp.abs(exponents[at])
    return whole.astype(sums.dtype) + jnp.where(whole < len(exponents), fraction, 0)


_STRETCHES = 10
