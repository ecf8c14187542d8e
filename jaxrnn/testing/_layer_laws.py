"""The laws of layers, and what those of one layer share."""

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..networks import Layer
from . import _trees as trees
from ._law import Shared

T, B = 6, 3
LENGTHS = (T, 4, 0)
CUT = 2
BAD = (float("nan"), float("inf"), float("-inf"), 1e30)


class LayerCase:
    """A layer, with random parameters, inputs and carry, all drawn by numpy."""

    def __init__(self, layer: Layer, inputs: Any, key: Any) -> None:
        self.noun, self.examples, self.key = layer, inputs, key

    @Shared
    def drawn(self) -> Any:
        return trees.cast(self.noun.init(self.key), jnp.float64)

    @Shared
    def params(self) -> Any:
        return trees.moved(self.drawn, trees.noise(self.drawn, 1), 0.3)

    @Shared
    def carry(self) -> Any:
        carry = self.noun.carry(self.params, (B,))
        return trees.moved(carry, trees.noise(carry, 2), 0.5)

    @Shared
    def xs(self) -> Any:
        shape = self.noun.input_shape
        if self.examples is None:
            sizes = (3,) if shape is None else tuple(2 if size is None else size for size in shape)
            return trees.noise(jnp.zeros((T, B, *sizes)), 3)
        chosen = np.random.default_rng(3).integers(10**6, size=(T, B))
        xs = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen % len(leaf)], self.examples)
        return trees.cast(xs, jnp.float64)

    @Shared
    def mask(self) -> Any:
        """Lengths of T, 4 and 0, and a hole."""
        mask = np.arange(T)[:, None] < np.array(LENGTHS)
        mask[2, 0] = False
        return mask

    @Shared
    def differentiated(self) -> Any:
        """One program, with and without a key; its inputs vary."""

        def both(params: Any, xs: Any, carry: Any) -> Any:
            return [self._value(params, xs, carry, key) for key in (None, self.key)]

        return jax.jit(both)

    def _value(self, params: Any, xs: Any, carry: Any, key: Any) -> Any:
        own = [trees.numbers(part) for part in (params, xs, carry)]

        def loss(own: list[Any]) -> Any:
            parts = map(trees.with_numbers, (params, xs, carry), own)
            results = self.noun.apply(*parts, key=key, mask=self.mask)
            sizes = [jnp.abs(leaf) for leaf in trees.numbers(results)]
            return sum((size * jnp.cos(size)).sum() for size in sizes), results[1]

        return jax.value_and_grad(loss, has_aux=True)(own)

    @Shared
    def whole(self) -> Any:
        """The layer on the whole sequence, from the carry."""
        return jax.jit(self.noun.apply)(self.params, self.xs, self.carry)


def streaming(case: LayerCase) -> None:
    def run(params: Any, xs: Any, carry: Any) -> Any:
        return jax.lax.scan(lambda c, x: case.noun.step(params, c, x), carry, xs)

    trees.near(jax.jit(run)(case.params, case.xs, case.carry), case.whole, "step by step: ")


def future(case: LayerCase) -> None:
    try:
        case.noun.step(case.params, case.carry, trees.at(case.xs, 0))
    except TypeError as error:
        assert "cannot stream" in str(error), f"`step` says: {error}"
    else:
        raise AssertionError("it is not causal, and `step` runs")


def padding(case: LayerCase) -> None:
    wide = trees.where(case.mask, case.xs, 0.0)
    clean = case.differentiated(case.params, wide, case.carry)
    for kind, (_, gradient) in zip(("", ", with a key"), clean, strict=True):
        trees.finite(clean, "with zeros in the padding: ")
        for leaf in gradient[1]:
            assert not np.asarray(leaf)[~case.mask].any(), f"the gradient of padding is not 0{kind}"
    for number in BAD:
        spoiled = trees.where(case.mask, case.xs, number)
        got = case.differentiated(case.params, spoiled, case.carry)
        trees.same(got, clean, f"with {number} in the padding: ")


def separate(case: LayerCase) -> None:
    resets = np.zeros((T, B), bool)
    resets[CUT] = True

    @jax.jit
    def run(params: Any, xs: Any) -> Any:
        whole = case.noun.apply(params, xs, resets=resets)[1]
        halves = [jax.tree.map(lambda x, s=s: x[s], xs) for s in (slice(CUT), slice(CUT, None))]
        parts = [case.noun.apply(params, half)[1] for half in halves]
        return whole, jax.tree.map(lambda *ys: jnp.concatenate(ys), *parts)

    got, wanted = run(case.params, case.xs)
    trees.near(got, wanted, "with a reset, against two sequences: ys")


def refusal(case: LayerCase) -> None:
    resets = jnp.ones((T, B), bool)

    def run(params: Any, xs: Any, carry: Any) -> Any:
        return case.noun.apply(params, xs, carry, resets=resets)

    try:
        jax.eval_shape(run, case.params, case.xs, case.carry)
    except ValueError as error:
        assert "cannot pool over several sequences" in str(error), f"`apply` says: {error}"
    else:
        raise AssertionError("it pools, and takes several sequences in a row")


