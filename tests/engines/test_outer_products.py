"""The products that give matrices their gradients: their values, and the order they are written in.

XLA turns the left array of such a product in memory, so the smaller one belongs there.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrnn import cells, engines, unroll
from jaxrnn._numerics import dot, reordered
from tests.devices import DEVICES, mesh, put, sent

T, B, INPUTS, G = 5, 2, 4, 6
NARROW = 3
"""Fewer columns than the inputs have, as in a network with few outputs."""


def drawn(columns, rows=(T, B), dtype=float):
    draw = np.random.default_rng(0).normal
    return jnp.asarray(draw(size=(*rows, INPUTS)), dtype), jnp.asarray(
        draw(size=(INPUTS, columns)), dtype
    )


def squares(product):
    return lambda x, kernel: (jnp.sin(product(x, kernel)) ** 2).sum()


def third(loss, wrt):
    """The gradient of a function of the gradient's gradient."""

    def of_gradient(*args):
        return sum((g**3).sum() for g in jax.grad(loss, wrt)(*args))

    return jax.grad(lambda *args: squares(jnp.multiply)(of_gradient(*args), 1.0), wrt)


@pytest.mark.parametrize("columns", [G, NARROW])
@pytest.mark.parametrize("transform", [jax.grad, jax.hessian, jax.jacfwd, third])
def test_derivatives_are_those_of_plain_products(columns, transform):
    with jax.enable_x64(True):
        args = drawn(columns)
        ours, plain = (jax.jit(transform(squares(f), (0, 1)))(*args) for f in (dot, jnp.dot))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), ours, plain)


@pytest.mark.parametrize("axes", [(0, None), (2, None), (None, 1), (0, 0)])
def test_vmap(axes):
    with jax.enable_x64(True):
        args = [
            arg if axis is None else jnp.stack([arg, 2 * arg], axis)
            for arg, axis in zip(drawn(G), axes, strict=True)
        ]
        ours, plain = (
            jax.vmap(jax.jacfwd(jax.grad(squares(f), (0, 1)), 1), axes)(*args)
            for f in (dot, jnp.dot)
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), ours, plain)


@pytest.mark.parametrize("columns", [G, NARROW])
@pytest.mark.parametrize("rows", [(T, B), (T, B, 2)])
def test_the_smaller_array_is_on_the_left(columns, rows):
    x, kernel = drawn(columns, rows, jnp.float32)
    pull = reordered(jax.vjp(lambda kernel: x @ kernel, kernel)[1])
    for gradient in (
        jax.make_jaxpr(jax.grad(lambda kernel: dot(x, kernel).sum()))(kernel),
        jax.make_jaxpr(pull)(x @ kernel),
    ):
        (product,) = (e for e in gradient.eqns if e.primitive is jax.lax.dot_general_p)
        left, right = (v.aval.shape[-1] for v in product.invars)
        assert (left, right) == tuple(sorted((INPUTS, columns)))


def test_a_cell_of_ones_own_that_multiplies_by_hand():
    class Own(cells.DenseCell):
        """An `Elman` whose projection is no product of the library."""

        def init(self, key):
            return cells.Elman(self.inputs, self.hidden).init(key)

        def project(self, params, x):
            u = x @ params.kernel
            return u + jnp.broadcast_to(params.bias, u.shape)

        def gate(self, params, carry, u, r):
            return (jnp.tanh(u + r),) * 2

    cell = cells.Elman(INPUTS, G)
    params, xs = cell.init(jax.random.key(0)), drawn(G, dtype=jnp.float32)[0]

    def gradient(cell, engine):
        return jax.grad(lambda p: jnp.cos(unroll(cell, p, xs, engine=engine)[1]).sum())(params)

    ours = gradient(Own(INPUTS, G), engines.BPTT())
    expected = gradient(cell, engines.Scan())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), ours, expected)


def test_precision_of_the_context_holds_for_the_gradient():
    x, kernel = drawn(G, dtype=jnp.float32)

    def loss(kernel):
        with jax.default_matmul_precision("highest"):
            return dot(x, kernel).sum()

    products = [
        e.params["precision"]
        for e in jax.make_jaxpr(jax.grad(loss))(kernel).eqns
        if e.primitive is jax.lax.dot_general_p
    ]
    assert products
    assert all(p == (jax.lax.Precision.HIGHEST,) * 2 for p in products)


def test_bfloat16_gradients_have_the_types_of_what_they_are_of():
    x, kernel = drawn(G, dtype=jnp.bfloat16)
    assert dot(x, kernel).dtype == jnp.float32
    gradients = jax.grad(lambda x, kernel: dot(x, kernel).sum(), (0, 1))(x, kernel)
    assert [g.dtype for g in gradients] == [jnp.bfloat16] * 2


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_cotangents_are_not_rounded_before_they_are_summed(dtype):
    """Those of a mean over many steps are smaller than all numbers of float16."""
    x, kernel = jnp.ones((100, 8, 1), dtype), jnp.ones((1, 1), dtype)
    gradient = jax.grad(lambda kernel: 1e-6 * (dot(x, kernel) ** 2).mean())(kernel)
    expected = jax.grad(
        lambda kernel: 1e-6 * (jnp.dot(x, kernel, preferred_element_type=jnp.float32) ** 2).mean()
    )(kernel)
    np.testing.assert_array_equal(gradient, expected)
    cts = jnp.zeros((100, 8, 1)).at[0, :2, 0].set(jnp.array([1 + 2.0**-12, -1]))
    (summed,) = jax.vjp(lambda kernel: dot(x, kernel), kernel)[1](cts)
    np.testing.assert_array_equal(summed.astype(float), 2.0**-12)


@pytest.mark.parametrize(
    "types", [("complex64", "float64"), ("complex128", "complex64"), ("float64", "complex64")]
)
def test_mixed_types(types):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        x, kernel = (
            (arg * (1 + 0.5j) if "complex" in kind else arg).astype(kind)
            for arg, kind in zip(drawn(G), types, strict=True)
        )
        ours, plain = (
            jax.grad(lambda x, kernel, f=f: (f(x, kernel) ** 2).imag.sum(), (0, 1))(x, kernel)
            for f in (dot, jnp.dot)
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), ours, plain)


@pytest.mark.parametrize("columns", [G, NARROW])
def test_a_divided_batch_stays_where_it_is(columns):
    x, kernel = drawn(columns, (T, 2 * DEVICES), jnp.float32)
    gradient = jax.jit(jax.grad(lambda kernel, x: jnp.cos(dot(x, kernel)).sum()))
    args = put(kernel), put(x, (None, "data"))
    assert {one.kind for one in sent(gradient.lower(*args).compile().as_text())} == {"all-reduce"}
    np.testing.assert_allclose(gradient(*args), gradient(kernel, x), 1e-5, 1e-6)
    specs = PartitionSpec(), PartitionSpec(None, "data")
    mapped = jax.shard_map(gradient, mesh=mesh(), in_specs=specs, out_specs=PartitionSpec())
    np.testing.assert_allclose(mapped(kernel, x), gradient(kernel, x), 1e-5, 1e-6)
