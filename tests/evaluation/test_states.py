"""What hidden states say: components, probes, and the check by drawing parameters anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from jaxrnn import cells, evaluation, networks

RANDOM = np.random.default_rng(0)
STATES = RANDOM.normal(size=(12, 60, 6)) @ RANDOM.normal(size=(6, 6)) + 3
SYMBOLS = RANDOM.integers(0, 40, (12, 60))
FEW = {"folds": 2, "controls": 1}
PLANTED = STATES @ np.array([1.0, -1.0, 0.5, 0.0, 2.0, 0.0]) - 7.5


def test_components_are_those_of_scikit_learn(x64):
    found = evaluation.principal_components(STATES, 4)
    want = PCA(4, svd_solver="full").fit(STATES.reshape(-1, 6))
    for one, other in zip(
        found,
        (want.components_, want.mean_, want.explained_variance_, want.explained_variance_ratio_),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    projected = want.transform(STATES.reshape(-1, 6)).reshape(12, 60, 4)
    np.testing.assert_allclose(found.project(STATES), projected, rtol=1e-10, atol=1e-10)


def test_padding_is_no_state(x64):
    counted = np.arange(12)[:, None] < RANDOM.integers(3, 12, 60)
    padded = np.where(counted[..., None], STATES, np.nan)
    found = evaluation.principal_components(padded, 2, where=counted)
    want = evaluation.principal_components(STATES[counted], 2)
    for one, other in zip(found, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    mapped = jax.vmap(lambda s: evaluation.principal_components(s, 2).variance)(STATES[:2])
    want = PCA(2, svd_solver="full").fit(STATES[1]).explained_variance_
    np.testing.assert_allclose(mapped[1], want, rtol=1e-10)


def test_states_all_alike_have_no_direction_that_matters():
    found = evaluation.principal_components(np.ones((5, 3), np.float32), 1)
    assert found.variance.tolist() == found.share.tolist() == [0.0]


def test_a_planted_feature_is_found_and_noise_is_not():
    planted = evaluation.linear_probe(STATES, PLANTED > 0, types=SYMBOLS, **FEW)
    assert planted.score > 0.95 and planted.selectivity > 0.35
    noise = RANDOM.integers(0, 2, SYMBOLS.shape)
    found = evaluation.linear_probe(STATES, noise, types=SYMBOLS, **FEW)
    assert abs(found.score - 0.5) < 0.1 and abs(found.selectivity) < 0.15


def test_a_probe_that_learns_the_types_by_heart_is_not_selective():
    """States that say the symbol, and nothing else, do the control task as well."""
    symbols = SYMBOLS % 8
    found = evaluation.linear_probe(np.eye(8)[symbols], symbols % 2, types=symbols, **FEW)
    assert found.score == found.control == 1.0 and found.selectivity == 0.0


def test_numbers_are_probed_with_an_estimator_of_numbers():
    found = evaluation.linear_probe(STATES, PLANTED, types=SYMBOLS, estimator=Ridge())
    assert found.score > 0.99 and found.control < 0.1
    lone = evaluation.linear_probe(STATES[:, 0], PLANTED[:, 0], estimator=Ridge(), folds=3)
    assert np.isfinite(lone.score)


def test_padding_is_not_probed():
    counted = np.arange(12)[:, None] < 9
    padded = np.where(np.broadcast_to(counted, (12, 60))[..., None], STATES, np.nan)
    where = np.broadcast_to(counted, (12, 60))
    found = evaluation.linear_probe(padded, PLANTED > 0, types=SYMBOLS, where=where, **FEW)
    alone = evaluation.linear_probe(STATES[:9], PLANTED[:9] > 0, types=SYMBOLS[:9], **FEW)
    assert found == alone


def test_an_explanation_of_the_inputs_alone_does_not_change():
    network = networks.stack(
        rnn=networks.Recurrent(cells.GRU(3, 5)),
        squash=networks.Activation(jnp.tanh),
        readout=networks.Dense(5, 2),
    )
    params = network.init(jax.random.key(0))
    xs = jax.random.normal(jax.random.key(1), (6, 2, 3))
    key = jax.random.key(0)  # by which the network was made: its parameters change all the same
    inputs = evaluation.parameter_randomization(network, params, lambda params: xs, key=key)
    assert [row.layer for row in inputs] == ["readout", "rnn"]
    assert all(row.correlation > 0.999 for row in inputs)

    def attribute(params):
        return evaluation.integrated_gradients(network, params, xs, 0).values

    fair = evaluation.parameter_randomization(network, params, attribute, key=key)
    assert abs(fair[-1].correlation) < 0.9
    fresh = network.init(jax.random.fold_in(key, 0))
    want = np.corrcoef(
        np.argsort(np.argsort(np.ravel(attribute(params)))),
        np.argsort(np.argsort(np.ravel(attribute({**params, "readout": fresh["readout"]})))),
    )[0, 1]
    np.testing.assert_allclose(fair[0].correlation, want, rtol=1e-9)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: evaluation.principal_components(STATES, 7), r"count must lie in \[1, 6\]"),
        (lambda: evaluation.principal_components(STATES[:2, 0], 3), r"\[1, 2\], for 2 states"),
        (lambda: evaluation.principal_components(np.full((3, 2), np.nan), 1), r"at \[0, 0\]"),
        (lambda: evaluation.linear_probe(STATES, 0 * SYMBOLS), "two classes at least"),
        (lambda: evaluation.linear_probe(STATES, SYMBOLS[1:]), r"labels must be \[T, \*batch\]"),
        (lambda: evaluation.linear_probe(STATES[..., :0], SYMBOLS), "states must have features"),
        (lambda: evaluation.linear_probe(STATES * np.nan, SYMBOLS), r"finite, got nan at \[0, 0"),
        (
            lambda: evaluation.linear_probe(STATES, np.arange(60) + 0 * SYMBOLS == 0, folds=60),
            "labels of the one class",
        ),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_kinds_are_named():
    with pytest.raises(TypeError, match="classes are integers or bools"):
        evaluation.linear_probe(STATES, PLANTED)
    with pytest.raises(TypeError, match="estimator must be"):
        evaluation.linear_probe(STATES, PLANTED, estimator=Ridge)
