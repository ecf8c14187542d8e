"""A sweep gives what single runs give, whatever is swept and however its members are run."""

import csv
import dataclasses

import chex
import jax
import numpy as np
import optax
import pytest

from jaxrnn import networks, objectives, training
from jaxrnn.training import _swept_program
from tests.training.small import SCORES, Small, echo, unstack

LEARNING = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)
TRAINER = training.Trainer(Small(noise=0.1), objectives.CrossEntropy(0.1), LEARNING, SCORES)
BATCHES = unstack(echo(jax.random.key(0), 5))
HELD_OUT = unstack(echo(jax.random.key(1), 2))
SETTINGS = {"network.leak": [0.5, 1.0], "learning_rate": [0.1, np.inf], "loss.smoothing": [0.2]}
CALL = {
    "seeds": [0, 3],
    "steps": 5,
    "every": 3,
    "validation": HELD_OUT,
    "keep": training.FinalParams(),
    "progress": None,
}


@pytest.fixture(autouse=True, scope="module")
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def side_by_side(_float64):
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
        del call["seeds"], call["keep"]
        return training.fit(trainer, BATCHES, **call)

    for member in (1, 5):
        result = fit(side_by_side.settings[member], side_by_side.seeds[member])
        history = result.history
        chex.assert_trees_all_close(
            side_by_side.params_of(member), jax.device_get(result.state.params), rtol=1e-10
        )
        assert [row["step"] for row in history] == side_by_side.steps.tolist()
        for row, wanted in enumerate(history):
            found = {name: curve[member, row] for name, curve in side_by_side.curves.items()}
            assert found == pytest.approx(
                {k: v for k, v in wanted.items() if k != "step"}, rel=1e-10, abs=1e-12
            )


@pytest.mark.parametrize("members", [training.OneByOne(), training.Fastest(3)], ids=str)
def test_how_members_are_run_changes_rounding_alone(side_by_side, members):
    other = training.sweep(TRAINER, BATCHES, SETTINGS, members=members, **CALL)
    assert other.settings == side_by_side.settings
    np.testing.assert_array_equal(other.diverged_at, side_by_side.diverged_at)
    whole = ~other.diverged
    for name, curve in side_by_side.curves.items():
        np.testing.assert_allclose(other.curves[name][whole], curve[whole], rtol=1e-10, atol=1e-12)
    for member in np.flatnonzero(whole):
        chex.assert_trees_all_close(
            other.params_of(member), side_by_side.params_of(member), rtol=1e-10, atol=1e-12
        )


def test_a_member_that_diverges_is_alone(side_by_side):
    rates = [setting["learning_rate"] for setting in side_by_side.settings]
    assert side_by_side.diverged.tolist() == [rate > 1 for rate in rates]
    assert (side_by_side.diverged_at[side_by_side.diverged] == 2).all()
    assert not np.isnan(side_by_side.scores()[~side_by_side.diverged]).any()
    assert not np.isfinite(side_by_side.scores("train/loss")[side_by_side.diverged]).any()


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
        "learning_rate": np.inf,
        "loss.smoothing": 0.2,
    }


def test_a_sweep_that_is_stopped_goes_on(side_by_side, tmp_path, monkeypatch):
    # One device, so that there are several slices; the whole was run on several.
    with jax.default_device(jax.devices()[0]):
        _stop_and_go_on(side_by_side, tmp_path, monkeypatch)


