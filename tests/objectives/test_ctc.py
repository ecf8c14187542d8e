"""Connectionist temporal classification against enumeration of all alignments, and optax."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxrnn import information as info
from jaxrnn import metrics, networks, training
from jaxrnn.objectives import CTC, Entropy, IgnoreInfinite, Transcript, reduce

INF = jnp.inf
T, B, V = 5, 4, 3
LABELS = np.array([[1, 2, 1, 1], [2, 2, 0, 1], [1, 0, 0, 2]])
TARGETS = Transcript(LABELS, np.array([3, 2, 0, 2]))
"""Three different labels, a repeated one, none, and a repeated one beyond a shorter length."""
MASK = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1]], bool)
ALIGNMENTS = np.array(list(itertools.product(range(V), repeat=T)))


def logits():
    return jnp.asarray(2 * np.random.default_rng(0).normal(size=(T, B, V)))


def reading(alignment, blank=0):
    return [k for k, _ in itertools.groupby(alignment) if k != blank]


def aligned(b, mask):
    """The alignments of sequence `b`, over its own steps."""
    count = mask[:, b].sum()
    wanted = [*TARGETS.labels[: TARGETS.lengths[b], b]]
    every = itertools.product(range(V), repeat=count)
    return np.array([a for a in every if reading(a) == wanted]).reshape(-1, count)


def scores_of(log_p, b, mask):
    steps = np.flatnonzero(mask[:, b])
    return np.asarray(log_p)[steps, b][np.arange(len(steps)), aligned(b, mask)].sum(1)


@jax.jit
def known(outputs, targets, mask):
    loss = lambda z: CTC()(z, targets, where=mask).sum()  # noqa: E731
    total = info.ctc_log_partition(info.log_softmax(outputs), *targets, mask=mask)
    return CTC()(outputs, targets, where=mask), jax.grad(loss)(outputs), total


WHOLE = np.ones((T, B), bool)


@pytest.mark.parametrize("mask", [WHOLE, MASK], ids=["whole", "holes"])
def test_against_enumeration(mask, x64):
    z = logits()
    values, gradient, total = known(z, TARGETS, mask)
    log_p = np.asarray(info.log_softmax(z))
    p = np.exp(log_p) * mask[..., None]
    for b in range(B):
        scores = scores_of(log_p, b, mask)
        wanted = np.logaddexp.reduce(scores)
        np.testing.assert_allclose(values[:, b].sum(), -wanted, rtol=1e-12)
        np.testing.assert_allclose(total[b], wanted, rtol=1e-12)
        # The derivative is the model's probability less that of the alignments.
        weights, share = np.exp(scores - wanted), np.zeros((T, V))
        for i, t in enumerate(np.flatnonzero(mask[:, b])):
            np.add.at(share[t], aligned(b, mask)[:, i], weights)
        np.testing.assert_allclose(gradient[:, b], p[:, b] - share, atol=1e-12)
    assert (values >= 0).all()
    np.testing.assert_array_equal(values[~mask], 0)


def test_every_value_is_a_surprisal(x64):
    """Of reading on as the labels do; at the last step of ending where they end."""
    z = logits()
    values = known(z, TARGETS, WHOLE)[0]
    p = np.exp(np.asarray(info.log_softmax(z)))
    for b in range(B):
        wanted = [*TARGETS.labels[: TARGETS.lengths[b], b]]
        before = 1.0
        for t in range(T):
            mass = 0.0
            for a in itertools.product(range(V), repeat=t + 1):
                read = reading(a)
                on = read == wanted if t == T - 1 else read == wanted[: len(read)]
                mass += on * p[np.arange(t + 1), b, a].prod()
            np.testing.assert_allclose(values[t, b], -np.log(mass / before), rtol=1e-10)
            before = mass


def test_padding_changes_nothing(x64):
    clean = known(logits(), TARGETS, MASK)
    beyond = np.arange(3)[:, None] >= TARGETS.lengths
    for bad, wrong in ((jnp.nan, 0), (INF, -1), (-INF, 10**6)):
        spoiled = np.where(MASK[..., None], logits(), bad)
        targets = Transcript(np.where(beyond, wrong, LABELS), TARGETS.lengths)
        for got, wanted in zip(known(spoiled, targets, MASK), clean, strict=True):
            np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(clean[1][~MASK], 0)


def test_against_optax(x64):
    """A batch of another size, with another blank."""
    rng = np.random.default_rng(0)
    steps, batch, labels, blank = 12, 5, 6, 3
    z = rng.normal(size=(steps, batch, 7))
    y = rng.choice([0, 1, 2, 4, 5, 6], (labels, batch))
    lengths, valid = np.array([6, 3, 1, 5, 0]), np.array([12, 12, 7, 11, 9])
    mask = np.arange(steps)[:, None] < valid

    def ours(z):
        return CTC(blank)(z, Transcript(y, lengths), where=mask).sum(0)

    def theirs(z):
        late = (np.arange(labels)[None] >= lengths[:, None]).astype(float)
        z = jnp.swapaxes(z, 0, 1)
        with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            return optax.ctc_loss(z, ~mask.T * 1.0, y.T, late, blank_id=blank)

    def with_gradient(f, z):
        values, pullback = jax.vjp(f, z)
        return values, pullback(jnp.ones(batch))[0]

    both = jax.jit(lambda z: (with_gradient(ours, z), with_gradient(theirs, z)))
    (values, gradient), (wanted, other) = both(z)
    np.testing.assert_allclose(values, wanted, rtol=1e-9)
    np.testing.assert_allclose(gradient, other, atol=1e-9)


def test_entropy_of_the_alignment(x64):
    log_p = info.log_softmax(logits())
    programme = partial(info.ctc_log_partition, labels=LABELS, lengths=TARGETS.lengths, mask=MASK)
    got, gradient = jax.jit(
        lambda s: (
            info.path_entropy(programme, s),
            jax.grad(lambda s: info.path_entropy(programme, s).sum())(s),
        )
    )(log_p)
    for b in range(B):
        scores = scores_of(log_p, b, MASK)
        p = np.exp(scores - np.logaddexp.reduce(scores))
        np.testing.assert_allclose(got[b], -(p * np.log(p)).sum(), atol=1e-12)
    assert np.isfinite(gradient).all()


def test_impossible_alignments_and_symbols(x64):
    """Too few steps; a label of probability 0; both with finite gradients."""
    z = logits()
    few = np.arange(T)[:, None] < np.array([2, 2, 0, 2])  # the repeated label takes three
    values, gradient, total = known(z, TARGETS, few)
    assert (np.asarray(total) == -INF).tolist() == [True, True, False, True]
    assert values[:, 0].sum() == INF and np.isfinite(gradient).all()
    values, gradient, total = known(z.at[..., 1].set(-INF), TARGETS, WHOLE)
    assert (np.asarray(total) == -INF).tolist() == [True, False, False, True]
    assert not np.isnan(values).any() and np.isfinite(gradient).all()


NONE = np.zeros((T, B), bool)
FEW = np.arange(T)[:, None] < np.array([2, 0, 0, 3])


@pytest.mark.slow
@pytest.mark.parametrize("mask", [NONE, FEW], ids=["none", "few"])
@pytest.mark.parametrize("loss", [CTC(), CTC() + Entropy(), 2 * CTC()], ids=repr)
def test_too_few_steps_are_impossible_and_ignored_where_that_is_wanted(loss, mask, x64):
    """None at all too, whose log-partition is -inf; but no labels are read without a step."""
    z = jnp.where(mask[..., None], logits(), jnp.nan)
    log_p = info.log_softmax(jnp.where(mask[..., None], z, 0))
    impossible = np.asarray(info.ctc_log_partition(log_p, *TARGETS, mask=mask)) == -INF
    assert impossible.tolist() == [True, True, False, mask is NONE]

    def run(loss, where):
        total = lambda z: reduce(loss, z, TARGETS, where=where).mean()  # noqa: E731
        values = loss(z, TARGETS, where=where)
        return values, reduce(loss, z, TARGETS, where=where), jax.grad(total)(z)

    for compiled in (lambda f: f, jax.jit):
        values, whole, gradient = compiled(run)(loss, mask)
        assert (values.sum(0) == INF).tolist() == impossible.tolist()
        assert whole.sum == whole.mean() == INF and np.isfinite(gradient).all()
        values, whole, gradient = compiled(run)(IgnoreInfinite(loss), mask)
        assert whole.weight == int((mask & ~impossible).sum())
        left = Transcript(LABELS, TARGETS.lengths * ~impossible)
        wanted = reduce(loss, z, left, where=mask & ~impossible)
        np.testing.assert_allclose(whole, wanted, rtol=1e-12)
        np.testing.assert_array_equal(values[:, impossible], 0)
        np.testing.assert_array_equal(gradient[:, impossible], 0)
        assert np.isfinite(gradient).all()


def test_a_mean_over_batches_leaves_out_what_is_ignored(x64):
    lost, kept = (metrics.Mean(loss) for loss in (CTC(), IgnoreInfinite(CTC())))
    assert lost.compute(lost.update(lost.init(), logits(), TARGETS, where=NONE)) == INF
    state = kept.update(kept.init(), logits(), TARGETS, where=NONE)
    assert np.isnan(kept.compute(state))
    state = kept.update(state, logits(), TARGETS, where=FEW)
    assert state.weight.value() == 3


def test_the_value_is_never_negative():
    """A near-certain reading costs what it should, where other losses fall below 0."""
    best = np.array([[0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 2, 2, 0]]).T
    other = np.array([[0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 2]]).T
    both = (best[..., None] == np.arange(V)) | (other[..., None] == np.arange(V))
    z = 20 * both.astype(np.float32)
    targets = Transcript(np.array([[1, 1], [1, 2]]), np.array([0, 2]))
    values = jax.jit(lambda z: CTC()(z, targets))(z)
    np.testing.assert_allclose(values[:, 0], 2 * 2.0611537e-9, rtol=1e-5)
    assert (values >= 0).all()


def test_decode():
    """The best alignment: repeated labels merged but where a blank or padding stands between."""
    best = jnp.array([[1, 0, 2], [1, 2, 2], [0, 2, 0], [1, 0, 2], [2, 2, 1]])
    z = 5 * jax.nn.one_hot(best, V)
    decode = jax.jit(lambda z, mask: CTC().decode(z, where=mask))
    labels, lengths = decode(z, np.ones((5, 3), bool))
    assert lengths.tolist() == [3, 2, 3]
    assert labels.T.tolist() == [[1, 1, 2, 0, 0], [2, 2, 0, 0, 0], [2, 2, 1, 0, 0]]
    mask = np.arange(5)[:, None] < np.array([4, 2, 0])
    labels, lengths = decode(jnp.where(mask[..., None], z, jnp.nan), mask)
    assert lengths.tolist() == [2, 1, 0]
    assert labels.T.tolist() == [[1, 1, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_inside_the_algebra_and_jit():
    """A sequence whose labels cannot be read and are wrong weighs nothing."""
    score = jax.jit(
        lambda targets, mask: [
            reduce(loss, logits(), targets, where=mask)
            for loss in (CTC(), Entropy(), CTC() - 0.1 * Entropy(), Entropy() + CTC())
        ]
    )
    ctc, entropy, less, more = score(TARGETS, MASK)
    np.testing.assert_allclose(less.sum, ctc.sum - 0.1 * entropy.sum, rtol=1e-6)
    np.testing.assert_allclose(more.sum, ctc.sum + entropy.sum, rtol=1e-6)
    assert ctc.weight == less.weight == int(MASK.sum())
    # Without steps and without labels, for labels alone would be impossible.
    rest = np.arange(B) > 0
    kept, *_ = score(Transcript(LABELS, TARGETS.lengths * rest), MASK & rest)
    for wrong in (0, -1, V):
        labels = LABELS.copy()
        labels[1, 0] = wrong
        got, *_ = score(Transcript(labels, TARGETS.lengths), MASK)
        assert got.weight == kept.weight
        np.testing.assert_allclose(got.sum, kept.sum, rtol=1e-6)


def test_bfloat16_is_computed_in_float32():
    z = logits().astype(jnp.bfloat16)
    low, high = jax.jit(lambda *zs: [CTC()(z, TARGETS) for z in zs])(z, z.astype(jnp.float32))
    assert low.dtype == jnp.float32
    np.testing.assert_array_equal(low, high)


def test_training_reads_what_is_not_aligned():
    """Each symbol stands for a label; where it stands is not told."""
    network = networks.stack(networks.Embedding(3, 8), networks.Dense(8, 3))
    trainer = training.Trainer(network, CTC(), optax.adam(0.1))
    symbols = np.array([[1, 2, 0], [0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 1, 2]])
    mask = np.arange(5)[:, None] < np.array([5, 4, 5])
    read = [[1, 2, 1], [2, 1], [1, 2]]
    labels = np.array([row + [0] * (3 - len(row)) for row in read]).T
    batch = (symbols, Transcript(labels, np.array([3, 2, 2])), mask)

    @jax.jit
    def run(key):
        first = trainer.init(key)
        state, report = jax.lax.scan(lambda s, _: trainer.step(s, batch), first, None, 60)
        _, outputs = network.apply(state.params, batch[0])
        return report, CTC().decode(outputs, where=mask)

    report, decoded = run(jax.random.key(0))
    assert report.loss[-1] < 0.1 < report.loss[0] and report.weight[0] == 14
    rows = zip(decoded.labels.T, decoded.lengths, strict=True)
    assert [row[:length].tolist() for row, length in rows] == read


@pytest.mark.parametrize(
    ("targets", "error", "says"),
    [
        (LABELS, TypeError, r"CTC: targets must be `Transcript\(labels, lengths\)`.*got ndarray"),
        ((LABELS * 1.0, TARGETS.lengths), TypeError, "labels must be integers, got float32"),
        ((LABELS.T, TARGETS.lengths), ValueError, r"labels must be \[U, \*batch\].*swapaxes"),
        ((LABELS, TARGETS.lengths + 1), ValueError, r"lengths must lie in \[0, T=3\], got 4"),
        ((LABELS, TARGETS.lengths[:2]), ValueError, r"batch shape \(4,\), got \(2,\)"),
        ((LABELS + 1, TARGETS.lengths), ValueError, r"\[0, 3\) and not be the blank 0, got 3"),
        ((LABELS - 1, TARGETS.lengths), ValueError, "not be the blank 0, got 0"),
    ],
)
def test_wrong_targets(targets, error, says):
    with pytest.raises(error, match=says):
        CTC()(logits(), targets)


def test_wrong_blank():
    with pytest.raises(ValueError, match=r"blank must lie in \[0, 3\), got 3"):
        CTC(3)(logits(), TARGETS)
