"""The metrics that most people want."""

import jax.numpy as jnp

from .._checked import checked
from .._names import named
from .._typing import Array
from ..information import to_bits
from ..information import varentropy as varentropy_of
from ..objectives import Accuracy, CrossEntropy, Entropy
from ._combine import map_value
from ._mean import Mean
from ._metric import Metric
from ._of_outputs import OfOutputs
from ._per_step import per_step


def nll() -> Metric:
    """Mean negative log-likelihood of the labels, in nats per step.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.nll()
        Mean(objective=CrossEntropy(smoothing=None))
    """
    return Mean(CrossEntropy())


def perplexity() -> Metric:
    """`exp` of the mean negative log-likelihood; never a mean of batches' perplexities.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.perplexity()
        >>> state = metric.update(metric.init(), jnp.zeros((5, 4)), jnp.zeros(5, int))
        >>> print(f"{metric.compute(state):.4f}")
        4.0000
    """
    return map_value(nll(), _exp)


@named
def _exp(x: Array) -> Array:
    # XLA's CPU compiler may evaluate `exp` at NaN, what no data have, to any number.
    none = jnp.isnan(x)
    return jnp.where(none, x, jnp.exp(jnp.where(none, 0, x)))


def bits_per_token() -> Metric:
    """Mean negative log-likelihood of the labels, in bits per token.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.bits_per_token()
        >>> state = metric.update(metric.init(), jnp.zeros((5, 4)), jnp.zeros(5, int))
        >>> print(f"{metric.compute(state):.4f}")
        2.0000
    """
    return map_value(nll(), to_bits)


@checked
def accuracy(top: int = 1) -> Metric:
    """Share of the steps whose label is among the `top` most probable classes.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.accuracy(top=5)
        Mean(objective=Accuracy(top=5))
    """
    return Mean(Accuracy(top))


def entropy() -> Metric:
    """Mean entropy of the predictions, in nats per step: how sure a model is of itself.

    On labels drawn from the model it equals `nll()`; below it, the model is too confident.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.entropy()
        Mean(objective=Entropy())
    """
    return Mean(Entropy())


def varentropy() -> Metric:
    """Mean varentropy of the predictions, in squared nats: the spread of the surprisal.

    The variance that the model gives to the surprisal of what comes next. See
    `calibration_z_score`, which holds it against the surprisals that came.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> metric = metrics.varentropy()
        >>> state = metric.update(metric.init(), jnp.log(jnp.array([[0.7, 0.2, 0.1]])), None)
        >>> print(f"{metric.compute(state):.5f}")
        0.49439
    """
    return Mean(OfOutputs(varentropy_of))


@checked
def surprisal_profile(length: int) -> Metric:
    """Mean surprisal of the label at each of `length` time steps, in nats: `[length]`.

    It falls while more context helps. Under a model that knows the source, step t comes to the
    entropy of a symbol given the t symbols before it.

    Args:
        length: the number of steps of every batch.

    Raises:
        TypeError: for a length that is not an integer.
        ValueError: for a length below 1, and in `update` for batches of another length.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import metrics
        >>> profile = metrics.surprisal_profile(3)
        >>> state = profile.update(profile.init(), jnp.zeros((3, 8, 4)), jnp.zeros((3, 8), int))
        >>> print(profile.compute(state).round(3))
        [1.386 1.386 1.386]
    """
    return per_step(nll(), length)
