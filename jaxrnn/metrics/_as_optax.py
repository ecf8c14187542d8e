"""`as_optax`: a metric in the state of an optimizer."""

from typing import TYPE_CHECKING, Any, NamedTuple

from .._checked import checked
from ._metric import Metric, State, check_metric

if TYPE_CHECKING:
    from optax import GradientTransformationExtraArgs
else:  # optax is a tenth of the time that `import jax` takes
    GradientTransformationExtraArgs = Any


class MetricState(NamedTuple):
    """The state of `as_optax`; the name of its field is what `optax.tree.get` finds."""

    metric: State


@checked
def as_optax(metric: Metric) -> GradientTransformationExtraArgs:
    """The metric as a part of an optimizer, whose state it lives in; gradients pass unchanged.

    For training loops that are not this library's and have room for an optimizer's state alone. The
    state has its structure from `init` on, so the loop may be a `lax.scan`. In `optax.chain` the
    extra arguments reach every part that takes them; those that the metric does not know, such as
    `value=loss`, are passed over.

    Args:
        metric: the metric.

    Returns:
        A transformation whose `update` takes `outputs=` and `targets=`, and `where=` and `weight=`
        if there are any. `optax.tree.get(state, "metric")` finds the metric's state in that of a
        chain; with several of them, `collect` the metrics into one.

    Raises:
        TypeError: for what is not a metric, and in `update` without outputs or targets.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from jaxrnn import metrics, objectives
        >>> nll = metrics.nll()
        >>> optimizer = optax.chain(optax.sgd(1.0), metrics.as_optax(nll))
        >>> logits, labels = jnp.zeros((5, 4)), jnp.zeros(5, int)
        >>> def loss(logits):
        ...     return objectives.reduce(objectives.CrossEntropy(), logits, labels).mean()
        >>> def step(carry, _):
        ...     logits, state = carry
        ...     updates, state = optimizer.update(
        ...         jax.grad(loss)(logits), state, logits, outputs=logits, targets=labels)
        ...     return (optax.apply_updates(logits, updates), state), None
        >>> (_, state), _ = jax.lax.scan(step, (logits, optimizer.init(logits)), length=10)
        >>> print(f"{nll.compute(optax.tree.get(state, 'metric')):.3f}")
        0.894
    """
    import optax

    check_metric("as_optax", metric)

    def init(params: Any) -> MetricState:
        del params
        return MetricState(metric.init())

    def update(
        updates: Any, state: MetricState, params: Any = None, **extra: Any
    ) -> tuple[Any, MetricState]:
        del params
        missing = [name for name in ("outputs", "targets") if name not in extra]
        if missing:
            raise TypeError(
                f"as_optax: update needs outputs and targets, got no {' and no '.join(missing)}. "
                "Pass them on: `optimizer.update(gradient, state, params, outputs=outputs, "
                "targets=targets)`; a metric that reads no targets takes `targets=None`."
            )
        known = {name: extra.get(name) for name in ("where", "weight")}
        return updates, MetricState(
            metric.update(state.metric, extra["outputs"], extra["targets"], **known)
        )

    return optax.GradientTransformationExtraArgs(init, update)
