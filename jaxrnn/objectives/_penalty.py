"""Penalties of parameters: numbers that are added to a mean loss, composable by arithmetic."""

import abc
import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._dtypes import at_least_float32
from .._names import named
from .._typing import Array, Leaf, Params


@named
def is_matrix(path: str, leaf: Any) -> bool:
    """Whether a parameter has two axes or more: kernels and tables, no biases and no norms.

    The default of `L1` and `L2`. Shrinking a bias or the scale of a norm does not make a function
    smoother, it only moves it.

    Args:
        path: the parameter's place in the tree, as `"1.kernel"`.
        leaf: the parameter.

    Example:
        >>> import jax.numpy as jnp
        >>> is_matrix("1.kernel", jnp.ones((3, 4))), is_matrix("1.bias", jnp.ones(4))
        (True, False)
    """
    return jnp.ndim(leaf) > 1


class Penalty(Config):
    """From parameters to one number, which a trainer adds to the mean loss.

    Called as `penalty(params)`. Penalties add, subtract and scale, `1e-4 * L2() + 1e-5 * L1()`; the
    weights are leaves, so `vmap` sweeps them and `grad` reaches them. An `Objective` gives one
    value a step, of which a mean is taken; a penalty belongs to no step, so the two are not added
    to each other: `Trainer(network, loss, optimizer, penalty=1e-4 * L2())`.

    A penalty of your own defines `value`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import L1, L2
        >>> penalty = 0.5 * L2() + L1()
        >>> print(penalty({"kernel": jnp.array([[3.0, -4.0]]), "bias": jnp.ones(2)}))
        19.5
    """

    # numpy would otherwise take `numpy.float32(2) * penalty` for arithmetic of its own.
    __array_ufunc__ = None

    @abc.abstractmethod
    def value(self, params: Params) -> Array:
        """The number, of at least float32."""

    def __call__(self, params: Params) -> Array:
        """The number.

        Raises:
            TypeError: a parameter is no array.
            ValueError: it is of none of the parameters.
        """
        return self.value(params)

    def __add__(self, other: "Penalty") -> "Penalty":
        if not isinstance(other, Penalty):
            return NotImplemented
        mine, others = _weighted(self), _weighted(other)
        return WeightedPenalties(mine.terms + others.terms, mine.weights + others.weights)

    def __sub__(self, other: "Penalty") -> "Penalty":
        return self + -other if isinstance(other, Penalty) else NotImplemented

    def __mul__(self, factor: Leaf) -> "Penalty":
        number = _check.is_array(factor) or isinstance(factor, int | float)
        if isinstance(factor, bool) or not number:
            return NotImplemented
        whole = _weighted(self)
        return WeightedPenalties(whole.terms, tuple(factor * weight for weight in whole.weights))

    def __rmul__(self, factor: Leaf) -> "Penalty":
        return self.__mul__(factor)

    def __truediv__(self, divisor: Leaf) -> "Penalty":
        number = _check.is_array(divisor) or isinstance(divisor, int | float)
        return self * (1 / divisor) if number else NotImplemented

    def __neg__(self) -> "Penalty":
        return self * -1.0


class WeightedPenalties(Penalty):
    """The weighted sum of several penalties; arithmetic makes it. The weights are leaves.

    Example:
        >>> from jaxrnn.objectives import L2
        >>> (2.0 * L2()).weights
        (2.0,)
    """

    terms: tuple[Penalty, ...]
    weights: tuple[Leaf, ...]

    def __post_init__(self) -> None:
        if not self.terms or len(self.terms) != len(self.weights):
            raise ValueError(
                "WeightedPenalties: needs one weight for each of its terms, got "
                f"{len(self.weights)} for {len(self.terms)}"
            )

    def value(self, params: Params) -> Array:
        for weight in self.weights:
            _check.number("WeightedPenalties", weight=weight)
        values = [term.value(params) for term in self.terms]
        dtype = max((value.dtype for value in values), key=lambda dtype: dtype.itemsize)
        pairs = zip(self.weights, values, strict=True)
        return _total(jnp.asarray(weight, dtype) * value.astype(dtype) for weight, value in pairs)


class L1(Penalty):
    """The sum of the absolute values of the parameters, `sum(|w|)`: it makes many of them 0 nearly.

    Its derivative at 0 is 0.

    Args:
        where: `(path, leaf) -> bool`, which parameters count; by default those of two axes or more,
            which leaves out biases and norms.

    Raises:
        ValueError: `where` chooses none of the parameters.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import L1
        >>> print(L1()({"kernel": jnp.array([[3.0, -4.0]]), "bias": jnp.ones(2)}))
        7.0
    """

    where: Callable[[str, Any], bool] = jax.tree.static(default=is_matrix)

    def value(self, params: Params) -> Array:
        return _total(jnp.sum(magnitude(leaf)) for leaf in _chosen(self, params))


class L2(Penalty):
    """The sum of the squares of the parameters, `sum(w ** 2)`.

    With plain gradient descent, `lam / 2 * L2()` is weight decay at the rate `lam`, and so is
    `optax.add_decayed_weights(lam)` before it. Under Adam the two differ: a penalty's gradient is
    divided by the root of the second moment, as all of it is, and decay is not. To decay, take
    `optax.adamw(..., mask=...)`.

    Args:
        where: `(path, leaf) -> bool`, which parameters count; by default those of two axes or more,
            which leaves out biases and norms.

    Raises:
        ValueError: `where` chooses none of the parameters.

    Reference: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import L2
        >>> params = {"kernel": jnp.array([[3.0, -4.0]]), "bias": jnp.ones(2)}
        >>> print(L2()(params), L2(where=lambda path, leaf: path == "bias")(params))
        25.0 2.0
    """

    where: Callable[[str, Any], bool] = jax.tree.static(default=is_matrix)

    def value(self, params: Params) -> Array:
        return _total(jnp.sum(leaf.real**2 + leaf.imag**2) for leaf in _chosen(self, params))


def magnitude(x: Array) -> Array:
    """`|x|`, whose derivative at 0 is 0; of `jnp.abs` it is 1, which would move what rests at 0."""
    zero = x == 0
    return jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)))


def _weighted(penalty: Penalty) -> WeightedPenalties:
    if isinstance(penalty, WeightedPenalties):
        return penalty
    return WeightedPenalties((penalty,), (1.0,))


def _chosen(penalty: L1 | L2, params: Params) -> list[Array]:
    """The parameters that count, in at least float32."""
    who = type(penalty).__name__
    _check.arrays(who, params=params)
    leaves = [
        (jax.tree_util.keystr(path, simple=True, separator="."), leaf)
        for path, leaf in jax.tree.leaves_with_path(params)
    ]
    chosen = [jnp.asarray(leaf) for path, leaf in leaves if penalty.where(path, leaf)]
    if not chosen:
        there = ", ".join(f"{path} {jnp.shape(leaf)}" for path, leaf in leaves) or "none"
        raise ValueError(
            f"{who}: where chooses none of the parameters, which are: {there}. It is called with "
            "the path and the parameter, as (path, leaf)."
        )
    return [leaf.astype(at_least_float32(leaf.dtype)) for leaf in chosen]


def _total(values: Any) -> Array:
    """The sum of numbers, in the widest of their types."""
    numbers = list(values)
    dtype = max((number.dtype for number in numbers), key=lambda dtype: dtype.itemsize)
    return functools.reduce(operator.add, [number.astype(dtype) for number in numbers])
