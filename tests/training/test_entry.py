"""What is checked where data enter: labels, outputs that are probabilities, arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import cells, data, networks, objectives, training
from tests.quick import some
from tests.training.small import ADAM, CARRIED, TRAINER, XENT, B, Small, T, V, echo, unstack

pytestmark = pytest.mark.usefixtures("as_users_run_it")
GOOD = unstack(echo(jax.random.key(1), 2))
HALF = (GOOD[0][0], GOOD[0][1].at[: T // 2].set(V))  # half of the labels are no class
WRONG = (GOOD[0][0], jnp.full((T, B), V))
KEY = jax.random.key(0)
IGNORING = training.Trainer(Small(), objectives.IgnoreIndex(XENT, -1), ADAM)


def run(batches, trainer=TRAINER, **options):
    return training.fit(
        trainer, batches, **{"steps": 3, "every": 3, "key": KEY, "progress": None} | options
    )


@pytest.mark.parametrize("batch", [HALF, WRONG], ids=["half", "all"])
def test_labels_out_of_range_are_an_error(batch):
    says = r"batch{} 1: CrossEntropy: labels must lie in \[0, 3\), got 3 at index \(0, 0\)"
    with pytest.raises(ValueError, match="fit: the " + says.format(" of step")):
        run([GOOD[0], batch])
    state = TRAINER.init(KEY)
    with pytest.raises(ValueError, match="Trainer.evaluate: " + says.format("")):
        TRAINER.evaluate(state, [GOOD[0], batch, GOOD[1]])
    stack = data.Stacked(data.Batch(*jax.tree.map(lambda *a: jnp.stack(a), GOOD[0], batch)))
    with pytest.raises(ValueError, match="Trainer.evaluate: " + says.format("")):
        TRAINER.evaluate(state, stack)
    with pytest.raises(ValueError, match=r"Trainer\.evaluate: batch 0"):
        run(GOOD, validation=batch)


def test_a_label_out_of_range_never_reaches_a_checkpoint(tmp_path):
    checkpoints = training.Checkpoints(tmp_path, every=1)
    with pytest.raises(ValueError, match="the batch of step 1"):
        run([GOOD[0], HALF], checkpoints=checkpoints)
    assert checkpoints.steps() == [1]


def test_inside_jit_the_share_that_does_not_count_is_reported():
    state = TRAINER.init(KEY)
    _, report = jax.jit(training.Trainer.step)(TRAINER, state, HALF)
    assert (report.weight, report.uncounted) == (T * B / 2, 0.5)
    stack = data.Stacked(data.Batch(*jax.tree.map(lambda *a: jnp.stack(a), *GOOD, HALF, WRONG)))
    evaluate = jax.jit(training.Trainer.evaluate)
    found = evaluate(TRAINER, state, stack)
    assert (found.weight, found.uncounted) == (2.5 * T * B, 0.375)
    assert jnp.isnan(evaluate(TRAINER, state, data.Stacked(data.Batch(*_stacked(WRONG)))).loss)


def test_padding_is_no_label_out_of_range():
    mask = jnp.broadcast_to(jnp.arange(T)[:, None] >= T // 2, (T, B))
    padded = data.Batch(*HALF, mask)
    result = run([padded], validation=padded)
    assert result.history[-1].keys() & {"train/uncounted", "validation/uncounted"} == set()
    assert TRAINER.evaluate(result.state, padded).uncounted == 0


def test_what_the_loss_leaves_out_on_purpose_is_reported_and_no_error():
    ignored = (GOOD[0][0], GOOD[0][1].at[: T // 2].set(-1))
    row = run([GOOD[0], ignored], IGNORING, steps=2, validation=[GOOD[0], ignored]).history[-1]
    assert (row["train/uncounted"], row["validation/uncounted"]) == (0.25, 0.25)
    with pytest.raises(ValueError, match=r"the batch of step 0: CrossEntropy: labels must lie"):
        run([HALF], IGNORING)
    none = (GOOD[0][0], jnp.full((T, B), -1))
    assert run([none, GOOD[0]], IGNORING).history[-1]["train/uncounted"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"evaluate: none of 8 steps counts, .*left out by .*Igno"):
        IGNORING.evaluate(IGNORING.init(KEY), none)


def test_the_share_goes_on_over_a_resume(tmp_path):
    ignored = (GOOD[0][0], GOOD[0][1].at[: T // 2].set(-1))
    whole = run([GOOD[0], ignored], IGNORING, steps=4, every=4)
    run([GOOD[0], ignored], IGNORING, steps=2, every=4, checkpoints=training.Checkpoints(tmp_path))
    on = run(
        [GOOD[0], ignored], IGNORING, steps=4, every=4, checkpoints=training.Checkpoints(tmp_path)
    )
    assert on.history == whole.history
    assert on.history[-1]["train/uncounted"] == 0.25


def test_pooled_labels_are_checked_where_there_is_a_sequence():
    network = networks.stack(networks.Embedding(V, 4), networks.LastPool(), networks.Dense(4, 2))
    trainer = training.Trainer(network, XENT, ADAM)
    mask = np.array([[True, False]] * T)
    fine = data.Batch(GOOD[0][0], np.array([1, 9]), mask)
    assert trainer.evaluate(trainer.init(KEY), fine).weight == 1
    with pytest.raises(ValueError, match=r"batch 0: CrossEntropy: .* \[0, 2\), got 9"):
        trainer.evaluate(trainer.init(KEY), data.Batch(GOOD[0][0], np.array([9, 9]), mask))


def _stacked(batch):
    return jax.tree.map(lambda leaf: leaf[None], batch)


# --- outputs that are probabilities ----------------------------------------------------------


def softmaxed():
    return networks.stack(networks.Embedding(V, 4), networks.Dense(4, V), SOFTMAX)


SOFTMAX = networks.Activation(jax.nn.softmax)
SAYS = "the loss takes logits, and the network gives rows .* Leave out the softmax at its end"


def own_cross_entropy(outputs, labels):
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels)


def of_probabilities(outputs, labels):
    return -jnp.log(jnp.take_along_axis(outputs, labels[..., None], -1)[..., 0])


@pytest.mark.parametrize(
    "loss",
    some(
        XENT,
        own_cross_entropy,
        slow=(
            objectives.FocalCrossEntropy(),
            XENT - 0.1 * objectives.Entropy(),
            objectives.IgnoreIndex(XENT, -1),
        ),
    ),
)
def test_probabilities_where_logits_are_asked(loss):
    trainer = training.Trainer(softmaxed(), loss, ADAM)
    with pytest.raises(ValueError, match=f"fit: the batch of step 0: {SAYS}"):
        run(GOOD, trainer)
    with pytest.raises(ValueError, match=f"Trainer.evaluate: batch 0: {SAYS}"):
        trainer.evaluate(trainer.init(KEY), GOOD)
    mask = np.arange(T)[:, None] < np.array([T, 2])
    with pytest.raises(ValueError, match=SAYS):
        trainer.evaluate(trainer.init(KEY), data.Batch(*GOOD[0], mask))


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (of_probabilities, GOOD[0][1]),
        (objectives.SquaredError(), jax.nn.one_hot(GOOD[0][1], V)),
    ],
)
def test_probabilities_where_they_are_asked(loss, targets):
    """A loss that takes no softmax of what it gets may well get one."""
    trainer = training.Trainer(softmaxed(), loss, ADAM)
    batch = (GOOD[0][0], targets)
    assert run([batch], trainer, validation=batch).step == 3


def test_logits_pass():
    assert run(GOOD, training.Trainer(networks.stack(*softmaxed().layers[:-1]), XENT, ADAM)).step


# --- a carry that goes on ---------------------------------------------------------------------


def test_a_carry_does_not_go_on_where_the_future_is_read():
    both = networks.Bidirectional(cells.GRU(2, 2), cells.GRU(2, 2))
    for network in (both, networks.stack(networks.Dense(3, 2), networks.Residual(_to_2(both)))):
        training.Trainer(network, XENT, ADAM)
        with pytest.raises(TypeError, match=r"Carried\(batch=\(2,\)\) hands .*`Bidirectional` dep"):
            training.Trainer(network, XENT, ADAM, carry=training.Carried((B,)))


def test_a_carry_goes_on_below_a_pool():
    """One label for each piece of a stream depends on nothing that comes later."""
    network = networks.stack(
        networks.Embedding(V, 4),
        networks.Recurrent(cells.GRU(4, 4)),
        networks.MeanPool(),
        networks.Dense(4, V),
    )
    trainer = training.Trainer(network, XENT, ADAM, carry=CARRIED.carry)
    batches = [(inputs, targets[-1]) for inputs, targets in GOOD]
    assert run(batches, trainer, validation=batches).step == 3


def _to_2(layer):
    return networks.stack(layer, networks.Dense(4, 2))


# --- arrays -----------------------------------------------------------------------------------


class Tensor:
    """As those of torch, which numpy reads unless they carry a gradient."""

    def __init__(self, values, requires_grad=False):
        self.values, self.requires_grad = np.asarray(values), requires_grad

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


INPUTS, TARGETS = map(np.asarray, GOOD[0])
MASK = np.arange(T)[:, None] < np.array([T, 2])


@pytest.mark.parametrize(
    "batch",
    [
        (INPUTS, TARGETS.tolist(), MASK.tolist()),
        (INPUTS.tolist(), TARGETS.tolist(), MASK.tolist(), (~MASK & False).tolist()),
        (Tensor(INPUTS), Tensor(TARGETS), Tensor(MASK)),
        (INPUTS, [[np.int32(n) for n in row] for row in TARGETS], MASK),
    ],
    ids=["lists", "only lists", "tensors", "lists of numpy numbers"],
)
def test_what_numpy_can_read_is_read(batch):
    expected = data.Batch(INPUTS, TARGETS, MASK)
    assert run([batch]).history == run([expected]).history
    state = TRAINER.init(KEY)
    found = TRAINER.evaluate(state, batch), TRAINER.step(state, batch)[1]
    for one, other in zip(
        jax.tree.leaves(found),
        jax.tree.leaves((TRAINER.evaluate(state, expected), TRAINER.step(state, expected)[1])),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        ((INPUTS,), "a batch is a `data.Batch.* got a tuple of 1"),
        ([INPUTS, TARGETS], "a batch is a `data.Batch.* got list"),
        ((INPUTS, TARGETS, None, None, None), "got a tuple of 5"),
        ((data.Batch(INPUTS, TARGETS),) * 2, "a tuple is one batch, got one of batches. Put them"),
        ((INPUTS, "abc"), "targets must be an array, got a `str`"),
        ((INPUTS, np.array(["a", "b"])), "targets must hold numbers, got an array of dtype <U1"),
        ((INPUTS, {"a": object()}), "targets must be an array, got a `object`"),
        ((INPUTS, [[1, 2], [3]]), r"targets cannot be made an array .*`data.pad`"),
        ((INPUTS, Tensor(TARGETS, True)), r"cannot be .* requires grad.*detach\(\).cpu\(\)"),
        ((np.ma.masked_array(INPUTS, MASK), TARGETS), "inputs is a masked array of numpy"),
        ((INPUTS, np.ma.masked_array(TARGETS, MASK)), "targets is a masked array of numpy"),
        ((INPUTS, TARGETS, [[1, 1]] * T), "mask must be Bool, got int.*Compare first"),
    ],
)
def test_batches_that_are_none(batch, says):
    state = TRAINER.init(KEY)
    for who, call in {
        "fit": lambda: run([batch]),
        "Trainer.step": lambda: TRAINER.step(state, batch),
        "Trainer.evaluate": lambda: TRAINER.evaluate(state, [batch]),
    }.items():
        with pytest.raises(TypeError, match=f"(?s){says}") as caught:
            call()
        if "Bool" not in says:
            assert str(caught.value).startswith(who)


NUMBERS = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
PER_STEP = training.Trainer(networks.Dense(2, 2), objectives.SquaredError(), ADAM)
POOLING = networks.stack(networks.LastPool(), networks.Dense(2, 2))
PER_SEQUENCE = training.Trainer(POOLING, objectives.SquaredError(), ADAM)


def spoiled(*index):
    values = NUMBERS.copy()
    values[index] = np.nan
    return values


@pytest.mark.parametrize(
    ("trainer", "inputs", "targets", "said"),
    [
        (PER_STEP, spoiled(3, 1, 0), NUMBERS, "inputs have nan at sequence 1, step 3, feature 0"),
        (PER_STEP, NUMBERS, spoiled(3, 1, 0), "targets have nan at sequence 1, step 3, feature 0"),
        (PER_SEQUENCE, NUMBERS, spoiled(0, 2, 1)[0], "targets have nan at sequence 2, feature 1"),
    ],
)
def test_data_that_are_not_finite_are_named_wherever_they_are_read(trainer, inputs, targets, said):
    """The scores alone would not show them: an accuracy counts such a step as wrong."""
    spoilt = data.Batch(inputs, targets)
    good = data.Batch(NUMBERS, NUMBERS[0] if trainer is PER_SEQUENCE else NUMBERS)
    state = trainer.init(KEY)
    stack = data.Stacked(jax.tree.map(lambda *a: np.stack(a), good, spoilt))
    for batches in ([good, spoilt], stack):
        with pytest.raises(FloatingPointError, match=f"evaluate: batch 1: .*Its {said}"):
            trainer.evaluate(state, batches)
    with pytest.raises(FloatingPointError, match=f"nan at step 2, .*Its {said}"):
        run([good, spoilt], trainer)
    with pytest.raises(FloatingPointError, match=f"evaluate: batch 0: .*Its {said}"):
        run([good], trainer, validation=spoilt)
    with pytest.raises(FloatingPointError, match=f"at step 1. Its {said}"):
        training.sweep(trainer, [good, spoilt], {}, seeds=[0], steps=2, progress=None)
    masked = spoilt._replace(mask=np.arange(3) + 0 * np.arange(4)[:, None] == 0)
    assert np.isfinite(trainer.evaluate(state, masked).loss)


def test_a_network_that_has_diverged_is_scored():
    state = PER_STEP.init(KEY)
    lost = state._replace(params=jax.tree.map(lambda leaf: leaf * np.nan, state.params))
    assert np.isnan(PER_STEP.evaluate(lost, (NUMBERS, NUMBERS)).loss)
