"""`parameter_randomization`: whether an explanation depends on what the network has learned."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from .. import _check, _host
from .._checked import checked
from .._typing import ArrayLike, Key, Params
from ..networks import Layer, Stack


class Randomized(NamedTuple):
    """One row of `parameter_randomization`.

    Shapes:
        layer: the lowest layer of which the parameters were drawn anew.
        correlation: Spearman's rank correlation of the attributions before and after.
        absolute: the same of their sizes.
    """

    layer: str
    correlation: float
    absolute: float


@checked
def parameter_randomization(
    network: Layer,
    params: Params,
    attribute: Callable[[Params], ArrayLike],
    *,
    key: Key,
    where: ArrayLike | None = None,
) -> list[Randomized]:
    """Draw the parameters anew from the top layer down, and see whether the explanation changes.

    An explanation that stays the same when what the network has learned is thrown away explains the
    inputs, not the network. Layers are those of a `stack`, those with parameters, from the last to
    the first; each row has one layer more drawn anew. Any other network is one layer.

    Args:
        network: the network.
        params: its parameters.
        attribute: from parameters to attributions of any shape, such as
            `lambda params: integrated_gradients(network, params, xs, 0).by_step`.
        key: from which the new parameters are drawn.
        where: which of the attributions count, False at padding, whose zeros would agree.

    Returns:
        One row for each layer, the top one first. A correlation is NaN where either side is
        constant.

    Raises:
        ValueError: attributions that are not finite, or fewer than two.

    Reference: J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, arXiv 1810.03292
    (cascading randomization).

    Example:
        >>> import jax
        >>> from jaxrnn import cells, evaluation, networks
        >>> network = networks.stack(
        ...     rnn=networks.Recurrent(cells.GRU(3, 8)), readout=networks.Dense(8, 2))
        >>> params = network.init(jax.random.key(0))
        >>> xs = jax.random.normal(jax.random.key(1), (7, 2, 3))
        >>> rows = evaluation.parameter_randomization(
        ...     network, params,
        ...     lambda params: evaluation.integrated_gradients(network, params, xs, 0).values,
        ...     key=jax.random.key(2))
        >>> [row.layer for row in rows]
        ['readout', 'rnn']
    """
    who = "parameter_randomization"
    _check.kind(who, "network", network, Layer)
    _check.one_key(who, key)
    _check.function(who, "attribute", attribute)
    # Not the key itself: where the network was made by it, nothing would be random.
    fresh = network.init(jax.random.fold_in(key, 0))
    _check_params(who, params, fresh)
    before = _read(who, attribute(params), where)
    rows = []
    for name, place in _layers(network)[::-1]:
        if not jax.tree.leaves(fresh if place is None else fresh[place]):
            continue
        params = _replaced(params, fresh, place)
        after = _read(who, attribute(params), where)
        if after.shape != before.shape:
            raise ValueError(
                f"{who}: attribute must give as many numbers for all parameters, got "
                f"{before.size} and {after.size}"
            )
        rows.append(
            Randomized(
                name,
                _rank_correlation(before, after),
                _rank_correlation(np.abs(before), np.abs(after)),
            )
        )
    return rows


def _check_params(who: str, params: Params, fresh: Params) -> None:
    _check.arrays(who, params=params)
    structures: list[Any] = [jax.tree.structure(params), jax.tree.structure(fresh)]
    if structures[0] != structures[1] or jax.tree.map(np.shape, params) != jax.tree.map(
        np.shape, fresh
    ):
        raise ValueError(
            f"{who}: params are not those of the network. Pass what `network.init(key)` or "
            "training has returned."
        )


def _layers(network: Layer) -> list[tuple[str, Any]]:
    """The layers from the bottom to the top, by name, and where their parameters are."""
    if not isinstance(network, Stack):
        return [(type(network).__name__, None)]
    if network.names is not None:
        return [(name, name) for name in network.names]
    return [
        (f"{place} {type(layer).__name__}", place) for place, layer in enumerate(network.layers)
    ]


def _replaced(params: Params, fresh: Params, place: Any) -> Params:
    if place is None:
        return fresh
    if isinstance(place, str):
        return {**params, place: fresh[place]}
    return (*params[:place], fresh[place], *params[place + 1 :])


def _read(who: str, attributions: Any, where: Any) -> np.ndarray:
    values = np.asarray(_host.read(who, "attribute", attributions), np.float64)
    if where is not None:
        counted = np.asarray(_host.read(who, "where", where))
        if counted.dtype != bool or counted.shape != values.shape[: counted.ndim]:
            raise ValueError(
                f"{who}: where must be Bool over the leading axes of the attributions "
                f"{values.shape}, got {counted.dtype} {counted.shape}"
            )
        values = values[counted]
    if values.size < 2:
        raise ValueError(f"{who}: needs two attributions to rank at least, got {values.size}")
    if not np.isfinite(values).all():
        place = list(map(int, np.argwhere(~np.isfinite(values))[0]))
        raise ValueError(f"{who}: attributions must be finite, got NaN or infinity at {place}")
    return values.ravel()


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(spearmanr(a, b).statistic)
