"""`fit_readout`: a linear readout in closed form."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._checked import checked
from .._typing import Array, Params
from ..data import Batch
from ..metrics import Compensated, SecondMoments
from ..networks import DenseParams, Layer


@checked
def fit_readout(
    network: Layer,
    params: Params,
    batches: Any,
    *,
    ridge: float = 1e-6,
    washout: int = 0,
) -> DenseParams:
    """The best linear readout of a network: ridge regression of the targets on its outputs.

        kernel, bias = argmin sum_t |y_t - h_t @ kernel - bias|^2 + ridge |kernel|^2

    This trains a reservoir (`cells.Reservoir`), and probes any other network. One pass over the
    batches adds up products of features (`metrics.SecondMoments`); the equations are solved on the
    host in float64, by eigenvalues, so that nearly dependent features do no harm. The bias is not
    penalised. Read with `networks.Dense(features, targets)`, to which the result belongs.

    Args:
        network: gives the features, `[T, *batch, F]`; a layer, such as `networks.Recurrent(cell)`.
        params: its parameters.
        batches: a `data.Batch`, or several; targets `[T, *batch, O]`.
        ridge: how much large weights cost, at least 0. Below about 1e-13 of the squared size of the
            features times the number of steps it does nothing.
        washout: how many steps at the start of every sequence do not count, beside those that the
            mask leaves out.

    Raises:
        ValueError: a negative ridge or washout, no step that counts, features or targets that are
            not finite, or a network that pools.
        TypeError: batches of another kind.

    Reference: H. Jaeger, "The 'echo state' approach to analysing and training recurrent neural
    networks", GMD report 148 (2001).

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks, tasks, training
        >>> body = networks.Recurrent(cells.Reservoir(cells.Leaky(1, 50, 1.0), 0.9))
        >>> params = body.init(jax.random.key(0))
        >>> batch = tasks.NARMA10(1000).batch(1, key=jax.random.key(1))
        >>> readout = training.fit_readout(body, params, batch, washout=100)
        >>> network = networks.stack(body, networks.Dense(50, 1))
        >>> network.apply((params, readout), batch.inputs)[1].shape
        (1000, 1, 1)
    """
    _check.at_least_0("fit_readout", ridge=ridge)
    _check.integers("fit_readout", 0, washout=washout)
    if network.pools:
        raise ValueError(
            "fit_readout: the network pools; it must give features at every step. Take the part "
            "before the pooling."
        )
    sums = None
    for batch in [batches] if isinstance(batches, Batch) else batches:
        _check.kind("fit_readout", "batches", batch, Batch, "Pass `data.Batch`es.")
        sums = _observed(network, params, batch, sums, washout)
    if sums is None or not float(sums.weight.value()):
        raise ValueError("fit_readout: no step counts. Check the masks, and the washout.")
    xx, xy = map(_in_float64, (sums.xx, sums.xy))
    if not (np.isfinite(xx).all() and np.isfinite(xy).all()):
        raise ValueError("fit_readout: features or targets are not finite at steps that count")
    kernel, bias = _solved(xx, xy, float(ridge))
    dtype = jnp.result_type(*jax.tree.leaves(_features(network, params, batch)))
    return DenseParams(jnp.asarray(kernel, dtype), jnp.asarray(bias, dtype))


def _observed(network: Layer, params: Params, batch: Batch, sums: Any, washout: int) -> Any:
    features = _features(network, params, batch)
    metric = SecondMoments(features.shape[-1], jnp.shape(batch.targets)[-1])
    sums = metric.init() if sums is None else sums
    return _add(metric, network, params, batch, sums, washout=washout)


def _features(network: Layer, params: Params, batch: Batch) -> Any:
    def run(params: Params, batch: Batch) -> Array:
        return _run(network, params, batch)

    return jax.eval_shape(run, params, jax.tree.map(jnp.asarray, batch))


def _run(network: Layer, params: Params, batch: Batch) -> Array:
    outputs: Array
    _, outputs = network.apply(params, batch.inputs, mask=batch.mask, resets=batch.resets)
    return outputs


@partial(jax.jit, static_argnames="washout")
def _add(
    metric: SecondMoments, network: Layer, params: Params, batch: Batch, sums: Any, *, washout: int
) -> Any:
    outputs = _run(network, params, batch)
    steps = outputs.shape[:-1]
    where = jnp.ones(steps, bool) if batch.mask is None else jnp.asarray(batch.mask)
    if washout:
        where = where & (_age(where, batch.resets) >= washout)
    return metric.update(sums, outputs, jnp.asarray(batch.targets), where=where)


def _age(where: Array, resets: Any) -> Array:
    """How many steps that count a sequence has had before each step."""
    seen = jnp.cumsum(where, axis=0, dtype=jnp.int32) - where.astype(jnp.int32)
    if resets is None:
        return seen
    before = jnp.where(jnp.asarray(resets), seen, 0)
    return seen - jax.lax.cummax(before, axis=0)


def _in_float64(pair: Compensated) -> np.ndarray:
    return np.asarray(pair.hi, np.float64) + np.asarray(pair.lo, np.float64)


def _solved(xx: np.ndarray, xy: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias from sums with a constant as last feature."""
    weight, means = xx[-1, -1], xx[-1, :-1] / xx[-1, -1]
    target = xy[-1] / weight
    spread = xx[:-1, :-1] - weight * np.outer(means, means)
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    values = np.maximum(values, 0) + ridge
    small = values <= values[-1] * len(values) * np.finfo(np.float64).eps
    inverse = np.where(small, 0, 1 / np.where(small, 1, values))
    products = xy[:-1] - weight * np.outer(means, target)
    kernel = vectors @ (inverse[:, None] * (vectors.T @ products))
    return kernel, target - means @ kernel
