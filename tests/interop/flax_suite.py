"""flax's own recurrent tests, its files unchanged, against the modules of jaxrnn.

python tests/interop/flax_suite.py FOLDER

FOLDER holds flax's sources of the version that is installed: a checkout at its tag, or what
`pip download --no-binary flax --no-deps flax==VERSION` fetches, unpacked. Before a file is loaded,
every name of `flax.linen` and `flax.nnx` that `interop.linen` and `interop.nnx` have too stands for
theirs. The last line says how many tests passed, and how many runs of an `RNN` an engine took.
"""

import importlib.util
import sys
import unittest
from pathlib import Path

import flax.linen
import flax.nnx
import jax

from jaxrnn.interop import linen, nnx
from jaxrnn.interop.linen import _rnn as linen_rnn
from jaxrnn.interop.nnx import _rnn as nnx_rnn

FILES = ("tests/linen/linen_recurrent_test.py", "tests/nnx/nn/recurrent_test.py")


def swap(theirs, ours):
    """Put every name that both have in the place of flax's; returns those that are not flax's."""
    names = [name for name in vars(ours) if name[0].isupper() and hasattr(theirs, name)]
    changed = [name for name in names if getattr(theirs, name) is not getattr(ours, name)]
    for name in changed:
        setattr(theirs, name, getattr(ours, name))
    return changed


def count(module, runs):
    run = module.run

    def counted(found, *args, **options):
        runs.append(type(found.cell).__name__)
        return run(found, *args, **options)

    module.run = counted


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main(folder):
    print(
        "swapped:", *swap(flax.linen, linen), "of flax.linen;", *swap(flax.nnx, nnx), "of flax.nnx"
    )
    runs = []
    count(linen_rnn, runs)
    count(nnx_rnn, runs)
    jax.config.parse_flags_with_absl = lambda: None  # the flags of flax's own runner
    suite = unittest.TestSuite(load(Path(folder) / name) for name in FILES)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    passed = f"{result.testsRun - failed} of {result.testsRun} tests passed"
    print(f"{passed}; engines took {len(runs)} runs")
    return 0 if result.wasSuccessful() and runs else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
