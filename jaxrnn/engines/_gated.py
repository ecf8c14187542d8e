"""`Gated`: the loop of a gated cell, and its derivatives."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._dtypes import at_least_float32
from .._numerics import affine, alike, filled, known, moving, pushed, reordered, together
from .._typing import Array, Carry, Inputs, Params, Size
from ..cells import Automatic, Rule
from ._in_blocks import Step, in_blocks, in_place, same, stacked
from ._loop import Loop, Moves, Tree, put_back, split
from ._loops import run
from ._single import needless_axes, with_ones, without


def run_gated(
    loop: "Gated", cell: Any, params: Params, carry: Carry, xs: Inputs
) -> tuple[Carry, Inputs]:
    """The last carry and the outputs of a gated cell whose steps a loop runs."""
    if not affine(lambda carry: cell.mix(params, carry), carry):
        raise ValueError(
            f"{loop.who}: `mix` of {cell!r} is not affine in the carry, so that its derivative "
            "would be wrong. Move what is not into `gate`, or use `Scan()`."
        )
    axes = needless_axes(cell, params, carry, xs)
    carry, outs = run(loop, (cell, params), without(carry, 0, axes), without(xs, 1, axes))
    carry, outs = with_ones(carry, 0, axes), with_ones(outs, 1, axes)
    return carry, cell.finish(params, outs, xs)


# A cell, whose own leaves (a leak, say) have derivatives too, and its parameters.
Weights = tuple[Any, Params]


class Memory(NamedTuple):
    """What the derivative needs of every step, besides the inputs."""

    carries: Carry  # before the step
    gates: Any  # of `Rule.remember`


class _Distinct:
    """The leaves of a tree without those that are others again, and the tree made of them."""

    structure: Any
    places: list[int]

    def __call__(self, tree: Tree) -> list[Array]:
        leaves, self.structure = jax.tree.flatten(tree)
        own = {id(leaf): leaf for leaf in leaves}
        order = list(own)
        self.places = [order.index(id(leaf)) for leaf in leaves]
        return list(own.values())

    def restored(self, leaves: list[Array]) -> Tree:
        return self.structure.unflatten(leaves[place] for place in self.places)


class Gated(Loop):
    """The loop of a gated cell, in blocks of `block` steps.

    A subclass may run the steps in another way: what is sequential is a function of one step,
    made for the shapes of `group`, which `scan` runs.
    """

    who = "BPTT"

    def __init__(self, block: int | None) -> None:
        super().__init__()
        self.block = block

    def forward(
        self, moves: Moves, weights: Weights, carry: Carry, xs: Inputs
    ) -> tuple[Carry, Inputs]:
        cell, params = weights

        def gate(state: Any, u: Inputs) -> tuple[Carry, Inputs]:
            carry, r = state
            return cell.gate(params, carry, u, r)

        return self._through(weights, gate, carry, xs)

    def remember(
        self, moves: Moves, weights: Weights, carry: Carry, xs: Inputs
    ) -> tuple[Carry, tuple[Inputs, Memory]]:
        cell, params = weights
        rule, _ = _rule(moves, weights, carry, xs)
        distinct = _Distinct()

        def gate(state: Any, u: Inputs) -> tuple[Carry, list[Array]]:
            carry, r = state
            (following, y), gates = rule.remember(cell, params, carry, u, r)
            return following, distinct((y, Memory(carry, gates)))

        carry, arrays = self._through(weights, gate, carry, xs)
        return carry, distinct.restored(arrays)

    def push(
        self,
        moves: Moves,
        weights: Weights,
        d_weights: Tree,
        d_carry: Tree,
        steps: tuple[Inputs, Memory, Tree],
    ) -> tuple[Carry, Inputs]:
        xs, memory, d_xs = steps
        cell, params = weights
        rule, reads = _rule(moves, weights, _first(memory.carries), xs)
        carry = _first(memory.carries)
        few = self.group(weights, carry, carry)
        d_carry, _ = alike((filled(d_carry, moving(carry)), memory))

        # For all steps at once: the points, and what the weights' own tangents contribute.
        points = jax.vmap(partial(rule.linearize, cell, params))(*memory)
        d_us = pushed(_project, (weights, xs), (d_weights, d_xs))
        d_rs = pushed(lambda w: _mix(w, memory.carries), (weights,), (d_weights,))
        d_zs = rule.merge(d_us, d_rs)
        d_gates = None
        if reads:
            d_gates = pushed(lambda w: _gates(rule, w, memory), (weights,), (d_weights,))
        still, zero = _zeros(self.group(weights, carry, _first(d_us))), _zeros(few)

        def mixed(d_carry: Carry) -> Any:
            return d_carry, _mixed(cell, params, zero, d_carry)

        def gate(state: Any, step: Any) -> tuple[Carry, Inputs]:
            d_carry, d_r = state
            point, d_z, d_gate = step
            d_z = _plus(rule.merge(still, d_r), d_z)
            result = rule.push(cell, params, point, d_carry, d_z)
            return result if d_gate is None else _plus(result, d_gate)

        step = Step(mixed, gate, same)
        return self.scan(weights, carry, step, d_carry, (points, d_zs, d_gates))

    def pull(
        self, moves: Moves, weights: Weights, ct_last: Tree, steps: tuple[Inputs, Memory, Tree]
    ) -> Moves:
        xs, memory, _ = steps
        cell, params = weights
        carry = _first(memory.carries)
        rule, reads = _rule(moves, weights, carry, xs)
        few = self.group(weights, carry, carry)
        u, r, y = _shapes(weights, few, self.group(weights, carry, _first(xs)))
        still = moving(few)
        z = jax.eval_shape(rule.merge, u, r)
        unmerge = jax.linear_transpose(rule.merge, u, r)
        unmix = _transposed_mix(cell, params, few)
        own, rebuild = split(moves.weights, weights)

        def gate(ct_carry: Carry, step: Any) -> tuple[Any, Any]:
            point, ct_y = step
            push = partial(rule.push, cell, params, point)
            ct_before, ct_z = jax.linear_transpose(push, still, z)((ct_carry, filled(ct_y, y)))
            ct_z = jax.tree.map(together, ct_z)
            reaches, _ = _used(push, still, z)  # what does not is zero, and need not be added
            ct_before = jax.tree.map(lambda ct, used: ct if used else None, ct_before, reaches)
            return (ct_before, ct_z), (ct_z, ct_carry if reads else None)

        def unmixed(state: Any) -> Carry:
            ct_before, ct_z = state
            mixed = unmix(unmerge(ct_z)[1])
            return jax.tree.map(lambda ct, own: ct if own is None else own + ct, mixed, ct_before)

        step = Step(same, gate, unmixed)

        def block(state: Any, steps: tuple[Inputs, Memory, Tree]) -> tuple[Any, list[Array]]:
            ct_carry, total = state
            xs, memory, ct_ys = steps
            memory = jax.tree.map(together, memory)  # or parts would be read out of the whole
            points = jax.vmap(partial(rule.linearize, cell, params))(*memory)
            ct_carry, (ct_zs, ct_news) = self.scan(
                weights, carry, step, ct_carry, (points, ct_ys), reverse=True
            )
            own_xs, rebuild_xs = split(moves.xs, xs)

            def shares(own: list[Array], own_xs: list[Array]) -> Any:
                weights = rebuild(own)
                us = _project(weights, rebuild_xs(own_xs))
                rs = _mix(weights, memory.carries)
                gates = _gates(rule, weights, memory) if reads else None
                return moving(((us, rs), gates))

            (us, rs), gates = jax.eval_shape(shares, own, own_xs)
            ct_us_rs = jax.linear_transpose(rule.merge, us, rs)(ct_zs)
            ct_gates = None if gates is None else (ct_news, filled(ct_ys, gates[1]))
            pull = reordered(jax.vjp(shares, own, own_xs)[1])
            more, ct_xs = pull((ct_us_rs, ct_gates))
            return (
                ct_carry,
                [a + b.astype(a.dtype) for a, b in zip(total, more, strict=True)],
            ), ct_xs

        total = [jnp.zeros_like(leaf, at_least_float32(leaf.dtype)) for leaf in own]
        state, steps = alike(((filled(ct_last, moving(carry)), total), steps))
        state, ct_xs = stacked(block, state, steps, self._size(weights, xs), reverse=True)
        ct_carry, total = state
        ct_weights = [a.astype(b.dtype) for a, b in zip(total, own, strict=True)]
        return Moves(
            put_back(moves.weights, ct_weights),
            jax.tree.map(lambda moves, ct: ct if moves else None, moves.carry, ct_carry),
            put_back(moves.xs, ct_xs),
        )

    def group(self, weights: Weights, carry: Carry, tree: Tree) -> Tree:
        """The shapes of one step of as many sequences as `scan` runs at once: of all of them."""
        return tree

    def _through(
        self,
        weights: Weights,
        gate: Callable[[Any, Inputs], tuple[Carry, Any]],
        carry: Carry,
        xs: Inputs,
    ) -> tuple[Carry, Any]:
        """Run a gate, whose state is a carry and its product, over the projected inputs."""
        cell, params = weights
        step = Step(lambda carry: (carry, cell.mix(params, carry)), gate, same)
        prepare = partial(cell.project, params)
        return self.scan(weights, carry, step, carry, xs, prepare, self._size(weights, xs))

    def scan(
        self,
        weights: Weights,
        carry: Carry,
        step: Step,
        start: Any,
        xs: Any,
        prepare: Callable[[Inputs], Inputs] = same,
        size: Size | None = None,
        *,
        reverse: bool = False,
    ) -> tuple[Any, Any]:
        """Scan a step over what is prepared of the inputs, `size` steps at a time, for all
        sequences; `carry` has the shapes of the cell's own."""
        size = jax.tree.leaves(xs)[0].shape[0] if size is None else size
        way = in_place if self.cpu and not self.plain else in_blocks
        return way(step, start, xs, prepare, size, reverse=reverse)

    def _size(self, weights: Weights, xs: Inputs) -> Size:
        """Steps in a block."""
        steps = jax.tree.leaves(xs)[0].shape[0]
        if self.block is not None and known(steps):
            if steps % self.block:
                raise ValueError(f"BPTT: block = {self.block} does not divide T = {steps}")
            return self.block
        if not self.cpu or not known(steps):
            return steps
        us = jax.eval_shape(_project, weights, _first(xs))
        size = sum(u.size * u.dtype.itemsize for u in jax.tree.leaves(us))
        if not known(size) or steps * size <= _WHOLE:
            return steps
        wanted = max(_LEAST, _BLOCK // size)
        divisor = max(d for d in range(1, wanted + 1) if steps % d == 0)
        return divisor if 4 * divisor >= wanted else steps


# Bytes of projected inputs: a sequence of at most as much is one block, and others have blocks of
# what the second cache of a core holds. For short ones a loop of blocks costs more than it gives.
# Blocks of fewer steps than the least would add to the gradients of large weights too often.
_WHOLE, _BLOCK, _LEAST = 4 * 2**20, 5 * 2**18, 4


def _rule(moves: Moves, weights: Weights, carry: Carry, xs: Inputs) -> tuple[Rule, bool]:
    """The cell's own rule where it holds, or else `Automatic`; whether the gate reads parameters
    that have a tangent, for which the rule has to replay it."""
    cell, params = weights
    rule: Rule = cell.rule

    def gate(weights: Weights, carry: Carry, u: Inputs, r: Inputs) -> tuple[Carry, Inputs]:
        return weights[0].gate(weights[1], carry, u, r)

    u, r = jax.eval_shape(_project, weights, _first(xs)), jax.eval_shape(_mix, weights, carry)
    used, *_ = _used(gate, weights, carry, u, r)
    reads = any(map(all, zip(*map(jax.tree.leaves, (moves.weights, used)), strict=True)))
    holds = (rule.replays or not reads) and rule.holds(cell, params, carry, u, r)
    return rule if holds else Automatic(), reads


def _used(function: Callable[..., Any], *args: Tree) -> tuple[Tree, ...]:
    """Which leaves of its arguments a function uses."""
    jaxpr = jax.make_jaxpr(function)(*args).jaxpr
    used = {id(v) for equation in jaxpr.eqns for v in equation.invars}
    used |= {id(v) for v in jaxpr.outvars}
    flags = [id(v) in used for v in jaxpr.invars]
    return jax.tree.unflatten(jax.tree.structure(args), flags)


def _project(weights: Weights, xs: Inputs) -> Inputs:
    cell, params = weights
    return cell.project(params, xs)


def _mix(weights: Weights, carries: Carry) -> Inputs:
    cell, params = weights
    return cell.mix(params, carries)


def _gates(rule: Rule, weights: Weights, memory: Memory) -> tuple[Carry, Inputs]:
    """All gates at once, from what `rule.remember` keeps."""
    return jax.vmap(partial(rule.replay, *weights))(memory.carries, memory.gates)


def _shapes(weights: Weights, carry: Carry, x: Inputs) -> tuple[Inputs, Inputs, Inputs]:
    """The shapes of one step's u, r and y, where they have derivatives."""

    def step(weights: Weights, carry: Carry, x: Inputs) -> tuple[Inputs, Inputs, Inputs]:
        cell, params = weights
        u, r = _project(weights, x), _mix(weights, carry)
        return moving((u, r, cell.gate(params, carry, u, r)[1]))

    return jax.eval_shape(step, weights, carry, x)


def _transposed_mix(cell: Any, params: Params, carry: Carry) -> Callable[[Inputs], Carry]:
    """The transpose of the derivative of `mix`, prepared for a loop.

    XLA would read the matrices of the forward product across their rows at every step. Here they
    are transposed once, and kept from being folded back. A single vector is faster as it is.
    """
    zero = _zeros(carry)
    single = all(c.shape[:-1] == (1,) * (c.ndim - 1) for c in jax.tree.leaves(carry))

    def turned(leaf: Array) -> Array:
        return leaf if leaf.ndim != 2 or single else leaf.T

    kept = jax.tree.map(lambda leaf: together(turned(leaf)), params)

    def transpose(ct_r: Inputs) -> Carry:
        def push(d_carry: Carry) -> Inputs:
            return _mixed(cell, jax.tree.map(turned, kept), zero, d_carry)

        return jax.linear_transpose(push, moving(carry))(ct_r)[0]

    return transpose


def _mixed(cell: Any, params: Params, zero: Carry, d_carry: Tree) -> Tree:
    """The derivative of `mix`: it is affine, so that this is the same everywhere, at zero too."""
    return pushed(partial(cell.mix, params), (zero,), (d_carry,))


def _first(tree: Tree) -> Tree:
    """The shapes of one step."""
    return jax.eval_shape(lambda tree: jax.tree.map(lambda leaf: leaf[0], tree), tree)


def _zeros(tree: Tree) -> Tree:
    return jax.tree.map(jnp.zeros_like, tree)


def _plus(tree: Any, other: Any) -> Any:
    return jax.tree.map(jnp.add, tree, other)
