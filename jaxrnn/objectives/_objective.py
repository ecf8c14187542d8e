"""`Objective`: one value for every step, and the arithmetic that combines objectives."""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config
from .._typing import Array, ArrayLike, Leaf


class Objective(Config):
    """From outputs and targets to one value a step, unreduced.

    Called as `objective(outputs, targets, where=mask)`: outputs `[T, *batch, features]` and targets
    that fit them give values `[T, *batch]` of at least float32. Where `mask` is False the value and
    every gradient are exactly 0, whatever stands there, NaN and Inf too.

    Objectives add, subtract and scale: `CrossEntropy() - Entropy() / 100`. The weights are leaves,
    so `vmap` sweeps them. A plain function `(outputs, targets) -> values` is one as well, see
    `as_objective`. A new objective defines `values`, and `weight` where some steps cannot be
    scored. `reduce` turns the values into a mean over the steps that count.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import CrossEntropy, Entropy
        >>> loss = CrossEntropy(smoothing=0.05) - 0.01 * Entropy()
        >>> outputs, labels = jnp.zeros((3, 2, 4)), jnp.ones((3, 2), int)
        >>> loss(outputs, labels).shape
        (3, 2)
    """

    # numpy would otherwise take `numpy.float32(2) * objective` for arithmetic of its own.
    __array_ufunc__ = None

    @abc.abstractmethod
    def values(self, outputs: Any, targets: Any) -> Array:
        """The value of every step `[T, *batch]`.

        Masked steps arrive filled with a harmless constant, and what they return is dropped.
        """

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        """How much every step counts, at most what `where` says; `None` counts each once.

        An objective narrows `where` at steps that it cannot score, such as a label out of range.
        """
        return where

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        """The value of every step; what it is where `where` is False does not matter.

        It hides the steps that do not count from `values`, which treats every step alike. An
        objective of whole sequences, whose steps depend on each other, defines its own.
        """
        if where is not None:
            # Neither 0, 1 nor equal: there common functions have no finite derivative. Nor a share
            # of 1: two classes of 0.5 would be taken for probabilities.
            outputs, targets = _fill(outputs, where, 0.75), _fill(targets, where, 0.25)
        values = self.values(outputs, targets)
        # Outputs that are a tree do not say which of their axes are steps.
        if jax.tree_util.all_leaves([outputs]) and values.shape != jnp.shape(outputs)[:-1]:
            raise ValueError(
                f"{self!r}: an objective gives one value a step, {jnp.shape(outputs)[:-1]} for "
                f"outputs {jnp.shape(outputs)}, got values {values.shape}; reduce the features and "
                "nothing else, as `.mean(-1)` does."
            )
        return values

    def __call__(self, outputs: Any, targets: Any, *, where: ArrayLike | None = None) -> Array:
        """The value of every step, exactly 0 where it does not count.

        Args:
            outputs: what the network gave, `[T, *batch, features]`.
            targets: what it should have given.
            where: `Bool[T, *batch]`, False at padding.

        Raises:
            TypeError: for outputs, targets or `where` of a dtype that the objective does not take.
            ValueError: for shapes that do not fit, for values that are not one a step, and for
                concrete values out of range.
        """
        return score(self, outputs, targets, where)[0]

    def __add__(self, other: "ObjectiveLike") -> "Objective":
        return Sum((self, as_objective(other))) if callable(other) else NotImplemented

    def __radd__(self, other: "ObjectiveLike") -> "Objective":
        return Sum((as_objective(other), self)) if callable(other) else NotImplemented

    def __sub__(self, other: "ObjectiveLike") -> "Objective":
        return self + -as_objective(other) if callable(other) else NotImplemented

    def __rsub__(self, other: "ObjectiveLike") -> "Objective":
        return as_objective(other) + -self if callable(other) else NotImplemented

    def __mul__(self, factor: Leaf) -> "Objective":
        return NotImplemented if callable(factor) else Scaled(self, factor)

    def __rmul__(self, factor: Leaf) -> "Objective":
        return self.__mul__(factor)

    def __truediv__(self, divisor: Leaf) -> "Objective":
        return NotImplemented if callable(divisor) else Scaled(self, 1 / divisor)

    def __neg__(self) -> "Objective":
        return Scaled(self, -1.0)


# An objective, or a function `(outputs, targets) -> values [T, *batch]`. `Config` checks a field of
# it, `as_objective` an argument.
if TYPE_CHECKING:
    ObjectiveLike: TypeAlias = Objective | Callable[..., Any]
else:
    ObjectiveLike = Annotated[Any, Objective | Callable[..., Any]]


class Sum(Objective):
    """The sum of several objectives; a step counts where it counts for every one of them."""

    terms: tuple[Objective, ...]

    def values(self, outputs: Any, targets: Any) -> Array:
        """The sum of the terms' values."""
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        """The sum of the terms' values."""
        terms = [term.values_where(outputs, targets, where) for term in self.terms]
        dtype = max((term.dtype for term in terms), key=lambda dtype: dtype.itemsize)
        return sum((term.astype(dtype) for term in terms[1:]), start=terms[0].astype(dtype))

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        """`where`, narrowed by one term after another."""
        for term in self.terms:
            where = term.weight(outputs, targets, where)
        return where


