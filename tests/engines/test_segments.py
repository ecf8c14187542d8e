"""What `Chunked` and `Offloaded` keep, and where: read off the compiled program."""

import jax
import jax.numpy as jnp
import pytest

from jaxrnn import cells, unroll
from jaxrnn.engines import BPTT, Chunked, Offloaded, Scan
from tests import zoo
from tests.engines.test_bptt import close, lopsided
from tests.laws.conftest import problem


def gradient(engine, cell):
    def loss(params, xs):
        return lopsided(unroll(cell, params, xs, engine=engine)[0])

    return jax.grad(loss)


def temporary(engine, steps, cell):
    """Bytes of the gradient's program beside its arguments and results."""
    params = jax.eval_shape(cell.init, jax.random.key(0))
    xs = jax.ShapeDtypeStruct((steps, 4, 3), jnp.float32)
    program = jax.jit(gradient(engine, cell)).lower(params, xs).compile()
    return program.memory_analysis().temp_size_in_bytes


@pytest.mark.slow
def test_every_level_of_segments_takes_less_memory():
    cell = cells.GRU(3, 16)
    one, two = Chunked(Scan(), 50), Chunked(Chunked(Scan(), 10), 100)
    whole = temporary(Scan(), 2000, cell)
    assert temporary(two, 2000, cell) * 2 < temporary(one, 2000, cell) < whole / 10
    carry = 4 * 4 * 16  # what a longer sequence adds: a carry for every 100 steps, and no more
    added = temporary(two, 4000, cell) - temporary(two, 2000, cell)
    assert abs(added - 20 * carry) <= 10 * carry


def test_carries_go_to_the_host_and_come_back():
    """Two levels, each of which moves its own."""
    cell = zoo.CELLS["gru"]
    params, xs, _ = problem(cell, jax.random.key(0), 24, (2,))

    def moved(engine):
        traced = jax.jit(gradient(engine, cell)).trace(params, xs)
        program = traced.lower(lowering_platforms=("cuda",)).as_text()
        return program.count('= "pinned_host"'), program.count('_xla_buffer_placement = "device"')

    assert moved(Chunked(Scan(), 4)) == (0, 0)
    out, back = moved(Offloaded(Scan(), 4))
    assert out == 1 and back >= 1
    out, back = moved(Offloaded(Offloaded(Scan(), 2), 12))
    assert out >= 2 and back >= 2


@pytest.mark.slow
def test_second_derivatives_through_the_host(x64, key):
    cell = zoo.CELLS["leaky"]
    args = problem(cell, key, 6, (2,))

    @jax.jit
    def both(params, xs, carry):
        def second(engine):
            def loss(carry):
                results = unroll(cell, params, xs, carry, engine=engine)
                return lopsided(jax.tree.map(jnp.square, results))

            return jax.jvp(jax.grad(loss), (carry,), (carry,))[1], jax.jvp(loss, (carry,), (carry,))

        return [second(engine) for engine in (Offloaded(BPTT(), 2), Scan())]

    close(*both(*args))
