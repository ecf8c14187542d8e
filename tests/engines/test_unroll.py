"""What `unroll` does with learned carries, random numbers, axes of features, and wrong cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, engines, unroll
from tests import cells as own
from tests import zoo
from tests.laws.conftest import problem


@pytest.mark.parametrize("engine", [engines.Scan(), engines.BPTT()])
@pytest.mark.parametrize("reverse", [False, True])
def test_truncated_keeps_the_gradient_of_a_fresh_carry(engine, reverse, x64, key):
    """A reset on a border: what it puts in is a parameter, not a state of the segment before."""
    cell = zoo.CELLS["learned_carry"]
    params, xs, carry = problem(cell, key, steps=6, batch=())
    resets = jnp.arange(6) == 3

    def loss(engine, params):
        return unroll(cell, params, xs, carry, resets=resets, reverse=reverse, engine=engine)[
            1
        ].sum()

    # Sequences end where segments do, so that nothing is truncated.
    got = jax.grad(lambda p: loss(engines.Truncated(engine, 3), p))(params)
    wanted = jax.grad(lambda p: loss(engine, p))(params)
    assert float(abs(wanted.start).max()) > 1e-3
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_truncated_with_a_learned_carry_of_plain_functions(x64):
    cell = cells.from_functions(
        init=lambda key: jnp.ones(4),
        carry=lambda p, b: jnp.broadcast_to(p, (*b, 4)),
        step=lambda p, h, x: (jnp.tanh(h + x),) * 2,
    )
    xs, resets = jnp.ones((6, 4)), jnp.arange(6) == 3

    def loss(p, engine):
        return unroll(cell, p, xs, jnp.zeros(4), resets=resets, engine=engine)[1].sum()

    wanted = jax.grad(loss)(jnp.ones(4), engines.Scan())
    np.testing.assert_allclose(
        jax.grad(loss)(jnp.ones(4), engines.Truncated(engines.Scan(), 3)), wanted
    )
    assert float(wanted[0]) == pytest.approx(0.076, abs=5e-4)


class Squared(cells.DenseCell):
    """Its `mix` is not affine."""

    def init(self, key):
        return own.LearnedStart(self.inputs, self.hidden).init(key)

    def mix(self, params, carry):
        return super().mix(params, carry**2)

    def gate(self, params, carry, u, r):
        h = jnp.tanh(u + r)
        return h, h.astype(params.kernel.dtype)


def test_a_mix_that_is_not_affine_is_refused(key):
    cell, xs = Squared(3, 4), jnp.ones((5, 2, 3))
    params = cell.init(key)
    for engine in (engines.Auto(), engines.BPTT(), engines.Chunked(engines.BPTT(), 2)):
        with pytest.raises(ValueError, match=r"`mix` of Squared.* is not affine in the carry"):
            unroll(cell, params, xs, engine=engine)
        with pytest.raises(ValueError, match="not affine"):
            jax.jit(lambda p, e=engine: unroll(cell, p, xs, engine=e))(params)
    assert unroll(cell, params, xs, engine=engines.Scan())[1].shape == (5, 2, 4)


def by_hand(cell, params, xs, keep):
    """Zoneout of an LSTM, step by step."""
    carry, ys = cell.carry(params, xs.shape[1:-1]), []
    for t, x in enumerate(xs):
        k = jax.tree.map(lambda leaf, t=t: leaf[t], keep)
        new, _ = cell.step(params, carry, x)
        carry = jax.tree.map(jnp.where, k, carry, new)
        ys.append(carry.hidden)
    return carry, jnp.stack(ys)


@pytest.mark.parametrize("engine", ["scan", "bptt", "chunked_bptt"])
def test_what_is_drawn_reaches_every_step(engine, x64, key):
    """Zoneout: values and gradients equal those of a plain loop over the same draws."""
    cell = zoo.CELLS["zoneout"]
    params, xs, _ = problem(cell, key)
    draw = jax.random.key(7)
    keep = cell.draw(params, xs, draw).noise

    def loss(run, params):
        carry, ys = run(params)
        return (ys**2).sum() + sum((c**2).sum() for c in carry), (carry, ys)

    def run(params):
        return unroll(cell, params, xs, key=draw, engine=zoo.ENGINES[engine])

    def loop(params):
        return by_hand(cell.cell, params, xs, keep)

    got = jax.value_and_grad(lambda p: loss(run, p), has_aux=True)(params)
    wanted = jax.jit(jax.value_and_grad(lambda p: loss(loop, p), has_aux=True))(params)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_masks_and_resets_beside_what_is_drawn(x64, key):
    cell = zoo.CELLS["zoneout"]
    params, xs, _ = problem(cell, key, batch=(2,))
    mask = jnp.ones(xs.shape[:2], bool).at[2, 0].set(False)
    resets = jnp.zeros(xs.shape[:2], bool).at[4].set(True)
    keep = cell.draw(params, xs, key).noise
    carry, ys = unroll(cell, params, xs, key=key, mask=mask, resets=resets)
    times = jnp.array([4, 5, 6])
    wanted = by_hand(cell.cell, params, xs[times, 0], jax.tree.map(lambda k: k[times, 0], keep))
    np.testing.assert_allclose(ys[times, 0], wanted[1], rtol=1e-12)
    np.testing.assert_allclose(carry.cell[0], wanted[0].cell, rtol=1e-12)


def test_a_key_says_nothing_to_a_cell_without_randomness(key):
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, key)
    np.testing.assert_array_equal(unroll(cell, params, xs, key=key)[1], unroll(cell, params, xs)[1])


def test_axes_of_features(key):
    cell = zoo.CELLS["columns"]
    params, xs, _ = problem(cell, key, batch=(5,))
    assert unroll(cell, params, xs)[1].shape == (7, 5, 2, zoo.H)
    with pytest.raises(
        ValueError, match=r"unroll: Columns takes any, 3 features, xs is float32\[7,5,2\]"
    ):
        unroll(cell, params, xs[..., 0])
    with pytest.raises(ValueError, match=r"unroll: lengths must have the batch shape \(5,\)"):
        unroll(cell, params, xs, lengths=jnp.ones((5, 2), int))
    symbols = cells.from_functions(
        init=lambda key: jnp.eye(3),
        carry=lambda params, batch: jnp.zeros((*batch, 3)),
        step=lambda params, h, x: (h + params[x],) * 2,
        input_shape=(),
    )
    ys = unroll(symbols, jnp.eye(3), jnp.array([[0, 1], [2, 2]]))[1]
    np.testing.assert_array_equal(ys[1], [[1, 0, 1], [0, 1, 1]])


def test_a_learned_carry_has_its_gradient_under_resets(x64, key):
    """On every engine, beside masks: the law of engines, said once with a number."""
    cell = zoo.CELLS["learned_carry_of_functions"]
    xs = jnp.zeros((4, 4))
    resets = jnp.array([False, True, False, True])

    def loss(start):
        return unroll(cell, start, xs, jnp.zeros(4), resets=resets)[1].sum()

    # Fresh at steps 1 and 3; step 2 goes on from tanh(start).
    start = jnp.full(4, 0.5)
    slope = 1 - jnp.tanh(0.5) ** 2
    again = 1 - jnp.tanh(jnp.tanh(0.5)) ** 2
    np.testing.assert_allclose(jax.grad(loss)(start), 2 * slope + slope * again, rtol=1e-12)


def test_truncated_keeps_an_infinite_carry():
    """A running maximum starts from minus infinity; borders lie in the mask, and at a reset."""
    largest = cells.from_functions(
        init=lambda key: jnp.ones(()),
        carry=lambda params, batch: jnp.full((*batch, 3), -jnp.inf),
        step=lambda params, h, x: (jnp.maximum(h, x),) * 2,
    )
    xs = jnp.arange(18.0).reshape(6, 3)
    flags = {"mask": jnp.arange(6) >= 4, "resets": jnp.arange(6) == 2}
    wanted = unroll(largest, jnp.ones(()), xs, **flags)
    got = unroll(largest, jnp.ones(()), xs, engine=engines.Truncated(engines.Scan(), 2), **flags)
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])
    assert np.isfinite(got[0]).all()


def test_a_learned_carry_can_be_donated(key):
    """Neither shares a carry its buffer with a parameter, nor one parameter with another."""
    inner = cells.LearnedCarry(cells.GRU(2, 3))
    cell = cells.LearnedCarry(inner)
    params = cell.init(key)
    carry = cell.carry(params)
    places = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves((params, carry))}
    assert len(places) == len(jax.tree.leaves((params, carry)))
