"""A run that stops anywhere goes on as if it had not."""

import operator

import chex
import jax
import jax.numpy as jnp
import optax
import pytest

from jaxrnn import training
from tests.training.small import ADAM, CARRIED, SCORES, XENT, B, Small, echo, unstack

BATCHES = unstack(echo(jax.random.key(1), 7))
HELD_OUT = unstack(echo(jax.random.key(2), 2))
NOISY = training.Trainer(Small(noise=0.1), XENT, ADAM, SCORES, carry=CARRIED.carry)
STOPS = [1, 7, 30]


def run(steps, every, directory=None, **options):
    checkpoints = None if directory is None else training.Checkpoints(directory, every=40)
    return training.fit(
        NOISY,
        BATCHES,
        steps=steps,
        every=every,
        key=jax.random.key(0),
        checkpoints=checkpoints,
        progress=None,
        **options,
    )


@pytest.fixture(scope="module")
def whole():
    """The state after every step of a run that never stopped, and its history."""
    states = {}
    callback = lambda event: states.update({event.step: event.state})  # noqa: E731
    return states, run(STOPS[-1] + 100, 1, callbacks=[callback]).history


@pytest.mark.parametrize("stop", STOPS)
def test_the_next_hundred_losses_are_bitwise_equal(stop, whole, tmp_path):
    states, history = whole
    run(stop, 1, tmp_path)
    result = run(stop + 100, 1, tmp_path)
    assert result.history == history[: stop + 100]
    reached = result.state._replace(metrics=states[stop + 100].metrics)
    chex.assert_trees_all_equal(reached, states[stop + 100])


@pytest.mark.parametrize("stop", [4, 6, 11])
def test_rows_and_log_are_those_of_an_uninterrupted_run(stop, tmp_path):
    def observed(steps, place, directory=None):
        return run(
            steps,
            3,
            directory,
            validation=HELD_OUT,
            early_stopping=training.EarlyStopping(100),
            log=place,
        )

    expected = observed(20, tmp_path / "whole.csv")
    observed(stop, tmp_path / "log.csv", tmp_path / "run")
    result = observed(20, tmp_path / "log.csv", tmp_path / "run")
    assert result.history == expected.history
    assert result.step == expected.step
    chex.assert_trees_all_equal(result.state, expected.state)
    assert (tmp_path / "log.csv").read_text() == (tmp_path / "whole.csv").read_text()


@pytest.mark.parametrize("at", [3, 4])
def test_an_interrupt_saves_and_is_raised(at, tmp_path):
    def interrupt(event):
        if event.step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(20, 1, tmp_path, callbacks=[interrupt])
    assert training.Checkpoints(tmp_path).steps() == [at]
    result, expected = run(20, 1, tmp_path), run(20, 1)
    assert result.history == expected.history
    chex.assert_trees_all_equal(result.state, expected.state)


def test_a_finished_run_is_not_run_again(tmp_path):
    stopping = training.EarlyStopping(1, metric="train/loss", min_delta=100.0)
    first = run(20, 2, tmp_path, early_stopping=stopping)
    again = run(20, 2, tmp_path, early_stopping=stopping)
    assert first.history[-1]["step"] == 4
    assert (again.history, again.step) == (first.history, first.step)
    chex.assert_trees_all_equal(again.state.params, first.state.params)


def test_it_says_where_it_goes_on(tmp_path, capsys):
    run(4, 2, tmp_path)
    training.fit(
        NOISY,
        BATCHES,
        steps=6,
        key=jax.random.key(0),
        checkpoints=training.Checkpoints(tmp_path),
    )
    assert f"going on from step 4 of {tmp_path}" in capsys.readouterr().out
    assert B == 2


