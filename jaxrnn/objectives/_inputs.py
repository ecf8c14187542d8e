"""`map_inputs`: an objective of a part of the outputs and targets."""

from collections.abc import Callable
from typing import Any

import jax

from .. import _check
from .._checked import checked
from .._typing import Array
from ._objective import Around, Objective, ObjectiveLike, as_objective


class MapInputs(Around):
    """An objective that reads what a function makes of outputs and targets; see `map_inputs`."""

    function: Callable[..., Any] = jax.tree.static()

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        return self.inner.values_where(*self._read(outputs, targets), where)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return self.inner.weight(*self._read(outputs, targets), where)

    def _read(self, outputs: Any, targets: Any) -> tuple[Any, Any]:
        given = self.function(outputs, targets)
        if not isinstance(given, tuple) or len(given) != 2:
            _check.function("map_inputs", "function", self.function)
            raise TypeError(
                "map_inputs: the function must give a pair (outputs, targets), got "
                f"{type(given).__name__}"
            )
        return given


@checked
def map_inputs(objective: ObjectiveLike, function: Callable[..., tuple[Any, Any]]) -> Objective:
    """The objective that sees `outputs, targets = function(outputs, targets)`.

    For a network that gives more than one thing, such as `networks.WithHidden`, and for targets
    that hold more than one. `where` is passed on, so the function keeps the time and batch axes.

    Args:
        objective: what is to read them.
        function: `(outputs, targets) -> (outputs, targets)`; compared by identity.

    Raises:
        TypeError: the function gives no pair.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import ActivityL2, SquaredError, map_inputs
        >>> def predictions(outputs, targets):
        ...     return outputs["y"], targets
        >>> def hidden(outputs, targets):
        ...     return outputs["h"], targets
        >>> loss = map_inputs(SquaredError(), predictions) + 0.5 * map_inputs(ActivityL2(), hidden)
        >>> outputs = {"y": jnp.ones((1, 1)), "h": jnp.full((1, 4), 2.0)}
        >>> print(loss(outputs, jnp.zeros((1, 1))))
        [3.]
    """
    return MapInputs(as_objective(objective), function)
