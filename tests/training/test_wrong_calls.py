"""What is wrong with a trainer or a call of `fit` is said at once, with a remedy."""

from typing import Any

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest

from jaxrnn import cells, metrics, networks, objectives, training
from jaxrnn.networks import Layer

NETWORK = networks.Dense(2, 1)
LOSS, OPTIMIZER = objectives.SquaredError(), optax.sgd(0.1)
TRAINER = training.Trainer(NETWORK, LOSS, OPTIMIZER)
XS = np.ones((4, 3, 2), np.float32)
BATCH = XS, XS[..., :1]


@pytest.fixture(autouse=True)
def _as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


KEY = jax.random.key(0)


def fit(trainer=TRAINER, batches=None, **options):
    options = {"steps": 2, "key": KEY, "progress": None, "every": 1} | options
    return training.fit(trainer, [BATCH] if batches is None else batches, **options)


def fit_to(inputs):
    return TRAINER.step(TRAINER.init(KEY), (inputs, BATCH[1]))


def at(step):
    """A state that has taken some steps."""
    return TRAINER.init(KEY)._replace(step=jnp.asarray(step, jnp.int32))


class Given(Layer):
    """A layer with whatever it is given for parameters."""

    params: Any

    def init(self, key):
        return self.params

    def run(self, params, xs, carry, **marks):
        return carry, xs


class Forever:
    """Batches of any step, without an end."""

    def __getitem__(self, step):
        return BATCH


class Two(Forever):
    """Two batches, and none after them."""

    def __getitem__(self, step):
        return [BATCH, BATCH][step]


ROWS = [
    (
        lambda: training.Trainer(cells.GRU(2, 1), LOSS, OPTIMIZER),
        TypeError,
        "network must be a kind of",
    ),
    (
        lambda: training.Trainer(NETWORK, objectives.SquaredError, OPTIMIZER),
        TypeError,
        r"SquaredError\(\)",
    ),
    (
        lambda: training.Trainer(NETWORK, LOSS, optax.sgd),
        TypeError,
        "optimizer must be an optax",
    ),
    (
        lambda: training.Trainer(NETWORK, LOSS, OPTIMIZER, {"a": metrics.nll()}),
        TypeError,
        "collect",
    ),
    (
        lambda: training.Trainer(NETWORK, LOSS, OPTIMIZER, LOSS),
        TypeError,
        r"metrics.Mean\(objective\)",
    ),
    (lambda: TRAINER.step(TRAINER.init(KEY), {"inputs": XS}), TypeError, "data.Batch"),
    (lambda: fit_to(XS > 0), TypeError, "Dense: xs must be floating, got bool.*pass `xs.astype"),
    (lambda: fit_to(XS.astype(int)), TypeError, "Dense: xs must be floating, got int"),
    (lambda: training.Checkpoints("run").restore([XS]), TypeError, "must name its trees"),
    (lambda: TRAINER.init(0), TypeError, "Trainer: key must be a key, got 0"),
    (
        lambda: training.Trainer(Given({"a": [3]}), LOSS, OPTIMIZER).init(KEY),
        TypeError,
        r"parameters are floating numbers, and network.init gave params\['a'\]\[0\], int32\[\]",
    ),
    (
        lambda: training.Trainer(Given("abc"), LOSS, OPTIMIZER).init(KEY),
        TypeError,
        "network.init gave params, a `str`. Keep what is not trained in a field",
    ),
    (
        lambda: TRAINER.step({}, BATCH),
        TypeError,
        "Trainer.step: state must be .* `TrainState`",
    ),
    (lambda: TRAINER.evaluate({}, BATCH), TypeError, r"evaluate: state .*_replace\(params=params"),
    # What fit is called with.
    (lambda: fit(NETWORK), TypeError, "fit: trainer must be a kind of `Trainer`, got Dense"),
    (lambda: fit(checkpoints="run"), TypeError, r"Checkpoints\(directory\)"),
    (lambda: fit(progress=True), TypeError, r"`Progress\(\)`, or None"),
    (lambda: fit(early_stopping=5), TypeError, "early_stopping must be a kind of `EarlyStopping`"),
    (lambda: fit(callbacks=print), TypeError, "callbacks must be a list of functions of an `Ev"),
    (lambda: fit(callbacks=[print, None]), TypeError, "callbacks must be a list of functions"),
    (lambda: fit(validation=iter([BATCH])), TypeError, "list or a dataset"),
    (lambda: fit(validation=Forever()), TypeError, "validation must be .* that end.* got Forever"),
    (lambda: fit(validation=3), TypeError, "validation must be one batch, or .*, got int"),
    (lambda: fit(validation=[]), ValueError, "fit: validation holds no batch"),
    (lambda: fit(batches=BATCH), TypeError, r"got tuple. For one batch pass \[\(inputs, targets\)"),
    (lambda: fit(batches=XS), TypeError, "got ndarray. .*of examples data.Shuffled"),
    (lambda: fit(batches={}), TypeError, "got dict"),
    (lambda: fit(batches=[]), TypeError, "a list of batches that is not empty"),
    (lambda: fit(batches=Two(), steps=3), ValueError, r"data\[2\] raised IndexError.*any step"),
    # How long.
    (lambda: fit(steps=None), TypeError, "pass either steps= or epochs=, got neither"),
    (lambda: fit(epochs=1), TypeError, "pass either steps= or epochs=, got both"),
    (lambda: fit(steps=0), ValueError, "steps must be at least 1, got 0"),
    (lambda: fit(steps=None, epochs=0), ValueError, "epochs must be at least 1, got 0"),
    (lambda: fit(steps=2.5), TypeError, "steps must be an integer, got 2.5"),
    (lambda: fit(batches=Forever(), steps=None, epochs=1), TypeError, "epochs= needs data .*Forev"),
    # What it starts from.
    (lambda: fit(key=None), TypeError, r"fit: pass key=jax.random.key\(...\), or state="),
    (lambda: fit(key=0), TypeError, r"fit: key must be a key, got 0. .*`jax.random.key\(0\)`"),
    (lambda: fit(key=jax.random.split(KEY)), ValueError, r"one key, got several, of shape \(2,\)"),
    (lambda: fit(state=at(0)), TypeError, "state= has a key of its own, so that key= would be ig"),
    (lambda: fit(key=None, state=at(0).params), TypeError, "state must be a kind of `TrainState`"),
    (
        lambda: fit(key=None, state=at(20), steps=10),
        ValueError,
        "the state is at step 20, and steps=10 counts from the start.* 10 steps more pass steps=30",
    ),
    (lambda: fit(key=None, state=at(2)), ValueError, "that none is left"),
    (lambda: fit(key=None, state=at([1, 2])), ValueError, r"state must be of one run, .*\(2,\)"),
    # Inside of other transformations.
    (
        lambda: jax.vmap(lambda key: fit(key=key).state.step)(jax.random.split(KEY)),
        TypeError,
        r"fit: cannot run inside jit, vmap or grad.*jax.lax.scan\(trainer.step",
    ),
    (
        lambda: jax.jit(lambda inputs: fit(batches=[(inputs, BATCH[1])]).state.step)(XS),
        TypeError,
        "fit: cannot run inside jit",
    ),
]


