"""Tasks of one label a step, against plain Python, and the loss of those who have no memory."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import objectives
from jaxrnn.tasks import (
    AssociativeRecall,
    DelayedXOR,
    ModularArithmetic,
    SelectiveCopy,
    WordProblem,
    parity,
)

TASKS = {
    "parity": parity(7),
    "words_of_s3": WordProblem(6),
    "words_of_s5": WordProblem(4, 5),
    "modular_arithmetic": ModularArithmetic(5),
    "modulo_2": ModularArithmetic(4, 2),
    "selective_copy": SelectiveCopy(7, 3, 4),
    "all_copied": SelectiveCopy(3, 3),
    "associative_recall": AssociativeRecall(3, 6, 5, 4),
    "all_keys": AssociativeRecall(4, 4, 4, 2),
    "delayed_xor": DelayedXOR(9, 2),
    "xor_at_once": DelayedXOR(2, 0),
}
SIZE = 1000


@pytest.fixture(scope="module")
def drawn():
    """A batch of each, all drawn by one program."""

    @jax.jit
    def draw(key):
        return {name: task.batch(SIZE, key=key) for name, task in TASKS.items()}

    return jax.tree.map(np.asarray, draw(jax.random.key(0)))


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]


@pytest.fixture
def batch(request, task, drawn):
    return drawn[request.node.callspec.params["task"]]


def test_symbols_and_labels_lie_in_their_range(task, batch):
    assert batch.inputs.shape == batch.targets.shape == (task.steps, SIZE)
    assert batch.inputs.dtype == batch.targets.dtype == jnp.int32
    assert batch.mask is batch.resets is None
    assert batch.inputs.min() >= 0 and batch.inputs.max() < task.vocab
    asked = batch.targets[batch.targets != task.targets]
    assert asked.min() == 0 and asked.max() == task.targets - 1


def test_without_memory_the_baseline_is_best(task, batch):
    """The loss and the accuracy of what is likeliest, given the step and its symbol alone."""
    loss = right = count = 0
    for symbols, labels in zip(batch.inputs, batch.targets, strict=True):
        joint = np.zeros((task.vocab, task.targets + 1))
        np.add.at(joint, (symbols, labels), 1)
        joint = joint[:, : task.targets]
        p = joint / np.maximum(joint.sum(1, keepdims=True), 1)
        loss -= (joint * np.log(np.where(p > 0, p, 1))).sum()
        right, count = right + joint.max(1).sum(), count + joint.sum()
    # What is estimated from few sequences fits them too well, by about a label a number.
    spare = task.vocab * task.targets * task.steps / count
    assert task.baseline() - spare < loss / count < task.baseline() + 0.02
    assert task.chance() - 0.02 < right / count < task.chance() + 0.02 + spare


def test_words_are_products_of_permutations(drawn):
    for name in ("parity", "words_of_s3", "words_of_s5"):
        n = TASKS[name].objects
        every = list(itertools.permutations(range(n)))
        for word, labels in zip(*(x[:, :20].T for x in drawn[name][:2]), strict=True):
            product = range(n)
            for symbol, label in zip(word, labels, strict=True):
                product = [every[symbol][i] for i in product]
                assert every[label] == tuple(product)


def test_a_linear_function_cannot_tell_the_product(drawn):
    """No symbol is correlated with any later product, or with its own from the second step on."""
    for name in ("parity", "words_of_s3"):
        task, (inputs, targets, *_) = TASKS[name], drawn[name]
        symbols, labels = (np.eye(task.vocab)[x] - 1 / task.vocab for x in (inputs, targets))
        together = np.einsum("tbi,sbj->tsij", symbols, labels) / SIZE
        for t, s in itertools.product(range(task.steps), range(1, task.steps)):
            assert np.abs(together[t, s]).max() < 5 / math.sqrt(SIZE) / 2


@pytest.mark.parametrize("name", ["modular_arithmetic", "modulo_2"])
def test_expressions_have_their_value(name, drawn):
    m, (inputs, targets, *_) = TASKS[name].modulus, drawn[name]
    signs = {m: "+", m + 1: "-", m + 2: "*"}
    for word, labels in zip(inputs[:, :50].T, targets[:, :50].T, strict=True):
        said = [signs.get(symbol, str(symbol)) for symbol in word.tolist()]
        assert (labels[1::2] == m).all()
        for t in range(0, len(said), 2):
            assert labels[t] == eval("".join(said[: t + 1])) % m


@pytest.mark.parametrize(("terms", "modulus"), [(1, 5), (2, 3), (3, 3), (3, 2)])
def test_the_baseline_of_expressions_is_that_of_all_of_them(terms, modulus):
    """Enumerated: every expression, and what its last number says of the values up to there."""
    task = ModularArithmetic(terms, modulus)
    losses, shares = [], []
    for length in range(1, terms + 1):
        joint = np.zeros((modulus, modulus))
        for numbers in itertools.product(range(modulus), repeat=length):
            for signs in itertools.product("+-*", repeat=length - 1):
                said = "".join(map("".join, zip(("", *signs), map(str, numbers), strict=True)))
                joint[eval(said) % modulus, numbers[-1]] += 1
        joint /= joint.sum()
        given = joint / joint.sum(0)
        losses.append(-(joint * np.log(np.where(given > 0, given, 1))).sum())
        shares.append(joint.max(0).sum())
    assert task.baseline() == pytest.approx(np.mean(losses), rel=1e-12, abs=1e-14)
    assert task.chance() == pytest.approx(np.mean(shares), rel=1e-12)


def test_the_baseline_of_any_number_of_terms_is_known_at_once():
    long, longer = ModularArithmetic(10_000), ModularArithmetic(10**12)
    assert long.chance() == pytest.approx(longer.chance(), abs=1e-3)
    assert 0.2 < longer.chance() < 0.21 and longer.baseline() < math.log(5)


@pytest.mark.parametrize("name", ["selective_copy", "all_copied"])
def test_what_was_scattered_is_to_be_repeated(name, drawn):
    task, (inputs, targets, *_) = TASKS[name], drawn[name]
    read, markers = inputs[: task.span], inputs[task.span :]
    assert (targets[: task.span] == task.targets).all() and (markers == task.symbols + 1).all()
    for symbols, answers in zip(read.T, targets[task.span :].T, strict=True):
        assert symbols[symbols < task.symbols].tolist() == answers.tolist()
        assert (symbols == task.symbols).sum() == task.span - task.length
    shares = (read < task.symbols).mean(1)  # every place is as likely
    np.testing.assert_allclose(shares, task.length / task.span, atol=0.06)


@pytest.mark.parametrize("name", ["associative_recall", "all_keys"])
def test_every_key_is_asked_for_once(name, drawn):
    task, (inputs, targets, *_) = TASKS[name], drawn[name]
    for symbols, labels in zip(inputs.T.tolist(), targets.T.tolist(), strict=True):
        pairs = symbols[: 2 * task.pairs]
        written = dict(zip(pairs[::2], pairs[1::2], strict=True))
        assert len(written) == task.pairs and max(written) < task.keys
        asked = {}
        for symbol, label in zip(symbols[2 * task.pairs :], labels[2 * task.pairs :], strict=True):
            if symbol == task.keys + task.values:
                assert label == task.targets
            else:
                asked[symbol] = task.keys + label
        assert asked == written
        assert set(labels[: 2 * task.pairs]) == {task.targets}
    where = (inputs[2 * task.pairs :] < task.keys).mean(1)
    np.testing.assert_allclose(where, task.pairs / task.span, atol=0.07)


@pytest.mark.parametrize("name", ["delayed_xor", "xor_at_once"])
def test_two_bits_are_compared(name, drawn):
    delay, (bits, targets, *_) = TASKS[name].delay, drawn[name]
    assert (targets[: delay + 1] == 2).all()
    for t in range(delay + 1, len(bits)):
        assert (targets[t] == (bits[t - delay] != bits[t - delay - 1])).all()


def test_the_loss_leaves_out_what_is_not_asked(drawn):
    task, targets = TASKS["selective_copy"], drawn["selective_copy"].targets
    loss = objectives.IgnoreIndex(objectives.CrossEntropy(), task.targets)
    found = objectives.reduce(loss, jnp.zeros((*targets.shape, task.targets)), targets)
    assert found.weight == SIZE * task.length
    np.testing.assert_allclose(found.mean(), task.baseline(), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: parity(0), ValueError, "WordProblem: length must be at least 1, got 0"),
        (lambda: parity(2.5), TypeError, "parity: length"),
        (lambda: WordProblem(5, 1), ValueError, "objects must be at least 2, got 1"),
        (lambda: WordProblem(5, 7), ValueError, "objects must be at most 6, got 7"),
        (lambda: ModularArithmetic(3, 1), ValueError, "modulus must be at least 2, got 1"),
        (lambda: ModularArithmetic(3, 10**6), ValueError, "table .* Take a smaller modulus"),
        (lambda: SelectiveCopy(3, 4), ValueError, "4 symbols do not fit into a span of 3 steps"),
        (lambda: AssociativeRecall(3, 2), ValueError, "span must be at least pairs, 3, got 2"),
        (lambda: AssociativeRecall(3, 3, 2), ValueError, "keys must be at least pairs, 3, got 2"),
        (lambda: DelayedXOR(3, 2), ValueError, r"at least delay \+ 2 = 4, or nothing .* got 3"),
        (lambda: DelayedXOR(3, -1), ValueError, "delay must be at least 0, got -1"),
        (
            lambda: SelectiveCopy(3, 2).batch(0, key=jax.random.key(0)),
            ValueError,
            "SelectiveCopy.batch: size must be at least 1, got 0",
        ),
        (
            lambda: parity(3).batch(10**15, key=jax.random.key(0)),
            ValueError,
            "WordProblem.batch: the inputs .* Draw fewer or shorter ones",
        ),
    ],
)
def test_bad_input(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
