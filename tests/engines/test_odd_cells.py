"""Cells that are right and unusual, on every engine against `Scan`: values and gradients."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, engines, unroll
from tests import cells as own
from tests import zoo
from tests.engines.test_bptt import BATCH, T, close, holes, lopsided


class Mixed(NamedTuple):
    hidden: jax.Array
    count: jax.Array  # Int[*batch]
    key: jax.Array
    memory: jax.Array  # [*batch, H, H]
    nothing: None = None


class Counting(cells.GatedCell):
    """Its carry, whose start is learned, holds integers, keys, a matrix and nothing."""

    def init(self, key):
        return own.LearnedStart(zoo.I, zoo.H).init(key)

    def carry(self, params, batch=()):
        return Mixed(
            jnp.broadcast_to(params.start, (*batch, zoo.H)),
            jnp.zeros(batch, jnp.int32),
            jnp.broadcast_to(jax.random.key(0), batch),
            jnp.zeros((*batch, zoo.H, zoo.H), params.start.dtype),
        )

    def project(self, params, x):
        return x @ params.kernel

    def mix(self, params, carry):
        return carry.hidden @ params.recurrent + carry.memory @ params.bias, carry.count + 1

    def gate(self, params, carry, u, r):
        product, count = r
        odd = (count % 2)[..., None].astype(u.dtype)
        h = jnp.tanh(u + product + odd * carry.hidden)
        outer = h[..., :, None] * h[..., None, :]
        new = Mixed(h, count, carry.key, 0.5 * carry.memory + outer)
        return new, {"h": h, "most": jnp.argmax(h, -1), "positive": h > 0, "nothing": None}


class Silent(cells.DenseCell):
    """It gives no output, as the body of a `lax.scan` may."""

    def init(self, key):
        return cells.Elman(self.inputs, self.hidden).init(key)

    def gate(self, params, carry, u, r):
        return jnp.tanh(u + r), None


class Clipped(cells.Wrapper):
    """`settle` is not affine."""

    def settle(self, old, new, aside):
        return jax.tree.map(lambda new: jnp.clip(new, -0.2, 0.2), new)


class Kept(cells.Wrapper):
    """`settle` reads how much to keep, which comes from the inputs and has a derivative."""

    def split(self, x):
        return x[..., :-1], jax.nn.sigmoid(x[..., -1:])

    def settle(self, old, new, keep):
        def mixed(old, new):
            if not jnp.issubdtype(old.dtype, jnp.floating):
                return new
            share = keep.reshape(*keep.shape[:-1], *(1 for _ in old.shape[keep.ndim - 1 :]))
            share = jnp.broadcast_to(share, old.shape)
            return share * old + (1 - share) * new

        return jax.tree.map(mixed, old, new)

    @property
    def input_shape(self):
        return None


class Halved(cells.Wrapper):
    """An affine `settle`, over leaves of every kind."""

    share: float = 0.5

    def settle(self, old, new, aside):
        def mixed(old, new):
            if not jnp.issubdtype(old.dtype, jnp.floating):
                return new
            return self.share * old + (1 - self.share) * new

        return jax.tree.map(mixed, old, new)


CELLS = {
    "counting": Counting(),
    "silent": Silent(zoo.I, zoo.H),
    "clipped": Clipped(cells.LSTM(zoo.I, zoo.H)),
    "kept": Kept(cells.LSTM(zoo.I - 1, zoo.H)),
    "halved": Halved(Counting()),
    "halved_twice": Halved(Halved(cells.GRU(zoo.I, zoo.H)), 0.25),
    "halved_clipped": Halved(Clipped(cells.GRU(zoo.I, zoo.H))),
}
ENGINES = [
    engines.BPTT(),
    engines.BPTT(2),
    engines.Chunked(engines.Chunked(engines.BPTT(), 2), 4),
    engines.Offloaded(engines.Offloaded(engines.BPTT(), 2), 4),
    engines.Truncated(engines.BPTT(), T),
]


def numbers(tree):
    """The arrays that have derivatives."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_they_run_on_every_engine(name, x64, key):
    cell = CELLS[name]
    params = cell.init(key)
    xs = jax.random.normal(key, (T, *BATCH, zoo.I))

    @jax.jit
    def results(cell, params, xs):
        def loss(engine, controls, cell, params, xs):
            results = unroll(cell, params, xs, engine=engine, **controls)
            return lopsided(numbers(results)), numbers(results)

        def result(engine, controls):
            run = partial(loss, engine, controls)
            return jax.value_and_grad(run, (0, 1, 2), has_aux=True)(cell, params, xs)

        def second(engine):
            def gradient(params):
                return jax.grad(lambda p: loss(engine, holes(), cell, p, xs)[0])(params)

            return jax.jvp(gradient, (params,), (params,))[1]

        def several(engine):
            return jax.vmap(lambda x: unroll(cell, params, x, engine=engine), 1)(xs)

        plain = [result(engine, {}) for engine in (engines.Scan(), *ENGINES)]
        held = [result(engine, holes()) for engine in (engines.Scan(), *ENGINES)]
        more = [
            (second(engine), numbers(several(engine))) for engine in (engines.Scan(), ENGINES[1])
        ]
        return plain, held, more

    for wanted, *each in results(cell, params, xs):
        for got in each:
            close(got, wanted)


class Decayed(cells.Wrapper):
    """To settle a settled carry once more would change it."""

    def settle(self, old, new, aside):
        return jax.tree.map(lambda new: 0.5 * new, new)


def test_truncated_settles_no_carry_twice(x64, key):
    cell = Decayed(cells.GRU(zoo.I, zoo.H))
    params, xs = cell.init(key), jax.random.normal(key, (T, *BATCH, zoo.I))
    for engine in (engines.Scan(), engines.BPTT()):
        got = unroll(cell, params, xs, engine=engines.Truncated(engine, 2))
        close(got, unroll(cell, params, xs))
