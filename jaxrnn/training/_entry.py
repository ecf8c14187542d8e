"""`Entered`: what is checked of a batch where data enter, as far as it can be read."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import objectives
from .._typing import Array, Params
from ..data import Batch
from ..networks import Layer
from ._batch import lead
from ._finite import not_finite
from ._pass import Scoring, Signs, counted
from ._probabilities import refuse_probabilities


class Entered(NamedTuple):
    """A batch that went through the network. Inside `jit` nothing can be read, and all passes."""

    where: str
    """Who reads it, and which it is."""

    scoring: Scoring
    params: Params
    batch: Batch
    signs: Signs
    first: bool
    """Whether it is the first one, of which the outputs are looked at too."""

    def check(self) -> None:
        """Raise for labels out of range, and for outputs that are probabilities by mistake.

        The signs say whether there is anything to look for, so that a batch that is right costs
        nothing. What the loss says of steps that it cannot score is what it says outside of `jit`.
        """
        if isinstance(self.signs.steps, jax.core.Tracer):
            return
        steps, uncounted, probabilities, _ = map(float, jax.device_get(self.signs))
        if uncounted:
            self._check_targets(all_of_them=uncounted == steps)
        if probabilities and self.first:
            self._check_outputs()

    def check_finite(self) -> None:
        """Raise where the loss is not finite because the inputs or the targets are not.

        Of a network that has diverged a loss of NaN is the answer; of a gap in the data it is none,
        and scores that count a step as wrong would not show it.
        """
        if isinstance(self.signs.lost, jax.core.Tracer) or not jax.device_get(self.signs.lost):
            return
        found = self.not_finite()
        if found:
            raise FloatingPointError(
                f"{self.where}: the loss is not finite. {found}Fill in what is missing, or leave "
                "those steps out by the mask of a `data.Batch`."
            )

    def not_finite(self) -> str:
        """Where inputs or targets of the batch are not finite, as a sentence; else nothing."""
        inputs, targets, mask, _ = self.batch
        if not _readable((inputs, targets, mask)):
            return ""
        steps = lead(self.scoring.network, self.batch)
        found = not_finite(inputs, mask, len(steps))
        if found:
            return f"Its inputs have {found}. "
        pools = self.scoring.network.pools
        if pools:  # one target a sequence, as of a single step
            targets = jax.tree.map(lambda leaf: np.asarray(leaf)[None], targets)
            mask = None if mask is None else np.asarray(mask).any(0, keepdims=True)
            steps = (1, *steps[1:])
        if any(np.shape(leaf)[: len(steps)] != steps for leaf in jax.tree.leaves(targets)):
            return ""  # of another kind, such as labels that have to be aligned
        found = not_finite(targets, mask, len(steps), name_step=not pools)
        return f"Its targets have {found}. " if found else ""

    def _check_targets(self, *, all_of_them: bool) -> None:
        if not _readable((self.batch.targets, self.batch.mask)):
            if all_of_them:
                raise ValueError(
                    f"{self.where}: no step counts, for every label is out of range or left out"
                )
            return
        network, loss = self.scoring.network, self.scoring.loss
        shapes = outputs_of.eval_shape(network, self.params, self.batch)  # type: ignore[no-untyped-call]
        # Of the outputs only the shapes are known here, and only they are needed.
        outputs = jax.tree.map(lambda s: np.broadcast_to(np.zeros((), s.dtype), s.shape), shapes)
        try:
            loss.weight(outputs, self.batch.targets, counted(network, self.batch))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{self.where}: {error}") from error

    def _check_outputs(self) -> None:
        if not _readable(self.batch):
            return
        network, loss = self.scoring.network, self.scoring.loss
        outputs = outputs_of(network, self.params, self.batch)
        where = counted(network, self.batch)
        if _takes_softmax(loss, outputs, self.batch.targets, where):
            refuse_probabilities(self.where, outputs, where)


def _takes_softmax(
    loss: objectives.Objective, outputs: Array, targets: Any, where: Array | None
) -> bool:
    """Whether the loss changes with the spread of the outputs, and not with what is added to all.

    So does a loss that takes a softmax, a function of one's own too. Another one may well be of
    outputs that sum to 1: a squared error, or the logarithm of a probability.
    """
    z = outputs.astype(jnp.float32)
    wide = 4 / jnp.maximum(jnp.ptp(z), 1e-6)
    as_it_is, shifted, spread = (loss(z, targets, where=where) for z in (z, z + 1, z * wide))
    same = np.allclose(as_it_is, shifted, rtol=1e-4, atol=1e-4)
    return same and not np.allclose(as_it_is, spread, rtol=1e-3, atol=1e-3)


def _readable(tree: Any) -> bool:
    """Whether all numbers are on this host."""
    leaves = jax.tree.leaves(tree)
    return all(not isinstance(leaf, jax.Array) or leaf.is_fully_addressable for leaf in leaves)


@jax.jit
def outputs_of(network: Layer, params: Params, batch: Batch) -> Any:
    """What a network gives for a batch, from its initial carry."""
    return network.apply(params, batch.inputs, mask=batch.mask, resets=batch.resets)[1]
