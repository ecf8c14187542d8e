"""`check_replay`: a rollout, step by step, is what one `apply` makes of it."""

from collections.abc import Sequence
from contextlib import nullcontext

import jax

from .. import _check
from .._checked import checked
from .._kinds import shown
from .._typing import Key, Params
from ..networks import Layer
from . import _replay_laws as of_replays
from ._law import Law, LawReport, examine
from ._rollout import ReplayCase, Rollout, drawn


def _recorded(case: ReplayCase) -> bool:
    return case.rollout.outputs is not None


def _ends(case: ReplayCase) -> bool:
    return case.rollout.last is not None


def _begins(case: ReplayCase) -> bool:
    return bool(case.resets.any())


REPLAY_LAWS = (
    Law(
        "recorded",
        "One `apply`, from the carry and with the resets, gives the outputs that were recorded.",
        of_replays.recorded,
        "Record what `step` read: its input, its flag, and the carry before the first step.",
        _recorded,
    ),
    Law(
        "last carry",
        "It ends with the carry that was recorded.",
        of_replays.last_carry,
        "Record what the last `step` returned; a reset after it belongs to the next rollout.",
        _ends,
    ),
    Law(
        "steps",
        "`step` after `step` gives what `apply` gives, outputs and last carry.",
        of_replays.steps,
        "This is the layer's: put all that a step remembers into the carry, and see `check_layer`.",
    ),
    Law(
        "gradient",
        "So does the gradient, of parameters, inputs and carry.",
        of_replays.gradient,
        "This is the layer's: `stop_gradient` in one of `run` and `advance`, say.",
    ),
    Law(
        "fresh",
        "What comes before a reset changes no bit after it; NaN does not survive.",
        of_replays.fresh,
        "Pass `resets` on to what remembers, and select the new carry: 0 * NaN is NaN.",
        _begins,
    ),
)


@checked
def check_replay(
    layer: Layer,
    params: Params | None = None,
    rollout: Rollout | None = None,
    *,
    tolerance: float | None = None,
    skip: Sequence[str] = (),
    key: Key | None = None,
    echo: bool = True,
) -> LawReport:
    """Hold the steps of a rollout against its replay, print what holds, raise where one does not.

    Reinforcement learning runs a network twice: by `step`, when it acts, and by `apply`, when it
    learns. If the two differ, the policy that is improved is not the one that acted; the losses
    look as usual. With outputs that were recorded, the report says which of the usual mistakes
    explains them: an end taken for a beginning, a carry replaced twice or never, the carry of
    another step.

    Args:
        layer: the network, which must be causal.
        params: its parameters; by default some are drawn.
        rollout: what was recorded. By default one is drawn, in float64, with resets and a carry.
        tolerance: how far numbers may be apart, relative to the largest of their array; 0 for
            equal bits. By default what rounding explains: `eps ** 0.75`, 6.4e-6 in float32;
            a layer that computes in a narrower type than that of its outputs needs more.
            Gradients, which are sums over steps, are never held to less than `eps ** (2 / 3)`.
        skip: names of laws that need not hold.
        key: where the parameters that are not given are drawn from.
        echo: whether to print the report.

    Returns:
        The report.

    Raises:
        BrokenLaws: an `AssertionError` that holds the report, where a law does not hold.
        TypeError: a layer that needs the whole sequence, a rollout without parameters, or `jit`.
        ValueError: what was recorded does not fit the layer, or holds NaN.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, networks, testing
        >>> layer = networks.Recurrent(cells.GRU(3, 4))
        >>> testing.check_replay(layer, echo=False).holds
        True
        >>> params, xs = layer.init(jax.random.key(0)), jnp.ones((5, 2, 3))
        >>> done = jnp.zeros((5, 2), bool).at[2].set(True)
        >>> began = jnp.roll(done, 1, axis=0)
        >>> ys = layer.apply(params, xs, resets=began)[1]
        >>> try:
        ...     testing.check_replay(layer, params, testing.Rollout(xs, done, outputs=ys))
        ... except testing.BrokenLaws as error:
        ...     print(error.report.results[0].found.split("where ")[-1].split(":")[0])
        an episode ended
    """
    if rollout is not None and not isinstance(rollout, Rollout):
        raise TypeError(
            f"check_replay: rollout must be a `Rollout`, got {shown(rollout)}. Name its parts: "
            "`testing.Rollout(inputs, resets, carry, outputs)`."
        )
    if rollout is not None and params is None:
        raise TypeError("check_replay: a rollout was made with parameters; pass them too.")
    layer.check_causal()
    if tolerance is not None:
        _check.at_least_0("check_replay", tolerance=tolerance)
    key = jax.random.key(0) if key is None else key
    with jax.enable_x64(True) if rollout is None else nullcontext():
        params, rollout = drawn(layer, params, rollout, key)
        case = ReplayCase(layer, params, rollout, tolerance)
        return examine(repr(layer), REPLAY_LAWS, case, skip, echo)
