"""The page of cells leaves none out, and counts as the cells do."""

import pytest

from tests import cells_page

ROWS = cells_page.parse()
CELLS = cells_page.public()


def test_every_public_cell_is_on_the_page():
    assert set(ROWS) == set(CELLS)
    assert all(when for *_, when in ROWS.values())


@pytest.mark.parametrize("name", CELLS)
def test_the_page_counts_what_init_draws(name):
    kind, parameters, state, *_ = ROWS[name]
    cell = CELLS[name]
    if cells_page.is_around(cell):
        assert {kind, parameters, state} == {"as inside"}
        return
    assert kind == cells_page.kind(cell)
    sizes, other = list(cells_page.samples(cell))[-1]
    said = [eval(formula.strip("`"), {}, dict(sizes)) for formula in (parameters, state)]
    assert said == cells_page.counts(other), sizes
