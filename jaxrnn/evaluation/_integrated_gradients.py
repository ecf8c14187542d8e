"""`integrated_gradients`: what each input adds to an output, which they make up in sum."""

import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._checked import checked
from .._typing import Array, ArrayLike, Inputs, Params
from ..networks import Layer
from ._explained import Explained, Target, baseline_of, explained, finite

_TOLERANCE = 1e-3


class Attribution(NamedTuple):
    """What `integrated_gradients` returns.

    Shapes:
        values: `[T, *batch, features]`, what each number of the inputs adds; 0 at padding.
        output: `[*batch]`, the number that is explained.
        baseline_output: `[*batch]`, the same for the baseline.
    """

    values: Float[Array, "..."]
    output: Float[Array, "*batch"]
    baseline_output: Float[Array, "*batch"]

    @property
    def by_step(self) -> Float[Array, "T *batch"]:
        """`[T, *batch]`: what each step, or each symbol, adds."""
        axes = range(1 + self.output.ndim, self.values.ndim)
        return self.values.sum(tuple(axes))

    @property
    def gap(self) -> Float[Array, "*batch"]:
        """`[*batch]`: by how much the attributions miss `output - baseline_output` in sum."""
        return self.by_step.sum(0) - (self.output - self.baseline_output)

    @property
    def relative_gap(self) -> Float[Array, "*batch"]:
        """`[*batch]`: the size of the gap over that of the difference; 0 where both are 0."""
        gap, difference = jnp.abs(self.gap), jnp.abs(self.output - self.baseline_output)
        return jnp.where(gap == 0, 0, gap / jnp.where(gap == 0, 1, difference))


@checked
def integrated_gradients(
    network: Layer,
    params: Params,
    xs: Inputs,
    target: Target,
    *,
    baseline: ArrayLike | None = None,
    steps: int = 32,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    resets: ArrayLike | None = None,
) -> Attribution:
    r"""Attribute an output to the inputs, by its gradient along a straight line from a baseline.

        a[i] = (x[i] - b[i]) * integral over s from 0 to 1 of df/dx[i] at b + s (x - b)
        sum_i a[i] = f(x) - f(b)

    The integral is a Gauss-Legendre sum, whose error falls exponentially with the number of nodes
    where `f` is smooth. That the attributions add up (completeness) is checked: `relative_gap`
    says how well, and a warning is given where it is above 0.001. Symbols are explained at the
    vectors of the network's one `Embedding`; `by_step` of the result is then one number a symbol.

    Works under `jit` and `vmap`, where nothing is checked and NaN stays.

    Args:
        network: what is explained.
        params: its parameters.
        xs: the inputs: features `[T, *batch, ...]`, or symbols `Int[T, *batch]`.
        target: which number is explained: a unit of the outputs, one for all sequences or one each,
            at a sequence's last step that counts (or of its pooled vector); or a function from the
            outputs to `[*batch]`, such as `lambda ys: ys[3, :, 0]`.
        baseline: the inputs, or the vectors of symbols, that say nothing: one number, the features
            of one step, or those of every step; zero by default.
        steps: how many nodes the integral has.
        lengths: `Int[*batch]`, how many leading steps count.
        mask: `Bool[T, *batch]`, False at padding.
        resets: `Bool[T, *batch]`, True where a new sequence starts. What comes before the last
            reset adds nothing to a later output.

    Raises:
        FloatingPointError: attributions that are not finite; it says where.
        TypeError: a target that is no number of a unit and no function to floating numbers.
        ValueError: inputs that are not finite (it says where), a target that is no unit of the
            outputs, a baseline of another shape, symbols that no `Embedding` reads, or several do,
            or fewer than one step.

    Reference: M. Sundararajan, A. Taly & Q. Yan, "Axiomatic attribution for deep networks",
    ICML 2017, arXiv 1703.01365.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, evaluation, networks
        >>> network = networks.stack(
        ...     networks.Embedding(20, 8), networks.Recurrent(cells.GRU(8, 16)),
        ...     networks.Dense(16, 3))
        >>> params = network.init(jax.random.key(0))
        >>> symbols = jax.random.randint(jax.random.key(1), (7, 2), 0, 20)
        >>> found = evaluation.integrated_gradients(network, params, symbols, target=2)
        >>> found.values.shape, found.by_step.shape, bool((found.relative_gap < 1e-3).all())
        ((7, 2, 8), (7, 2), True)
    """
    _check.sizes("integrated_gradients", steps=steps)
    if target is None:
        raise TypeError(
            "integrated_gradients: target must be a unit or a function of the outputs, got None"
        )
    asked = explained("integrated_gradients", network, params, xs, target, lengths, mask, resets)
    start = baseline_of("integrated_gradients", asked, baseline)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    rule = [jnp.asarray(part, start.dtype) for part in ((nodes + 1) / 2, weights / 2)]
    found = Attribution(*_integrate(asked, start, *rule))
    finite("integrated_gradients", "the attribution is", found.values, "[T, *batch, features]")
    _warn(found, steps)
    return found


@jax.jit
def _integrate(
    asked: Explained, start: Array, nodes: Array, weights: Array
) -> tuple[Array, Array, Array]:
    def value(share: Array) -> Array:
        return asked.value(share, (1 - share) * start, asked.mask)

    # With respect to the share of the way gone, the gradient has the factor x - b already.
    density = jax.grad(lambda share: value(share).sum())

    def add(total: Array, node: tuple[Array, Array]) -> tuple[Array, None]:
        place, weight = node
        return total + weight * density(jnp.full_like(start, place)), None

    total, _ = jax.lax.scan(add, jnp.zeros_like(start), (nodes, weights))
    ends = value(jnp.ones_like(start)), value(jnp.zeros_like(start))
    wide = [end.astype(start.dtype) for end in ends]
    return asked.kept(total), wide[0], wide[1]


def _warn(found: Attribution, steps: int) -> None:
    """Say where attributions do not add up, beyond what rounding alone may do."""
    if not _check.concrete(found.values):
        return
    difference = np.abs(found.output - found.baseline_output)
    size = np.abs(found.values).sum((0, *range(1 + found.output.ndim, found.values.ndim)))
    rounding = 32 * np.finfo(found.values.dtype).eps * size
    if np.any(np.abs(found.gap) > _TOLERANCE * difference + rounding):
        warnings.warn(
            f"integrated_gradients: with steps={steps} the attributions miss the difference of the "
            f"outputs by {np.max(found.relative_gap):.2g} of it. Pass more steps.",
            stacklevel=3,
        )
