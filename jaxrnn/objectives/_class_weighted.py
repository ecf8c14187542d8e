"""Steps that count by their label."""

from typing import Any

import jax.numpy as jnp

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import check_labels, in_range, narrow
from .._typing import Array, Leaf
from ._objective import Around, joint


class ClassWeighted(Around):
    r"""An objective of labels, in which a step counts `weights[label]` times.

    The values stay what they are; the weight of a step, which `reduce` and `metrics.Mean` sum, is
    $w_y$. Their mean is $\sum_t w_{y_t} v_t / \sum_t w_{y_t}$, as in PyTorch's
    `CrossEntropyLoss(weight=w)`, which sums smoothing with the weights of the classes that it is
    spread over instead. A class of weight 0 is left out. In a sum of objectives a step has one
    weight for all of them, and the weights of several `ClassWeighted` multiply: wrap the sum.

    Shapes: outputs `[T, *batch, V]`; targets `Int[T, *batch]`; weights `[V]`.

    Attributes:
        objective: an objective of one label a step, or a function; also one that reads no targets.
            Not `CRF` or `CTC`, whose steps are parts of one sequence's surprisal, and no
            distributions as targets: of those, a part of a step would count.
        weights: finite and at least 0; a leaf.

    Raises:
        TypeError: for an objective of whole sequences, and labels that are not integers.
        ValueError: for weights that are negative, not finite or not one a class, for labels out of
            range, and what the objective raises.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.objectives import Accuracy, ClassWeighted, reduce
        >>> balanced = ClassWeighted(Accuracy(), jnp.array([1.0, 3.0]))
        >>> always_0 = jnp.array([[1.0, 0.0]] * 4)
        >>> print(reduce(balanced, always_0, jnp.array([0, 0, 0, 1])).mean())
        0.5
    """

    weights: Leaf

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.at_least_0("ClassWeighted", weights=self.weights)
        if not self.inner.stepwise:
            raise TypeError(
                f"ClassWeighted: the steps of {joint(self.inner)!r} depend on each other, as parts "
                "of one surprisal do, and do not count one by one."
            )

    def weight(self, outputs: Any, targets: Any, where: Array | None = None) -> Array | None:
        counted = self.inner.weight(outputs, targets, where)
        classes = jnp.shape(outputs)[-1]
        weights = jnp.asarray(self.weights)
        if weights.shape != (classes,):
            raise ValueError(
                f"ClassWeighted: weights must be one for each of the {classes} classes, got shape "
                f"{weights.shape}."
            )
        weights = weights.astype(at_least_float32(weights.dtype))
        labels = check_labels("ClassWeighted", targets, jnp.shape(outputs), counted)
        counted = narrow("ClassWeighted", counted, in_range(labels, classes))
        of_label = weights[jnp.where(counted.astype(bool), labels, 0)]
        return counted.astype(weights.dtype) * of_label
