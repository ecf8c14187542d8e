"""`check_cell`: the laws of cells, run on one."""

from collections.abc import Sequence
from typing import Any

import jax

from .._checked import checked
from .._typing import Inputs, Key
from ..cells import AssociativeCell, Cell, GatedCell, MemoryCell
from ..engines import BPTT, Associative, Chunked, Chunkwise, Engine, LinearScan, Scan
from . import _cell_laws as of_all
from . import _cell_types as of_types
from . import _kind_laws as of_kinds
from ._cell_case import CellCase
from ._law import Law, LawReport, examine
from ._noun_laws import COPIES, SHOWS


def _is(kind: Any) -> Any:
    return lambda case: issubclass(case.noun.kind, kind)


CELL_LAWS = (
    Law(
        "engines",
        "Every engine that takes the cell gives the values and gradients of `Scan`: with lengths, "
        "mask and resets, without, and in reverse.",
        of_all.engines,
        "The methods of the kind must say together what `step` says: `gate` after `project` and "
        "`mix`, `apply` after `elements`. A hand-written `rule` must be the derivative of `gate`.",
    ),
    Law(
        "derivatives",
        "Gradients of cell, parameters, inputs and carry are those of finite differences.",
        of_all.derivatives,
        "Look for `stop_gradient`, for rounding and integers on the way, and for a `custom_jvp` or "
        "`custom_vjp` that is not the derivative.",
    ),
    Law(
        "transforms",
        "`jvp`, `grad`, `vmap`, `checkpoint`, forward over reverse and reverse over forward agree.",
        of_all.transforms,
        "Write the step in JAX's own functions. A `custom_vjp` has no forward mode: use "
        "`custom_jvp`, which has both.",
    ),
    Law(
        "steps",
        "Calling `step` on one element after another gives what `unroll` gives.",
        of_all.steps,
        "`step` must be `advance` of what `prepare` makes, with the output of `finish`.",
    ),
    Law(
        "batch",
        "A batch gives what its sequences give one by one.",
        of_all.batch,
        "Reduce and reshape along axes counted from the end; nothing may mix rows of a batch.",
    ),
    Law(
        "pieces",
        "A sequence run in pieces, each from the carry of the last, gives what the whole gives.",
        of_all.pieces,
        "Put all that a step remembers into the carry.",
    ),
    Law(
        "causality",
        "No input changes an output before it, bit for bit; some input changes something.",
        of_all.causality,
        "Do not reduce over the axis of time in `project`, `elements` or `read`.",
    ),
    Law(
        "lengths",
        "A length gives what the shorter sequence gives, and length 0 the carry as it was.",
        of_all.lengths,
        "Begin every leaf of carry and output with the axes of the batch.",
    ),
    Law(
        "sequences",
        "With masks and resets the result is that of separate sequences, without the masked steps.",
        of_all.sequences,
        "Begin every leaf of the carry with the axes of the batch, and let `carry(params, batch)` "
        "depend on nothing else.",
    ),
    Law(
        "padding",
        "NaN and infinity in the padding change no bit of a value or of a gradient, all finite.",
        of_all.padding,
        "Padding reaches a cell as zeros: give every root, norm and logarithm a finite derivative "
        "there, with a `where` inside and one outside.",
    ),
    Law(
        "resets",
        "NaN in the old state does not survive a reset.",
        of_all.resets,
        "Do not multiply an old state by zero to forget it; let the engine select.",
    ),
    Law(
        "vmap",
        "`vmap` over keys and over parameters gives what a loop gives.",
        of_all.vmap,
        "No Python `if` on a value, no numpy, no shape that counts on two axes.",
    ),
    Law(
        "types",
        "Carries keep their types, outputs and gradients have that of the weights, in float32 and "
        "bfloat16.",
        of_types.types,
        "Cast the output, `y.astype(params.kernel.dtype)`, and return the carry in its own type.",
    ),
    Law(
        "carries",
        "A carry is kept in at least float32, whatever the parameters are in.",
        of_types.carries,
        "Make it by `jnp.zeros(shape, jnp.promote_types(dtype, jnp.float32))`: eight bits of "
        "mantissa lose every small increment.",
    ),
    Law(
        "precision",
        "With bfloat16 parameters and inputs the outputs are near the exact ones: within 2 %.",
        of_types.precision,
        "Accumulate products in float32: `preferred_element_type=jnp.float32`.",
    ),
    Law(
        "traces",
        "Equal cells, and those with other numbers, are traced once.",
        of_types.traces,
        "Sizes and functions are static fields, `jax.tree.static()`; numbers are plain fields.",
    ),
    COPIES,
    SHOWS,
    Law(
        "projection",
        "`project` and `mix` broadcast over any leading axes.",
        of_kinds.projection,
        "Index axes from the end.",
        _is(GatedCell),
    ),
    Law(
        "affine",
        "`mix` is affine in the carry.",
        of_kinds.affine,
        "Move what is not into `gate`.",
        _is(GatedCell),
    ),
    Law(
        "elements",
        "`elements` (or `coefficients`) and `read` broadcast over any leading axes.",
        of_kinds.coefficients,
        "Index axes from the end.",
        _is(AssociativeCell),
    ),
    Law(
        "memory",
        "`project` and `read` broadcast over any leading axes.",
        of_kinds.memory,
        "Index axes from the end.",
        _is(MemoryCell),
    ),
    Law(
        "composition",
        "`compose` is associative, and applies as its steps do one after another.",
        of_kinds.composition,
        "`compose(earlier, later)` is the map that applies `earlier` first.",
        _is(AssociativeCell),
    ),
)


