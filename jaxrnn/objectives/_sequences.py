"""Objectives of whole sequences, wherever they stand in another."""

import dataclasses

import jax

from ._crf import CRF
from ._ctc import CTC
from ._objective import Objective


def of_sequences(objective: Objective) -> Objective | None:
    """The part of an objective whose steps depend on one another, if there is one."""
    if isinstance(objective, CRF | CTC):
        return objective
    fields = [getattr(objective, field.name) for field in dataclasses.fields(objective)]
    nodes = jax.tree.leaves(fields, is_leaf=lambda node: isinstance(node, Objective))
    parts = [of_sequences(node) for node in nodes if isinstance(node, Objective)]
    return next((part for part in parts if part is not None), None)
