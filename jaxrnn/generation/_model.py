"""`SequenceModel`: what the entropies of sequences are taken of."""

import functools
from typing import Any

import jax

from .._config import Config
from .._kinds import shown
from .._typing import Carry, Leaf
from ..networks import Layer


class SequenceModel(Config):
    r"""A model that predicts one symbol after another: a step, the carry and symbol it begins with.

        carry_1, logits_1 = step(carry, start)             y_1 ~ softmax(logits_1)
        carry_t, logits_t = step(carry_{t-1}, y_{t-1})     y_t ~ softmax(logits_t)

    It is one sequence, without batch axes: logits are `[V]`, a symbol is an integer in `[0, V)`,
    but for `start`, which may be a symbol that is never written. To go on from a prompt, read all
    of it but the last symbol, and begin with that carry and symbol.

    Of a `functools.partial` the arguments are leaves: `partial(network.step, params)` is compiled
    once for all values of `params`. A `lambda` that is made anew is compiled anew.

    Args:
        step: `(carry, symbol) -> (carry, logits)`.
        carry: the carry before the first step.
        start: the symbol that is read first.
        stop: the symbol that ends a sequence. After it nothing is uncertain: it repeats for ever.
            The entropy is then that of sequences of any length up to the one asked for.

    Raises:
        TypeError: for a layer in the place of its step.

    Example:
        >>> import jax
        >>> from functools import partial
        >>> from jaxrnn import cells, generation, networks
        >>> network = networks.stack(
        ...     networks.Embedding(5, 8), networks.Recurrent(cells.GRU(8, 8)), networks.Dense(8, 4))
        >>> params = network.init(jax.random.key(0))
        >>> model = generation.SequenceModel(
        ...     partial(network.step, params), network.carry(params), start=4)
        >>> entropy, error = generation.sequence_entropy(model, 3, generation.Enumeration())
        >>> print(f"{entropy:.2f} of at most {3 * jax.numpy.log(4.0):.2f} nats")
        4.12 of at most 4.16 nats
    """

    step: Any
    carry: Carry = ()
    start: Leaf = 0
    stop: int | None = jax.tree.static(default=None)

    def __post_init__(self) -> None:
        """Make the step a tree, whose leaves are its arguments."""
        step: Any = self.step
        if isinstance(step, Layer):
            raise TypeError(
                "SequenceModel: step must be a function (carry, symbol) -> (carry, logits), got a "
                "layer. Bind its parameters: `SequenceModel(functools.partial(network.step, "
                "params), network.carry(params))`."
            )
        if not callable(step):
            raise TypeError(f"SequenceModel: step must be a function, got {shown(step)}")
        if not isinstance(step, jax.tree_util.Partial | Config):
            bound = step if isinstance(step, functools.partial) else functools.partial(step)
            tree: Any = jax.tree_util.Partial
            object.__setattr__(self, "step", tree(bound.func, *bound.args, **bound.keywords))
