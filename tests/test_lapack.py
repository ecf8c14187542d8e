"""That no program asks for a batch of decompositions on a CPU, where that can hang.

JAX divides a large batch among the threads that run the program. Where all of them ask at once,
none is left to do the work: two layers that draw orthogonal gates on two threads, or two devices.
"""

import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import constraints
from jaxrnn._numerics import inverse, spectral_norm
from tests import zoo
from tests.quick import some_of

KEYS = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 3))
BATCH = re.compile(r"@lapack_.*: \(tensor<\d+x\d+x\d+x")

PROGRAM = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
from jaxrnn import cells, networks
layers = [networks.Recurrent(cells.LSTM(64, 64)) for _ in range(4)]
init = jax.jit(jax.vmap(networks.stack(*layers).init))
for seed in range(20):
    jax.block_until_ready(init(jax.random.split(jax.random.key(seed), 8)))
"""


def batches(function, *args):
    """The lines of a program that call LAPACK with a batch of matrices."""
    text = jax.jit(function).lower(*args).as_text()
    return [line for line in text.splitlines() if BATCH.search(line)]


def test_a_batch_is_found():
    assert batches(jax.vmap(lambda key: jax.nn.initializers.orthogonal()(key, (4, 4))), KEYS)


CELLS = {**zoo.CELLS, "reservoir": zoo.OTHERS["reservoir"]}


@pytest.mark.parametrize("name", some_of(CELLS, {"lstm", "conv_lstm", "rwkv7", "reservoir"}))
def test_parameters_are_drawn_without(name):
    assert not batches(jax.vmap(CELLS[name].init), KEYS)


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.Orthogonal(constraints.Cayley()),
        constraints.Orthogonal(constraints.Householder()),
        constraints.SpectrallyBounded(),
        constraints.LowRank(2),
        constraints.WeightNormalised(),
    ],
    ids=str,
)
def test_constraints_are_kept_without(constraint):
    start = jax.vmap(lambda key: constraint.init(key, jax.random.normal(key, (4, 8))))
    assert not batches(start, KEYS)
    free = jax.eval_shape(start, KEYS)
    loss = jax.grad(lambda free: jnp.cos(constraint.value(free)).sum(), allow_int=True)
    assert not batches(jax.vmap(loss), free)


@pytest.mark.slow
def test_seeds_of_a_deep_network_are_drawn_on_two_devices():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=300)


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 5)])
def test_the_norm_has_two_derivatives(shape, x64):
    def two(norm):
        def loss(matrix):
            return jnp.cos(norm(matrix)).sum()

        return jax.grad(loss)(matrix), jax.hessian(loss)(matrix)

    matrix = jnp.asarray(np.random.default_rng(0).normal(size=shape))
    wanted = two(lambda matrix: jnp.linalg.svd(matrix, compute_uv=False)[..., 0])
    for a, b in zip(two(spectral_norm), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    same = jax.grad(lambda matrix: spectral_norm(matrix).sum())(jnp.eye(*shape[-2:]))
    assert jnp.isfinite(same).all()


def test_the_inverse_has_two_derivatives(x64):
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3)))
    for get in (jax.jacobian, jax.hessian):
        got, wanted = get(inverse)(matrix), get(jnp.linalg.inv)(matrix)
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9 * jnp.abs(wanted).max())