@pytest.mark.parametrize(("call", "error", "says"), ROWS, ids=[says for _, _, says in ROWS])
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        call()


def test_one_batch_is_a_validation():
    row = fit(validation=BATCH).history[-1]
    assert row["validation/loss"] == fit(validation=[BATCH]).history[-1]["validation/loss"]


def test_another_key_does_not_get_the_run_of_the_first(tmp_path):
    fit(checkpoints=training.Checkpoints(tmp_path))
    with pytest.raises(ValueError, match="started with another key"):
        fit(checkpoints=training.Checkpoints(tmp_path), key=jax.random.key(1))


def test_any_true_answer_stops():
    result = fit(steps=5, callbacks=[lambda event: event.state.step >= 2])
    assert result.step == 2


def test_fewer_steps_than_the_run_has_taken(tmp_path):
    fit(checkpoints=training.Checkpoints(tmp_path))
    with pytest.raises(ValueError, match="at step 2, beyond steps=1"):
        fit(checkpoints=training.Checkpoints(tmp_path), steps=1)


def test_a_checkpoint_names_the_trees_it_has(tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    checkpoints.save(1, {"state": XS}, {})
    with pytest.raises(ValueError, match="none of the trees params; it has state"):
        checkpoints.restore({"params": XS})


def test_a_state_ahead_of_the_checkpoints(tmp_path):
    """It went back to the older step of the directory."""
    fit(checkpoints=training.Checkpoints(tmp_path))
    state = training.fit(TRAINER, [BATCH], steps=4, key=KEY, progress=None).state
    with pytest.raises(ValueError, match=r"state is at step 4, and .* at step 2 only"):
        fit(checkpoints=training.Checkpoints(tmp_path), key=None, state=state, steps=8)
