"""Strict JAX settings, several virtual devices, and a key for every test."""

import gc
import os

import hypothesis
import jax
import jaxtyping
import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")

# Nearly all the time of these tests is XLA's: it compiles thousands of small programs, each of
# which runs once. These options compile them four to ten times faster. What XLA makes of a program
# at its own settings is tested by setting the variable to something else, be it nothing.
FAST = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
if jax.__version_info__ < (0, 11):  # later ones have no other emitters, and stop at the option
    FAST.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FAST))

jax.config.update("jax_traceback_in_locations_limit", 0)  # of operations; nobody reads them here
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# The first example compiles: no deadline. The same examples every time: a failure is a failure.
hypothesis.settings.register_profile("jaxrnn", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.load_profile("jaxrnn")


def pytest_addoption(parser):
    parser.addoption("--part", default="0/1", help="K/N: every Nth of the tests, from the Kth on")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Leave out what is of another part, after the marks have chosen."""
    first, parts = map(int, config.getoption("part").split("/"))
    config.hook.pytest_deselected(items=[x for i, x in enumerate(items) if i % parts != first])
    items[:] = items[first::parts]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """What has been imported stays, so the collector of garbage need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)  # tracing makes many objects that outlive it


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def x64():
    """Run one test in float64."""
    with jax.enable_x64(True):
        yield
