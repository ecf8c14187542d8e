"""`Objective`: one value for every step, and the arithmetic that combines objectives."""

import abc
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import jax
import jax.numpy as jnp

from .. import _check
from .._config import Config, parts
from .._kinds import remedy, shown
from .._typing import Array, ArrayLike, Leaf
from ._evaluate import as_values, evaluate, fill
from ._penalty import Penalty


class Objective(Config):
    """From outputs and targets to one value a step, unreduced.

    Called as `objective(outputs, targets, where=mask)`: outputs `[T, *batch, features]` and targets
    that fit them give values `[T, *batch]` of at least float32. Where `mask` is False the value and
    every gradient are exactly 0, whatever stands there, NaN and Inf too.

    Objectives add, subtract and scale: `CrossEntropy() - Entropy() / 100`. The weights are leaves,
    so `vmap` sweeps them. A plain function `(outputs, targets) -> values` is one as well, see
    `as_objective`. A new objective defines `values`, and `weight` where some steps cannot be
    scored; one whose steps depend on each other defines `values_where`. `reduce` turns the values
    into a mean over the steps that count.

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

    @property
    def stepwise(self) -> bool:
        """Whether a step's value depends on that step alone, so that steps may be scored apart.

        An objective that defines `values_where` is taken not to be, nor is one that holds such an
        objective; say otherwise by overriding this.
        """
        own = type(self).values_where is not Objective.values_where
        return not own and all(part.stepwise for part in parts(self, Objective))

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
        objective of whole sequences, whose steps depend on each other, defines its own. That one
        gives 0 where `where` is False; or `inf`, in a sequence without a step that counts which is
        impossible all the same, and which would be lost otherwise.
        """
        if where is not None:
            # Neither 0, 1 nor equal: there common functions have no finite derivative.
            outputs, targets = fill(outputs, where, 0.75), fill(targets, where, 0.25)
        values = as_values(self, self.values(outputs, targets))
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

        One of whole sequences may be `inf` in a sequence without steps, see `CTC`.

        Args:
            outputs: what the network gave, `[T, *batch, features]`.
            targets: what it should have given.
            where: `Bool[T, *batch]`, False at padding.

        Raises:
            TypeError: for outputs, targets or `where` of a dtype that the objective does not take.
            ValueError: for shapes that do not fit, for values that are not one a step, and for
                concrete values out of range.
        """
        return evaluate(self, outputs, targets, where)[0]

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
        number = _check.is_array(divisor) or isinstance(divisor, int | float)
        return Scaled(self, 1 / divisor) if number else NotImplemented

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

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("Sum: needs at least one term")

    @property
    def stepwise(self) -> bool:
        return all(term.stepwise for term in self.terms)

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        terms = [term.values_where(outputs, targets, where) for term in self.terms]
        dtype = max((term.dtype for term in terms), key=lambda dtype: dtype.itemsize)
        return sum((term.astype(dtype) for term in terms[1:]), start=terms[0].astype(dtype))

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        for term in self.terms:
            where = term.weight(outputs, targets, where)
        return where


def joint(objective: Objective) -> Objective:
    """The part of an objective whose steps depend on each other, if it is not `stepwise`."""
    found = [part for part in parts(objective, Objective) if not part.stepwise]
    return joint(found[0]) if found else objective


class Around(Objective):
    """An objective around another, whose values it passes on."""

    objective: ObjectiveLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "objective", as_objective(self.objective))

    @property
    def inner(self) -> Objective:
        """The other."""
        return as_objective(self.objective)

    @property
    def stepwise(self) -> bool:
        return self.inner.stepwise

    def values(self, outputs: Any, targets: Any) -> Array:
        return self.values_where(outputs, targets, None)

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        return self.inner.values_where(outputs, targets, where)

    @abc.abstractmethod
    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None: ...


class Scaled(Around):
    """An objective times a number, which is a leaf."""

    factor: Leaf

    def values_where(self, outputs: Any, targets: Any, where: Array | None) -> Array:
        _check.number("Scaled", factor=self.factor)
        values = self.inner.values_where(outputs, targets, where)
        return values * jnp.asarray(self.factor, values.dtype)

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        return self.inner.weight(outputs, targets, where)


class Function(Objective):
    """A function `(outputs, targets) -> values [T, *batch]` as an objective."""

    function: Callable[..., Any] = jax.tree.static()

    def values(self, outputs: Any, targets: Any) -> Array:
        return as_values(self, self.function(outputs, targets))


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
    if isinstance(objective, Penalty):
        raise TypeError(
            f"as_objective: {objective!r} is a penalty of parameters and belongs to no step, so it "
            "cannot be added to a loss. Pass it beside the loss: `Trainer(..., penalty=...)`."
        )
    if isinstance(objective, type):
        raise TypeError(f"as_objective: got a class; make one: {objective.__name__}().")
    if not callable(objective):
        raise TypeError(
            f"as_objective: expected an objective or a function (outputs, targets) -> values "
            f"[T, *batch], got {objective!r}."
        )
    _check_signature(objective)
    return Function(objective)


def _check_signature(function: Callable[..., Any]) -> None:
    """Raise for a function that plainly does not take outputs and targets."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # of some built-in functions nothing is known
        return
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise TypeError(
            f"as_objective: a function is called as (outputs, targets), got {shown(function)}, "
            f"which takes {signature}. {remedy(function)}".rstrip()
        ) from error
