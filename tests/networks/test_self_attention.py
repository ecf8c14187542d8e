"""Attention of a sequence to itself, against the equations by numpy, whole and in pieces."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from jaxrnn import networks

T, B, F, HEADS, CONTEXT = 11, 2, 4, 2, 3
DRAW = np.random.default_rng(0)
XS = DRAW.normal(size=(T, B, F))
MASK, RESETS = DRAW.random((T, B)) < 0.7, DRAW.random((T, B)) < 0.25
POSITIONS = {
    "rotary": networks.Rotary(50.0),
    "alibi": networks.ALiBi(),
    "unordered": networks.Unordered(),
}


def drawn(layer):
    shapes = jax.eval_shape(layer.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: 0.5 * DRAW.normal(size=leaf.shape), shapes)


def score(positions, q, k, head, distance):
    """How well a query and a key of one head fit; rotary positions by complex numbers."""
    half = len(q) // 2
    q, k = (x[:half] + 1j * x[half:] for x in (q, k))
    angle = np.zeros(half)
    if isinstance(positions, networks.Rotary):
        angle = distance * positions.base ** (-np.arange(half) / half)
    slope = 2.0 ** (-8 * (head + 1) / HEADS) if isinstance(positions, networks.ALiBi) else 0
    product = (q * np.exp(1j * angle) * k.conj()).real.sum()
    return product / np.sqrt(2 * half) - slope * abs(distance)


def read(params, positions, xs, at):
    """What step `at` of the steps `xs` reads of all of them."""
    q, k, v = ((xs @ p.kernel + p.bias).reshape(len(xs), HEADS, -1) for p in params[:3])
    found = []
    for head in range(HEADS):
        distances = at - np.arange(len(xs))
        pairs = zip(k[:, head], distances, strict=True)
        scores = np.array([score(positions, q[at, head], key, head, d) for key, d in pairs])
        weights = np.exp(scores) / np.exp(scores).sum()
        found.append(weights @ v[:, head])
    return np.concatenate(found) @ params.output.kernel + params.output.bias


def sequences(row):
    """The indices of the valid steps of each sequence in a row."""
    numbers = np.cumsum(RESETS[:, row])
    return [np.flatnonzero(MASK[:, row] & (numbers == n)) for n in np.unique(numbers)]


@pytest.mark.parametrize("positions", POSITIONS.values(), ids=POSITIONS)
def test_causal_equations_with_holes_and_resets_and_in_pieces(positions, x64):
    """Windows count valid steps, so they reach over holes; the pieces end within windows."""
    layer = networks.CausalAttention(F, HEADS, CONTEXT, positions)
    params = drawn(layer)

    @jax.jit
    def run(params, xs, mask, resets):
        whole = layer.apply(params, xs, mask=mask, resets=resets)
        carry, ys = None, []
        for a, b in [(0, 4), (4, T)]:
            given = {"mask": mask[a:b], "resets": resets[a:b]}
            carry, y = layer.apply(params, xs[a:b], carry, **given)
            ys.append(y)
        return whole, (carry, jnp.concatenate(ys))

    whole, pieces = run(params, XS, MASK, RESETS)
    chex.assert_trees_all_close(pieces, whole, rtol=1e-12, atol=1e-12)
    wanted = np.zeros_like(XS)
    for row in range(B):
        for steps in sequences(row):
            for n, t in enumerate(steps):
                window = XS[steps[max(0, n + 1 - CONTEXT) : n + 1], row]
                wanted[t, row] = read(params, positions, window, len(window) - 1)
    np.testing.assert_allclose(whole[1], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("positions", POSITIONS.values(), ids=POSITIONS)
def test_equations_of_the_whole_with_holes_and_resets(positions, x64):
    layer = networks.SelfAttention(F, HEADS, positions)
    params = drawn(layer)
    _, ys = jax.jit(layer.apply)(params, XS, mask=MASK, resets=RESETS)
    wanted = np.zeros_like(XS)
    for row in range(B):
        for steps in sequences(row):
            for n, t in enumerate(steps):
                wanted[t, row] = read(params, positions, XS[steps, row], n)
    np.testing.assert_allclose(ys, wanted, rtol=1e-12, atol=1e-12)


LAYERS = {
    "causal": networks.CausalAttention(F, HEADS, CONTEXT),
    "whole": networks.SelfAttention(F, HEADS),
}


@pytest.mark.parametrize(("name", "dtype"), [("causal", np.float32), ("whole", np.float64)])
def test_a_sequence_that_is_not_finite_does_not_reach_the_next(name, dtype, x64):
    """Neither its values nor a gradient, though both are in one block."""
    layer = LAYERS[name]
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), drawn(layer))
    xs = XS[:5].astype(dtype)
    resets = np.zeros((5, B), bool)
    resets[2] = True

    @jax.jit
    def run(params, xs):
        def loss(xs):
            ys = layer.apply(params, xs, resets=resets)[1]
            return (ys[2:] ** 2).sum(), ys

        return jax.value_and_grad(loss, has_aux=True)(xs)

    spoilt = xs.copy()
    spoilt[0], spoilt[1] = np.nan, np.inf
    (_, clean), wanted = run(params, xs)
    (_, ys), gradient = run(params, spoilt)
    assert np.isnan(ys[:2]).all()
    np.testing.assert_array_equal(ys[2:], clean[2:])
    np.testing.assert_array_equal(gradient[2:], wanted[2:])


@pytest.mark.parametrize("name", LAYERS)
def test_any_number_of_batch_axes(name):
    layer = LAYERS[name]
    xs, mask = jnp.asarray(XS, jnp.float32), jnp.asarray(MASK)

    @jax.jit
    def run(params, xs, mask):
        ys = layer.apply(params, xs, mask=mask)[1]
        alone = layer.apply(params, xs[:, 0], mask=mask[:, 0])[1]
        wide = layer.apply(params, xs[:, None], mask=mask[:, None])[1]
        return ys, alone, wide

    ys, alone, wide = run(layer.init(jax.random.key(0)), xs, mask)
    chex.assert_trees_all_close((alone, wide[:, 0]), (ys[:, 0], ys), rtol=1e-5, atol=1e-6)


def test_memory_of_the_causal_whole_does_not_grow_with_the_square():
    layer = networks.CausalAttention(4, 2, 8)
    params = layer.init(jax.random.key(0))

    def largest(steps):
        xs = jax.ShapeDtypeStruct((steps, 4), jnp.float32)
        grad = jax.grad(lambda p, xs: layer.apply(p, xs)[1].sum())
        program = jax.make_jaxpr(grad)(params, xs)
        sizes = []
        stack = [program.jaxpr]
        while stack:
            jaxpr = stack.pop()
            for equation in jaxpr.eqns:
                sizes += [v.aval.size for v in equation.outvars if hasattr(v.aval, "size")]
                stack += jaxprs_in_params(equation.params)
        return max(sizes)

    assert largest(512) == 512 * 2 * 16  # steps, heads and keys of two blocks
    assert largest(1024) == 2 * largest(512)


def test_a_mesh_of_explicit_axes():
    """The carry is placed as the inputs are; the mask may be whole on every device."""
    layer = LAYERS["causal"]
    params, xs = drawn(layer), np.float32(XS)

    def loss(params, xs):
        return (layer.apply(params, xs, mask=MASK, resets=RESETS)[1] ** 2).sum()

    run = jax.jit(jax.grad(loss))
    wanted = run(params, xs)
    with jax.set_mesh(jax.make_mesh((2,), ("data",))):
        divided = jax.device_put(xs, jax.sharding.PartitionSpec(None, "data"))
        got = jax.device_get(run(jax.device_put(params, jax.sharding.PartitionSpec()), divided))
    chex.assert_trees_all_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_carry_of_another_batch_is_refused(as_users_run_it):
    layer = LAYERS["causal"]
    params, xs = layer.init(jax.random.key(0)), jnp.asarray(XS, jnp.float32)
    with pytest.raises(ValueError, match=r"carry.keys must be of shape \(2, 3, 2, 2\), got \(5"):
        layer.apply(params, xs, layer.carry(params, (5,)))
    with pytest.raises(TypeError, match="the carry is not one of this layer"):
        layer.apply(params, xs, jnp.zeros((B, F)))


def test_the_last_step_may_summarise_a_layer_that_sees_all():
    networks.stack(LAYERS["whole"], networks.LastPool())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: networks.CausalAttention(4, 3, 2), "features must be a multiple of heads"),
        (lambda: networks.CausalAttention(4, 2, 0), "context must be at least 1"),
        (lambda: networks.SelfAttention(6, 2), r"turns pairs of features, got heads of 3"),
        (lambda: networks.SelfAttention(6, 2, None), "Such as `networks.Rotary"),
        (lambda: networks.Rotary(0.0), "base must be finite and above 0"),
    ],
)
def test_wrong_nouns(make, says, as_users_run_it):
    with pytest.raises((TypeError, ValueError), match=says):
        make()
