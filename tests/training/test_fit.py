"""The loop: rows, callbacks, the log, what is shown, and how it stops."""

import csv
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import data, metrics, training
from jaxrnn.networks import Layer
from tests.training.small import ADAM, SCORES, TRAINER, XENT, Small, V, echo, unstack

BATCHES = unstack(echo(jax.random.key(1), 3))
HELD_OUT = unstack(echo(jax.random.key(2), 2))


def run(trainer=TRAINER, batches=BATCHES, *, steps=7, every=3, progress=None, **options):
    start = {} if "state" in options else {"key": jax.random.key(0)}
    return training.fit(
        trainer, batches, steps=steps, every=every, progress=progress, **start, **options
    )


def test_rows_are_means_since_the_row_before():
    result = run(validation=HELD_OUT)
    ones = run(every=1).history
    assert [row["step"] for row in result.history] == [3, 6, 7]
    assert list(result.history[0]) == [
        "step",
        "train/loss",
        "train/gradient_norm",
        "train/accuracy",
        "train/nll",
        "validation/loss",
        "validation/accuracy",
        "validation/nll",
    ]
    for row, steps in zip(result.history, [ones[:3], ones[3:6], ones[6:]], strict=True):
        for column in ["train/loss", "train/gradient_norm", "train/accuracy"]:
            mean = np.mean([one[column] for one in steps])
            np.testing.assert_allclose(row[column], mean, rtol=1e-6)
    held_out = TRAINER.evaluate(result.state, HELD_OUT)
    assert result.history[-1]["validation/loss"] == float(held_out.loss)
    assert (result.step, int(result.state.step)) == (7, 7)


def test_steps_in_which_nothing_counts_are_said():
    masked = [data.Batch(xs, ys, jnp.zeros(ys.shape, bool)) for xs, ys in BATCHES]
    with pytest.warns(UserWarning, match="nothing counted in the 3 steps up to 3"):
        result = run(batches=masked + BATCHES, steps=6)
    assert np.isnan(result.history[0]["train/loss"])
    assert np.isfinite(result.history[1]["train/loss"])


def test_a_dataset_is_read_by_step():
    class Cycle(data.Dataset):
        def __len__(self):
            return len(BATCHES)

        def at(self, epoch, index):
            return data.Batch(*BATCHES[index])

    assert run(batches=Cycle()).history == run().history


def test_another_leak_runs_the_same_program():
    traces = []

    class Counting(Layer):
        small: Small

        def init(self, key):
            return self.small.init(key)

        def carry(self, params, batch=()):
            return self.small.carry(params, batch)

        def run(self, params, xs, carry, *, key, mask, resets):
            traces.append(key)
            return self.small.run(params, xs, carry, key=key, mask=mask, resets=resets)

        @property
        def input_shape(self):
            return ()

    losses = []
    for leak in [1.0, 0.5]:
        trainer = training.Trainer(Counting(Small(leak=leak)), XENT, ADAM)
        losses.append(run(trainer, validation=HELD_OUT).history[-1]["validation/loss"])
    assert losses[0] != losses[1]
    assert len(traces) == 2  # one step, one evaluation


def test_callbacks_see_rows_and_may_stop():
    seen = []

    def stop_at_6(event):
        seen.append(event)
        return event.step >= 6

    result = run(steps=100, callbacks=[stop_at_6])
    assert [event.step for event in seen] == [3, 6]
    assert [event.row for event in seen] == result.history
    assert int(seen[-1].state.step) == 6
    chex.assert_trees_all_equal(seen[-1].state.params, result.state.params)


def test_csv_holds_the_history(tmp_path):
    path = tmp_path / "deep" / "log.csv"
    path.parent.mkdir()
    path.write_text("an older run")
    lengths = []
    result = run(log=path, callbacks=[lambda event: lengths.append(len(path.read_text()))])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{name: float(value) for name, value in row.items()} for row in rows] == result.history
    assert lengths == sorted(set(lengths))  # every row is on disk when it is made


def test_going_on_from_a_state():
    first = run(steps=4)
    second = run(state=first.state)
    assert second.history[-1]["step"] == 7
    chex.assert_trees_all_equal(second.state.params, run().state.params)


def test_early_stopping_returns_the_best():
    states = {}
    stopping = training.EarlyStopping(patience=2, metric="train/loss")
    steep = training.Trainer(Small(), XENT, ADAM, SCORES)
    batches = [*[BATCHES[0]] * 10, *[BATCHES[1]] * 90]  # after ten steps the problem is another one
    result = run(
        steep,
        batches,
        steps=100,
        every=1,
        early_stopping=stopping,
        callbacks=[lambda event: states.update({event.step: event.state})],
    )
    losses = [row["train/loss"] for row in result.history]
    assert result.step == 1 + int(np.argmin(losses))
    assert result.history[-1]["step"] == result.step + 2 < 100
    chex.assert_trees_all_equal(result.state.params, states[result.step].params)


