"""What a wrong call says."""

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
    EntropyTemperature,
    FocalCrossEntropy,
    MultiLabelCrossEntropy,
    SquaredError,
    Sum,
    Weighted,
    ZLoss,
    as_objective,
    reduce,
    reduce_folded,
    score,
)

Z = np.zeros((3, 2, 4), np.float32)
Y = np.zeros((3, 2), np.int32)
P = np.full((3, 2, 4), 0.25, np.float32)


class Tensor:
    """What another library's array looks like."""

    def numpy(self):
        return Z


Tensor.__module__, Tensor.__qualname__ = "torch", "Tensor"

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
    # what is no array, or several
    (
        CrossEntropy(),
        Z,
        Y.tolist(),
        TypeError,
        r"CrossEntropy: targets must be an array, got Python numbers, such as 0. .*asarray\(targ",
    ),
    (
        CrossEntropy(),
        Z.tolist(),
        Y,
        TypeError,
        r"outputs must be an array, got Python.*\(outputs\)",
    ),
    (
        Accuracy(),
        Z,
        1,
        TypeError,
        "Accuracy: targets must be an array, got Python numbers, such as 1",
    ),
    (CrossEntropy(), Z, "abc", TypeError, "targets must be an array, got a `str`"),
    (CrossEntropy(), Tensor(), Y, TypeError, r"got a `torch.Tensor`. Pass `outputs.numpy\(\)`"),
    (CrossEntropy(), Z, np.ma.array(Y), TypeError, "targets is a masked array .*would be lost"),
    (CrossEntropy(), Z, None, TypeError, "CrossEntropy: targets must be one array, got None"),
    (
        CrossEntropy(),
        {"a": Z},
        Y,
        TypeError,
        r"outputs must be one array, got a dict of float32\[3",
    ),
    (CrossEntropy(), Z, (Y, Y), TypeError, r"one array, got a tuple of int32\[3,2\], int32\[3,2\]"),
    (FocalCrossEntropy(), Z, None, TypeError, "targets must be one array, got None"),
    (MultiLabelCrossEntropy(), Z, None, TypeError, "targets must be one array, got None"),
    (SquaredError(), Z, {"a": Z}, TypeError, "targets must be one array, got a dict"),
    (Entropy(), None, None, TypeError, "must be one array, got None"),
    (ZLoss(), {"a": Z}, None, TypeError, "must be one array, got a dict"),
    (CRF(2), {"a": Z}, Y, TypeError, "CRF: outputs must be one array, got a dict"),
    (CTC(), {"a": Z}, (Y, Y[0]), TypeError, "CTC: outputs must be one array, got a dict"),
    (CTC(), Z, ([[1]], [1]), TypeError, "CTC: targets must be an array, got Python numbers"),
    (CrossEntropy(), Z[0, 0, 0], Y[0, 0], ValueError, "with an axis of classes, got float32.."),
    (ClassWeighted(Entropy(), np.ones(4)), Z, Y[0], ValueError, r"\(2,\). One .*LastPool\(\)"),
    (FocalCrossEntropy(), Z, Y.T, ValueError, r"got \(2, 3\). Time leads"),
    (FocalCrossEntropy(), Z, np.eye(4, dtype=int)[Y], ValueError, r"Turn one-hot rows .*argmax"),
]


@pytest.mark.parametrize(("objective", "outputs", "targets", "error", "says"), CALLS)
def test_wrong_calls(objective, outputs, targets, error, says, as_users_run_it):
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


HELD = EntropyTemperature(1.0)
OTHERS = [
    (lambda: CrossEntropy()(Z, Y, where=[True]), TypeError, r"where must be an array, got Python"),
    (lambda: CrossEntropy()(Z, Y, where=True), TypeError, r"Pass `jnp.asarray\(where\)`"),
    (
        lambda: Entropy()(Z, None, where=Y[:, 0] == 0),
        ValueError,
        r"where must have .*\(3, 2\).*\(3,\)",
    ),
    (lambda: reduce(CrossEntropy, Z, Y), TypeError, r"make one: CrossEntropy\(\)"),
    (lambda: score(CrossEntropy, Z, Y), TypeError, r"make one: CrossEntropy\(\)"),
    (
        lambda: reduce(metrics.accuracy, Z, Y),
        TypeError,
        r"which takes \(top.*Call it: `accuracy\(\)`",
    ),
    (lambda: reduce(lambda z: z, Z, Y), TypeError, r"called as \(outputs, targets\).* takes \(z\)"),
    (lambda: reduce(lambda z, y: None, Z, Y), TypeError, r"one value a step.*, got NoneType"),
    (lambda: reduce(lambda z, y: (z, y), Z, Y), TypeError, r"one value a step.*, got tuple"),
    (lambda: reduce(lambda z, y: 1.0, Z, Y), ValueError, r"one value a step.*got values \(\)"),
    (
        lambda: reduce_folded(CrossEntropy(), None, Z, Y, size=1),
        TypeError,
        "head must be a function",
    ),
    (
        lambda: reduce_folded(CrossEntropy(), lambda h: h, Z.tolist(), Y, size=1),
        TypeError,
        "reduce_folded: inputs must be an array, got Python numbers",
    ),
    (
        lambda: reduce_folded(CrossEntropy(), lambda h: h, None, None, size=1),
        ValueError,
        "must share T, .*got no array",
    ),
    (lambda: CrossEntropy("0.1"), TypeError, "smoothing must be a number .*got '0.1'"),
    (lambda: CrossEntropy() * "a", TypeError, "factor must be a number .* got 'a'"),
    (lambda: CrossEntropy() / [1, 2], TypeError, "/: 'CrossEntropy' and 'list'"),
    (lambda: Sum(()), ValueError, "Sum: needs at least one term"),
    (lambda: Weighted(1.0, 1.0) + 3, TypeError, "'Weighted' and 'int'"),
    (lambda: CRF(1).decode(Z[..., :2], where=Y[0] == 0), ValueError, "CRF: where must be"),
    (lambda: CRF(1).decode(None), TypeError, "CRF: outputs must be one array, got None"),
    (lambda: CTC().decode(None), TypeError, "CTC: outputs must be one array, got None"),
    (lambda: CTC(-1), ValueError, "CTC: blank must be at least 0, got -1"),
    (lambda: HELD.update(HELD.init(), Z), ValueError, "mean of a batch, a scalar, got float32.3,2"),
    (lambda: HELD.update(HELD.init(), None), TypeError, "entropy must be one array, got None"),
]


@pytest.mark.parametrize(("call", "error", "says"), OTHERS, ids=[says for *_, says in OTHERS])
def test_other_wrong_calls(call, error, says, as_users_run_it):
    with pytest.raises(error, match=f"(?s){says}"):
        call()


def test_errors_of_shape_come_inside_jit_too():
    with pytest.raises(ValueError, match="one shape"):
        jax.jit(SquaredError())(Z, Z[..., 0])
