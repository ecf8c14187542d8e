"""Names of types, and the letters used in shapes.

Letters: `T` time, `*batch` any number of batch axes, `I` input features, `H` hidden features, `G`
the pre-activations of all gates side by side (`4 * H` in an LSTM), `V` vocabulary. Time leads and
features come last everywhere.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from jax import Array
from jax.typing import ArrayLike
from jaxtyping import PRNGKeyArray

from ._kinds import NUMBER, OPTIMIZER, SIZE, SIZES

Key: TypeAlias = PRNGKeyArray
"""A key of `jax.random.key`; the older `jax.random.PRNGKey` arrays work too."""

Params: TypeAlias = Any
"""A pytree of arrays that training changes."""

Carry: TypeAlias = Any
"""A pytree of arrays `[*batch, ...]`: what a network remembers between two steps."""

Inputs: TypeAlias = Any
"""A pytree of arrays; over a whole sequence `[T, *batch, ...]`, in one step `[*batch, ...]`."""

ArrayOrList: TypeAlias = ArrayLike | list[Any] | tuple[Any, ...]
"""What marks steps, or is read as symbols: an array, or the nested lists of one."""

# How many there are along an axis; in a program for `jax.export` that may be a symbol.
if TYPE_CHECKING:
    Size: TypeAlias = int
    Batch: TypeAlias = tuple[int, ...]
else:
    Size = Annotated[Any, SIZE]
    Batch = Annotated[tuple, SIZES]
"""The sizes of the batch axes; `()` for one sequence alone."""

# A numeric hyper-parameter of a noun: a number or an array, which may be a tracer. It is checked by
# `Config`, where a user makes the noun, and by nothing else.
if TYPE_CHECKING:
    Leaf: TypeAlias = ArrayLike
else:
    Leaf = Annotated[Any, NUMBER]

# An optax transformation; optax loads where one is used, for it is a tenth of `import jax`.
if TYPE_CHECKING:
    from optax import GradientTransformation as Optimizer
else:
    Optimizer = Annotated[Any, OPTIMIZER]

__all__ = [
    "Array",
    "ArrayLike",
    "ArrayOrList",
    "Batch",
    "Carry",
    "Inputs",
    "Key",
    "Leaf",
    "Optimizer",
    "Params",
    "Size",
]
