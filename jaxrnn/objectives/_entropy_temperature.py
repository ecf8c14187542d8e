"""`EntropyTemperature`: the weight of an entropy that is to be held at a target."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._numerics import real
from .._typing import Array, ArrayLike, Leaf, Optimizer


class EntropyTemperatureState(NamedTuple):
    """The logarithm of the temperature, and what the optimizer remembers of it."""

    log_temperature: Float[Array, ""]
    opt_state: Any


class EntropyTemperature(Config):
    r"""The weight of an entropy bonus, found while training so that the entropy meets a target.

        minimise over the network       loss - temperature * H
        minimise over log temperature   log temperature * (H - target)

    The temperature is the multiplier of the constraint `H >= target`: it rises while the entropy is
    below the target, falls while it is above, and is positive by its logarithm. Three pure
    functions in the manner of optax, which scan and, over targets, vmap: `init() -> state`,
    `temperature(state)`, `update(state, entropy) -> state`.

    Attributes:
        target: the entropy to meet, in the unit of the entropies given: nats with `Entropy`, where
            `V` classes can have from 0 to `log V`.
        initial: the temperature to start from, above 0.
        optimizer: any optax transformation; `None` is `optax.adam(3e-4)`, the one of the paper.

    Raises:
        TypeError: for an optimizer that is none.
        ValueError: for a target that is not finite, or an initial temperature that is not positive;
            in `init` and `update`, for one of them that is not one number.

    Reference:
        Haarnoja et al. (2018), Soft Actor-Critic Algorithms and Applications, section 5,
        https://arxiv.org/abs/1812.05905

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, Entropy, EntropyTemperature, reduce
        >>> held = EntropyTemperature(target=0.5)
        >>> outputs, labels = jnp.array([[4.0, 0.0]]), jnp.array([0])
        >>> state = held.init()
        >>> loss = CrossEntropy() - held.temperature(state) * Entropy()
        >>> value = reduce(loss, outputs, labels).mean()
        >>> state = held.update(state, reduce(Entropy(), outputs, None).mean())
        >>> bool(held.temperature(state) > 1)  # its entropy is only 0.09
        True
    """

    target: Leaf
    initial: Leaf = 1.0
    optimizer: Optimizer | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        if not _check.holds(np.isfinite, self.target):
            raise ValueError(f"EntropyTemperature: target must be finite, got {self.target}")
        if not _check.holds(lambda x: (x > 0) & (x < np.inf), self.initial):
            raise ValueError(
                f"EntropyTemperature: initial must be positive and finite, got {self.initial}"
            )

    def init(self) -> EntropyTemperatureState:
        """The initial temperature."""
        _check.number("EntropyTemperature", initial=self.initial)
        initial = jnp.asarray(self.initial)
        log_temperature = jnp.log(initial.astype(at_least_float32(jnp.result_type(float))))
        return EntropyTemperatureState(log_temperature, self._transform().init(log_temperature))

    def temperature(self, state: EntropyTemperatureState) -> Float[Array, ""]:
        """The temperature, through which no gradient passes."""
        return jax.lax.stop_gradient(jnp.exp(state.log_temperature))

    def update(self, state: EntropyTemperatureState, entropy: ArrayLike) -> EntropyTemperatureState:
        """Take one step of the optimizer.

        Args:
            state: the state.
            entropy: the mean entropy of a batch, a scalar, such as `reduce(Entropy(), ...).mean()`;
                the mean over all devices, where there are several.
        """
        import optax

        entropy = real("EntropyTemperature", "entropy", entropy)
        if entropy.shape != ():
            raise ValueError(
                f"EntropyTemperature: entropy must be the mean of a batch, a scalar, got "
                f"{_check.describe(entropy)}. Reduce it: `reduce(Entropy(), outputs, None).mean()`."
            )
        _check.number("EntropyTemperature", target=self.target)
        log_temperature, opt_state = state
        dtype = log_temperature.dtype
        gradient = entropy.astype(dtype) - jnp.asarray(self.target).astype(dtype)
        # optax multiplies integers with floats, whatever promotion is allowed outside.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = self._transform().update(
                jax.lax.stop_gradient(gradient), opt_state, log_temperature
            )
            return EntropyTemperatureState(optax.apply_updates(log_temperature, updates), opt_state)

    def _transform(self) -> Optimizer:
        import optax

        return optax.adam(3e-4) if self.optimizer is None else self.optimizer
