"""The parts of logits that losses and metrics share, on a CPU and elsewhere."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information
from jaxrnn._numerics import partition
from jaxrnn._numerics._partition import _partition

SIZES = (1, 2, 15, 31, 32, 33, 100, 256, 271, 2007)
FORMS = {"cpu": partition, "elsewhere": _partition}


def wanted(z):
    z = np.asarray(z, np.float64)
    place = z.argmax(-1, keepdims=True)
    top = np.take_along_axis(z, place, -1)
    term = np.exp(z - top)
    np.put_along_axis(term, place, 0, -1)
    others = term.sum(-1, keepdims=True)
    below = (term * (top - z)).sum(-1, keepdims=True)
    return top, place, np.log1p(others), below / (1 + others)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("classes", SIZES)
def test_every_part(form, classes):
    rng = np.random.default_rng(classes)
    for scale in (1, 30):
        z = (scale * rng.normal(size=(3, 2, classes))).astype(np.float32)
        found = jax.jit(FORMS[form])(z)
        for got, want in zip(found, wanted(z), strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-6)


@pytest.mark.parametrize("form", FORMS)
def test_corners(form):
    for classes in (3, 33, 271):
        z = np.zeros((5, classes), np.float32)
        z[1] = -np.inf
        z[2, 1:] = -np.inf
        z[3, 2] = np.nan
        z[4, -1] = np.inf
        top, place, rest, below = (np.asarray(part)[:, 0] for part in jax.jit(FORMS[form])(z))
        np.testing.assert_array_equal(top, [0, 0, 0, np.nan, np.inf])
        np.testing.assert_array_equal(place[[0, 1, 2, 4]], [0, 0, 0, classes - 1])
        np.testing.assert_allclose(rest, [np.log(classes), 0, 0, np.nan, 0], rtol=1e-6)
        np.testing.assert_array_equal(below, [0, 0, 0, np.nan, 0])


def test_transforms():
    z = np.random.default_rng(0).normal(size=(4, 3, 2, 271)).astype(np.float32)
    alone = jax.jit(partition)(z)
    same = partial(jax.tree.map, partial(np.testing.assert_allclose, rtol=1e-6))
    for axis in range(3):
        same(jax.jit(jax.vmap(partition, axis, axis))(z), alone)
    same(jax.lax.map(partition, z), alone)
    same(jax.jit(jax.vmap(jax.vmap(partition)))(z), alone)


@pytest.mark.parametrize("function", [information.entropy, information.log_softmax])
def test_programs_for_any_number_of_classes_and_every_platform(function):
    shape = jax.export.symbolic_shape("b, v")
    wide = jax.ShapeDtypeStruct(shape, jnp.float32)
    program = jax.export.export(jax.jit(function), platforms=("cpu", "cuda", "tpu"))(wide)
    z = np.random.default_rng(0).normal(size=(3, 70)).astype(np.float32)
    np.testing.assert_allclose(program.call(z), function(z), rtol=1e-6)
