"""The questions, one function each: `section(bench, kind, shape)` yields `what, unit, values`.

`values` holds an array over rounds for each contestant; the first is the one that the others are
held against. Whatever is timed was checked first.
"""

import random
import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from _contestants import (
    OURS,
    JaxContestant,
    TorchContestant,
    UnsupportedError,
    check,
    compare,
    drawn,
    problem,
)
from _floor import Products
from _peers import equinox_cell, jaxrnn, linen_cell, linen_weights, torch_load
from _report import PRODUCTS
from _timing import interleaved

from jaxrnn import cells, engines, networks, objectives


class Bench(NamedTuple):
    """The peers that are installed, how long to measure, and what was found on the way."""

    peers: dict[str, Any]
    rounds: int
    seconds: float
    notes: list[str]

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def contestants(self, given):
        """jaxrnn, and every peer that has such a network."""
        found = {OURS: jaxrnn(given)}
        for name, make in self.peers.items():
            try:
                found[name] = make(given)
            except UnsupportedError as reason:
                self.note(f"{name} {reason}")
        return found

    def checked(self, given):
        """The contestants, after their results were compared."""
        found = self.contestants(given)
        wanted = found[OURS].results()
        for name, one in found.items():
            if one.solves is None:
                check(name, one.results(), wanted)
            else:
                self.note(f"{name} has no candidate bias in its GRU: compared where that is 0")
                check(name, one.results(), jaxrnn(one.solves).results())
        return found

    def on_jax(self, given):
        """Those of the contestants that JAX compiles."""
        found = self.contestants(given)
        return {name: one for name, one in found.items() if isinstance(one, JaxContestant)}

    def timed(self, calls):
        return interleaved(calls, rounds=self.rounds, seconds=self.seconds)


def grid(bench, kind, shape):
    """Forward alone, and the gradients of a train step, beside the products of each alone."""
    given = problem(kind, shape)
    found = bench.checked(given)
    if kind != "ResetBeforeGRU":  # whose products are of another form
        found[PRODUCTS] = Products(given)
    for what in ("forward", "train"):
        yield what, "s", bench.timed({name: getattr(one, what) for name, one in found.items()})


def ragged(bench, kind, shape):
    """A train step on sequences of T / 2 to T steps, padded."""
    steps, batch, *_ = shape
    lengths = jax.random.randint(jax.random.key(3), (batch,), steps // 2, steps + 1)
    yield _with_and_without(bench, kind, shape, lengths=lengths)


def resets(bench, kind, shape):
    """A train step on sequences that start anew every 50 steps or so."""
    yield _with_and_without(
        bench, kind, shape, resets=jax.random.bernoulli(jax.random.key(3), 1 / 50, shape[:2])
    )


def _with_and_without(bench, kind, shape, **controls):
    found = bench.checked(problem(kind, shape, **controls))
    plain = bench.checked(problem(kind, shape))
    calls = {name: one.train for name, one in found.items()}
    calls |= {f"{name}, no {word}": plain[name].train for name in found for word in controls}
    return "train", "s", bench.timed(calls)


def bidirectional(bench, kind, shape):
    """A train step of two bidirectional layers."""
    (_, _, inputs, hidden), given = shape, problem(kind, shape)
    sizes = (inputs, inputs, 2 * hidden, 2 * hidden)
    four = [getattr(cells, kind)(size, hidden) for size in sizes]
    pairs = list(zip(four, map(drawn, four, jax.random.split(jax.random.key(4), 4)), strict=True))

    def ours():
        layers = [networks.Bidirectional(*four[:2]), networks.Bidirectional(*four[2:])]
        network = networks.stack(*layers)
        first, second, third, fourth = (params for _, params in pairs)
        directions = networks.Directions
        params = directions(first, second), directions(third, fourth)

        def apply(params, xs):
            return network.apply(params, xs)[1]

        return JaxContestant(apply, params, given)

    def linen():
        import flax.linen as nn

        cell = linen_cell(given.cell)
        layer = nn.Bidirectional(nn.RNN(cell), nn.RNN(cell.copy()), time_major=True)
        weights = [{"cell": linen_weights(*pair)} for pair in pairs]

        def apply(weights, xs):
            for ahead, behind in (weights[:2], weights[2:]):
                variables = {"params": {"forward_rnn": ahead, "backward_rnn": behind}}
                xs = layer.apply(variables, xs)
            return xs

        return JaxContestant(apply, weights, given)

    def torch():
        import torch

        theirs = {"Elman": torch.nn.RNN, "GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM}
        module = theirs[kind](inputs, hidden, num_layers=2, bidirectional=True)
        torch_load(module, pairs)
        return TorchContestant(lambda xs: module(xs)[0], module, given)

    found = {OURS: ours()}
    for name, make in {"flax linen": linen, "torch": torch}.items():
        if name in bench.peers:
            found[name] = make()
            check(name, found[name].results(), found[OURS].results())
    yield "train", "s", bench.timed({name: one.train for name, one in found.items()})


def step(bench, kind, shape):
    """One step of a stream, called T times: what a call costs."""
    cell, params, xs, _ = problem(kind, shape)
    steps, batch, inputs, hidden = shape
    state = jnp.zeros((batch, hidden))
    pair = (state, state) if kind == "LSTM" else state

    def stream(step, carry, xs=tuple(xs)):
        def call(carry=carry):
            for x in xs:
                carry, y = step(carry, x)
            return y

        return call

    def linen():
        module = linen_cell(cell)
        return partial(jax.jit(module.apply), {"params": linen_weights(cell, params)}), pair

    def equinox():
        @jax.jit
        def step(cell, carry, x):
            carry = jax.vmap(cell)(x, carry)
            return carry, carry[0] if kind == "LSTM" else carry

        return partial(step, equinox_cell(cell, params)), pair

    def torch():
        import torch

        theirs = {"Elman": torch.nn.RNNCell, "GRU": torch.nn.GRUCell, "LSTM": torch.nn.LSTMCell}
        module = theirs[kind](inputs, hidden)
        torch_load(module, [(cell, params)])

        @torch.no_grad()
        def step(carry, x):
            carry = module(x, carry)
            return carry, carry[0] if kind == "LSTM" else carry

        zero = torch.zeros(batch, hidden)
        return step, (zero, zero) if kind == "LSTM" else zero, torch.tensor(np.array(xs)).unbind()

    calls = {OURS: stream(partial(jax.jit(cell.step), params), cell.carry(params, (batch,)))}
    for name, make in {"flax linen": linen, "equinox": equinox, "torch": torch}.items():
        if name in bench.peers:
            try:
                calls[name] = stream(*make())
            except UnsupportedError as reason:
                bench.note(f"{name} {reason}")
                continue
            compare(f"{name}: outputs", calls[name](), calls[OURS]())
    yield "step", "s", {name: times / steps for name, times in bench.timed(calls).items()}


def vmap(bench, kind, shape):
    """Train steps of many parameter sets on the same inputs, at once and one after another."""
    given = problem(kind, shape)
    found = {OURS: jaxrnn, **bench.peers}
    found = {name: found[name] for name in bench.on_jax(given)}
    for count in (8, 32):
        members = [
            given._replace(params=drawn(given.cell, key))
            for key in jax.random.split(jax.random.key(5), count)
        ]
        calls = {}
        for name, make in found.items():
            made = [make(member) for member in members]
            params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one.args[0] for one in made))
            together = jax.jit(jax.vmap(made[0].gradients, in_axes=(0, None)))
            calls[name] = partial(together, params, made[0].args[1])
            if name == OURS:
                calls["jaxrnn, one by one"] = _one_by_one(made)
                wanted = calls[OURS]()[1]
            elif made[0].solves is None:
                d_xs = np.moveaxis(calls[name]()[1], 1 + made[0].axis, 1)
                compare(f"{name}: input gradients", d_xs, wanted)
        yield f"{count} sets", "s", bench.timed(calls)


