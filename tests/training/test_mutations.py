"""A share of what `python -m tests.mutations` does by hand: every kind of damage, and two kills."""

import random

import pytest

from tests import mutations


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return mutations.Whole(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("seed", range(len(mutations.MUTATIONS)))
def test_damage_ends_in_the_older_checkpoint_or_a_clear_error(seed, whole, tmp_path):
    name, came = mutations.outcome(whole, tmp_path / "copy", seed)
    assert name == mutations.MUTATIONS[seed].__name__
    assert came in {"newest", "older", "ValueError", "FileNotFoundError"}


@pytest.mark.parametrize("name", ["flip", "exchange_folders", "file_for_folder"])
def test_a_damaged_run_ends_as_if_it_were_not(name, whole, tmp_path):
    seed = [mutation.__name__ for mutation in mutations.MUTATIONS].index(name)
    assert mutations.resumed(whole, tmp_path / "copy", seed) == "the same end"


@pytest.mark.slow
def test_a_run_that_is_killed_ends_as_if_it_were_not(tmp_path):
    assert mutations.kills(tmp_path, 2, 24, random.Random(1)) == 2
