"""`ModularArithmetic`: the value of an expression, while it is read."""

import math
import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _check
from .._typing import Key
from ..data import Batch
from ._label_task import LabelTask
from ._probabilities import entropy

_PLUS, _MINUS, _TIMES = range(3)


@typing.final
class ModularArithmetic(LabelTask):
    """The value of `3 + 4 * 2 - 1 ...` modulo a number, after every term; without brackets.

    A sequence has `terms` numbers out of `[0, modulus)` and between them one of the operators
    `+ - *`, all as likely. Products come before sums, as usual, so that a model has to keep two
    numbers: the sum up to the last `+` or `-`, and the product since. The target after each number
    is the value of all up to there; at an operator nothing is asked.

        inputs   3 + 4 * 2 - 1        symbols  3 5 4 7 2 6 1
        targets  3 . 2 . 1 . 0        (modulo 5)

    Symbols are the numbers, then `+`, `-` and `*`, which are `modulus`, `modulus + 1` and
    `modulus + 2`. For `objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)`.

    Attributes:
        terms: how many numbers; a sequence has `2 terms - 1` steps.
        modulus: at least 2.

    Raises:
        TypeError: a size that is not an integer.
        ValueError: no terms, or a modulus below 2.

    Reference:
        G. Delétang et al., ICLR 2023, https://arxiv.org/abs/2207.02098

    Example:
        >>> import jax
        >>> from jaxrnn import tasks
        >>> task = tasks.ModularArithmetic(20)
        >>> batch = task.batch(4, key=jax.random.key(0))
        >>> batch.inputs.shape, task.vocab, task.targets, batch.targets[1].tolist()
        ((39, 4), 8, 5, [5, 5, 5, 5])
        >>> print(f"{task.chance():.3f}")  # because of products, 0 is a little more likely
        0.246
    """

    terms: int = jax.tree.static()
    modulus: int = jax.tree.static(default=5)

    def __post_init__(self) -> None:
        _check.sizes("ModularArithmetic", terms=self.terms)
        _check.integers("ModularArithmetic", 2, modulus=self.modulus)
        table, remedy = (self.modulus,) * 3, "Take a smaller modulus."
        _check.memory("ModularArithmetic", "the table of the baseline", table, np.float64, remedy)

    @property
    def steps(self) -> int:
        return 2 * self.terms - 1

    @property
    def vocab(self) -> int:
        """The numbers and the three operators."""
        return self.modulus + 3

    @property
    def targets(self) -> int:
        """The numbers. At an operator this is the target."""
        return self.modulus

    def baseline(self) -> float:
        """Nats a term: the mean entropy of the value, given the newest number alone."""
        return self._mean(lambda joint: entropy(np, joint.ravel()) - math.log(self.modulus))

    def chance(self) -> float:
        """The mean probability of the likeliest value, given the newest number alone."""
        return self._mean(lambda joint: joint.max(0).sum())

    def _mean(self, fact: Callable[[np.ndarray], float]) -> float:
        """The mean over terms of a fact about `[value, number]`, the probabilities of both."""
        m = self.modulus
        sums, products, numbers = np.ogrid[:m, :m, :m]
        state = np.zeros((m, m, 1))  # [sum, product], before the first term
        state[0, 0] = 1
        operators: tuple[int, ...] = (_PLUS,)
        total = 0.0
        for left in reversed(range(self.terms)):
            after, joint = np.zeros((m, m, 1)), np.zeros((m, m))
            share = np.broadcast_to(state / (len(operators) * m), (m, m, m))
            for operator in operators:
                at_sum, at_product = _apply(np, operator, sums, products, numbers, m)
                np.add.at(after, (at_sum, at_product, 0), share)
                np.add.at(joint, ((at_sum + at_product) % m, numbers), share)
            found = float(fact(joint))
            total += found
            if np.abs(after - state).max() < 1e-15:  # the rest is alike
                total += left * found
                break
            state, operators = after, (_PLUS, _MINUS, _TIMES)
        return total / self.terms

    def _draw(self, size: int, key: Key) -> Batch:
        m = self.modulus
        for_numbers, for_operators = jax.random.split(key)
        numbers = jax.random.randint(for_numbers, (self.terms, size), 0, m, jnp.int32)
        operators = jax.random.randint(for_operators, (self.terms, size), 0, 3, jnp.int32)
        operators = operators.at[0].set(_PLUS)

        def step(state: Any, term: Any) -> tuple[Any, jax.Array]:
            (total, product), (operator, number) = state, term
            total, product = _apply(jnp, operator, total, product, number, m)
            return (total, product), (total + product) % m

        zero = jnp.zeros(size, jnp.int32)
        values = jax.lax.scan(step, (zero, zero), (operators, numbers))[1]
        inputs = _alternate(m + operators, numbers)
        return Batch(inputs, _alternate(jnp.full_like(values, m), values))


def _apply(xp: Any, operator: Any, total: Any, product: Any, number: Any, modulus: int) -> Any:
    """The sum and the product after one more operator and number."""
    times = operator == _TIMES
    signed = xp.where(operator == _MINUS, -number, number)
    total = xp.where(times, total, total + product)
    return total % modulus, xp.where(times, product * number, signed) % modulus


def _alternate(first: jax.Array, second: jax.Array) -> jax.Array:
    """Rows of both in turn, without the first one."""
    return jnp.stack([first, second], 1).reshape(-1, first.shape[1])[1:]