def test_lines_where_the_output_is_no_terminal(capsys):
    run(validation=HELD_OUT, progress=training.Progress("bits", 1 / math.log(2), "characters"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["3/7", "6/7", "7/7"]
    bits = run(validation=HELD_OUT).history[-1]["validation/loss"] / math.log(2)
    assert f"held out {bits:.4f}" in lines[-1]
    assert "characters/s" in lines[-1]
    assert lines[-1].endswith("0:00 left")


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    run(progress=training.Progress())
    shown = capsys.readouterr().out
    assert "7/7" in shown
    assert "time steps/s" in shown


def test_silence(capsys):
    run()
    assert capsys.readouterr().out == ""


def test_a_loss_that_is_not_finite_names_the_step(tmp_path):
    checkpoints = training.Checkpoints(tmp_path, every=2)

    def spoilt(outputs, targets):
        return jnp.where(targets[..., 0] > 0, jnp.nan, (outputs**2).mean(-1))

    trainer = training.Trainer(Small(), spoilt, ADAM)
    inputs = BATCHES[0][0]
    good, bad = ((inputs, jnp.full((*inputs.shape, 1), value)) for value in (0.0, 1.0))
    with pytest.raises(FloatingPointError, match="the loss is nan at step 6"):
        run(trainer, [good] * 5 + [bad], steps=9, checkpoints=checkpoints)
    assert checkpoints.steps() == [2, 4]


def test_errors_before_the_first_step(tmp_path):
    with pytest.raises(ValueError, match="every must be at least 1"):
        run(every=0)
    with pytest.raises(ValueError, match="there is no validation"):
        run(early_stopping=training.EarlyStopping())
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        run(log=tmp_path / "file" / "log.csv")
    with pytest.raises(OSError, match="Choose another directory"):
        run(checkpoints=training.Checkpoints(tmp_path / "file" / "runs"))


def test_epochs_are_steps():
    """A row an epoch, unless another interval is asked for."""
    by_epochs = run(steps=None, epochs=2, every=None)
    assert [row["step"] for row in by_epochs.history] == [3, 6]
    by_steps = run(steps=6, every=3)
    assert by_epochs.history == by_steps.history
    chex.assert_trees_all_equal(by_epochs.state, by_steps.state)
    assert [row["step"] for row in run(steps=None, epochs=1, every=2).history] == [2, 3]


def test_parameters_that_are_not_finite_are_never_returned():
    """A gradient overflows in the last step: the loss before it is fine."""
    steep = training.Trainer(Small(), XENT, optax.sgd(float("inf")))
    with pytest.raises(FloatingPointError, match="parameters are not finite after step 1"):
        run(steep, steps=1)


@pytest.mark.parametrize(
    ("metric", "error", "says"),
    [
        ("train/f1", ValueError, r"no 'train/f1' in the history, which has step, train/loss"),
        ("validation/f1", ValueError, r"which has .*, validation/loss, validation/accuracy"),
        ("train/recall", TypeError, r"'train/recall' must be one number, got a list of shape \(3,"),
    ],
)
def test_early_stopping_names_the_columns_before_training(metric, error, says):
    def never(event):
        raise AssertionError

    recall = metrics.map_value(metrics.nll(), lambda value: jnp.full(V, value))
    scores = metrics.collect(nll=metrics.nll(), accuracy=metrics.accuracy(), recall=recall)
    with pytest.raises(error, match=says):
        run(
            training.Trainer(Small(), XENT, ADAM, scores),
            validation=HELD_OUT,
            callbacks=[never],
            early_stopping=training.EarlyStopping(metric=metric),
        )


def test_a_score_that_is_never_a_number_returns_what_was_trained():
    """It returned the parameters of before the first step, and said nothing."""
    never = metrics.map_value(metrics.nll(), lambda value: value * jnp.nan)
    trainer = training.Trainer(Small(), XENT, ADAM, metrics.collect(never=never))
    stopping = training.EarlyStopping(2, metric="train/never")
    with pytest.warns(UserWarning, match="'train/never' was NaN in every row.*the last step, 6"):
        result = run(trainer, steps=30, early_stopping=stopping)
    assert result.step == 6
    chex.assert_trees_all_equal(result.state.params, run(trainer, steps=6).state.params)
