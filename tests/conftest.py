"""Strict JAX settings, several virtual devices, and a key for every test."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import hypothesis
import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# The first example compiles: no deadline. The same examples every time: a failure is a failure.
hypothesis.settings.register_profile("jaxrnn", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.load_profile("jaxrnn")


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def x64():
    """Run one test in float64."""
    with jax.enable_x64(True):
        yield
