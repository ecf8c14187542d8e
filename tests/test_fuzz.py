"""That `tests/fuzz.py` covers every public name, and tells a clear error from a raw one."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests import fuzz


@pytest.fixture(scope="module")
def catalogue():
    from tests.fuzz_calls import calls  # seconds, which collecting the tests need not take

    return calls()


@pytest.mark.slow
def test_every_public_name_is_covered(catalogue):
    assert not catalogue[1]


@pytest.mark.slow
def test_nouns_of_the_catalogue_can_be_made(catalogue):
    nouns = [call for call in catalogue[0] if isinstance(call.function, type)]
    assert len(nouns) > 50
    for call in nouns:
        call.function(**call.arguments)


def library_raises(x):
    from jaxrnn import _check

    _check.sizes("library_raises", x=x)


@pytest.mark.parametrize(
    ("function", "wrong", "kind"),
    [
        (library_raises, 0, "clear"),
        (lambda x: jnp.ones(3) @ x, jnp.ones(2), "raw"),
        (lambda x: x.shape, 3, "raw"),
        (lambda x: jnp.log(x + 0), -1.0, "nan"),
        (lambda x: jnp.log(x + 0), float("nan"), "accepted"),
        (lambda x: x, fuzz.Traced(np.ones(2)), "accepted"),
        (lambda x: 1 if x > 0 else 2, fuzz.Traced(np.float32(1)), "raw"),
    ],
)
def test_judgement(function, wrong, kind):
    call = fuzz.Call("f", function, {"x": 1.0})
    assert fuzz.judge(call, "x", "number", wrong)[0] == kind


def test_a_stranger_that_is_taken_is_told():
    call = fuzz.Call("f", lambda x: 3, {"x": 1.0})
    assert fuzz.judge(call, "x", "date", fuzz.strangers()["date"])[0] == "stranger"


@pytest.mark.slow
def test_a_few_calls_in_a_process_of_their_own():
    rows = fuzz.run(seed=1, count=8, only="Dropout")
    assert len(rows) == 8
    assert not [row for row in rows if row["class"] == fuzz.HANG]
    assert "clear" in fuzz.report(rows, show=["clear"])