def _stop_and_go_on(side_by_side, tmp_path, monkeypatch):
    call = CALL | {"members": training.Vmapped(3), "directory": tmp_path}
    started = []
    start = _swept_program.Program.start

    def counting(program, chosen):
        if len(started) == 2:
            raise KeyboardInterrupt
        started.append(chosen.tolist())
        return start(program, chosen)

    monkeypatch.setattr(_swept_program.Program, "start", counting)
    with pytest.raises(KeyboardInterrupt):
        training.sweep(TRAINER, BATCHES, SETTINGS, **call)
    started.clear()
    resumed = training.sweep(TRAINER, BATCHES, SETTINGS, **call)
    assert started == [[6, 7, 7]]
    for name, curve in side_by_side.curves.items():
        np.testing.assert_allclose(resumed.curves[name], curve, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(resumed.diverged_at, side_by_side.diverged_at)
    chex.assert_trees_all_equal(resumed.params, side_by_side.params)
    training.sweep(TRAINER, BATCHES, SETTINGS, **call)
    assert len(started) == 1
    others = {
        "seeds": {"seeds": [0, 4]},
        "rows": {"every": 5},
        "validation": {"validation": HELD_OUT[:1]},
        "keep": {"keep": None},
    }
    for name, other in others.items():
        with pytest.raises(ValueError, match=f"belongs to another sweep: {name} there"):
            training.sweep(TRAINER, BATCHES, SETTINGS, **call | other)
    noisier = dataclasses.replace(TRAINER, network=Small(noise=0.2))
    with pytest.raises(ValueError, match=r"network there .*noise=0.1.*, here .*noise=0.2"):
        training.sweep(noisier, BATCHES, SETTINGS, **call)
    with pytest.raises(ValueError, match="first batch there"):
        training.sweep(TRAINER, BATCHES[1:], SETTINGS, **call)


def test_a_directory_of_something_else_is_refused(tmp_path):
    training.Checkpoints(tmp_path).save(1, {"state": np.zeros(2)}, {})
    with pytest.raises(ValueError, match="run of something else"):
        training.sweep(TRAINER, BATCHES, SETTINGS, **CALL, directory=tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"^sweep: .* cannot be made .* Choose another"):
        training.sweep(TRAINER, BATCHES, SETTINGS, **CALL, directory=tmp_path / "file")


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"network.hidden": [4]},
            ValueError,
            r"is no leaf .*\n.*  network.leak\n(.*\n)*.*learning",
        ),
        ({"network.leak": []}, ValueError, "empty list of values"),
        ([], ValueError, "empty list"),
        ({"network.leak": 0.5}, TypeError, "must be a list of values"),
        ({"network.leak": ["0.5"]}, TypeError, "must be a number"),
        ({"network.leak": [True]}, TypeError, "must be a number"),
        ({"network.leak": [[0.5, 0.5]]}, ValueError, r"shape \(\)"),
        ({"network.leak": [float("nan")]}, ValueError, "not a number"),
        ({"network.leak": np.ma.masked_array([0.5, 1.0], [True, False])}, TypeError, "masked"),
        ({"network.leak": [0.5, 0.5]}, ValueError, "there twice"),
        ({"loss.smoothing": [0.1, 1.5]}, ValueError, r"CrossEntropy: smoothing .* got 1.5"),
        ([{"network.leak": 0.5}, {"loss.smoothing": 0.5}], TypeError, "same names"),
        ("network.leak", TypeError, "settings must be values"),
    ],
)
def test_settings_that_are_none(settings, error, message):
    with pytest.raises(error, match=message):
        training.sweep(TRAINER, BATCHES, settings, **CALL)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"seeds": []}, ValueError, "seeds is empty"),
        ({"seeds": [1, 1]}, ValueError, "twice"),
        ({"seeds": [0.5]}, TypeError, "seeds must be an integer"),
        ({"seeds": [-1]}, ValueError, "at least 0"),
        ({"seeds": 8}, TypeError, "list of integers"),
        ({"seeds": np.array(8)}, TypeError, "list of integers"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"every": 0}, ValueError, "every must be at least 1"),
        ({"validation": []}, ValueError, "validation holds no batch"),
        ({"members": 16}, TypeError, "Members"),
    ],
)
def test_arguments_that_are_none(wrong, error, message):
    with pytest.raises(error, match=message):
        training.sweep(TRAINER, BATCHES, SETTINGS, **CALL | wrong)


def test_parameters_that_were_not_kept(side_by_side):
    with pytest.raises(ValueError, match="member must be below 8"):
        side_by_side.params_of(8)
    joined = training.join({"a": side_by_side})
    assert joined.params is None
    with pytest.raises(ValueError, match=r"no parameters were kept.*keep=FinalParams"):
        joined.params_of(0)


def test_labels_out_of_range_are_named():
    inputs, targets = BATCHES[1]
    batches = [BATCHES[0], (inputs, targets + 9), *BATCHES[2:]]
    with pytest.raises(ValueError, match=r"sweep: the batch of step 1: .*label"):
        training.sweep(TRAINER, batches, SETTINGS, members=training.Vmapped(3), **CALL)


def test_what_no_member_can_read_is_named():
    inputs = np.ones((4, 3, 2))
    whole, missing = (inputs, np.zeros((4, 3), int)), inputs.copy()
    missing[3, 1, 0] = np.nan
    trainer = training.Trainer(networks.Dense(2, 2), objectives.CrossEntropy(), LEARNING)
    call = {"seeds": [0, 1], "steps": 2, "every": 1, "progress": None}
    place = "nan at sequence 1, step 3, feature 0"
    with pytest.raises(FloatingPointError, match=f"at step 1. Its inputs have {place}"):
        training.sweep(trainer, [whole, (missing, whole[1])], {}, **call)
    with pytest.raises(FloatingPointError, match=f"batch 1 of validation. Its inputs have {place}"):
        training.sweep(trainer, [whole], {}, validation=[whole, (missing, whole[1])], **call)
    with pytest.raises(ValueError, match=r"batch 1 of validation: .*label.* got 2"):
        training.sweep(trainer, [whole], {}, validation=[whole, (inputs, whole[1] + 2)], **call)


def test_a_table_that_cannot_be_written_leaves_nothing(side_by_side, tmp_path):
    (tmp_path / "file").write_text("")
    for path, said in ((tmp_path, "got the folder"), (tmp_path / "file" / "x.csv", "cannot be")):
        with pytest.raises(OSError, match=f"Sweep.to_csv: .*{said}"):
            side_by_side.to_csv(path)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_sweeps_of_several_networks_are_one_table(side_by_side, tmp_path):
    both = training.join({"a": side_by_side, "b": side_by_side}, by="network")
    assert both.settings[0] == {"network": "a"} | side_by_side.settings[0]
    assert len(both.groups()) == 8
    both.to_csv(tmp_path / "new" / "rows.csv")
    with open(tmp_path / "new" / "rows.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train/loss"]) for row in rows] == pytest.approx(
        both.scores("train/loss").tolist(), nan_ok=True
    )
    with pytest.raises(ValueError, match="same steps"):
        training.join({"a": side_by_side, "b": side_by_side._replace(steps=np.array([1, 5]))})
