"""Training over devices: what one device computes, divided among several."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxrnn import data, objectives, training
from jaxrnn.networks import Dense, LastPool, stack
from tests.quick import some
from tests.training.small import ADAM, SCORES, XENT, Small, echo, unstack

BATCHES = unstack(echo(jax.random.key(1), 5, batch=8))
THERE = np.arange(4)[:, None] < np.arange(8) % 4 + 1
HELD_OUT = [
    data.Batch(*batch, THERE, ~THERE) for batch in unstack(echo(jax.random.key(2), 2, 4, 8))
]
NOISY = training.Trainer(Small(noise=0.1), XENT, ADAM, SCORES, carry=training.Carried((8,)))


def over(devices):
    """A sharding of `[T, batch]`; the axes of its mesh are explicit, as they are by default."""
    return NamedSharding(jax.make_mesh((devices,), ("data",)), P(None, "data"))


def run(steps, sharding=None, directory=None, trainer=NOISY, **options):
    options = {"key": jax.random.key(0)} | options if "state" not in options else options
    return training.fit(
        trainer,
        BATCHES,
        steps=steps,
        every=3,
        validation=HELD_OUT,
        early_stopping=training.EarlyStopping(100),
        checkpoints=None if directory is None else training.Checkpoints(directory, every=4),
        progress=None,
        sharding=sharding,
        **options,
    )


@pytest.fixture(scope="module")
def alone():
    """A run on one device."""
    return run(10)


def equal(result, expected):
    """To the order of sums in float32."""
    assert result.step == expected.step
    chex.assert_trees_all_close(
        jax.device_get(result.last.params), jax.device_get(expected.last.params), atol=1e-6
    )
    for row, other in zip(result.history, expected.history, strict=True):
        assert row == pytest.approx(other, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("devices", some(2, slow=(8,)))
def test_several_devices_compute_what_one_does(devices, alone):
    seen = []
    result = run(10, over(devices), callbacks=[lambda event: seen.append(event.state)])
    equal(result, alone)
    for state in (*seen, result.last):
        shapes = {shard.data.shape for shard in state.carry.addressable_shards}
        assert shapes == {(8 // devices, *state.carry.shape[1:])}
        rest = jax.tree.leaves(state._replace(carry=()))
        assert all(leaf.is_fully_replicated for leaf in rest)
        assert all(len(leaf.sharding.device_set) == devices for leaf in rest)


@pytest.mark.parametrize(
    "before, after",
    some((4, 2), slow=[(2, None), (None, 8)]),
)
def test_a_run_goes_on_with_other_devices(before, after, alone, tmp_path):
    half = run(6, before and over(before), tmp_path)
    store, like = training.Checkpoints(tmp_path), {"state": NOISY.init(jax.random.key(3))}
    read = store.restore(like | {"best": like["state"].params}).trees
    chex.assert_trees_all_equal(
        *map(jax.device_get, (read["best"], half.state.params)),
    )
    chex.assert_trees_all_equal(*map(jax.device_get, (read["state"].carry, half.last.carry)))
    equal(run(10, after and over(after), tmp_path), alone)


@pytest.mark.slow
def test_parameters_that_a_user_divided_stay_so(alone):
    mesh = jax.make_mesh((2, 4), ("data", "model"))
    sharding = NamedSharding(mesh, P(None, "data"))
    state = NOISY.init(jax.random.key(0))
    columns = {"w": P(None, "model"), "r": P(None, "model"), "o": P("model"), "h": P("model")}
    params = {
        name: jax.device_put(leaf, NamedSharding(mesh, columns[name]))
        for name, leaf in state.params.items()
    }
    result = run(10, sharding, state=state._replace(params=params))
    equal(result, alone)
    for name, leaf in result.state.params.items():
        wanted = NamedSharding(leaf.sharding.mesh, columns[name])
        assert leaf.sharding.is_equivalent_to(wanted, leaf.ndim)


def test_evaluate_takes_lists_single_batches_and_stacks():
    state = NOISY.init(jax.random.key(0))
    stack = data.Stacked(jax.tree.map(lambda *parts: jnp.stack(parts), *HELD_OUT))
    for batches in (HELD_OUT, HELD_OUT[0], stack):
        one, several = (NOISY.evaluate(state, batches, sharding=s) for s in (None, over(4)))
        chex.assert_trees_all_close(*map(jax.device_get, (one, several)), rtol=1e-6)


def test_targets_of_sequences_are_divided():
    """One target a sequence, of 14 in batches of 8: the last one is filled with masked ones."""
    network = stack(Dense(2, 3), LastPool())
    trainer = training.Trainer(network, objectives.CrossEntropy(), optax.sgd(0.1))
    inputs = np.random.default_rng(0).normal(size=(5, 14, 2)).astype(np.float32)
    marks = np.arange(5)[:, None] < np.arange(14) % 5 + 1
    examples = data.Batch(inputs, np.arange(14) % 3, marks)
    batches = data.Shuffled(examples, batch=8, seed=0, target_axis=0)
    ends = [
        training.fit(trainer, batches, epochs=2, key=jax.random.key(0), sharding=s, progress=None)
        for s in (None, over(4))
    ]
    chex.assert_trees_all_close(
        *(jax.device_get(end.state.params) for end in ends),
        atol=1e-6,
    )


def test_a_scan_over_an_epoch_takes_divided_batches_and_donates():
    trainer = training.Trainer(Small(), XENT, ADAM, carry=training.Carried((8,)))
    state, batches = trainer.init(jax.random.key(0)), echo(jax.random.key(1), 4, batch=8)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    placed = jax.device_put(batches, NamedSharding(mesh, P(None, None, "data")))
    spread = jax.device_put(state, NamedSharding(mesh, P()))
    spread = spread._replace(carry=jax.device_put(state.carry, NamedSharding(mesh, P("data"))))
    epoch = jax.jit(lambda state, batches: jax.lax.scan(trainer.step, state, batches))
    donating = jax.jit(lambda s, b: jax.lax.scan(trainer.step, s, b), donate_argnums=0)
    expected = jax.device_get(epoch(state, batches)[1])
    chex.assert_trees_all_close(jax.device_get(donating(spread, placed)[1]), expected, rtol=1e-5)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(spread.params))


@pytest.mark.parametrize(
    "sharding, error, message",
    [
        (over(3), ValueError, "a batch of 8 cannot be .* 3 devices .* Take batches of 9"),
        (jax.devices()[0], TypeError, "sharding must be .*NamedSharding"),
        (NamedSharding(over(2).mesh, P("data")), ValueError, "time is not divided"),
        (NamedSharding(over(2).mesh, P(None, None, "data")), ValueError, "batch axis 1"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_a_sharding_that_does_not_fit_says_what_does(sharding, error, message):
    with pytest.raises(error, match=message):
        run(1, sharding)


def test_a_mesh_that_is_set_beside_it_is_refused():
    with jax.set_mesh(over(2).mesh), pytest.raises(ValueError, match="Call outside of it"):
        run(1, over(2))
