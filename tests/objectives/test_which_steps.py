"""Labels that are ignored, labels that weigh more, and targets that are none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import metrics
from jaxrnn.objectives import (
    CRF,
    CTC,
    Accuracy,
    ClassWeighted,
    CrossEntropy,
    Entropy,
    FocalCrossEntropy,
    IgnoreIndex,
    MultiLabelCrossEntropy,
    reduce,
    reduce_folded,
)

RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(4, 3, 5)).astype(np.float32), RNG.integers(1, 5, (4, 3))
IGNORED = np.zeros((4, 3), bool)
IGNORED[0, 1] = IGNORED[3] = True
WHERE = RNG.random((4, 3)) < 0.7
WEIGHTS = np.array([1.0, 2.0, 0.5, 0.0, 3.0], np.float32)
SPOILED = np.where(IGNORED[..., None], np.nan, Z)


def mean_and_gradient(objective, z, labels, where=None):
    return jax.value_and_grad(lambda z: reduce(objective, z, labels, where=where).mean())(z)


@pytest.mark.parametrize(("index", "where"), [(-100, WHERE), (0, None)])
def test_an_ignored_label_is_a_step_left_out(index, where):
    loss = CrossEntropy() - 0.1 * Entropy()
    labels = np.where(IGNORED, index, Y)
    left = ~IGNORED if where is None else ~IGNORED & where
    wanted = jax.jit(mean_and_gradient)(loss, Z, Y, left)
    value, gradient = jax.jit(mean_and_gradient)(IgnoreIndex(loss, index), SPOILED, labels, where)
    np.testing.assert_allclose(value, wanted[0], rtol=1e-6)
    np.testing.assert_allclose(gradient, wanted[1], rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(gradient[~left], 0)
    mean = metrics.Mean(IgnoreIndex(loss, index))
    state = mean.update(mean.init(), SPOILED, labels, where=where)
    np.testing.assert_allclose(mean.compute(state), wanted[0], rtol=1e-6)


def test_any_other_label_out_of_range_is_an_error_and_weighs_nothing_inside_jit():
    loss = IgnoreIndex(CrossEntropy(), -100)
    labels = np.where(IGNORED, -100, Y)
    labels[1, 1] = -1
    with pytest.raises(ValueError, match=r"CrossEntropy: labels .* got -1 at index \(1, 1\)"):
        loss(Z, labels)
    with pytest.raises(ValueError, match="got -100"):
        CrossEntropy()(Z, np.where(IGNORED, -100, Y))
    got = jax.jit(reduce)(loss, Z, labels)
    left = ~IGNORED & (labels != -1)
    np.testing.assert_allclose(got, reduce(CrossEntropy(), Z, Y, where=left), rtol=1e-6)


def test_a_field_skips_the_ignored_steps():
    field, labels = CRF(2), np.where(IGNORED, 7, Y % 2)
    outputs = RNG.normal(size=(4, 3, 6)).astype(np.float32)
    np.testing.assert_array_equal(
        IgnoreIndex(field, 7)(outputs, labels), field(outputs, Y % 2, where=~IGNORED)
    )
    with pytest.raises(TypeError, match=r"the steps of CRF.* depend"):
        reduce_folded(IgnoreIndex(field, 7), lambda h: h, outputs, labels, size=2)


def test_weights_of_classes():
    """Sum of w_y l over sum of w_y, which is what PyTorch's weight means."""
    loss = CrossEntropy()
    values, w = np.asarray(loss(Z, Y)), WEIGHTS[Y]
    got = jax.jit(reduce)(ClassWeighted(loss, WEIGHTS), Z, Y)
    np.testing.assert_allclose(got.mean(), (w * values).sum() / w.sum(), rtol=1e-6)
    np.testing.assert_allclose(got.weight, w.sum(), rtol=1e-6)
    got = reduce(ClassWeighted(loss, WEIGHTS), Z, Y, where=WHERE)
    w = w * WHERE
    np.testing.assert_allclose(got.mean(), (w * values).sum() / w.sum(), rtol=1e-6)


def test_a_class_of_weight_0_passes_nothing():
    spoiled = np.where((Y == 3)[..., None], np.nan, Z)
    loss = ClassWeighted(CrossEntropy(), WEIGHTS)
    value, gradient = jax.jit(mean_and_gradient)(loss, spoiled, Y)
    assert np.isfinite(value) and (Y == 3).any()
    np.testing.assert_array_equal(gradient[Y == 3], 0)


