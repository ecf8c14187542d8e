"""`ensemble_uncertainty`: how much of the uncertainty is disagreement."""

from typing import Any

import jax.numpy as jnp

from .. import information
from .._names import named
from .._typing import Array
from ..information import Uncertainty
from ._combine import collect, map_inputs, map_value
from ._mean import Mean
from ._metric import Metric
from ._of_outputs import OfOutputs


@named
def _checked(outputs: Any, targets: Any) -> tuple[Any, None]:
    shape = jnp.shape(outputs)
    # Labels of one step each tell members from sequences.
    forgotten = targets is not None and jnp.shape(targets) == shape[:-1]
    if len(shape) < 3 or forgotten:
        raise ValueError(
            "ensemble_uncertainty: outputs must be [T, *batch, K, V], the members beside the "
            f"classes, got {shape}{f' for targets {shape[:-1]}' if forgotten else ''}. A network "
            "under `vmap` gives that with `out_axes=-2`."
        )
    return outputs, None


@named
def _aleatoric(outputs: Any) -> Array:
    return information.ensemble_uncertainty(jnp.moveaxis(outputs, -2, 0)).aleatoric


@named
def _epistemic(outputs: Any) -> Array:
    return information.ensemble_uncertainty(jnp.moveaxis(outputs, -2, 0)).epistemic


@named
def _parts(value: dict[str, Array]) -> Uncertainty:
    return Uncertainty(value["aleatoric"] + value["epistemic"], **value)


def ensemble_uncertainty() -> Metric:
    r"""Mean uncertainty of an ensemble's predictions, in nats: in all, and in its two parts.

    The total is the entropy of the members' mean prediction. Of it, the aleatoric part is the
    members' own mean entropy, and the epistemic part how much they disagree, which more data can
    take away. The targets are not read and may be `None`.

    Shapes: outputs `[T, *batch, K, V]`, with the K members beside the classes, so that time and
    batch lead as they do everywhere, and all other transforms apply. A network under `vmap` over
    its members gives that with `out_axes=-2` for the outputs; `jnp.moveaxis(outputs, 0, -2)` makes
    it of `[K, T, *batch, V]`.

    Returns:
        A metric whose value is `information.Uncertainty(total, aleatoric, epistemic)`.

    Raises:
        ValueError: in `update`, for outputs without an axis of members.

    Reference:
        Houlsby et al. (2011), Bayesian Active Learning for Classification and Preference Learning,
        https://arxiv.org/abs/1112.5745

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import metrics, networks
        >>> network = networks.Dense(3, 5)
        >>> params = jax.vmap(network.init)(jax.random.split(jax.random.key(0), 4))
        >>> def outputs(params, xs):
        ...     return network.apply(params, xs)[1]
        >>> xs = jnp.ones((6, 2, 3))
        >>> members = jax.vmap(outputs, (0, None), -2)(params, xs)
        >>> metric = metrics.ensemble_uncertainty()
        >>> total, aleatoric, epistemic = metric.compute(
        ...     metric.update(metric.init(), members, None))
        >>> members.shape, bool(total > aleatoric > epistemic)
        ((6, 2, 4, 5), True)
    """
    parts = collect(aleatoric=Mean(OfOutputs(_aleatoric)), epistemic=Mean(OfOutputs(_epistemic)))
    return map_value(map_inputs(parts, _checked), _parts)
