"""Every law of cells can fail: for each, a cell that breaks it."""

import copy
import pathlib
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, testing
from jaxrnn._dtypes import at_least_float32


class Plain(cells.Cell):
    """A cell that keeps all laws; `gate` and the functions of the others break one each."""

    gate: Callable = jax.tree.static(default=lambda p, h, x: jnp.tanh(p * x + 0.5 * h))
    prepared: Callable = jax.tree.static(default=lambda xs: xs)
    narrow: bool = jax.tree.static(default=False)
    drawn: Callable = jax.tree.static(default=lambda p: p)
    output: Callable = jax.tree.static(default=lambda h, dtype: h.astype(dtype))
    stepped: float = jax.tree.static(default=1.0)

    def init(self, key):
        return self.drawn(jax.random.normal(key, (3,)))

    def carry(self, params, batch=()):
        kept = params.dtype if self.narrow else at_least_float32(params.dtype)
        return jnp.zeros((*batch, 3), kept)

    def prepare(self, params, xs):
        return self.prepared(xs)

    def advance(self, params, carry, x):
        wide = jnp.broadcast_to(params, x.shape)
        h = self.gate(*(leaf.astype(carry.dtype) for leaf in (wide, carry, x)))
        return h, self.output(h, params.dtype)

    def step(self, params, carry, x):
        carry, y = self.advance(params, carry, x)
        return carry, self.stepped * y

    @property
    def input_shape(self):
        return (3,)


@jax.custom_vjp
def reverse_only(x):
    return jnp.tanh(x)


reverse_only.defvjp(lambda x: (jnp.tanh(x), x), lambda x, ct: (ct * (1 - jnp.tanh(x) ** 2),))


def concrete(params):
    return params if float(params[0]) > 0 else -params


class Opaque:
    """It equals itself alone."""

    def __call__(self, p, h, x):
        return jnp.tanh(x + h)


class Backwards(cells.LinearCell):
    """It composes in the wrong order, and its coefficients mix rows."""

    mixing: bool = jax.tree.static(default=False)

    def init(self, key):
        return jax.random.normal(key, (3,))

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, 3), params.dtype)

    def coefficients(self, params, x):
        a = jax.nn.sigmoid(jnp.broadcast_to(params, x.shape) * x)
        return a, x - x.mean(0, keepdims=True) if self.mixing else x

    def compose(self, earlier, later):
        return super().compose(later, earlier)

    def read(self, params, h, x):
        return h

    @property
    def input_shape(self):
        return (3,)


class Bent(cells.GatedCell):
    """Its `mix` is not affine, and its `project` mixes rows."""

    def init(self, key):
        return jax.random.normal(key, (3,))

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, 3), params.dtype)

    def project(self, params, x):
        return jnp.broadcast_to(params, x.shape) * x - x.mean(0, keepdims=True)

    def mix(self, params, carry):
        return jnp.tanh(jnp.broadcast_to(params, carry.shape) * carry)

    def gate(self, params, carry, u, r):
        h = u + r
        return h, h

    @property
    def input_shape(self):
        return (3,)


class Rowed(cells.MemoryCell):
    """Its keys depend on the other rows."""

    memory_shape = (1, 3, 3)

    def init(self, key):
        return jax.random.normal(key, (3,))

    def project(self, params, x):
        one = x[..., None, :] * jnp.broadcast_to(params, x[..., None, :].shape)
        return cells.MemoryStep(one, one - one.mean(0, keepdims=True), one, 0 * one[..., :1])

    def read(self, params, out, x):
        return out[..., 0, :]

    @property
    def input_shape(self):
        return (3,)


def broken(cell, *names):
    """Those of the named laws that the cell breaks, and the report."""
    every = [law.name for law in testing.laws(cell)]
    skip = [name for name in every if name not in names]
    try:
        report = testing.check_cell(cell, skip=skip, echo=False)
    except testing.BrokenLaws as error:
        report = error.report
    assert len(report.results) == len(names)
    return set(report.failed), str(report)


