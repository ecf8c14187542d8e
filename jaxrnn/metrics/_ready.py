"""The metrics that most people want."""

import jax.numpy as jnp

from ..information import to_bits
from ..objectives import Accuracy, CrossEntropy, Entropy
from ._combine import map_value
from ._mean import Mean
from ._metric import Metric


def nll() -> Metric:
    """Mean negative log-likelihood of the labels, in nats per step.

    Example:
        >>> from jaxrnn import metrics
        >>> metrics.nll()
        Mean(objective=CrossEntropy(smoothing=0.0))
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
    return map_value(nll(), jnp.exp)


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
