"""The parts of the library together: a small language model, trained, stopped and resumed."""

import chex
import jax
import optax
import pytest

from jaxrnn import cells, data, metrics, networks, objectives, training

TEXT = [0, 1, 2, 1, 0, 2, 2, 1] * 40
MODEL = networks.stack(
    networks.Embedding(3, 6),
    networks.Recurrent(cells.LSTM(6, 8)),
    networks.Dropout(0.1),
    networks.Dense(8, 3),
)
TRAINER = training.Trainer(
    MODEL,
    objectives.CrossEntropy(),
    optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.03)),
    metrics.collect(bits=metrics.bits_per_token()),
    carry=training.Carried(batch=(4,)),
)
STREAM = data.Stream(TEXT, batch=4, length=8)


def run(steps, **options):
    return training.fit(
        TRAINER, STREAM, steps=steps, every=50, key=jax.random.key(0), progress=None, **options
    )


@pytest.fixture(scope="module")
def whole():
    return run(150, validation=STREAM)


def test_it_learns(whole):
    assert whole.history[0]["validation/bits"] > whole.history[-1]["validation/bits"]
    assert whole.history[-1]["validation/bits"] < 0.2


@pytest.mark.slow
def test_it_resumes(whole, tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    run(73, validation=STREAM, checkpoints=checkpoints)
    resumed = run(150, validation=STREAM, checkpoints=checkpoints)
    assert resumed.history == whole.history
    chex.assert_trees_all_equal(resumed.state, whole.state)
