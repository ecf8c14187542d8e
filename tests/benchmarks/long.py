"""What is long or large: time and memory of a gradient, or of a pass over the data.

python tests/benchmarks/long.py            100,000 steps, 50,000 symbols, a file of 4 GB
python tests/benchmarks/long.py --smoke    small ones, to see that it runs
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from _contestants import compare

from jaxrnn import cells, data, engines, objectives, unroll


def sequence(steps):
    """The last output of an LSTM of 32, for four sequences: what the gradient keeps."""
    cell = cells.LSTM(16, 32)
    params = cell.init(jax.random.key(0))
    xs = jax.random.normal(jax.random.key(1), (steps, 4, 16))
    inner = max(1, round(steps ** (1 / 3)))
    bptt = engines.BPTT()
    found = {
        "BPTT": bptt,
        f"Chunked, {inner**2} steps": engines.Chunked(bptt, inner**2),
        f"Chunked in Chunked, {inner} in {inner**2}": engines.Chunked(
            engines.Chunked(bptt, inner), inner**2
        ),
    }

    def gradient(engine):
        def loss(params, xs):
            return (unroll(cell, params, xs, engine=engine)[1][-1] ** 2).mean()

        return jax.grad(loss)

    wanted = None
    for name, engine in found.items():
        got, row = measured(gradient(engine), params, xs)
        wanted = wanted or got
        for a, b in zip(got, wanted, strict=True):
            compare(name, a, b)
        yield f"gradient, T = {steps}: {name}", row


def vocabulary(classes, steps):
    """The cross-entropy of so many classes, from states of 64, and its gradient."""
    keys = jax.random.split(jax.random.key(0), 3)
    states = jax.random.normal(keys[0], (steps, 16, 64))
    kernel = 0.05 * jax.random.normal(keys[1], (64, classes))
    labels = jax.random.randint(keys[2], (steps, 16), 0, classes)
    loss = objectives.CrossEntropy()

    def whole(kernel, states):
        return objectives.reduce(loss, states @ kernel, labels).mean()

    def folded(kernel, states):
        readout = lambda h: h @ kernel  # noqa: E731
        return objectives.reduce_folded(loss, readout, states, labels, size=4).mean()

    wanted = None
    for name, function in {"at once": whole, "folded, 4 steps at a time": folded}.items():
        got, row = measured(jax.grad(function, (0, 1)), kernel, states)
        wanted = wanted or got
        for a, b in zip(got, wanted, strict=True):
            compare(name, a, b)
        yield f"loss, {classes} classes, T = {steps}: {name}", row


def stream(gigabytes):
    """Batches out of a file that is mapped into memory: what the process holds beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path, count = Path(folder) / "tokens", int(gigabytes * 5e8)
        tokens = np.memmap(path, np.uint16, "w+", shape=(count,))
        tokens[::1001] = 7  # written page by page
        before, began = anonymous(), time.perf_counter()
        batches = data.Stream(np.memmap(path, np.uint16, "r"), batch=64, length=128)
        opened = time.perf_counter() - began
        began = time.perf_counter()
        for step in range(100):
            _ = batches[step * (len(batches) // 100)]
        seconds = (time.perf_counter() - began) / 100
    held = max(0, anonymous() - before)
    yield (
        f"stream of {gigabytes} GB, opened in {opened:.1f} s: a batch of 128 x 64",
        (seconds, held),
    )


def measured(function, *arguments):
    """The leaves of the result; seconds of the second call, and bytes of temporaries."""
    compiled = jax.jit(function).lower(*arguments).compile()
    result = jax.block_until_ready(compiled(*arguments))
    began = time.perf_counter()
    jax.block_until_ready(compiled(*arguments))
    seconds = time.perf_counter() - began
    return jax.tree.leaves(result), (seconds, compiled.memory_analysis().temp_size_in_bytes)


def anonymous():
    """Bytes of this process that no file stands for, where the system tells."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="small ones, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("out/long"))
    options = parser.parse_args()
    steps, classes, gigabytes = (64, 50, 0.001) if options.smoke else (100_000, 50_000, 4)
    rows = {}
    for section in (
        sequence(steps),
        vocabulary(classes, 8 if options.smoke else 128),
        stream(gigabytes),
    ):
        for name, (seconds, memory) in section:
            rows[name] = {"seconds": seconds, "bytes": memory}
            print(f"{name}: {seconds:.3g} s, {memory / 1e6:.1f} MB", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "long.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(f"Written to {options.out}")


if __name__ == "__main__":
    jnp.zeros(())  # starts JAX, whose memory is not counted
    main()
