"""Cells against the numbers that they gave when they were written."""

import json

import numpy as np
import pytest

from tests import zoo
from tests.golden import make_cells

GOLDEN = json.loads(make_cells.FILE.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.LIBRARY_CELLS)
def test_golden(name, x64):
    got, wanted = make_cells.numbers(zoo.LIBRARY_CELLS[name]), GOLDEN[name]
    assert list(got) == list(wanted)
    for what, values in wanted.items():
        np.testing.assert_allclose(got[what], values, rtol=1e-10, atol=1e-12, err_msg=what)


def test_no_cell_without_golden_numbers():
    assert sorted(GOLDEN) == sorted(zoo.LIBRARY_CELLS)
