"""`SecondMoments`: the sums that a linear regression needs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array
from ._compensated import Compensated
from ._gram import gram
from ._mean import ratio
from ._metric import Observed
from ._sums import Sums
from ._weights import weigh


class Moments(NamedTuple):
    """The value of `SecondMoments`: means over the steps that counted, by their weight.

    Of the features with a constant 1 behind them, `x = (features, 1)`: the last row and column of
    `xx` are their means, and the last row of `xy` is that of the targets.
    """

    xx: Float[Array, "F+1 F+1"]
    xy: Float[Array, "F+1 O"]
    yy: Float[Array, " O"]


class MomentsState(NamedTuple):
    """The sums of `SecondMoments`."""

    xx: Compensated
    xy: Compensated
    yy: Compensated
    weight: Compensated


class SecondMoments(Sums):
    """The mean products of features with one another and with the targets.

    They are all that a linear regression needs, for any number of steps: `training.fit_readout`
    solves for it. Sums are compensated, and products of float32 exact to about 40 bits, since what
    a regression of many features subtracts agrees in most digits.

    Args:
        features: how many features, `outputs` is `[T, *batch, features]`.
        targets: how many targets, `[T, *batch, targets]`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.SecondMoments(1, 1)
        >>> x = jnp.array([[1.0], [2.0], [3.0]])
        >>> metric.compute(metric.update(metric.init(), x, 2 * x)).xy.tolist()
        [[9.333333015441895], [4.0]]
    """

    features: int = jax.tree.static()
    targets: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("SecondMoments", features=self.features, targets=self.targets)

    def init(self) -> MomentsState:
        rows = self.features + 1
        shapes = (rows, rows), (rows, self.targets), (self.targets,), ()
        return MomentsState(*map(Compensated.zeros, shapes))

    def add(self, state: MomentsState, seen: Observed) -> MomentsState:
        outputs, targets = jax.lax.stop_gradient((seen.outputs, seen.targets))
        steps = self._steps(outputs, targets)
        dtype = at_least_float32(outputs.dtype)
        counted = jnp.ones(steps, dtype)
        if seen.where is not None:
            where = jnp.broadcast_to(jnp.asarray(seen.where), steps)
            counted = jnp.where(where, counted, 0)
        weight = weigh(counted, seen.weight)[..., None]
        unseen = weight == 0

        def rows(values: Array) -> Array:
            return jnp.where(jnp.broadcast_to(unseen, values.shape), 0, values.astype(dtype))

        y = rows(targets)
        x = jnp.concatenate([rows(outputs), jnp.where(unseen, 0, jnp.ones_like(weight))], -1)
        weighted = x * jnp.broadcast_to(weight, x.shape)
        squares = gram(weight, y**2)
        sums = MomentsState(
            gram(weighted, x),
            gram(weighted, y),
            Compensated(squares.hi[0], squares.lo[0]),
            Compensated.of(jnp.sum(weight)),
        )
        return self.merge(state, sums)

    def _steps(self, outputs: Array, targets: Array) -> tuple[int, ...]:
        """`[T, *batch]`; raises for other features, or targets of other steps."""
        steps = jnp.shape(outputs)[:-1]
        wanted = (*steps, self.features), (*steps, self.targets)
        came = jnp.shape(outputs), jnp.shape(targets)
        if came != wanted:
            raise ValueError(
                f"SecondMoments: outputs and targets must be {wanted[0]} and {wanted[1]}, got "
                f"{came[0]} and {came[1]}"
            )
        return steps

    def compute(self, state: MomentsState) -> Moments:
        weight = state.weight.value()
        xx, xy, yy = (
            ratio(sums.value(), jnp.broadcast_to(weight, sums.hi.shape))
            for sums in (state.xx, state.xy, state.yy)
        )
        return Moments(xx, xy, yy)
