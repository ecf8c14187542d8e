"""Which parameters of a test the default line runs, and which are left to `-m slow`."""

import pytest

SLOW = pytest.mark.slow


def some(*quick, slow):
    """Parameters of a test, of which some are slow."""
    return [*map(_parameter, quick), *(_parameter(value, SLOW) for value in slow)]


def some_of(names, quick):
    """Those of `quick`, and the other names, which are alike and slow."""
    names = list(names)
    assert {*quick} <= {*names}, {*quick} - {*names}
    first = [name for name in names if name in quick]
    return some(*first, slow=[name for name in names if name not in quick])


def _parameter(value, *marks):
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=marks)