def test_weights_are_leaves():
    """Their gradient is (value - mean) / sum of the weights, summed over a class's steps."""
    weights = np.array([1.0, 2.0, 0.5, 1.5, 3.0], np.float32)
    loss = ClassWeighted(CrossEntropy(), jnp.asarray(weights))
    gradient = jax.jit(jax.grad(lambda o: reduce(o, Z, Y).mean()))(loss).weights
    weight, values = weights[Y].sum(), np.asarray(CrossEntropy()(Z, Y))
    above = values - (weights[Y] * values).sum() / weight
    wanted = [above[k == Y].sum() / weight for k in range(5)]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-6)


def test_transforms_nest_and_add():
    labels = np.where(IGNORED, -1, Y)
    inside = ClassWeighted(IgnoreIndex(CrossEntropy(), -1), WEIGHTS)
    outside = IgnoreIndex(ClassWeighted(CrossEntropy(), WEIGHTS), -1)
    wanted = reduce(ClassWeighted(CrossEntropy(), WEIGHTS), Z, Y, where=~IGNORED)
    for loss in (inside, outside):
        np.testing.assert_allclose(reduce(loss, SPOILED, labels), wanted, rtol=1e-6)
    for loss in (inside - 0.5 * Entropy(), ClassWeighted(CrossEntropy(), WEIGHTS) + Accuracy()):
        values = reduce(loss, Z, Y)
        np.testing.assert_allclose(values.weight, WEIGHTS[Y].sum(), rtol=1e-6)
    with pytest.raises(ValueError, match="got -1"):
        ClassWeighted(Entropy(), WEIGHTS)(Z, labels)


def test_rows_of_several_labels_weigh_nothing_inside_jit():
    """Where they can be read, they are an error that names the objective for them."""
    several = np.eye(5, dtype=np.float32)[Y]
    several[0, 0] = several[2, 1] = [1, 1, 0, 0, 1]
    several[1, 2] = np.nan
    one = np.ones((4, 3), bool)
    one[0, 0] = one[2, 1] = one[1, 2] = False
    for loss in (CrossEntropy(0.1), Accuracy()):
        with pytest.raises(ValueError, match=r"CrossEntropy|Accuracy"):
            loss(Z, several)
        got = jax.jit(reduce)(loss, Z, several)
        np.testing.assert_allclose(got, reduce(loss, Z, Y, where=one), rtol=1e-6)
    gradient = jax.jit(mean_and_gradient)(CrossEntropy(), Z, several)[1]
    np.testing.assert_array_equal(gradient[~one], 0)
    assert (gradient[one] != 0).all()
    rounded = jax.nn.softmax(3 * Z).astype(jnp.bfloat16)
    assert jax.jit(reduce)(CrossEntropy(), Z, rounded).weight == 12


def test_labels_that_are_no_probability_weigh_nothing_inside_jit():
    yes = (Z > 0).astype(np.float32)
    wrong = yes.copy()
    wrong[1, 1, 0] = 2.0
    sound = np.ones((4, 3), bool)
    sound[1, 1] = False
    loss = MultiLabelCrossEntropy()
    got, wanted = jax.jit(reduce)(loss, Z, wrong), reduce(loss, Z, yes, where=sound)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: IgnoreIndex(CrossEntropy(), True), TypeError, "must be an integer, got True"),
        (lambda: IgnoreIndex(None, 1), TypeError, "`Objective` or a function"),
        (lambda: IgnoreIndex(CrossEntropy(), 1)(Z, Z), TypeError, r"integer labels.*float32\[4,3,"),
        (lambda: IgnoreIndex(Entropy(), 1)(Z, None), TypeError, "one a step, got NoneType"),
        (
            lambda: IgnoreIndex(CrossEntropy(), -100)(Z, Y.astype(np.uint8)),
            ValueError,
            "labels of uint8 cannot be -100",
        ),
        (lambda: ClassWeighted(CrossEntropy(), -WEIGHTS), ValueError, "weights must be finite and"),
        (
            lambda: ClassWeighted(CrossEntropy(), WEIGHTS[1:])(Z, Y),
            ValueError,
            r"one for each of the 5 classes, got shape \(4,\)",
        ),
        (lambda: ClassWeighted(CTC() + Entropy(), WEIGHTS), TypeError, "steps of CTC.*surprisal"),
        (lambda: ClassWeighted(CrossEntropy(), WEIGHTS)(Z, np.eye(5)[Y]), TypeError, "integers"),
        (lambda: FocalCrossEntropy()(Z, Y[..., None]), ValueError, "one label for each row"),
    ],
)
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=says):
        call()
