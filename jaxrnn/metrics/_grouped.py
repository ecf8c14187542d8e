"""`grouped`: one value for each group of steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Array
from ._combine import check_where, given
from ._metric import Metric, Observed, State, check_metric
from ._rows import Rows
from ._weights import weigh


class Grouped(Rows):
    """A metric for each group of steps apart; the states carry a leading axis of groups."""

    groups: int = jax.tree.static()
    group: Callable[..., Array] = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("grouped", groups=self.groups)

    @property
    def rows(self) -> int:
        return self.groups

    def add(self, state: State, seen: Observed) -> State:
        ids, where = self._ids(seen), seen.where
        ones = jnp.ones(ids.shape, jnp.float32)
        if seen.weight is not None:
            # Of all steps at once: what selects a group's hides the others from later checks.
            counted = ones if where is None else jnp.where(jnp.asarray(where), ones, 0)
            ones = weigh(counted, seen.weight)

        # Only the weights differ between groups, so that `vmap` evaluates the steps once.
        def one(state: State, number: Array) -> State:
            own = jnp.where(ids == number, ones, 0)
            return self.metric.add(state, seen._replace(weight=own))

        return jax.vmap(one)(state, jnp.arange(self.groups, dtype=ids.dtype))

    def _ids(self, seen: Observed) -> Array:
        ids, where = given("grouped", "group", self.group, seen), seen.where
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            raise TypeError(f"grouped: group ids must be integers, got {ids.dtype}.")
        if where is not None:
            check_where("grouped", "group", ids, where)
        if _check.concrete(ids) and (where is None or _check.concrete(where)):
            found = np.asarray(ids)
            if where is not None:
                found = found[np.asarray(where)]
            wrong = found[(found < 0) | (found >= self.groups)]
            if wrong.size:
                raise ValueError(
                    f"grouped: group ids must lie in [0, {self.groups}), got {wrong.ravel()[0]}. "
                    "Leave steps out with `masked`."
                )
        # A narrow type would wrap the number of a group around, onto another one's.
        return ids.astype(jnp.int32) if ids.dtype.itemsize < 4 else ids


@checked
def grouped(metric: Metric, groups: int, group: Callable[..., Array]) -> Metric:
    """The metric for each of `groups` groups of steps apart: its value gains a leading axis.

    The cost grows with the number of groups: a product and a sum over all steps for each of them;
    the objective itself is evaluated once.

    Args:
        metric: the metric of one group. It sees all steps; those of other groups weigh 0.
        groups: the number of groups.
        group: `group(outputs, targets) -> Int[T, *batch]`, in `[0, groups)`: the group of each
            step. Inside `jit`, where ids cannot be read, one out of range belongs to no group.

    Returns:
        A metric whose value has a leading axis `[groups]`; NaN at groups without data.

    Raises:
        TypeError: for `groups` that is not an integer; in `update`, for ids that are not.
        ValueError: for `groups` below 1; in `update`, for concrete ids out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> def label(outputs, targets):
        ...     return targets
        >>> recall = metrics.grouped(metrics.accuracy(), 3, label)
        >>> state = recall.update(recall.init(), jnp.zeros((4, 3)), jnp.array([0, 0, 1, 1]))
        >>> print(recall.compute(state))
        [ 1.  0. nan]
    """
    check_metric("grouped", metric)
    _check.function("grouped", "group", group)
    return Grouped(metric, groups, group)
