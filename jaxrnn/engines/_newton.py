"""`Newton`: nonlinear recurrences in parallel over time."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .. import _check
from .._numerics import alike, filled, known, moving, pushed
from .._typing import Array, Carry, Inputs, Params
from ..cells import Cell
from ._blocks import Layout, apply, blocks, layout, recurrence
from ._engine import Engine
from ._jacobians import FullJacobian, Jacobian
from ._loop import Loop, Moves, Tree, put_back, split
from ._loops import run
from ._scan import Scan


class Newton(Engine[Cell]):
    r"""All steps at once: Newton's method for the whole sequence of states.

        f_t = step(h_{t-1}, x_t),   A_t ~ its Jacobian by h_{t-1}     for all t at once
        d_t = A_t d_{t-1} + f_t - h_t                                 a linear recurrence
        h_t <- f_t + A_t d_{t-1}

    The linear recurrence runs by `lax.associative_scan`, so an iteration is a chain of `log T`
    operations. Information travels forward only: after `i` iterations the first `i` states are
    those of `Scan`. So it always converges, in a few iterations for sequences that forget how they
    began, and slowly for chaotic ones. What has not converged after `max_iterations` is computed
    step by step: the result is that of `Scan` up to the tolerance, whatever happens. How it went
    is what `newton_report` says.

    Derivatives do not go through the iterations: that of the solution is one linear recurrence
    more, in reverse for a gradient. It supports every transformation of JAX.

    It pays on an accelerator, for long sequences whose units are few or do not mix; on a CPU it
    never does. A carry that holds integers, flags or keys, and a number of steps that is a symbol,
    run on `Scan`.

    Args:
        jacobian: `FullJacobian()`, `DiagonalJacobian()` or `Damped(...)`.
        tolerance: the largest change of a state in the last iteration, relative to the state where
            it is above 1; by default 1000 times the rounding of the carry's type. With a full
            Jacobian the error that is left is about its square.
        max_iterations: after these the rest is computed step by step.

    Warns:
        UserWarning: a tolerance below the rounding of the carry's type.

    Reference: Y. H. Lim et al., ICLR 2024 (DEER); X. Gonzalez et al., NeurIPS 2024; F. Danieli et
    al., "ParaRNN", ICLR 2026.

    Example:
        >>> import jax, jax.numpy as jnp, jaxrnn
        >>> cell, xs = jaxrnn.cells.GRU(3, 4), jnp.ones((100, 3))
        >>> params = cell.init(jax.random.key(0))
        >>> ys = jaxrnn.unroll(cell, params, xs, engine=jaxrnn.engines.Newton())[1]
        >>> bool(jnp.allclose(ys, jaxrnn.unroll(cell, params, xs)[1], atol=1e-5))
        True
    """

    jacobian: Jacobian = FullJacobian()
    # Static, as what is warned of is known when a program is traced.
    tolerance: float | None = jax.tree.static(default=None)
    max_iterations: int = jax.tree.static(default=100)

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check.sizes("Newton", max_iterations=self.max_iterations)
        if self.tolerance is not None:
            _check.at_least_0("Newton", tolerance=self.tolerance)

    def run(self, cell: Cell, params: Params, carry: Carry, xs: Inputs) -> tuple[Carry, Inputs]:
        us, trajectory = cell.prepare(params, xs), self.trajectory(cell, params, carry, xs)
        if trajectory is None:
            return Scan().run(cell, params, carry, xs)
        last, before = run(trajectory, (cell, params, self.jacobian), carry, us)
        outs = jax.vmap(lambda carry, u: cell.advance(params, carry, u)[1])(before, us)
        return last, cell.finish(params, outs, xs)

    def trajectory(
        self, cell: Cell, params: Params, carry: Carry, xs: Inputs
    ) -> "Trajectory | None":
        """The loop that finds the states; None for what runs on `Scan`."""
        if not known(jax.tree.leaves(xs)[0].shape[0]):
            return None
        form = layout(cell, params, carry, xs)
        if form is None:
            return None
        tolerance = 1000 * form.precision if self.tolerance is None else self.tolerance
        if tolerance < form.precision:
            warnings.warn(
                f"Newton: tolerance={tolerance:g} is below the rounding of the carry, "
                f"{form.precision:.1e}: it may never be reached, and what does not reach it runs "
                "step by step. Use a larger one, or float64.",
                stacklevel=2,
            )
        return Trajectory(form, tolerance, self.max_iterations, whole=self.jacobian.whole)


class Trace(NamedTuple):
    """The states after all steps, packed, and which of them the last iteration did not change."""

    states: Float[Array, "T ..."]
    settled: Bool[Array, "T *batch"]
    iterations: Int[Array, ""]


class Trajectory(Loop):
    """The states of a cell before every step; weights are the cell, parameters, a `Jacobian`."""

    def __init__(self, form: Layout, tolerance: float, max_iterations: int, *, whole: bool) -> None:
        super().__init__()
        self.form, self.tolerance, self.max_iterations = form, tolerance, max_iterations
        # Gradients need the whole Jacobian, in blocks or as a product step by step.
        self.parallel = whole or form.apart

    # --- the solution -------------------------------------------------------------------------

    def solve(self, weights: Tree, carry: Carry, us: Inputs) -> Trace:
        """Newton's iterations."""
        start = self.form.pack(carry)
        steps = jax.tree.leaves(us)[0].shape[0]
        limit = float(np.finfo(start.dtype).max) ** 0.375  # products of two, summed, are finite

        def iterate(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            count, h, _ = state
            before = _shifted(start, h)
            f, a = weights[2].at(partial(self._steps, weights, us), before)
            gap = _finite(f - h).reshape(*f.shape[:-2], -1, a.shape[-1])
            a = jnp.clip(_finite(a), -limit, limit)
            change = recurrence(a, gap, limit=limit)
            change = apply(a, _shifted(jnp.zeros_like(change[0]), change)).reshape(f.shape)
            new = jnp.where(jnp.isfinite(f + change), f + change, f)
            near = jnp.abs(new - h) <= self.tolerance * jnp.maximum(jnp.abs(new), 1)
            same = near | (new == h) | (jnp.isnan(new) & jnp.isnan(h))
            return count + 1, new, jnp.all(same, (-2, -1))

        def unfinished(state: tuple[Array, Array, Array]) -> Array:
            return ~jnp.all(state[2]) & (state[0] < min(self.max_iterations, steps + 1))

        h = jnp.broadcast_to(start, (steps, *start.shape))
        settled = jnp.any(jnp.zeros_like(h, bool), (-2, -1))  # divided over devices as they are
        state, _ = alike(((jnp.zeros((), jnp.int32), h, settled), (us, weights)))
        count, h, settled = jax.lax.while_loop(unfinished, iterate, state)
        return Trace(h, settled, count)

    def forward(
        self, moves: Moves, weights: Tree, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        trace = self.solve(weights, carry, xs)
        states = jnp.concatenate([self.form.pack(carry)[None], trace.states])
        exact = exact_steps(trace.settled).min()
        steps = len(trace.states)

        def following(state: tuple[Array, Array]) -> tuple[Array, Array]:
            t, states = state
            h, u = jax.tree.map(lambda leaf: leaf[t], (states, xs))
            new = self._step(weights, h, u)
            return t + 1, jax.lax.dynamic_update_index_in_dim(states, new, t + 1, 0)

        # Not one step, where all have converged.
        _, states = jax.lax.while_loop(lambda state: state[0] < steps, following, (exact, states))
        return self.form.unpack(states[-1]), self.form.unpack(states[:-1])

    def gaps(self, weights: Tree, carry: Carry, us: Inputs, states: Array) -> Array:
        """How far each state is from what the step before makes of it: `[T, *batch]`."""
        made = self._steps(weights, us, _shifted(self.form.pack(carry), states))
        return jnp.max(jnp.abs(made - states), (-2, -1))

    def remember(
        self, moves: Moves, weights: Tree, carry: Carry, xs: Inputs
    ) -> tuple[Carry, tuple[Inputs, Carry]]:
        # As an operation of its own, whose derivative of any order is the rule below.
        last, before = run(self, weights, carry, xs)
        return last, (before, before)

    # --- its derivative -----------------------------------------------------------------------

    def push(
        self, moves: Moves, weights: Tree, d_weights: Tree, d_carry: Tree, steps: Tree
    ) -> tuple[Carry, Inputs]:
        xs, before, d_xs = steps
        carry = jax.tree.map(lambda leaf: leaf[0], before)
        d_start = self.form.pack(filled(d_carry, carry))
        points = self.form.pack(before)

        def driven(weights: Tree, xs: Inputs) -> Array:
            return self._steps(weights, xs, points)

        drive = pushed(driven, (weights, xs), (d_weights, d_xs))
        if self.parallel:
            _, a = blocks(partial(self._steps, weights, xs), points)
            drive = drive.at[0].add(apply(a[0], d_start))
            d_states = recurrence(a, drive)
        else:

            def step(d_h: Array, step: Any) -> tuple[Array, Array]:
                h, u, drive = step
                d_h = jax.jvp(lambda h: self._step(weights, h, u), (h,), (d_h,))[1] + drive
                return d_h, d_h

            d_states = jax.lax.scan(step, *alike((d_start, (points, xs, drive))))[1]
        d_before = _shifted(d_start, d_states)
        return self.form.unpack(d_states[-1]), self.form.unpack(d_before)

    def pull(self, moves: Moves, weights: Tree, ct_last: Tree, steps: Tree) -> Moves:
        xs, before, ct_before = steps
        points = self.form.pack(before)
        carry = jax.tree.map(lambda leaf: leaf[0], before)
        (ct_end,) = jax.linear_transpose(self.form.unpack, points[0])(filled(ct_last, carry))
        (ct_given,) = jax.linear_transpose(self.form.unpack, points)(filled(ct_before, before))
        if self.parallel:
            _, a = blocks(partial(self._steps, weights, xs), points)
            a = jnp.swapaxes(a, -1, -2)
            given = ct_given.at[-1].add(apply(a[-1], ct_end))
            cts = recurrence(a, given, reverse=True)
        else:

            def step(ct_h: Array, step: Any) -> tuple[Array, Array]:
                h, u, given = step
                ct_h = jax.vjp(lambda h: self._step(weights, h, u), h)[1](ct_h)[0] + given
                return ct_h, ct_h

            end, given = alike((ct_end, (points, xs, ct_given)))
            cts = jax.lax.scan(step, end, given, reverse=True)[1]
        ct_after = jnp.concatenate([cts[1:], ct_end[None]])
        own, rebuild = split(moves.weights, weights)
        own_xs, rebuild_xs = split(moves.xs, xs)

        def driven(own: list[Array], own_xs: list[Array]) -> Array:
            return self._steps(rebuild(own), rebuild_xs(own_xs), points)

        ct_weights, ct_xs = jax.vjp(driven, own, own_xs)[1](ct_after)
        (ct_carry,) = jax.linear_transpose(self.form.pack, moving(carry))(cts[0])
        return Moves(
            put_back(moves.weights, ct_weights),
            jax.tree.map(lambda moves, ct: ct if moves else None, moves.carry, ct_carry),
            put_back(moves.xs, ct_xs),
        )

    def _step(self, weights: Tree, h: Array, u: Inputs) -> Array:
        cell, params, _ = weights
        return self.form.pack(cell.advance(params, self.form.unpack(h), u)[0])

    def _steps(self, weights: Tree, us: Inputs, before: Array) -> Array:
        return jax.vmap(partial(self._step, weights))(before, us)


def exact_steps(settled: Bool[Array, "T *batch"]) -> Int[Array, "*batch"]:
    """How many steps at the beginning are all settled."""
    return jnp.cumprod(settled.astype(jnp.int32), axis=0).sum(0)


def _shifted(first: Array, rest: Array) -> Array:
    """What was before every step: `first`, then all but the last."""
    return jnp.concatenate([first[None], rest[:-1]])


def _finite(x: Array) -> Array:
    return jnp.where(jnp.isfinite(x), x, 0)
