"""Outside of `jit`, what scans is compiled once, and what was compiled goes with its function."""

import gc
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info
from tests.compilations import compilations, compiled_again
from tests.quick import some_of

THETA = np.random.default_rng(0).normal(size=(5, 2, 4, 3)).astype(np.float32)
SCORES = np.random.default_rng(1).normal(size=(5, 2, 4)).astype(np.float32)
LABELS = np.array([[1, 2], [2, 3]])
MASK = np.arange(5)[:, None] < np.array([5, 3])
SYMBOLS = np.random.default_rng(2).integers(0, 3, (20, 2))


def ten_factors(theta):
    return info.logsumexp(theta).sum(axis=(0, 2))


def of_paths(log_partition, theta):
    return (
        info.path_entropy(log_partition, theta),
        info.path_varentropy(log_partition, theta),
        info.path_renyi(log_partition, theta, 2.0),
        info.path_kl(log_partition, theta, theta + 1),
    )


CALLS = {
    "chain": lambda: info.chain_log_partition(THETA, mask=MASK),
    "ctc": lambda: info.ctc_log_partition(SCORES, LABELS, mask=MASK),
    "lagged": lambda: info.lagged_mutual_information(SYMBOLS, SYMBOLS, [1, 2], classes=3),
    "paths": lambda: of_paths(ten_factors, THETA),
    "paths of a chain": lambda: of_paths(info.chain_log_partition, THETA),
    "paths of a partial": lambda: of_paths(partial(info.chain_log_partition, mask=MASK), THETA),
    "paths of labels": lambda: of_paths(
        partial(info.ctc_log_partition, labels=LABELS, blank=0), SCORES
    ),
}


@pytest.mark.parametrize("name", some_of(CALLS, {"paths"}))
def test_the_second_call_compiles_nothing(name):
    assert not compiled_again(CALLS[name])


def test_other_arrays_of_a_partial_compile_nothing():
    info.path_entropy(partial(info.chain_log_partition, mask=MASK), THETA)
    with compilations() as events:
        info.path_entropy(partial(info.chain_log_partition, mask=MASK[:, ::-1]), THETA + 1)
    assert not events


def test_arrays_of_a_partial_are_refused_as_they_are_in_a_call():
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 4\) and not be the blank 0"):
        info.path_entropy(partial(info.ctc_log_partition, labels=LABELS * 0), SCORES)


@pytest.mark.slow
def test_what_was_compiled_goes_with_its_function():
    """A `lambda` that is made anew is compiled anew, and does not stay."""
    kept = []
    for number in range(3):

        def shifted(theta, number=number):
            return info.chain_log_partition(theta + number)

        with compilations() as events:
            info.path_entropy(shifted, THETA)
        assert events
        kept.append(weakref.ref(shifted))
        del shifted
    gc.collect()
    assert not any(reference() for reference in kept)


def test_bound_methods_and_jitted_functions():
    class Shifted:
        def log_partition(self, theta):
            return info.chain_log_partition(theta + 1)

    wanted = info.path_entropy(info.chain_log_partition, THETA)
    shifted = Shifted()
    for f in (shifted.log_partition, jax.jit(info.chain_log_partition)):
        np.testing.assert_allclose(info.path_entropy(f, THETA), wanted, rtol=1e-5)
        with compilations() as events:
            info.path_entropy(f, jnp.asarray(THETA))
        assert not events