def exact_engines(cell: Cell) -> tuple[Engine[Any], ...]:
    """The engines that take a cell, and owe the values and gradients of `Scan`, which comes first.

    Example:
        >>> from jaxrnn import cells, testing
        >>> [type(engine).__name__ for engine in testing.exact_engines(cells.LRU(3, 4))]
        ['Scan', 'Associative', 'Chunked', 'LinearScan']
    """
    exact = (
        Scan(),
        BPTT(),
        Associative(),
        Chunked(Scan(), 3),
        Chunked(BPTT(), 2),
        Chunkwise(3),
        LinearScan(),
    )
    return tuple(engine for engine in exact if issubclass(cell.kind, engine.takes))


@checked
def check_cell(
    cell: Cell,
    inputs: Inputs | None = None,
    *,
    engines: Sequence[Engine[Any]] | None = None,
    skip: Sequence[str] = (),
    key: Key | None = None,
    echo: bool = True,
) -> LawReport:
    """Run every law of cells on a cell, print what holds, and raise where one does not.

    One line is a test: `check_cell(MyCell(3, 8))`. Sizes of 3 or 4 features show what large ones
    do. Nearly all of its time is XLA's to compile: 10 to 20 seconds, a third of that where
    `XLA_FLAGS=--xla_backend_optimization_level=0`.

    Args:
        cell: the cell, as small as it can be.
        inputs: examples of one step's input, `[N, *features]` or a tree of such, from which the
            laws draw their sequences; by default normal numbers of `input_shape`, or 3 features if
            the cell does not say. Pass them where inputs are a tree, or not any number will do.
        engines: engines to hold to `Scan`; by default those of `exact_engines`.
        skip: names of laws that the cell need not keep.
        key: where its parameters are drawn from.
        echo: whether to print the report.

    Returns:
        The report.

    Raises:
        BrokenLaws: an `AssertionError` that holds the report, where a law does not hold.
        ValueError: for a name in `skip` that no law has.

    Example:
        >>> from jaxrnn import cells, testing
        >>> report = testing.check_cell(cells.LRU(3, 4), echo=False)
        >>> report.holds, len(report.results)
        (True, 20)
    """
    taken = exact_engines(cell) if engines is None else (Scan(), *engines)
    named = {"scan" if i == 0 else repr(engine): engine for i, engine in enumerate(taken)}
    with jax.enable_x64(True):
        start = jax.random.key(0) if key is None else key
        case = CellCase(cell, named, inputs, start)
        return examine(repr(cell), CELL_LAWS, case, skip, echo)