ONE_EACH = {
    "derivatives": Plain(lambda p, h, x: jnp.tanh(p * jax.lax.stop_gradient(x) + 0.5 * h)),
    "transforms": Plain(lambda p, h, x: reverse_only(p * x + h)),
    "steps": Plain(stepped=2.0),
    "batch": Plain(lambda p, h, x: jnp.tanh(p * x + h - h.mean(0, keepdims=True))),
    "pieces": Plain(prepared=lambda xs: xs / len(xs)),
    "causality": Plain(prepared=lambda xs: xs + jnp.flip(xs, 0)),
    "lengths": Plain(prepared=lambda xs: xs + xs[-1:]),
    "sequences": Plain(prepared=lambda xs: jnp.cumsum(xs, 0)),
    "padding": Plain(lambda p, h, x: jnp.tanh(jnp.sqrt((p * x) ** 2) + h)),
    "resets": Plain(prepared=lambda xs: jnp.cumsum(xs, 0)),
    "vmap": Plain(drawn=concrete),
    "types": Plain(output=lambda h, dtype: h),
    "carries": Plain(narrow=True),
    "precision": Plain(output=lambda h, d: h.astype(d) * (0.9 if d.itemsize == 2 else 1)),
    "traces": Plain(Opaque()),
    "copies": Plain(lambda p, h, x: jnp.tanh(p * x)),
    "repr": Plain(Opaque()),
    "composition": Backwards(),
    "elements": Backwards(mixing=True),
    "affine": Bent(),
    "projection": Bent(),
    "memory": Rowed(),
}
NOUNS = [Plain(), Backwards(), Bent(), Rowed()]
"""One of each kind."""


@pytest.mark.parametrize("law", ONE_EACH)
def test_a_cell_that_breaks_the_law_is_found(law):
    failed, page = broken(ONE_EACH[law], law)
    assert failed == {law}
    assert "found: " in page and "mend:  " in page
    raises = law in ("transforms", "vmap", "copies")
    assert ("Error: " in page) == raises, page


def test_engines_that_do_not_agree_are_found():
    assert broken(Backwards(), "engines", "steps")[0] == {"engines"}


def test_the_cell_that_they_are_made_of_breaks_none():
    named = [name for name in ONE_EACH if name not in ("copies", "repr")]  # it holds a lambda
    names = [law.name for law in testing.laws(Plain()) if law.name in ("engines", *named)]
    failed, page = broken(Plain(), *names)
    assert not failed, page


def test_each_law_has_a_cell_that_breaks_it():
    assert {law.name for noun in NOUNS for law in testing.laws(noun)} == {"engines", *ONE_EACH}


def test_the_page_lists_the_laws():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "adding_a_cell.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (.*) \| [\w, ]+ \|$", page, re.MULTILINE)
    assert set(listed) == {
        (law.name, law.statement) for noun in NOUNS for law in testing.laws(noun)
    }


def test_what_could_not_be_computed_is_blamed_once():
    failed, page = broken(Plain(lambda p, h, x: None), "steps", "pieces", "causality")
    assert failed == {"steps", "pieces", "causality"}
    assert page.count("mend:") == 1 and "could not be computed for `steps`" in page


def test_a_law_that_is_not_there_is_not_skipped():
    with pytest.raises(ValueError, match=r"skip names no law: symmetry\. They are: engines, "):
        testing.check_cell(Plain(), skip=["symmetry"])


def test_the_laws_do_not_change_the_cell(capsys):
    cell = cells.Leaky(3, 4, 0.3)
    before = copy.deepcopy(cell)
    testing.check_cell(cell, skip=[law.name for law in testing.laws(cell)][:-4])
    assert cell == before and not jax.config.jax_enable_x64
    assert "4 laws: 4 hold" in capsys.readouterr().out
