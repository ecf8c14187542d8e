"""Recurrent PPO in a T-maze: a network that remembers a cue, beside one that cannot.

    python examples/recurrent_ppo.py

The first step shows the side of the goal; then comes a corridor, and at its end a turn. All seeds
train in one program, environments and all. Episodes end anywhere in a rollout, so the carry is
replaced within it; what is learnt from is the same computation again, checked at every update. Two
figures in bits: the entropy of the policy at the turn, and what the turn taken says of the cue.
"""

import argparse
import json
import time
from collections import namedtuple
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrnn import cells, information, networks, objectives, testing

(FORWARD, LEFT, RIGHT), PATIENCE = range(3), 32  # after so many steps an episode is given up
LEAST, MOST = np.array([[LEFT, 8], [RIGHT, 16]])  # the side of the goal, the length of the corridor
STEPS, ENVIRONMENTS, EPOCHS, MINIBATCHES, HIDDEN = 32, 64, 4, 4, 32
DISCOUNT, TRACE, CLIP, BONUS, OF_VALUE = 0.99, 0.95, 0.2, 0.02, 0.5
OPTIMIZER = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(2e-3, eps=1e-5))
SAID = "{:>9}: success {success:.3f}, entropy {entropy:.3f} bits, of the cue {cue:.3f}"
READERS = {
    "GRU": networks.Recurrent(cells.GRU(4, HIDDEN)),
    "no memory": networks.stack(networks.Dense(4, HIDDEN), networks.Activation(jnp.tanh)),
}
Maze = namedtuple("Maze", "goal left age")  # the side of the goal, steps to the turn, steps so far
Actor = namedtuple("Actor", "mazes first carry")  # `first` is the `done` of the step before
Batch = namedtuple("Batch", "inputs resets actions outputs rewards done success")


def enter(key: jax.Array) -> Maze:
    """A new episode."""
    goal, left = jax.random.randint(key, (2,), LEAST, MOST + 1)
    return Maze(goal, left, jnp.int32(0))


def observe(maze: Maze) -> jax.Array:
    """The cue, at the first step only; whether this is the corridor or the turn."""
    cue = (maze.age == 0) * jax.nn.one_hot(maze.goal - LEFT, 2)
    return jnp.concatenate([cue, jax.nn.one_hot((maze.left == 0) * 1, 2)])


def act(maze: Maze, action: jax.Array, key: jax.Array) -> tuple[Maze, Any]:
    """The maze after a step, a new one where the episode has ended, and what came of it."""
    turned = (maze.left == 0) & (action != FORWARD)
    success, done = turned & (action == maze.goal), turned | (maze.age + 1 >= PATIENCE)
    after = Maze(maze.goal, maze.left - ((action == FORWARD) & (maze.left > 0)), maze.age + 1)
    after = jax.tree.map(partial(jnp.where, done), enter(key), after)
    return after, (success - 0.01, done, success)  # every step costs a little


def play(net: Any, params: Any, actor: Actor, keys: jax.Array) -> tuple[Actor, Batch]:
    """A rollout by `net.step`: `resets` is known before a step, `done` is what it leads to."""

    def step(actor: Actor, key: jax.Array) -> tuple[Actor, Batch]:
        inputs, keys = jax.vmap(observe)(actor.mazes), jax.random.split(key, ENVIRONMENTS + 1)
        carry, outputs = net.step(params, actor.carry, inputs, resets=actor.first)
        actions = jax.random.categorical(keys[0], outputs[:, :3])
        mazes, (rewards, done, success) = jax.vmap(act)(actor.mazes, actions, keys[1:])
        batch = Batch(inputs, actor.first, actions, outputs, rewards, done, success)
        return Actor(mazes, done, carry), batch

    return jax.lax.scan(step, actor, keys)