class Scaled(Objective):
    """An objective times a number, which is a leaf."""

    objective: Objective
    factor: Leaf

    def values(self, outputs: Any, targets: Any) -> Array:
        """The values times the factor."""
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        """The values times the factor."""
        values = self.objective.values_where(outputs, targets, where)
        return values * jnp.asarray(self.factor, values.dtype)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        """The weight of the objective itself."""
        return self.objective.weight(outputs, targets, where)


class Function(Objective):
    """A function `(outputs, targets) -> values [T, *batch]` as an objective."""

    function: Callable[..., Any] = jax.tree.static()

    def values(self, outputs: Any, targets: Any) -> Array:
        """What the function returns, as at least float32."""
        values = jnp.asarray(self.function(outputs, targets))
        if jnp.issubdtype(values.dtype, jnp.complexfloating):
            raise TypeError(f"{self!r}: values must be real, got {values.dtype}.")
        wide = values.dtype == jnp.float64
        return values if wide else values.astype(jnp.float32)


def as_objective(objective: ObjectiveLike) -> Objective:
    """An objective as it is; a function `(outputs, targets) -> values [T, *batch]` made one.

    At masked steps the function sees outputs of 0.75 and targets of 0.25 (integers of 0), a point
    where logarithms, norms and ratios have a finite derivative, and what it returns is dropped.
    A function is compared by identity, so define it once: a new `lambda` traces anew under `jit`.

    Raises:
        TypeError: for what cannot be called.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import as_objective
        >>> def absolute_error(outputs, targets):
        ...     return jnp.abs(outputs - targets).mean(-1)
        >>> as_objective(absolute_error)
        Function(function=absolute_error)
    """
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, type):
        raise TypeError(f"as_objective: got a class; make one: {objective.__name__}().")
    if not callable(objective):
        raise TypeError(
            f"as_objective: expected an objective or a function (outputs, targets) -> values "
            f"[T, *batch], got {objective!r}."
        )
    return Function(objective)


def score(
    objective: Objective, outputs: Any, targets: Any, where: ArrayLike | None
) -> tuple[Array, Array]:
    """The value of every step, 0 where it does not count, and how much it counts.

    What `reduce` adds up, and every metric of an objective. The weight is what the objective makes
    of `where`: 0 at a label that is no class, for instance.

    Args:
        objective: what is evaluated.
        outputs: what the network gave, `[T, *batch, features]`.
        targets: what it should have given.
        where: `Bool[T, *batch]`, False at padding.

    Returns:
        Two arrays `[T, *batch]` of one dtype.

    Raises:
        TypeError: what calling the objective raises.
        ValueError: likewise.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import Accuracy, score
        >>> outputs, labels = jnp.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]), jnp.array([0, 1, 0])
        >>> values, weight = score(Accuracy(), outputs, labels, jnp.array([True, False, True]))
        >>> print(values, weight)
        [1. 0. 0.] [1. 0. 1.]
    """
    mask = None if where is None else _check_where(objective, outputs, where)
    weight = objective.weight(outputs, targets, mask)
    if weight is None:
        values = objective.values_where(outputs, targets, None)
        return values, jnp.ones_like(values)
    counts = weight.astype(bool)
    values = objective.values_where(outputs, targets, counts)
    if values.shape != counts.shape:
        raise ValueError(
            f"{_name(objective)}: where has shape {counts.shape}, the values {values.shape}; an "
            "objective gives one value a step, so reduce the features and nothing else."
        )
    return jnp.where(counts, values, 0), weight.astype(values.dtype)


def _check_where(objective: Objective, outputs: Any, where: ArrayLike) -> Array:
    mask = jnp.asarray(where)
    if mask.dtype != bool:
        raise TypeError(
            f"{_name(objective)}: where must be bool, got {_check.describe(mask)}. "
            "Compare first: `where != 0`."
        )
    for leaf in jax.tree.leaves(outputs):
        if jnp.shape(leaf)[: mask.ndim] != mask.shape:
            raise ValueError(
                f"{_name(objective)}: where says which steps count, so it has the leading axes of "
                f"the outputs; got where {mask.shape} for outputs {jnp.shape(leaf)}."
            )
    return mask


def _fill(tree: Any, counts: Array, constant: float) -> Any:
    """Put `constant`, 0 where integers stand, at the steps that do not count."""

    def fill(value: ArrayLike) -> Array:
        leaf = jnp.asarray(value)
        if leaf.shape[: counts.ndim] != counts.shape:
            raise ValueError(
                f"objective: the steps that count have shape {counts.shape}, which are not the "
                f"leading axes of {_check.describe(leaf)}. Give every target its own step."
            )
        select = jnp.expand_dims(counts, range(counts.ndim, leaf.ndim))
        return jnp.where(
            jnp.broadcast_to(select, leaf.shape), leaf, jnp.asarray(constant, leaf.dtype)
        )

    return jax.tree.map(fill, tree)


def _name(objective: Objective) -> str:
    return type(objective).__name__
