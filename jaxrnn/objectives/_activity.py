"""Penalties of activities: of what a layer gives, step by step."""

from typing import Any

import jax.numpy as jnp

from .._numerics import real
from .._typing import Array
from ._penalty import magnitude
from ._predictions import OfPredictions


class ActivityL1(OfPredictions):
    """The mean absolute value of a step's features, `mean(|y|)`; the targets are not read.

    Of hidden states, which `networks.WithHidden` gives beside the outputs, it makes few units
    active at once. Its derivative at 0, where a `relu` often rests, is 0.

    Shapes: outputs `[T, *batch, features]`.

    Raises:
        TypeError: for outputs that are not real floating numbers.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import ActivityL1
        >>> print(ActivityL1()(jnp.array([[1.0, -3.0]]), None))
        [2.]
    """

    def values(self, outputs: Any, targets: Any) -> Array:
        return jnp.mean(magnitude(real("ActivityL1", "outputs", outputs)), axis=-1)


class ActivityL2(OfPredictions):
    """The mean square of a step's features, `mean(y ** 2)`; the targets are not read.

    Shapes: outputs `[T, *batch, features]`.

    Raises:
        TypeError: for outputs that are not real floating numbers.

    Reference: S. Merity et al., "Regularizing and optimizing LSTM language models", ICLR 2018,
        where it is the activation regularisation (AR) of hidden states.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import ActivityL2
        >>> print(ActivityL2()(jnp.array([[1.0, -3.0]]), None))
        [5.]
    """

    def values(self, outputs: Any, targets: Any) -> Array:
        return jnp.mean(real("ActivityL2", "outputs", outputs) ** 2, axis=-1)


class TemporalActivityL2(OfPredictions):
    """The mean square of the change of a step's features, `mean((y[t] - y[t - 1]) ** 2)`.

    The first step has 0, and so has a step before which none counts: what is far apart is not
    compared across padding. It keeps hidden states from changing faster than they need to.

    Shapes: outputs `[T, *batch, features]`.

    Raises:
        TypeError: for outputs that are not real floating numbers.

    Reference: S. Merity et al., "Regularizing and optimizing LSTM language models", ICLR 2018,
        where it is the temporal activation regularisation (TAR).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import TemporalActivityL2
        >>> print(TemporalActivityL2()(jnp.array([[1.0], [3.0], [0.0]]), None))
        [0. 4. 9.]
    """

    @property
    def stepwise(self) -> bool:
        """No: a step is compared with the one before it."""
        return False

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        y = real("TemporalActivityL2", "outputs", outputs)
        if where is not None:
            y = jnp.where(where[..., None], y, 0)
        changes = jnp.mean(jnp.diff(y, axis=0) ** 2, axis=-1)
        if where is not None:
            changes = jnp.where(where[1:] & where[:-1], changes, 0)
        return jnp.concatenate([jnp.zeros_like(y[:1, ..., 0]), changes])
