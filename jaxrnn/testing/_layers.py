"""`check_layer`: the laws of layers, run on one."""

from collections.abc import Sequence
from typing import Any

import jax

from .._checked import checked
from .._typing import Inputs, Key
from ..networks import Layer
from . import _layer_laws as of_layers
from ._law import Law, LawReport, examine
from ._layer_laws import LayerCase
from ._noun_laws import COPIES, SHOWS


def _streams(case: Any) -> bool:
    return all(part.causal for part in case.noun.parts)


def _needs_the_future(case: Any) -> bool:
    return not _streams(case)


def _pools(case: Any) -> bool:
    return any(part.pools for part in (case.noun, *case.noun.parts))


def _keeps_time(case: Any) -> bool:
    return not _pools(case)


def _has_parameters(case: Any) -> bool:
    return bool(jax.tree.leaves(jax.eval_shape(case.noun.init, jax.random.key(0))))


LAYER_LAWS = (
    Law(
        "streaming",
        "`step` on one element after another gives what `apply` gives on the sequence.",
        of_layers.streaming,
        "Put all that a step remembers into the carry, or say that the layer is not `causal`.",
        _streams,
    ),
    Law(
        "future",
        "A layer whose outputs depend on later inputs refuses to stream.",
        of_layers.future,
        "Call `self.check_causal()` first, as `Layer.step` does.",
        _needs_the_future,
    ),
    Law(
        "padding",
        "NaN and infinity in the padding change no bit of a value or a gradient, all finite, also "
        "with a key.",
        of_layers.padding,
        "Padding comes as zeros: outputs of masked steps may not reach others, nor a norm of zeros "
        "have an infinite derivative.",
    ),
    Law(
        "separate",
        "With a reset the outputs are those of two sequences.",
        of_layers.separate,
        "Pass `resets` on to what remembers, and attend to nothing before a reset.",
        _keeps_time,
    ),
    Law(
        "refusal",
        "A layer that pools refuses several sequences in a row.",
        of_layers.refusal,
        "Raise where `resets` come, as `networks.MeanPool` does.",
        _pools,
    ),
    Law(
        "fresh",
        "No carry is the layer's own, and lengths are a mask.",
        of_layers.fresh,
        "Define `run`, and leave `apply` as it is.",
    ),
    Law(
        "step resets",
        "`step(resets=)` starts rows afresh by selection: NaN in the old state is gone.",
        of_layers.step_resets,
        "Define `advance`, and leave `step` as it is.",
        _streams,
    ),
    Law(
        "keys",
        "A key changes outputs only by rates that are not 0.",
        of_layers.keys,
        "Draw random numbers only where a `key` came, and call what they are scaled by `rate`.",
    ),
    Law(
        "vmap",
        "`vmap` over parameters gives what a loop gives.",
        of_layers.vmap,
        "No Python `if` on a value, no numpy.",
        _has_parameters,
    ),
    Law(
        "types",
        "Carries keep their types, outputs have that of the weights, and shapes are as declared.",
        of_layers.types,
        "Cast the outputs to the type of the parameters; `output_shape` is that of one step.",
    ),
    Law(
        "traces",
        "Equal layers, and those with other rates, are traced once.",
        of_layers.traces,
        "Sizes and functions are static fields, `jax.tree.static()`; numbers are plain fields.",
    ),
    COPIES,
    SHOWS,
)


@checked
def check_layer(
    layer: Layer,
    inputs: Inputs | None = None,
    *,
    skip: Sequence[str] = (),
    key: Key | None = None,
    echo: bool = True,
) -> LawReport:
    """Run every law of layers on one, print what holds, and raise where one does not.

    Args:
        layer: the layer, as small as it can be.
        inputs: examples of one step's input, `[N, *features]` or a tree of such, from which the
            laws draw their sequences; symbols, as a rule. By default normal numbers of
            `input_shape`, or 3 features if the layer does not say.
        skip: names of laws that the layer need not keep.
        key: where its parameters and its random numbers are drawn from.
        echo: whether to print the report.

    Returns:
        The report.

    Raises:
        BrokenLaws: an `AssertionError` that holds the report, where a law does not hold.

    Example:
        >>> from jaxrnn import networks, testing
        >>> testing.check_layer(networks.LayerNorm(3), echo=False).holds
        True
    """
    with jax.enable_x64(True):
        case = LayerCase(layer, inputs, jax.random.key(0) if key is None else key)
        return examine(repr(layer), LAYER_LAWS, case, skip, echo)