def advantages(batch: Batch, last: jax.Array) -> jax.Array:
    """Generalised advantage estimation; `last` is the value after the rollout."""

    def back(ahead: Any, now: tuple[jax.Array, ...]) -> tuple[Any, jax.Array]:
        (advantage, following), (reward, done, value) = ahead, now  # `done`, and not `resets`
        ahead = (1 - done) * DISCOUNT * (following + TRACE * advantage)
        return (reward + ahead - value, value), reward + ahead - value

    steps = batch.rewards, batch.done, batch.outputs[..., 3]
    return jax.lax.scan(back, (jnp.zeros_like(last), last), steps, reverse=True)[1]


def surrogate(outputs: jax.Array, targets: tuple[Any, ...]) -> jax.Array:
    """The clipped objective of PPO."""
    batch, gain, _ = targets
    old, new = (information.surprisal(o[..., :3], batch.actions) for o in (batch.outputs, outputs))
    ratio, gain = jnp.exp(old - new), (gain - gain.mean()) / (gain.std() + 1e-6)
    return -jnp.minimum(ratio * gain, jnp.clip(ratio, 1 - CLIP, 1 + CLIP) * gain)


OF_POLICY = objectives.map_inputs(objectives.Entropy(), lambda ys, _: (ys[..., :3], None))
OF_VALUES = objectives.map_inputs(objectives.SquaredError(), lambda ys, t: (ys[..., 3:], t[2]))
LOSS = objectives.as_objective(surrogate) + OF_VALUE * OF_VALUES - BONUS * OF_POLICY


def begin(net: Any, key: jax.Array) -> tuple[Any, Any, Actor]:
    """New parameters, the optimizer's state, and new mazes."""
    params, mazes = net.init(key), jax.vmap(enter)(jax.random.split(key, ENVIRONMENTS))
    carry = net.carry(params, (ENVIRONMENTS,))
    return params, OPTIMIZER.init(params), Actor(mazes, jnp.ones(ENVIRONMENTS, bool), carry)


def update(net: Any, learner: tuple[Any, Any, Actor], key: jax.Array) -> tuple[Any, Any]:
    """Act, then learn from it: minibatches of environments, with the carries they began with."""
    (params, optimizer, before), keys = learner, jax.random.split(key, STEPS + EPOCHS)
    after, batch = play(net, params, before, keys[EPOCHS:])
    last = net.step(params, after.carry, jax.vmap(observe)(after.mazes), resets=after.first)[1]
    gain = advantages(batch, last[:, 3])
    targets = batch, gain, gain[..., None] + batch.outputs[..., 3:]
    replayed = net.apply(params, batch.inputs, before.carry, resets=batch.resets)[1]
    off = jnp.abs(replayed - batch.outputs).max() / jnp.abs(replayed).max().clip(1)

    def learn(state: Any, chosen: jax.Array) -> tuple[Any, None]:
        some = jax.tree.map(lambda leaf: leaf[:, chosen], targets)
        carry = jax.tree.map(lambda leaf: leaf[chosen], before.carry)

        def loss(params: Any) -> jax.Array:
            outputs = net.apply(params, some[0].inputs, carry, resets=some[0].resets)[1]
            return objectives.reduce(LOSS, outputs, some).mean()

        changes, optimizer = OPTIMIZER.update(jax.grad(loss)(state[0]), state[1])
        return (optax.apply_updates(state[0], changes), optimizer), None

    order = jax.vmap(lambda key: jax.random.permutation(key, ENVIRONMENTS))(keys[:EPOCHS])
    state = (params, optimizer), order.reshape(EPOCHS * MINIBATCHES, -1)
    return (*jax.lax.scan(learn, *state)[0], after), figures(batch) | {"off": off}


def figures(batch: Batch) -> dict[str, jax.Array]:
    """The share of episodes that end at the goal; entropy and knowledge at the turn, in bits."""
    turn, right = batch.inputs[..., 3], batch.actions == RIGHT
    entropy = (information.entropy(batch.outputs[..., :3]) * turn).sum() / turn.sum().clip(1)
    pairs = jax.nn.one_hot(2 * (right == batch.success) + right, 4)  # the goal, and the action
    joint = 1e-6 + (pairs * (turn * (batch.actions != FORWARD))[..., None]).sum((0, 1))
    nats = {"entropy": entropy, "cue": information.mutual_information(joint.reshape(2, 2))}
    success = batch.success.sum() / batch.done.sum().clip(1)
    return jax.tree.map(information.to_bits, nats) | {"success": success}


