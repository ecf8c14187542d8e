"""Cells against their papers' steps under `lax.scan`: values and the gradients of everything.

And against what other libraries computed of the same numbers, where that is recorded.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import engines, unroll
from tests import zoo
from tests.golden import make_dynamics, make_gated, make_linear, make_memory
from tests.golden.torch_cells import load
from tests.quick import some_of
from tests.textbook import STEPS

STEPS_IN_TIME, BATCH = 5, 2
FILES = [made.FILE for made in (make_dynamics, make_gated, make_linear, make_memory)]
RECORDED = {name: leaves for file in FILES for name, leaves in load(file).items()}
"""What other libraries gave for some of the cells."""


def problem(cell, draw):
    """Random parameters, inputs and a carry, drawn by NumPy, which compiles nothing."""

    def random(leaf):
        numbers = draw.normal(size=(*leaf.shape, 2))
        if jnp.iscomplexobj(leaf):
            return jnp.asarray(numbers[..., 0] + 1j * numbers[..., 1], leaf.dtype)
        return jnp.asarray(0.5 * numbers[..., 0], leaf.dtype)

    params = jax.tree.map(random, jax.eval_shape(cell.init, jax.random.key(0)))
    carry = jax.eval_shape(lambda params: cell.carry(params, (BATCH,)), params)
    features = tuple(2 if size is None else size for size in cell.input_shape or (zoo.I,))
    xs = jnp.asarray(draw.normal(size=(STEPS_IN_TIME, BATCH, *features)))
    return params, jax.tree.map(random, carry), xs


ONE_OF_EACH_FORM = {
    *("peephole_lstm", "layer_norm_gru", "conv_lstm", "lem", "cfc", "clockwork", "ind_rnn"),
    *("slstm", "lru", "s5", "mlstm", "gla", "delta_net", "rwkv7"),
}


@pytest.mark.parametrize("name", some_of(STEPS, ONE_OF_EACH_FORM))
def test_textbook(name, x64):
    cell, step = zoo.CELLS[name], STEPS[name]
    arguments = problem(cell, np.random.default_rng(0))

    def with_jaxrnn(params, carry, xs):
        return unroll(cell, params, xs, carry, engine=engines.Scan())

    def by_the_book(params, carry, xs):
        with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            return jax.lax.scan(lambda carry, x: step(params, carry, x), carry, xs)

    def results(run):
        def loss(params, carry, xs):
            last, ys = run(params, carry, xs)
            total = 0.0
            for leaf in jax.tree.leaves((last, ys)):
                weight = jnp.cos(jnp.arange(1.0 * leaf.size)).reshape(leaf.shape)
                total += (leaf.real * weight + 0.3 * leaf.imag * weight).sum()
            return total, (last, ys)

        return jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)(*arguments)

    got, wanted = jax.jit(lambda: (results(with_jaxrnn), results(by_the_book)))()
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    close(got, jax.tree.leaves(wanted))
    if name in RECORDED:
        close(got, RECORDED[name])


def close(got, wanted):
    """Equal but for rounding, relative to the largest number of each leaf."""
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(got), wanted, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        error = np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)
        assert error <= 1e-12, (jax.tree_util.keystr(path), error)
