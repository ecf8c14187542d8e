import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest

from jaxrnn.data import class_weights, grouped_split, random_split, stratified_split

LABELS = np.repeat([0, 1, 2], [50, 30, 20])
WORDS = ["b", "a", "b", "c", "c", "d", "a"]


def check(split, count):
    """Every example is in exactly one part, in order."""
    assert sorted(np.concatenate(split).tolist()) == list(range(count))
    for part in split:
        assert np.array_equal(part, np.sort(part))


@hypothesis.given(st.integers(3, 40), st.floats(0.1, 0.5), st.integers(0, 5))
def test_a_random_split_has_the_sizes_asked_for(count, test, seed):
    hypothesis.assume(1 <= round(test * count) < count - 1)
    split = random_split(count, validation=1, test=test, seed=seed)
    check(split, count)
    assert [len(part) for part in split[1:]] == [1, round(test * count)]


def test_splits_are_the_same_in_every_version_of_numpy():
    """The raw bits are promised; these are what they gave once."""
    assert random_split(8, test=3, seed=7).test.tolist() == [3, 4, 6]
    assert stratified_split(LABELS, test=5, seed=7).test.tolist() == [15, 16, 35, 61, 87]
    assert grouped_split(WORDS, test=1, seed=7).test.tolist() == [5]


def test_seeds_and_keys_give_splits_of_their_own():
    seeds = [0, 1, jax.random.key(0), jax.random.PRNGKey(1), 2**70]
    parts = {tuple(random_split(40, test=9, seed=seed).test.tolist()) for seed in seeds}
    assert len(parts) == len(seeds) - 1  # the words of `key(0)` are those of 0


@hypothesis.given(
    st.lists(st.integers(2, 12), min_size=1, max_size=4), st.floats(0.1, 0.4), st.integers(0, 3)
)
def test_every_part_has_its_share_of_each_class(counts, test, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    count = len(labels)
    hypothesis.assume(round(test * count) >= 1)
    try:
        split = stratified_split(labels, test=test, seed=seed)
    except ValueError as error:
        assert "none would be left for training" in str(error)
        return
    check(split, count)
    assert len(split.test) == round(test * count)
    share = np.array(counts) * len(split.test) / count
    assert np.all(np.abs(np.bincount(labels[split.test], minlength=len(counts)) - share) < 1)


def test_counts_of_classes_are_those_of_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    for test in (0.2, 0.3, 0.5):
        _, theirs = selection.train_test_split(np.arange(100), stratify=LABELS, test_size=test)
        ours = stratified_split(LABELS, test=test, seed=0).test
        assert np.bincount(LABELS[ours]).tolist() == np.bincount(LABELS[theirs]).tolist()


def test_three_parts_have_their_share_of_each_class():
    split = stratified_split(LABELS, validation=0.2, test=0.1, seed=0)
    check(split, 100)
    assert [np.bincount(LABELS[part]).tolist() for part in split] == [
        [35, 21, 14],
        [10, 6, 4],
        [5, 3, 2],
    ]


@hypothesis.given(st.lists(st.integers(0, 5), min_size=3, max_size=30), st.integers(0, 5))
def test_a_group_is_in_one_part(groups, seed):
    names = set(groups)
    hypothesis.assume(len(names) >= 3)
    split = grouped_split(groups, validation=1, test=1, seed=seed)
    check(split, len(groups))
    owners = [{groups[n] for n in part} for part in split]
    assert sum(map(len, owners)) == len(names)
    assert [len(part) for part in owners[1:]] == [1, 1]


def test_class_weights_are_the_balanced_ones_of_scikit_learn():
    weights = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    theirs = weights("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(class_weights(LABELS, 3), theirs, rtol=1e-15)
    padded = np.append(LABELS, [-1, 9]).reshape(2, -1)
    np.testing.assert_allclose(class_weights(padded, 3, where=(padded >= 0) & (padded < 3)), theirs)
    assert class_weights(LABELS, 3)[LABELS].mean() == pytest.approx(1.0)


WRONG = {
    "empty": (lambda: random_split(5, test=0.01, seed=0), ValueError, "empty. Take a larger part"),
    "no training": (
        lambda: random_split(5, validation=2, test=0.6, seed=0),
        ValueError,
        "random_split: validation=2 and test=0.6 leave nothing to learn from, of 5 examples",
    ),
    "share": (lambda: random_split(5, test=1.0, seed=0), ValueError, "between 0 and 1, got 1.0"),
    "flag": (lambda: random_split(5, test=True, seed=0), TypeError, "test must be a number of"),
    "seed": (lambda: random_split(5, test=1, seed=None), TypeError, "seed must be an integer"),
    "seed below 0": (lambda: random_split(5, test=1, seed=-1), ValueError, "seed must be at least"),
    "keys": (
        lambda: random_split(5, test=1, seed=jax.random.split(jax.random.key(0))),
        TypeError,
        "random_split: key must be a key, got key.*It holds several",
    ),
    "missing from training": (
        lambda: stratified_split([5, 7, 7, 7], test=2, seed=0),
        ValueError,
        "class 5 has 1 examples, and none would be left for training",
    ),
    "floats": (lambda: stratified_split([0.5, 1.0], test=1, seed=0), TypeError, "got float64"),
    "rows": (lambda: stratified_split(LABELS[None], test=1, seed=0), ValueError, r"must be \[N\]"),
    "no labels": (lambda: stratified_split([], test=1, seed=0), (TypeError, ValueError), "labels"),
    "ragged": (lambda: grouped_split([[1], [1, 2]], test=1, seed=0), TypeError, "groups must be"),
    "mixed": (lambda: grouped_split(["a", 1], test=1, seed=0), TypeError, "groups must be"),
    "masked": (
        lambda: grouped_split(np.ma.array([1, 2], mask=[0, 1]), test=1, seed=0),
        TypeError,
        "mask would be lost",
    ),
    "one group": (lambda: grouped_split(["a"] * 5, test=1, seed=0), ValueError, "of 1 groups"),
    "class without example": (
        lambda: class_weights([0, 2, 2], 5),
        ValueError,
        r"class_weights: class 1 \(and 2 more\) has no example among 3 labels",
    ),
    "class of others": (lambda: class_weights([0, 1, 3], 3), ValueError, r"in \[0, 3\), got 3"),
    "class below 0": (lambda: class_weights([0, -1], 2), ValueError, "got -1. Leave padding out"),
    "class floats": (lambda: class_weights([0.0, 1.0], 2), TypeError, "must be integers"),
    "where": (lambda: class_weights([0, 1], 2, where=[1, 1]), TypeError, "where must be Bool"),
    "where shape": (lambda: class_weights([0, 1], 2, where=[True]), ValueError, r"got \(1,\)"),
}


@pytest.mark.parametrize(("call", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
