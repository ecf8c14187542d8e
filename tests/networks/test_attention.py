"""Attention to a memory: what is masked or not finite reaches nothing, and nothing gives zeros."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import networks
from jaxrnn.networks._attend import attend

S, T, B = 5, 3, 4
ATTENTION = networks.MultiHead(4, 3, heads=2)
DRAW = np.random.default_rng(0)
MEMORY, QUERIES = DRAW.normal(size=(S, B, 3)), DRAW.normal(size=(T, B, 4))
MASK = np.arange(S)[:, None] < np.array([S, 3, 1, 0])


def drawn(layer):
    """Parameters none of which is zero."""
    shapes = jax.eval_shape(layer.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.5 * DRAW.normal(size=leaf.shape)), shapes)


def by_hand(params, memory, queries, heads):
    """One query `[Q]` and the entries `[S, M]` that it may read, by numpy."""
    params = jax.tree.map(np.asarray, params)
    q, k, v = (
        x @ p.kernel + p.bias for x, p in zip((queries, memory, memory), params, strict=False)
    )
    q, k, v = (np.asarray(x).reshape(*x.shape[:-1], heads, -1) for x in (q, k, v))
    scores = np.einsum("nd,snd->ns", q, k) / np.sqrt(q.shape[-1])
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    read = np.einsum("ns,snd->nd", weights, v).ravel()
    return read @ params.output.kernel + params.output.bias, weights.mean(0)


def test_values_padding_and_nothing_to_read(x64):
    params = drawn(ATTENTION)

    @jax.jit
    def run(params, memory, queries):
        def loss(params, memory, queries):
            prepared = ATTENTION.prepare(params, memory, MASK)
            context, weights = ATTENTION.read(params, prepared, queries)
            return (context**2).sum() + (weights**2).sum(), (prepared, context, weights)

        return jax.grad(loss, (0, 1, 2), has_aux=True)(params, memory, queries)

    grads, (prepared, context, weights) = clean = run(params, jnp.asarray(MEMORY), QUERIES)
    chex.assert_tree_all_finite(clean)
    for garbage in (np.nan, np.inf, 1e300):
        spoilt = np.where(MASK[..., None], MEMORY, garbage)
        chex.assert_trees_all_equal(run(params, jnp.asarray(spoilt), QUERIES), clean)
    assert not np.where(MASK[..., None], 0, grads[1]).any()
    for row, length in enumerate([S, 3, 1]):
        wanted = by_hand(params, MEMORY[:length, row], QUERIES[1, row], 2)
        np.testing.assert_allclose(context[1, row], wanted[0], rtol=1e-12)
        np.testing.assert_allclose(weights[1, row, :length], wanted[1], rtol=1e-12)
    assert not context[:, 3].any() and not weights[:, 3].any() and not grads[2][:, 3].any()
    step = ATTENTION.read(params, prepared, QUERIES[1])
    chex.assert_trees_all_close(step, (context[1], weights[1]), rtol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_narrow_types_sum_in_float32(dtype):
    """Of 2,000 equal values the mean is that value; the weights are kept in float32."""
    attention = networks.MultiHead(2, 2, heads=1, use_bias=False)
    square = networks.DenseParams(jnp.eye(2, dtype=dtype), None)
    params = networks.MultiHeadParams(*[square] * 4)

    @jax.jit
    def run(params, memory, query):
        return attention.read(params, attention.prepare(params, memory), query)

    context, weights = run(params, jnp.full((2000, 2), 0.75, dtype), jnp.ones(2, dtype))
    assert context.dtype == dtype and weights.dtype == jnp.float32
    np.testing.assert_allclose(context.astype(float), 0.75, rtol=1e-2)
    np.testing.assert_allclose(weights, 1 / 2000, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_what_is_not_finite_reaches_those_only_that_see_it(dtype, x64):
    """Each query sees two keys; one value in the middle is NaN, one key infinite."""
    q, k, v = (DRAW.normal(size=(1, n, 1, 2)).astype(dtype) for n in (T, S, S))
    mask = np.array([[[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]], bool)

    @jax.jit
    def run(k, v):
        def loss(k, v):
            ys = attend(jnp.asarray(q), k, v, jnp.asarray(mask))[0]
            return ys[2].sum(), ys

        return jax.value_and_grad(loss, (0, 1), has_aux=True)(k, v)

    (_, ys), gradient = run(k, v)
    bad_k, bad_v = k.copy(), v.copy()
    bad_k[0, 0], bad_v[0, 1] = np.inf, np.nan
    (_, spoilt), same = run(bad_k, bad_v)
    assert np.isnan(spoilt).all((-1, -2)).tolist() == [True, True, False]
    chex.assert_trees_all_equal((spoilt[2], same), (ys[2], gradient))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda a, p, m: a.prepare(p, MEMORY[..., :2]), "memory must have 3 features"),
        (lambda a, p, m: a.prepare(p, MEMORY[0, 0]), r"memory must be \[S, \*batch, M\]"),
        (lambda a, p, m: a.prepare(p, MEMORY, MASK[:3]), r"mask must be \[S, \*batch\]"),
        (lambda a, p, m: a.prepare(p, MEMORY, MASK + 0), "mask must be Bool"),
        (lambda a, p, m: a.prepare(p, MEMORY.astype(int)), "memory must be floating"),
        (lambda a, p, m: a.read(p, MEMORY, QUERIES), "Make one: `attention.prepare"),
        (lambda a, p, m: a.read(p[::-1], m, QUERIES), "the parameters are not those of MultiHead"),
        (lambda a, p, m: a.prepare(p.key, MEMORY), "the parameters are not those of MultiHead"),
        (lambda a, p, m: a.read(p, m, MEMORY), "queries must have 4 features"),
        (lambda a, p, m: a.read(p, m, QUERIES[:, :2]), "with the batch"),
        (lambda a, p, m: networks.MultiHead(4, 3, heads=3), "features must be a multiple of heads"),
        (lambda a, p, m: networks.MultiHead(4, 0, heads=2), "memory_features must be at least 1"),
    ],
)
def test_wrong_calls(call, says, as_users_run_it):
    params = ATTENTION.init(jax.random.key(0))
    memory = ATTENTION.prepare(params, jnp.asarray(MEMORY))
    with pytest.raises((TypeError, ValueError), match=f"MultiHead: .*{says}"):
        call(ATTENTION, params, memory)
