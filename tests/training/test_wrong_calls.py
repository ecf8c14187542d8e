"""What is wrong with a trainer or a call of `fit` is said at once, with a remedy."""

import jax
import jaxtyping
import numpy as np
import optax
import pytest

from jaxrnn import cells, metrics, networks, objectives, training

NETWORK = networks.Dense(2, 1)
LOSS, OPTIMIZER = objectives.SquaredError(), optax.sgd(0.1)
TRAINER = training.Trainer(NETWORK, LOSS, OPTIMIZER)
XS = np.ones((4, 3, 2), np.float32)
BATCH = XS, XS[..., :1]


@pytest.fixture(autouse=True)
def unannotated():
    """The messages a user sees, rather than those of the annotations."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def _as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def fit(**options):
    options = {"steps": 2, "key": jax.random.key(0), "progress": None, "every": 1} | options
    return training.fit(TRAINER, [BATCH], **options)


def fit_to(inputs):
    return TRAINER.step(TRAINER.init(jax.random.key(0)), (inputs, BATCH[1]))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: training.Trainer(cells.GRU(2, 1), LOSS, OPTIMIZER), "network must be a kind of"),
        (
            lambda: training.Trainer(NETWORK, objectives.SquaredError, OPTIMIZER),
            r"SquaredError\(\)",
        ),
        (lambda: training.Trainer(NETWORK, LOSS, optax.sgd), "optimizer must be an optax"),
        (lambda: training.Trainer(NETWORK, LOSS, OPTIMIZER, {"a": metrics.nll()}), "collect"),
        (lambda: training.Trainer(NETWORK, LOSS, OPTIMIZER, LOSS), r"metrics.Mean\(objective\)"),
        (lambda: TRAINER.step(TRAINER.init(jax.random.key(0)), {"inputs": XS}), "data.Batch"),
        (lambda: fit_to(XS > 0), "Dense: xs must be floating, got bool.*pass `xs.astype"),
        (lambda: fit_to(XS.astype(int)), "Dense: xs must be floating, got int"),
        (lambda: fit(checkpoints="run"), r"Checkpoints\(directory\)"),
        (lambda: fit(progress=True), r"`Progress\(\)`, or None"),
        (lambda: training.Checkpoints("run").restore([XS]), "must name its trees"),
        (lambda: fit(validation=iter([BATCH])), "list or a dataset"),
    ],
)
def test_wrong_kinds(call, message):
    with pytest.raises(TypeError, match=message):
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
