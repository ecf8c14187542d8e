"""The parts of the examples that a figure rests on; CI runs them whole."""

import importlib.util
import pathlib

import pytest

from jaxrnn import data

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def char_lm():
    spec = importlib.util.spec_from_file_location("char_lm", EXAMPLES / "char_lm.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_held_out_was_hardly_seen(char_lm):
    """Of every topic as it stands it is 8 to 9 %."""
    text = char_lm.python_documentation()
    assert len(text) > 300_000
    assert char_lm.seen_share(*data.split(text, held_out=0.1)) < 0.01


def test_the_share_of_windows_that_were_seen(char_lm, monkeypatch):
    monkeypatch.setattr(char_lm, "WINDOW", 3)
    assert char_lm.seen_share("abcdef", "xbcdx") == 1 / 3  # of xbc, bcd and cdx
    assert char_lm.seen_share("abcdef", "bcdbcd") == 2 / 4  # bcd twice, cdb and dbc
    assert char_lm.seen_share("abcdef", "ab") == char_lm.seen_share("", "abcd") == 0
