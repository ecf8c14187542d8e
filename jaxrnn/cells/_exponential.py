"""Exponential moving averages."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._typing import Array, Batch, Key, Leaf
from ._associative import LinearCell


class ExponentialMovingAverageParams(NamedTuple):
    """Parameters of `ExponentialMovingAverage`; None where the rates are not learned."""

    logit: Float[Array, "I K"] | None


class ExponentialMovingAverage(LinearCell):
    """Exponential moving averages of every feature, at one or several rates.

        h_t = (1 - rate) * h_{t-1} + rate * x_t,   y_t = h_t        rate = sigmoid(logit)

    An average of rate r looks back over about 1 / r steps. It starts at 0, as an average without
    correction does.

    Shapes: x `[*batch, features]`, carry `[*batch, features, K]` for K rates, y
    `[*batch, features * K]`, where the averages of one feature stand side by side.

    Args:
        features: of the input.
        rates: what the averages start from, each in (0, 1): one or several, the same for every
            feature.
        learned: whether the rates are parameters, one a feature each; otherwise they stay, and
            there are none.

    Raises:
        ValueError: for no rates, or one outside (0, 1).

    Reference: R. G. Brown, "Statistical forecasting for inventory control", 1959; of several
    learned ones in a network: X. Ma et al., "Mega: moving average equipped gated attention",
    ICLR 2023.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell = jaxrnn.cells.ExponentialMovingAverage(1, rates=(0.5, 0.25), learned=False)
        >>> params = cell.init(jax.random.key(0))
        >>> print(jaxrnn.unroll(cell, params, jnp.ones((3, 1)))[1])
        [[0.5      0.25    ]
         [0.75     0.4375  ]
         [0.875    0.578125]]
    """

    features: int = jax.tree.static()
    rates: tuple[Leaf, ...] = (0.1,)
    learned: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes and the rates."""
        _check.sizes("ExponentialMovingAverage", features=self.features)
        if not self.rates:
            raise ValueError("ExponentialMovingAverage: needs at least one rate, such as (0.1,)")
        for rate in self.rates:
            if not _check.holds(lambda rate: (rate > 0) & (rate < 1), rate):
                raise ValueError(
                    f"ExponentialMovingAverage: rates must lie in (0, 1), got {self.rates}"
                )

    @property
    def input_shape(self) -> tuple[int]:
        return (self.features,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self.features * len(self.rates),)

    def init(self, key: Key) -> ExponentialMovingAverageParams:
        """The logits of the given rates."""
        logit = jnp.log(self._rates) - jnp.log1p(-self._rates)
        shape = (self.features, len(self.rates))
        return ExponentialMovingAverageParams(
            jnp.broadcast_to(logit, shape) if self.learned else None
        )

    @property
    def _rates(self) -> Float[Array, " K"]:
        return jnp.stack([jnp.asarray(rate, float) for rate in self.rates])

    def carry(
        self, params: ExponentialMovingAverageParams, batch: Batch = ()
    ) -> Float[Array, "*batch I K"]:
        """Zeros."""
        kind = float if params.logit is None else at_least_float32(params.logit.dtype)
        return jnp.zeros((*batch, self.features, len(self.rates)), kind)

    def matrix(self, params: ExponentialMovingAverageParams) -> Float[Array, "I K"]:
        """`1 - rate`."""
        return self._shares(params)[0]

    def _shares(
        self, params: ExponentialMovingAverageParams
    ) -> tuple[Float[Array, "I K"], Float[Array, "I K"]]:
        """What is kept of the average, and what comes in."""
        if params.logit is None:
            rate = jnp.broadcast_to(self._rates, (self.features, len(self.rates)))
            return 1 - rate, rate
        logit = params.logit.astype(at_least_float32(params.logit.dtype))
        return jax.nn.sigmoid(-logit), jax.nn.sigmoid(logit)

    def coefficients(
        self, params: ExponentialMovingAverageParams, x: Float[Array, "... I"]
    ) -> tuple[Float[Array, "... I K"], Float[Array, "... I K"]]:
        """`1 - rate`, the same at every step, and `rate * x`."""
        shape = (*x.shape, len(self.rates))
        keep, rate = (jnp.broadcast_to(part, shape) for part in self._shares(params))
        return keep, rate * x[..., None].astype(rate.dtype)

    def read(
        self,
        params: ExponentialMovingAverageParams,
        h: Float[Array, "... I K"],
        x: Float[Array, "... I"],
    ) -> Float[Array, "... O"]:
        """The averages."""
        kind = x.dtype if params.logit is None else params.logit.dtype
        return h.reshape(*h.shape[:-2], *self.output_shape).astype(kind)