def fresh(case: LayerCase) -> None:
    mask = np.arange(T)[:, None] < np.array(LENGTHS)

    @jax.jit
    def run(params: Any, xs: Any) -> Any:
        carry, every = case.noun.carry(params, (B,)), np.ones((T, B), bool).tolist()
        return (
            case.noun.apply(params, xs, lengths=list(LENGTHS)),
            case.noun.apply(params, xs, lengths=list(LENGTHS), mask=every),
            case.noun.apply(params, xs, carry, mask=mask),
        )

    first, second, third = run(case.params, case.xs)
    trees.same(first, third, "lengths, and no carry: ")
    trees.same(second, third, "lengths and a mask, and no carry: ")


def step_resets(case: LayerCase) -> None:
    @jax.jit
    def run(params: Any, carry: Any, x: Any) -> Any:
        nans = [leaf.at[0].set(jnp.nan) for leaf in trees.numbers(carry)]
        ruined = trees.with_numbers(carry, nans)
        return (
            case.noun.step(params, ruined, x, resets=[True, False, True]),
            case.noun.step(params, None, x),
            case.noun.step(params, trees.on_host(case.carry), x),
        )

    some, new, old = run(case.params, case.carry, trees.at(case.xs, 0))
    for row, wanted in enumerate([new, old, new]):
        trees.near(trees.at(some, row), trees.at(wanted, row), f"row {row} of `step(resets=)`: ")


def keys(case: LayerCase) -> None:
    rates = _with_rate(case.noun, 0.0)
    params, (xs, carry) = case.params, trees.on_host((case.xs, case.carry))

    @jax.jit
    def run(layer: Any, key: Any) -> Any:
        return layer.apply(params, xs, carry, key=key)

    trees.near(run(rates, case.key), case.whole, "at every rate 0, with a key, of numpy's arrays: ")
    noisy = run(_with_rate(case.noun, 0.5), case.key)[1]
    pairs = zip(trees.numbers(noisy), trees.numbers(case.whole[1]), strict=True)
    changed = any(not np.allclose(a, b, atol=1e-3) for a, b in pairs)
    drops = any(_is_rate(path) for path, _ in jax.tree_util.tree_leaves_with_path(case.noun))
    assert changed == drops, f"a key changes the outputs: {changed}; it has rates: {drops}"


def _is_rate(path: Any) -> bool:
    return jax.tree_util.keystr(path).endswith(".rate")


def _with_rate(layer: Any, rate: float) -> Any:
    """The layer with another rate in every dropout."""

    def leaf(path: Any, value: Any) -> Any:
        return rate if _is_rate(path) else value

    return jax.tree_util.tree_map_with_path(leaf, layer)


def vmap(case: LayerCase) -> None:
    twice = trees.moved(case.params, case.params, 1.0)
    several = jax.tree.map(lambda *leaves: np.stack(leaves), case.params, twice)

    xs, carry = case.xs, case.carry

    @jax.jit
    def run(several: Any) -> Any:
        def apply(params: Any) -> Any:
            return case.noun.apply(params, xs, carry)

        return jax.vmap(apply)(several), jax.lax.map(apply, several)

    got, wanted = run(several)
    trees.near(got, wanted, "under `vmap` over parameters: ")


def types(case: LayerCase) -> None:
    """Of shapes alone: nothing is compiled."""
    for dtype in (jnp.float32, jnp.bfloat16):
        for key in (None, case.key):
            _types(case, dtype, key)


def _types(case: LayerCase, dtype: Any, key: Any) -> None:
    layer, mask = case.noun, np.ones((T, B), bool)

    def run(params: Any, xs: Any) -> Any:
        carry = layer.carry(params, (B,))
        results = [layer.apply(params, xs, carry, key=key, mask=mask)]
        if all(part.causal for part in layer.parts):
            x = jax.tree.map(lambda leaf: leaf[0], xs)
            results.append(layer.step(params, carry, x))
        return carry, results

    drawn, inputs = case.drawn, case.xs
    with jax.enable_x64(False):
        carry, results = jax.eval_shape(run, *trees.cast((drawn, inputs), dtype))
    for (last, ys), verb in zip(results, ("apply", "step"), strict=False):
        what = f"with {jnp.dtype(dtype)} parameters `{verb}` gives "
        trees.alike(last, carry, f"{what}a carry: ")
        lead = (B,) if verb == "step" or layer.pools else (T, B)
        for leaf in trees.numbers(ys):
            assert leaf.dtype == dtype, f"{what}{leaf.dtype}"
            assert leaf.shape[: len(lead)] == lead, f"{what}the shape {leaf.shape}"
            features, said = leaf.shape[len(lead) :], layer.output_shape
            fits = said is None or all(b in (None, a) for a, b in zip(features, said, strict=True))
            assert fits, f"{what}features {features}, and `output_shape` says {said}"


def traces(case: LayerCase) -> None:
    count = []
    params, xs, carry = case.params, case.xs, case.carry

    @jax.jit
    def shape(layer: Any) -> Any:
        count.append(layer)
        ys = layer.apply(params, xs, carry, key=case.key)[1]
        return [jnp.zeros(leaf.shape) for leaf in jax.tree.leaves(ys)]

    for layer in (case.noun, copy.deepcopy(case.noun), _with_rate(case.noun, 0.1)):
        shape(layer)
    assert len(count) == 1, f"it was traced {len(count)} times"
