"""Back-propagation through time: that it is exact, what it loses, and what helps.

    python examples/bptt_gradients.py

Three parts. The gradient of a small network by back-propagation equals that by forward mode and by
finite differences; truncated, it does not. How much of the gradient of the last step's loss reaches
the steps before: it vanishes, stays or explodes. And the adding problem, two numbers to remember
over a hundred steps, on which clipping, an orthogonal start and gates help, each against the same
network without it, over several seeds. Who says 1 to everything has an error of 1/6.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrnn import analysis, cells, engines, networks, objectives, tasks, training, unroll

TASK, HIDDEN, BATCH, SEEDS = tasks.Adding(100), 32, 50, 3
TRUNCATED, CLIP = (1, 5, 10, 20, 50), optax.clip_by_global_norm(1.0)


class Contender(NamedTuple):
    """A cell, how its recurrent matrix starts, and how it is trained."""

    cell: cells.Cell
    start: Callable[[jax.Array], jax.Array] | None = None
    clip: optax.GradientTransformation = optax.identity()


def gaussian(key: jax.Array) -> jax.Array:
    """A matrix that shrinks what it multiplies: its spectral radius is about 1/2."""
    return jax.random.normal(key, (HIDDEN, HIDDEN)) / (2 * HIDDEN**0.5)


def identity(key: jax.Array) -> jax.Array:
    """The orthogonal matrix that changes nothing."""
    return jnp.eye(HIDDEN)


TANH, RELU = cells.Elman(2, HIDDEN), cells.Elman(2, HIDDEN, jax.nn.relu)
LSTM, GRU = cells.LSTM(2, HIDDEN), cells.GRU(2, HIDDEN)
STARTS = {
    "Elman, small start": Contender(TANH, gaussian),
    "Elman, large start": Contender(TANH, lambda key: 4 * gaussian(key)),
    "Elman, orthogonal start": Contender(TANH),
    "LSTM": Contender(LSTM),
    "GRU": Contender(GRU),
}
CONTENDERS = {
    "Elman, small start, clipped": Contender(TANH, gaussian, CLIP),
    "ReLU, small start, clipped": Contender(RELU, gaussian, CLIP),
    "ReLU, orthogonal start": Contender(RELU, identity),
    "ReLU, orthogonal start, clipped": Contender(RELU, identity, CLIP),
    "LSTM, clipped": Contender(LSTM, None, CLIP),
    "GRU, clipped": Contender(GRU, None, CLIP),
}


def main(options: argparse.Namespace) -> None:
    """The three parts, and a picture of them."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    for_gradients, for_norms, for_training = jax.random.split(jax.random.key(options.seed), 3)
    agreement = compare(for_gradients)
    starts = [*STARTS.items()][:: options.every]
    norms = {name: by_lag(contender, for_norms) for name, contender in starts}
    for name, curve in norms.items():
        left = curve[0] / curve[-1]
        print(f"{name:>32}: {left:9.2e} of the gradient is left 100 steps back")
    print()
    keys, errors, curves = jax.random.split(for_training, SEEDS), {}, {}
    for name, contender in [*CONTENDERS.items()][:: options.every]:
        losses, sizes = train(contender, keys, options.steps)
        error = np.sort(losses[:, -max(options.steps // 15, 1) :].mean(1))
        errors[name] = {"of_each_seed": error.tolist(), "largest_gradient": float(sizes.max())}
        curves[name] = np.median(losses, 0)
        of_each = ", ".join(f"{value:.2g}" for value in error)
        print(f"{name:>32}: error {of_each}; largest gradient {sizes.max():.1g}")
    print(f"{'saying 1':>32}: error {TASK.baseline():.2g}")
    figure = Figure((14, 4.4), layout="constrained")
    first, second, third = figure.subplots(1, 3)
    first.plot(TRUNCATED, [agreement["truncated"][str(k)] for k in TRUNCATED], "o-")
    first.set(xlabel="steps that the gradient goes back", title="Truncated: error of the gradient")
    analysis.plot_gradient_norms(norms, axes=second)
    second.set_title("What is left of it before training")
    for name, curve in curves.items():
        smooth = np.array([part.mean() for part in np.array_split(curve, min(len(curve), 80))])
        third.plot(np.linspace(0, options.steps, len(smooth)), smooth, label=name)
    third.axhline(TASK.baseline(), color="black", dashes=(5, 3), linewidth=1, label="saying 1")
    third.set(yscale="log", ylim=(3e-4, 3), xlabel="step of training", title="Adding, 100 steps")
    third.legend(fontsize=7)
    figure.savefig(options.out / "bptt_gradients.png", dpi=120)
    # JSON knows no infinity: what has overflowed is written as a string.
    safe = jax.tree.map(lambda x: x if np.isfinite(x) else str(x), errors)
    result = {"gradients": agreement, "adding_error": safe, "saying_1": TASK.baseline()}
    result["norms_by_lag"] = {name: curve[::-1].tolist() for name, curve in norms.items()}
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    print(f"\nwrote {options.out}/: result.json, bptt_gradients.png")


def compare(key: jax.Array) -> dict[str, Any]:
    """The gradient of one loss in several ways, in float64, as errors relative to its norm."""
    with jax.enable_x64(True):
        cell, for_params, for_xs = cells.LSTM(2, 4, forget_bias=4.0), *jax.random.split(key)
        params = jax.tree.map(lambda leaf: leaf.astype(float), cell.init(for_params))
        xs = jax.random.normal(for_xs, (TASK.length, 2), float)
        flat, rebuild = jax.flatten_util.ravel_pytree(params)

        def loss(flat: jax.Array, engine: engines.Engine) -> jax.Array:
            return unroll(cell, rebuild(flat), xs, engine=engine)[1][-1].sum()

        wanted = jax.grad(loss)(flat, engines.Scan())

        def off(gradient: jax.Array) -> float:
            return float(jnp.linalg.norm(gradient - wanted) / jnp.linalg.norm(wanted))

        nudges = 1e-5 * jnp.eye(len(flat))
        losses = jax.jit(jax.vmap(lambda nudge: loss(flat + nudge, engines.Scan())))
        found = {
            "BPTT engine": off(jax.grad(loss)(flat, engines.BPTT())),
            "forward mode": off(jax.jacfwd(loss)(flat, engines.Scan())),
            "finite differences": off((losses(nudges) - losses(-nudges)) / 2e-5),
        }
        cut = {k: engines.Truncated(engines.Scan(), k) for k in TRUNCATED}
        truncated = {str(k): off(jax.grad(loss)(flat, engine)) for k, engine in cut.items()}
    for name, value in found.items():
        print(f"{name:>32}: off by {value:.1e} of the gradient's norm")
    for k, value in truncated.items():
        print(f"{f'truncated after {k}':>32}: off by {value:.1%}")
    print()
    return found | {"truncated": truncated}


def by_lag(contender: Contender, key: jax.Array) -> np.ndarray:
    """Norms of the last step's gradient with respect to each carry, the mean over sequences."""
    for_params, for_start, for_data = jax.random.split(key, 3)
    params = started(contender, contender.cell.init(for_params), for_start)
    xs = TASK.batch(BATCH, key=for_data).inputs
    norms = analysis.gradient_norms(contender.cell, params, xs, lambda ys: ys[-1].sum())
    return np.asarray(jnp.exp(jnp.log(norms).mean(1)))


def started(contender: Contender, params: Any, key: jax.Array) -> Any:
    """The parameters, with the recurrent matrix that the contender starts from."""
    return params if contender.start is None else params._replace(recurrent=contender.start(key))


def train(contender: Contender, keys: jax.Array, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses and norms of the gradient, `[seeds, steps]`, on sequences that are always new."""
    network = networks.stack(
        networks.Recurrent(contender.cell), networks.LastPool(), networks.Dense(HIDDEN, 1)
    )
    optimizer = optax.chain(contender.clip, optax.adam(4e-3))
    trainer = training.Trainer(network, objectives.SquaredError(), optimizer)

    def run(key: jax.Array) -> training.Report:
        for_params, for_start, for_data = jax.random.split(key, 3)
        state = trainer.init(for_params)
        recurrent, *rest = state.params
        state = state._replace(params=(started(contender, recurrent, for_start), *rest))

        def step(state: training.TrainState, key: jax.Array) -> Any:
            return trainer.step(state, TASK.batch(BATCH, key=key))

        return jax.lax.scan(step, state, jax.random.split(for_data, steps))[1]

    report = training.over_members(run)(keys)
    return np.asarray(report.loss), np.asarray(report.gradient_norm)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/bptt_gradients"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="two cells, a few steps")
    options = parser.parse_args()
    options.every, options.steps = (5, 5) if options.smoke else (1, options.steps)
    return options


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", os.cpu_count())  # the seeds are divided among them
    try:
        main(parse())
    except (OSError, ValueError) as error:  # something that a user can mend: no traceback
        raise SystemExit(f"bptt_gradients: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("\nbptt_gradients: stopped") from None