def _one_by_one(members):
    """Each member's train step in turn; it is compiled once."""
    step, pairs = members[0].compiled_train, [member.args for member in members]
    return lambda: [step(*pair) for pair in pairs]


def compilation(bench, kind, shape):
    """Tracing, lowering and compiling a train step in a process that has only drawn weights."""
    given = problem(kind, shape)
    found = bench.on_jax(given)
    times = {name: [] for name in found}
    draw, order = random.Random(0), list(found)
    for _ in range(min(bench.rounds, 5)):
        draw.shuffle(order)
        for name in order:
            jax.clear_caches()
            given.cell.init(jax.random.key(0))
            began = time.perf_counter()
            found[name].compiled()
            times[name].append(time.perf_counter() - began)
    yield "compile", "s", times


def memory(bench, kind, shape):
    """What a train step allocates beside its arguments and its results."""
    yield "memory", "bytes", _memory(bench.on_jax(problem(kind, shape)))


def _memory(found):
    return {
        name: [one.compiled().memory_analysis().temp_size_in_bytes] for name, one in found.items()
    }


def chunked(bench, kind, shape):
    """A train step under `Chunked`, time and memory, against `Scan`."""
    given, size = problem(kind, shape), max(1, round(shape[0] ** 0.5))
    scan, bptt = engines.Scan(), engines.BPTT()
    found = {
        "Scan": jaxrnn(given, engine=scan),
        "BPTT": jaxrnn(given, engine=bptt),
        "Chunked(Scan)": jaxrnn(given, engine=engines.Chunked(scan, size)),
        "Chunked(BPTT)": jaxrnn(given, engine=engines.Chunked(bptt, size)),
    }
    wanted = found["Scan"].results()
    for name, one in found.items():
        check(name, one.results(), wanted)
    yield "memory", "bytes", _memory(found)
    yield "train", "s", bench.timed({name: one.train for name, one in found.items()})


def loss(bench, kind, shape):
    """The cross-entropy of a large vocabulary, with gradients, the time loop folded around it."""
    steps, batch, classes, hidden = shape
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.random.normal(keys[0], (steps, batch, hidden))
    kernel = 0.05 * jax.random.normal(keys[1], (hidden, classes))
    labels = jax.random.randint(keys[2], (steps, batch), 0, classes)

    def whole(kernel, states):
        return objectives.reduce(objectives.CrossEntropy(), states @ kernel, labels).mean()

    def folded(kernel, states):
        return objectives.reduce_folded(
            objectives.CrossEntropy(), lambda h: h @ kernel, states, labels, size=4
        ).mean()

    compiled = {
        name: jax.jit(jax.value_and_grad(f, argnums=(0, 1))).lower(kernel, states).compile()
        for name, f in {"folded, 4 steps at a time": folded, "whole": whole}.items()
    }
    calls = {name: partial(call, kernel, states) for name, call in compiled.items()}
    first, second = calls.values()
    for got, wanted in zip(first()[1], second()[1], strict=True):
        compare("folded: gradients", got, wanted)
    sizes = {n: [c.memory_analysis().temp_size_in_bytes] for n, c in compiled.items()}
    yield "memory", "bytes", sizes
    yield "loss", "s", bench.timed(calls)