@pytest.mark.parametrize("notes", [{}, {"history": 3}, {"history": [], "window": [1]}])
def test_a_checkpoint_that_fit_did_not_write_is_refused(notes, tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    checkpoints.save(0, {"state": NOISY.init(jax.random.key(0))}, notes)
    with pytest.raises(ValueError, match="is none of `fit`: its notes are not those of a run"):
        run(5, 1, tmp_path)


BY_LOSS = training.EarlyStopping(100, metric="train/loss")


@pytest.mark.parametrize(
    "other",
    [
        training.EarlyStopping(100, metric="train/accuracy"),
        training.EarlyStopping(100, metric="train/loss", better=operator.gt),
    ],
    ids=["metric", "better"],
)
def test_a_standing_is_of_its_criterion(other, tmp_path):
    run(4, 2, tmp_path, early_stopping=BY_LOSS)
    with pytest.raises(ValueError, match=r"judged by train/loss by _operator\.lt, and train/"):
        run(8, 2, tmp_path, early_stopping=other)


def test_early_stopping_left_out_in_between_starts_anew(tmp_path):
    """The best score of the first part says nothing of parameters that were not kept."""
    states = {}
    callback = lambda event: states.update({event.step: event.state})  # noqa: E731
    lowest_first = training.EarlyStopping(100, metric="train/loss", better=operator.gt)
    run(4, 2, tmp_path, early_stopping=lowest_first)
    run(6, 2, tmp_path)
    result = run(10, 2, tmp_path, early_stopping=lowest_first, callbacks=[callback])
    assert result.step == 8
    chex.assert_trees_all_equal(result.state.params, states[8].params)


def test_early_stopping_that_saw_no_row_returns_the_last(tmp_path):
    last = run(4, 2, tmp_path)
    again = run(4, 2, tmp_path, early_stopping=BY_LOSS)
    assert again.step == 4
    chex.assert_trees_all_equal(again.state.params, last.state.params)


def injected(rate, clip=1.0):
    """A trainer whose learning rate lives in the state, inside of another transformation."""

    def optimizer(clip):
        sgd = optax.inject_hyperparams(optax.sgd)(rate, momentum=optax.constant_schedule(0.5))
        return optax.chain(optax.clip_by_global_norm(clip), sgd)

    return training.Trainer(Small(), XENT, optax.inject_hyperparams(optimizer)(clip))


def fit(trainer, directory=None, *, steps, progress=None, **start):
    return training.fit(
        trainer,
        BATCHES,
        steps=steps,
        every=1,
        checkpoints=None if directory is None else training.Checkpoints(directory),
        progress=progress,
        **(start or {"key": jax.random.key(0)}),
    )


def rates(state):
    outer = state.opt_state
    inner = outer.inner_state[1].hyperparams
    return [float(n) for n in (outer.hyperparams["clip"], inner["learning_rate"])]


@pytest.mark.slow
def test_the_learning_rate_of_the_call_holds_on_resume(tmp_path, capsys):
    """It was ignored where it lives in the state, and held where it does not."""
    fit(injected(0.5), tmp_path, steps=3)
    result = fit(injected(0.25, clip=2.0), tmp_path, steps=6, progress=training.Progress())
    assert rates(result.state) == [2.0, 0.25]
    shown = capsys.readouterr().out
    assert "learning_rate is 0.25 from here, 0.5 before" in shown
    assert "clip is 2.0 from here, 1.0 before" in shown
    assert "momentum" not in shown
    middle = fit(injected(0.5), steps=3).state
    middle.opt_state.inner_state[1].hyperparams["learning_rate"] = jnp.float32(0.25)
    middle.opt_state.hyperparams["clip"] = jnp.float32(2.0)
    expected = fit(injected(0.5), steps=6, state=middle)
    assert result.history[3:] == expected.history
    chex.assert_trees_all_equal(result.state.params, expected.state.params)


def test_a_learning_rate_in_the_state_holds_and_is_said(tmp_path, capsys):
    """That is how a learning rate is swept; on resume the state that began the run says it."""
    state = injected(0.5).init(jax.random.key(0))
    state.opt_state.inner_state[1].hyperparams["learning_rate"] = jnp.float32(0.25)
    whole = fit(injected(0.5), steps=6, state=state, progress=training.Progress())
    assert "learning_rate is 0.25, as the state says; the optimizer's own is 0.5" in (
        capsys.readouterr().out
    )
    fit(injected(0.5), tmp_path, steps=3, state=state)
    result = fit(injected(0.5), tmp_path, steps=6, state=state, progress=training.Progress())
    assert "from here" not in capsys.readouterr().out
    chex.assert_trees_all_equal(result.state, whole.state)
