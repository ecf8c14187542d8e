"""A sweep gives what single runs give, whatever is swept and however its members are run."""

import dataclasses

import jax
import numpy as np
import optax
import pytest

from jaxrnn import objectives, training
from tests.training.small import SCORES, Small, echo, unstack

LEARNING = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)
TRAINER = training.Trainer(Small(noise=0.1), objectives.CrossEntropy(0.1), LEARNING, SCORES)
BATCHES = unstack(echo(jax.random.key(0), 5))
HELD_OUT = unstack(echo(jax.random.key(1), 2))
SETTINGS = {"network.leak": [0.5, 1.0], "learning_rate": [0.1, 1e30], "loss.smoothing": [0.2]}
CALL = {"seeds": [0, 3], "steps": 5, "every": 3, "validation": HELD_OUT, "progress": None}


@pytest.fixture(scope="module")
def side_by_side():
    return training.sweep(TRAINER, BATCHES, SETTINGS, members=training.Vmapped(3), **CALL)


def test_members_are_what_fit_gives(side_by_side):
    def fit(setting, seed):
        optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=setting["learning_rate"])
        trainer = dataclasses.replace(
            TRAINER,
            network=Small(noise=0.1, leak=setting["network.leak"]),
            loss=objectives.CrossEntropy(setting["loss.smoothing"]),
            optimizer=optimizer,
        )
        call = CALL | {"key": jax.random.key(seed)}
        del call["seeds"]
        return training.fit(trainer, BATCHES, **call).history

    for member in (1, 5):
        history = fit(side_by_side.settings[member], side_by_side.seeds[member])
        assert [row["step"] for row in history] == side_by_side.steps.tolist()
        for row, wanted in enumerate(history):
            found = {name: curve[member, row] for name, curve in side_by_side.curves.items()}
            assert found == pytest.approx(
                {k: v for k, v in wanted.items() if k != "step"}, rel=1e-5
            )


@pytest.mark.parametrize("members", [training.OneByOne(), training.Fastest(2)], ids=str)
def test_how_members_are_run_changes_rounding_alone(side_by_side, members):
    other = training.sweep(TRAINER, BATCHES, SETTINGS, members=members, **CALL)
    assert other.settings == side_by_side.settings
    np.testing.assert_array_equal(other.diverged_at, side_by_side.diverged_at)
    whole = ~other.diverged
    for name, curve in side_by_side.curves.items():
        np.testing.assert_allclose(other.curves[name][whole], curve[whole], rtol=1e-5, atol=1e-6)


def test_a_member_that_diverges_is_alone(side_by_side):
    rates = [setting["learning_rate"] for setting in side_by_side.settings]
    assert side_by_side.diverged.tolist() == [rate > 1 for rate in rates]
    assert (side_by_side.diverged_at[side_by_side.diverged] == 2).all()
    assert np.isnan(side_by_side.scores()).tolist() == side_by_side.diverged.tolist()


def test_settings_are_combined_seed_by_seed(side_by_side):
    assert side_by_side.seeds.tolist() == [0, 3] * 4
    assert [members.tolist() for _, members in side_by_side.groups()] == [
        [0, 1],
        [2, 3],
        [4, 5],
        [6, 7],
    ]
    assert side_by_side.groups()[1][0] == {
        "network.leak": 0.5,
        "learning_rate": 1e30,
        "loss.smoothing": 0.2,
    }
