"""What a wrong call says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.objectives import (
    Accuracy,
    CrossEntropy,
    Entropy,
    MultiLabelCrossEntropy,
    SquaredError,
    as_objective,
)

Z = np.zeros((3, 2, 4), np.float32)
Y = np.zeros((3, 2), np.int32)
P = np.full((3, 2, 4), 0.25, np.float32)

CALLS = [
    # labels and distributions
    (CrossEntropy(), Z, Y[..., None], ValueError, "int32.3,2,1.. Squeeze the trailing axis of 1"),
    (CrossEntropy(), Z, Y.T, ValueError, r"labels \(3, 2\) .*, got .*int32.2,3.. Time leads: out"),
    (CrossEntropy(), Z, Y[:2], ValueError, r"logits \(3, 2, 4\) .* got .*int32.2,2.. Time leads"),
    (CrossEntropy(), Z, Y[0], ValueError, r"int32.2.. One .* whole sequence .*LastPool\(\)"),
    (CrossEntropy(), Z[:, 0], Y[0, 0], ValueError, r"int32\[\]. One .*LastPool\(\)"),
    (Accuracy(), Z, P[0], ValueError, r"float32.2,4.. One .* whole sequence .*LastPool\(\)"),
    (CrossEntropy(), Z[0], Y, ValueError, r"int32.3,2.. The outputs are pooled .* one a step"),
    (Accuracy(), Z[0], P, ValueError, r"float32.3,2,4.. The outputs are pooled .* one a step"),
    (CrossEntropy(), Z, Y.astype(np.float32), TypeError, "Cast labels"),
    (CrossEntropy(), Z, P.astype(np.int32), TypeError, "one-hot rows"),
    (CrossEntropy(), Z, P > 0, TypeError, "MultiLabelCrossEntropy"),
    (CrossEntropy(), Z, Y - 1, ValueError, r"\[0, 4\), got -1 at index \(0, 0\)"),
    (CrossEntropy(), Z, Y + 4, ValueError, r"\[0, 4\), got 4"),
    (CrossEntropy(), Z, 2 * P, ValueError, "sum to 1, got sums from 2"),
    (CrossEntropy(), Z, P - 1, ValueError, "probabilities in .0, 1., got values from -0.75"),
    (CrossEntropy(), Z, np.nan * P, ValueError, "probabilities"),
    (CrossEntropy(), Z[..., :1], Y, ValueError, "single class.*MultiLabelCrossEntropy"),
    (CrossEntropy(), Z.astype(int), Y, TypeError, "outputs must be floating"),
    (Accuracy(), Z, Y + 4, ValueError, r"Accuracy: labels must lie in \[0, 4\)"),
    (Accuracy(5), Z, Y, ValueError, "top=5 guesses of 4 classes"),
    # several labels
    (MultiLabelCrossEntropy(), Z, Y, ValueError, r"shape \(3, 2, 4\).*CrossEntropy"),
    (MultiLabelCrossEntropy(), Z, 2 * P + 1, ValueError, "probabilities in .0, 1."),
    (MultiLabelCrossEntropy(), Z.astype(int), P, TypeError, "outputs must be floating"),
    # numbers
    (SquaredError(), Z, Z[..., 0], ValueError, "one shape.*float32.3,2,4. and float32.3,2."),
    (SquaredError(), Z[..., :1], Z, ValueError, "one shape"),
    (SquaredError(), Z, Z.astype(int), TypeError, "targets must be floating"),
    (Entropy(), Z.astype(int), None, TypeError, "must be floating"),
]


@pytest.mark.parametrize(("objective", "outputs", "targets", "error", "says"), CALLS)
def test_wrong_targets(objective, outputs, targets, error, says):
    with pytest.raises(error, match=says):
        objective(outputs, targets)


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        (np.ones((3, 2), np.float32), TypeError, "where must be bool"),
        (np.ones((2, 3), bool), ValueError, r"got where \(2, 3\) for outputs \(3, 2, 4\)"),
        (np.ones(3, bool), ValueError, r"where (has|must have).* shape.* \(3,\)"),
        (np.ones((3, 2, 4), bool), ValueError, "shape"),
    ],
)
@pytest.mark.parametrize("objective", [CrossEntropy(), SquaredError(), Entropy()])
def test_wrong_masks(objective, where, error, says):
    targets = Y if isinstance(objective, CrossEntropy) else Z
    with pytest.raises(error, match=says):
        objective(Z, targets, where=where)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_wrong_values_in_the_padding_are_no_error(wrong):
    where = np.array([[True, False]] * 3)
    labels = np.where(where, Y, wrong)
    np.testing.assert_allclose(CrossEntropy()(Z, labels, where=where)[:, 0], np.log(4), rtol=1e-6)
    with pytest.raises(ValueError, match=r"at index \(0, 1\)"):
        CrossEntropy()(Z, labels, where=~where)
    rows = np.where(where[..., None], P, np.nan)
    np.testing.assert_allclose(CrossEntropy()(Z, rows, where=where)[:, 0], np.log(4), rtol=1e-6)


def test_construction():
    with pytest.raises(ValueError, match=r"smoothing must lie in \[0, 1\)"):
        CrossEntropy(smoothing=1.0)
    with pytest.raises(ValueError, match="top must be at least 1"):
        Accuracy(0)
    with pytest.raises(TypeError, match="an objective or a function"):
        as_objective("mse")
    with pytest.raises(TypeError, match=r"got a class; make one: CrossEntropy\(\)"):
        as_objective(CrossEntropy)


@pytest.mark.parametrize("other", [1.0, "x", None])
def test_only_objectives_add(other):
    with pytest.raises(TypeError):
        CrossEntropy() + other
    with pytest.raises(TypeError):
        other - CrossEntropy()
    with pytest.raises(TypeError):
        CrossEntropy() * Entropy()
    with pytest.raises(TypeError):
        CrossEntropy() / Entropy()


@pytest.mark.parametrize("where", [None, np.ones((3, 2), bool)])
@pytest.mark.parametrize(
    ("axes", "shape"), [((), "3, 2, 4"), (None, ""), ((0, 2), "2,"), ((1, 2), "3,"), (0, "2, 4")]
)
def test_a_function_gives_one_value_a_step(axes, shape, where):
    def error(outputs, targets):
        return jnp.mean((outputs - targets) ** 2, axis=axes)

    says = rf"function=error\).* one value a step, \(3, 2\) for .*4\), got values \({shape}\)"
    one = as_objective(error)
    for objective in (one, one / 2, error + SquaredError(), SquaredError() - 0.5 * one):
        with pytest.raises(ValueError, match=says):
            objective(Z, Z, where=where)


def test_the_values_of_a_function_are_real():
    with pytest.raises(TypeError, match="must be real"):
        as_objective(lambda outputs, targets: 1j * outputs[..., 0])(Z, Z)


def test_errors_of_shape_come_inside_jit_too():
    with pytest.raises(ValueError, match="one shape"):
        jax.jit(SquaredError())(Z, Z[..., 0])
