"""How gradients are estimated while a sequence runs: nouns."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._config import Config
from .._typing import Array, Carry, Inputs, Params
from ..cells import Cell, GatedCell
from ._reals import reals, with_reals
from ._structure import NOTHING, SEVERAL, reached, shape_of
from ._trackers import Matrices, Plan, RankOne, Step, Traces, Tracker, plan


class Estimator(Config):
    """What stands for the derivative of a carry by the parameters, in `online_gradients`."""

    @abc.abstractmethod
    def tracker(self, cell: Cell, params: Params, carry: Carry, x: Inputs) -> Tracker:
        """What keeps it, for arrays (or shapes) of one step of one sequence."""

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return False


class RTRL(Estimator):
    """Real-time recurrent learning: the derivative itself, so that the gradient is exact.

        M_t = J_t M_{t-1} + d step / d params,    gradient_t = d loss_t / d h_t  M_t

    Where the units of a cell mix, `M` has a number for each of the `H` units and each of the `P`
    parameters of every sequence: `H P` memory and `H^2 P` multiplications a step, for small cells.
    Where each unit depends on its own past alone, as in `LRU` or `MinGRU`, a parameter reaches one
    unit, and `M` takes `P` numbers (twice that if a unit has two) and as many multiplications. That
    is found out.

    Reference: R. Williams & D. Zipser, "A learning algorithm for continually running fully
    recurrent neural networks", Neural Computation 1 (1989); for units apart: N. Zucchet et al.,
    "Online learning of long-range dependencies", NeurIPS 2023.

    Example:
        >>> from jaxrnn import engines
        >>> engines.RTRL()
        RTRL()
    """

    def tracker(self, cell: Cell, params: Params, carry: Carry, x: Inputs) -> Tracker:
        begin = _begin(cell)
        found = plan(cell.step, begin, params, carry, x)
        return _exact(cell.step, cell, found)


class SnAp1(Estimator):
    """The sparse approximation that keeps of `M` what a parameter reaches in one step.

        M_t = diag(J_t) M_{t-1} + d step / d params

    A parameter of a gated cell reaches the numbers of one unit, so `M` takes the memory of the
    parameters. What goes from a unit to others and comes back is left out. Where units do not mix
    nothing is, and it equals `RTRL`.

    It takes gated cells whose gate acts on each unit alone, and cells whose units do not mix.

    Reference: J. Menick et al., "Practical real time recurrent learning with a sparse
    approximation", ICLR 2021.

    Example:
        >>> from jaxrnn import engines
        >>> engines.SnAp1()
        SnAp1()
    """

    def tracker(self, cell: Cell, params: Params, carry: Carry, x: Inputs) -> Tracker:
        found = plan(cell.step, _begin(cell), params, carry, x)
        if found.units is not None:
            return Traces(cell.step, _begin(cell), found)
        gated = _gated("SnAp1", cell)
        detached = _detached(gated)
        found = plan(detached, _begin(cell), params, carry, x)
        owners = _owners(gated, params, carry, x)
        if found.units is None or any((units == SEVERAL).any() for units in owners):
            raise ValueError(
                f"SnAp1: the gate of {cell!r} mixes units, so that a parameter reaches more than "
                "one in a step. Use `RTRL()` or `UORO()`."
            )
        return Traces(_restricted(gated, owners), _begin(cell), found)


class EProp(Estimator):
    """Eligibility propagation: what goes through recurrent weights is left out of `M`.

        M_t = (d gate / d h_{t-1})_{r fixed} M_{t-1} + d step / d params

    The influence that stays inside a unit (a leak, the cell of an LSTM) is kept, what its `mix`
    passes on is not: the gradient is that of a network whose recurrent inputs are constants. The
    learning signal is the derivative of each step's loss by the output, through the readout's own
    weights ("symmetric" e-prop).

    It takes gated cells, and cells whose units do not mix, for which it equals `RTRL`.

    Reference: G. Bellec et al., "A solution to the learning dilemma for recurrent networks of
    spiking neurons", Nature Communications 11 (2020).

    Example:
        >>> from jaxrnn import engines
        >>> engines.EProp()
        EProp()
    """

    def tracker(self, cell: Cell, params: Params, carry: Carry, x: Inputs) -> Tracker:
        if not issubclass(cell.kind, GatedCell):
            found = plan(cell.step, _begin(cell), params, carry, x)
            if found.units is not None:
                return Traces(cell.step, _begin(cell), found)
        step = _detached(_gated("EProp", cell))
        return _exact(step, cell, plan(step, _begin(cell), params, carry, x))


class UORO(Estimator):
    """Unbiased online recurrent optimisation: a random product of two vectors in place of `M`.

        M ~ h~ theta~^T,     E[h~ theta~^T] = M

    It takes the memory of the parameters and one step more, for every cell. The gradient is right
    in the mean and noisy: the noise grows with the number of units and with the time that they
    remember. It needs a `key`.

    Reference: C. Tallec & Y. Ollivier, "Unbiased online recurrent optimization", ICLR 2018.

    Example:
        >>> from jaxrnn import engines
        >>> engines.UORO()
        UORO()
    """

    def tracker(self, cell: Cell, params: Params, carry: Carry, x: Inputs) -> Tracker:
        found = plan(cell.step, _begin(cell), params, carry, x)
        return RankOne(cell.step, _begin(cell), found.moves)

    @property
    def random(self) -> bool:
        """True."""
        return True


def _begin(cell: Cell) -> Any:
    return lambda params: cell.carry(params, ())


def _exact(step: Step, cell: Cell, found: Plan) -> Tracker:
    if found.units is None:
        return Matrices(step, _begin(cell), found.moves)
    return Traces(step, _begin(cell), found)


def _gated(who: str, cell: Cell) -> Any:
    if not issubclass(cell.kind, GatedCell):
        raise TypeError(
            f"{who} takes a `GatedCell`, or a cell whose units do not mix and each of whose "
            f"parameters is of one unit, got {cell!r} (a `{cell.kind.__name__}`). Use `RTRL()` or "
            "`UORO()`."
        )
    return cell


def _detached(cell: Any) -> Step:
    """The step of a gated cell whose recurrent input is a constant to derivatives."""

    def step(params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        r = cell.mix(params, jax.lax.stop_gradient(carry))
        return cell.gate(params, carry, cell.project(params, x), r)

    return step


def _owners(cell: Any, params: Params, carry: Carry, x: Inputs) -> list[Any]:
    """For every entry of the recurrent input, as a list of leaves, the unit that it reaches."""
    args = jax.tree.map(lambda leaf: shape_of(leaf.shape, leaf.dtype), (params, carry, x))
    r = jax.eval_shape(cell.mix, *args[:2])

    def gate(r: Inputs, params: Params, carry: Carry, x: Inputs) -> list[Array]:
        return reals(cell.gate(params, carry, cell.project(params, x), r)[0])

    numbers = [
        np.arange(np.prod(leaf.shape, dtype=int)).reshape(leaf.shape)
        for leaf in jax.eval_shape(reals, args[1])
    ]
    return jax.tree.leaves(reached(gate, (r, *args), numbers)[0])


def _restricted(cell: Any, owners: list[Any]) -> Step:
    """The step of a gated cell, with the derivative of `mix` only where it stays inside a unit."""

    def step(params: Params, carry: Carry, x: Inputs) -> tuple[Carry, Inputs]:
        still = jax.lax.stop_gradient(carry)
        numbers, constants = reals(carry), reals(still)
        r = cell.mix(params, still)
        _, push = jax.linearize(
            lambda numbers: reals(cell.mix(params, with_reals(still, numbers))), constants
        )
        extra = [jnp.zeros_like(leaf) for leaf in reals(r)]
        for i, (h, constant) in enumerate(zip(numbers, constants, strict=True)):
            basis = jnp.eye(h.size, dtype=h.dtype).reshape(h.size, *h.shape)
            still_ones = [jnp.zeros_like(leaf) for leaf in numbers]

            def direction(e: Array, i: int = i, zeros: list[Array] = still_ones) -> list[Array]:
                return push([*zeros[:i], zeros[i] + e, *zeros[i + 1 :]])

            columns = jax.vmap(direction)(basis)
            for j, (column, units) in enumerate(zip(columns, owners, strict=True)):
                rows = np.where(units == NOTHING, 0, units).ravel()
                own = column.reshape(h.size, -1)[rows, np.arange(rows.size)]
                moved = (h - constant).ravel()[rows].astype(own.dtype)  # 0, with a derivative
                extra[j] += (jax.lax.stop_gradient(own) * moved).reshape(units.shape)
        r = with_reals(r, [a + b for a, b in zip(reals(r), extra, strict=True)])
        return cell.gate(params, carry, cell.project(params, x), r)

    return step