def train(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All seeds of a network side by side, and what they came to in the last ten updates."""
    net = networks.stack(READERS[name], networks.Dense(HIDDEN, 4))
    began, rows, for_start = time.time(), [], jax.random.key(options.seed)
    learners = jax.jit(jax.vmap(partial(begin, net)))(jax.random.split(for_start, options.seeds))
    some = jax.jit(jax.vmap(lambda *given: jax.lax.scan(partial(update, net), *given)))
    shape = options.updates // options.every, options.seeds, options.every
    for part, keys in enumerate(jax.random.split(jax.random.key(options.seed + 1), shape), 1):
        learners, row = jax.device_get(some(learners, keys))
        rows.append(row)
        rate = part * keys.size * STEPS * ENVIRONMENTS / (time.time() - began)
        now = SAID.format(name, **{what: curve[:, -1].mean() for what, curve in row.items()})
        print(f"{now}; update {part * options.every}, {rate:,.0f} steps/s", flush=True)
    curves = {what: np.concatenate([row[what] for row in rows], 1) for what in rows[0]}
    score = {what: curve[:, -10:].mean(1) for what, curve in curves.items()}
    params, _, actor = jax.tree.map(lambda leaf: leaf[0], learners)  # the first goes on
    after, batch = jax.jit(partial(play, net))(params, actor, jax.random.split(keys[0, 0], STEPS))
    rollout = testing.Rollout(batch.inputs, batch.resets, actor.carry, batch.outputs, after.carry)
    report = testing.check_replay(net, params, rollout, tolerance=2.4e-7, echo=False)
    off, seconds = float(curves["off"].max()), time.time() - began
    now = SAID.format(name, **jax.tree.map(np.mean, score))
    print(f"{now} at last, worst {min(score['success']):.3f}; off by {off:.1e}; {seconds:.0f} s\n")
    found = jax.tree.map(np.ndarray.tolist, {"score": score, "curves": curves})
    return found | {"replay": str(report).splitlines()[1:], "off": off, "seconds": seconds}


def main(options: argparse.Namespace) -> None:
    """Train both, draw."""
    from matplotlib.figure import Figure

    options.out.mkdir(parents=True, exist_ok=True)
    result = {name: train(name, options) for name in options.networks}
    (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    panels = (figure := Figure((11, 3.8), layout="constrained")).subplots(1, 2)
    for color, (name, found) in enumerate(result.items()):
        for axes, what, style in [(0, "success", "-"), (1, "cue", "-"), (1, "entropy", ":")]:
            each, label = np.array(found["curves"][what]).T, f"{name}, {what}"
            panels[axes].plot(each, style, color=f"C{color}", linewidth=0.4)
            panels[axes].plot(each.mean(1), style, color=f"C{color}", label=label)
            panels[axes].legend(frameon=False)
    figure.suptitle("by update: episodes that end at the goal, and bits at the turn")
    figure.savefig(options.out / "recurrent_ppo.png", dpi=120)
    print(f"wrote {options.out}/: result.json, recurrent_ppo.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5, help="how many networks of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of all of them")
    parser.add_argument("--out", type=Path, default=Path("out/recurrent_ppo"), help="a folder")
    parser.add_argument("--smoke", action="store_true", help="one network, two seeds, a few steps")
    given = parser.parse_args()
    given.every, given.networks = (1, ["GRU"]) if given.smoke else (10, list(READERS))
    given.updates, given.seeds = (2, 2) if given.smoke else (given.updates, given.seeds)
    if min(given.seeds, given.updates // given.every) < 1:
        parser.error("--seeds must be at least 1, and --updates at least 10")
    main(given)
