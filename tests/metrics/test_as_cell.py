"""A metric as a cell."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, metrics, networks, objectives, unroll

T, B, V = 6, 3, 4
KEYS = jax.random.split(jax.random.key(0))
Z, Y = 2 * jax.random.normal(KEYS[0], (T, B, V)), jax.random.randint(KEYS[1], (T, B), 0, V)
LENGTHS = np.array([6, 0, 4])
MASK = np.arange(T)[:, None] + np.arange(B) != 2
COUNTS = MASK & (np.arange(T)[:, None] < LENGTHS)
RESETS = np.zeros((T, B), bool)
RESETS[3, 0] = True
SCORES = metrics.collect(perplexity=metrics.perplexity(), recent=metrics.windowed(metrics.nll(), 2))


def separately(metric, outputs, targets, first, counts):
    """The value after each step of one sequence, updated step by step."""
    update, compute = jax.jit(metric.update), jax.jit(metric.compute)
    state, values = metric.init(), []
    for t in range(T):
        if counts[t]:
            state = metric.init() if t == first else state
            state = update(state, outputs[t : t + 1], targets[t : t + 1])
        values.append(jax.tree.map(lambda leaf, t=t: np.where(counts[t], leaf, 0), compute(state)))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *values), state


def test_unroll_folds_every_sequence_apart():
    """With lengths, a mask and resets at once; what stands in the padding changes nothing."""
    cell = metrics.as_cell(SCORES)

    def fold(outputs, labels):
        xs = outputs, labels[..., None]
        return unroll(cell, (), xs, lengths=LENGTHS, mask=MASK, resets=RESETS)

    carry, curve = fold(Z, Y)
    for b, first in ((0, 3), (2, None)):
        wanted = separately(SCORES, Z[:, b], Y[:, b], first, COUNTS[:, b])
        got = (
            jax.tree.map(lambda leaf, b=b: leaf[:, b], curve),
            jax.tree.map(lambda leaf, b=b: leaf[b], carry),
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), got, wanted)
    assert all(np.isnan(leaf[1]) for leaf in jax.tree.leaves(jax.vmap(SCORES.compute)(carry)))
    garbage = jnp.where(COUNTS[..., None], Z, jnp.nan), jnp.where(COUNTS, Y, -(10**6))
    jax.tree.map(np.testing.assert_array_equal, fold(*garbage), (carry, curve))


def test_batch_axes_are_free_and_vmap_runs_over_them():
    """Without a batch, mapped by hand, and with labels as they are in a scan of one's own."""
    cell = metrics.as_cell(metrics.nll())
    whole = unroll(cell, (), (Z, Y[..., None]))
    mapped = jax.vmap(lambda z, y: unroll(cell, (), (z, y[..., None])), (1, 1), (0, 1))(Z, Y)
    scanned = jax.lax.scan(lambda c, x: cell.step((), c, x), cell.carry((), (B,)), (Z, Y))
    for other in (mapped, scanned):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), other, whole)


def test_it_follows_a_network_in_one_scan_without_all_logits():
    network = networks.stack(
        networks.Embedding(V, 5), networks.Recurrent(cells.Elman(5, 7)), networks.Dense(7, V)
    )
    metric, symbols = metrics.as_cell(metrics.nll()), jnp.roll(Y, 1, 0)

    def folded(params):
        def body(carry, x):
            held, state = carry
            held, logits = network.step(params, held, x[0])
            return (held, metric.step((), state, (logits, x[1]))[0]), None

        start = network.carry(params, (B,)), metric.carry((), (B,))
        state = jax.lax.scan(body, start, (symbols, Y))[0][1]
        return jax.vmap(metrics.nll().compute)(state)

    def whole(params):
        outputs = network.apply(params, symbols)[1]
        return objectives.CrossEntropy()(outputs, Y).mean(0)

    def both(key):
        params = network.init(key)
        return folded(params), whole(params)

    np.testing.assert_allclose(*jax.jit(both)(jax.random.key(1)), rtol=1e-5)
    params = jax.eval_shape(network.init, jax.random.key(1))
    assert f"[{T},{B},{V}]" in str(jax.make_jaxpr(whole)(params))
    assert f"[{T},{B},{V}]" not in str(jax.make_jaxpr(folded)(params))


def test_numbers_of_one_feature_are_no_labels():
    cell = metrics.as_cell(metrics.Mean(objectives.SquaredError()))
    xs = jnp.ones((T, B, 1)), jnp.zeros((T, B, 1))
    np.testing.assert_array_equal(unroll(cell, (), xs)[1], np.ones((T, B)))
    several = metrics.as_cell(metrics.Mean(objectives.MultiLabelCrossEntropy()))
    xs = jnp.zeros((T, B, 1)), jnp.zeros((T, B, 1), int)
    np.testing.assert_allclose(unroll(several, (), xs)[1], np.full((T, B), np.log(2)), rtol=1e-6)


def test_what_is_no_metric():
    with pytest.raises(TypeError, match="as_cell: metric must be a kind of `Metric`"):
        inspect.unwrap(metrics.as_cell)(objectives.CrossEntropy())
