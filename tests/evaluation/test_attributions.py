"""Attributions against closed forms, and what must never reach them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, evaluation, networks

T, B, F, V = 6, 2, 3, 7
LENGTHS = np.array([T, 4])
GARBAGE = np.arange(T)[:, None] >= LENGTHS


def cubed(xs):
    return xs**3


CUBE = networks.stack(networks.Activation(cubed), networks.Dense(F, 2))


@pytest.fixture
def gru(x64):
    network = networks.stack(rnn=networks.Recurrent(cells.GRU(F, 5)), readout=networks.Dense(5, 3))
    params = jax.tree.map(lambda leaf: 1.5 * leaf, network.init(jax.random.key(0)))
    return network, params, jax.random.normal(jax.random.key(1), (T, B, F))


@pytest.fixture
def lstm(x64):
    network = networks.stack(
        networks.Embedding(V, F), networks.Recurrent(cells.LSTM(F, 5)), networks.Dense(5, 3)
    )
    params = network.init(jax.random.key(0))
    return network, params, jax.random.randint(jax.random.key(1), (T, B), 0, V)


def test_a_polynomial_is_attributed_as_its_integral_says(x64):
    """f = sum_i w_i x_i^3 at the last step, from b: w_i (x_i^3 - b_i^3)."""
    params = CUBE.init(jax.random.key(0))
    xs = jax.random.normal(jax.random.key(1), (T, B, F))
    baseline = np.array([0.5, -1.0, 0.25])
    found = evaluation.integrated_gradients(CUBE, params, xs, 1, baseline=baseline, steps=2)
    want = np.zeros((T, B, F))
    want[-1] = np.asarray(params[1].kernel[:, 1]) * (np.asarray(xs[-1]) ** 3 - baseline**3)
    np.testing.assert_allclose(found.values, want, rtol=1e-12, atol=1e-12)
    assert float(jnp.max(found.relative_gap)) < 1e-12


def test_attributions_make_up_the_difference(gru, lstm):
    for network, params, xs in (gru, lstm):
        found = evaluation.integrated_gradients(
            network, params, xs, np.array([2, 0]), lengths=LENGTHS
        )
        assert found.values.shape == (T, B, F)
        assert float(jnp.max(found.relative_gap)) < 1e-10
        assert (np.asarray(found.values)[GARBAGE] == 0).all()
        _, ys = network.apply(params, xs, lengths=LENGTHS)
        np.testing.assert_allclose(found.output, [ys[5, 0, 2], ys[3, 1, 0]], rtol=1e-12)


def test_too_few_steps_are_said(gru):
    network, params, xs = gru
    with pytest.warns(UserWarning, match="steps=1 the attributions miss"):
        evaluation.integrated_gradients(network, params, 5 * xs, 0, steps=1)


def explanations(network, params, xs, **marks):
    """Each with its axes `[T, *batch, ...]` in front."""
    saliency = evaluation.temporal_saliency(network, params, xs, **marks)
    return (
        evaluation.integrated_gradients(network, params, xs, 0, **marks).values,
        evaluation.occlusion(network, params, xs, 0, window=2, **marks),
        evaluation.occlusion(network, params, xs, 0, baseline=0.0, **marks),
        saliency.sum(0),
        saliency.sum(1),
        evaluation.hidden_states(network, params, xs, **marks)["rnn"],
    )


@pytest.mark.slow
def test_padding_of_any_content_changes_nothing_and_has_none(gru):
    network, params, xs = gru
    padded = jnp.where(GARBAGE[..., None], jnp.nan, xs)
    clean = explanations(network, params, xs, lengths=LENGTHS)
    dirty = explanations(network, params, padded, mask=~GARBAGE)
    alone = explanations(network, params, xs[:4, 1:])
    for one, other, shorter in zip(clean, dirty, alone, strict=True):
        np.testing.assert_array_equal(one, other)
        assert (np.asarray(one)[GARBAGE] == 0).all() and (shorter != 0).any()
        np.testing.assert_allclose(one[:4, 1:], shorter, rtol=1e-10, atol=1e-12)


def test_nothing_before_a_reset_has_a_part(gru):
    network, params, xs = gru
    resets = np.zeros((T, B), bool)
    resets[3] = True
    found = evaluation.integrated_gradients(network, params, xs, 0, resets=resets)
    assert (found.values[:3] == 0).all() and (found.values[3:] != 0).all()
    saliency = evaluation.temporal_saliency(network, params, xs, resets=resets)
    assert (saliency[3:, :3] == 0).all() and (saliency[5, 3:] > 0).all()


def test_occlusion_is_what_the_network_says_without_the_steps(gru):
    network, params, xs = gru
    found = evaluation.occlusion(network, params, xs, 1)
    last = network.apply(params, xs)[1][-1, :, 1]
    for s in range(T):
        shorter = network.apply(params, jnp.delete(xs, s, axis=0))[1][-1, :, 1]
        np.testing.assert_allclose(found[s], last - shorter, rtol=1e-9, atol=1e-12)
    by_two = evaluation.occlusion(network, params, xs, 1, window=4, stride=3, baseline=1.0)
    first = last - network.apply(params, xs.at[:4].set(1.0))[1][-1, :, 1]
    second = last - network.apply(params, xs.at[3:].set(1.0))[1][-1, :, 1]
    want = jnp.stack([first, first, first, (first + second) / 2, second, second])
    np.testing.assert_allclose(by_two, want, rtol=1e-9, atol=1e-12)


def test_saliency_is_the_norm_of_the_jacobian(gru, lstm):
    network, params, xs = gru
    jacobian = jax.jacobian(lambda xs: network.apply(params, xs)[1])(xs[:, :1])[:, 0, :, :, 0]
    found = evaluation.temporal_saliency(network, params, xs)
    np.testing.assert_allclose(
        found[..., 0], jnp.sqrt((jacobian**2).sum((1, 3))), rtol=1e-10, atol=1e-14
    )
    one = evaluation.temporal_saliency(network, params, xs, target=2)
    want = jnp.linalg.norm(jacobian[:, 2], axis=-1)
    np.testing.assert_allclose(one[..., 0], want, rtol=1e-10, atol=1e-14)
    assert evaluation.temporal_saliency(*lstm).shape == (T, T, B)


def test_a_function_says_what_is_explained_and_tied_symbols_are(x64):
    network = networks.Tied(networks.Embedding(V, F), networks.Recurrent(cells.GRU(F, F)))
    params = network.init(jax.random.key(0))
    symbols = jax.random.randint(jax.random.key(1), (T, B), 0, V)
    third = evaluation.integrated_gradients(network, params, symbols, lambda ys: ys[2, :, 4])
    assert (third.values[3:] == 0).all() and float(third.relative_gap.max()) < 1e-10
    pooled = networks.stack(network, networks.MeanPool())
    found = evaluation.integrated_gradients(pooled, (params, ()), symbols, 4)
    assert (found.values != 0).all() and float(found.relative_gap.max()) < 1e-10
    states = evaluation.hidden_states(pooled, (params, ()), symbols)
    assert [*states] == ["0/embedding", "0/network", "0", "1"]
    np.testing.assert_array_equal(states["1"], pooled.apply((params, ()), symbols)[1])


def test_they_work_under_jit_and_vmap(gru):
    network, params, xs = gru

    def by_step(xs, target):
        return evaluation.integrated_gradients(network, params, xs, target).by_step

    mapped = jax.jit(jax.vmap(by_step, in_axes=(1, 0), out_axes=1))(xs, jnp.array([2, 0]))
    want = by_step(xs, np.array([2, 0]))
    np.testing.assert_allclose(mapped, want, rtol=1e-10, atol=1e-14)
    gradient = jax.grad(lambda xs: evaluation.temporal_saliency(network, params, xs).sum())(xs)
    assert jnp.isfinite(gradient).all()


def bad(**given):
    network = networks.stack(networks.Recurrent(cells.GRU(F, 5)), networks.Dense(5, 3))
    params = network.init(jax.random.key(0))
    arguments = {"network": network, "params": params, "xs": jnp.ones((T, B, F)), "target": 0}
    if given.get("params", ()) is None:  # those of a run that diverged
        given = given | {"params": jax.tree.map(lambda leaf: leaf * jnp.nan, params)}
    return arguments | given


@pytest.mark.parametrize(
    "given, kind, said",
    [
        ({"baseline": np.ones(4)}, ValueError, r"features of one step \(3,\).*got float\d+\[4\]"),
        ({"target": 3}, ValueError, r"target must lie in \[0, 3\), got 3"),
        ({"target": -1}, ValueError, r"target must lie in \[0, 3\)"),
        ({"target": [0, 1, 2]}, ValueError, r"one a sequence \[2\]"),
        ({"target": 1.0}, TypeError, "number of a unit"),
        ({"target": lambda ys: ys}, ValueError, r"one number a sequence, \[2\]"),
        ({"target": None}, TypeError, "target must be a unit"),
        ({"target": lambda ys: None}, ValueError, "one number a sequence"),
        ({"target": lambda ys: ys[-1].argmax(-1)}, TypeError, "floating numbers"),
        ({"xs": jnp.ones((T, B, F)).at[2, 1, 0].set(np.nan)}, ValueError, r"nan at .* \[2, 1, 0\]"),
        ({"params": None}, FloatingPointError, r"the attribution is nan at .*\[0, 0, 0\]"),
        ({"steps": 0}, ValueError, "steps"),
        ({"lengths": np.array([7, 2])}, ValueError, "lengths must lie in"),
        ({"xs": (jnp.ones((T, B, F)),)}, TypeError, "one array"),
        ({"xs": np.ma.masked_greater(np.ones((T, B, F)), 0)}, TypeError, "hidden"),
    ],
)
def test_bad_input_is_named(given, kind, said):
    with pytest.raises(kind, match=said):
        evaluation.integrated_gradients(**bad(**given))


def test_other_bad_input_is_named():
    given = bad()
    with pytest.raises(ValueError, match="window must be at most T=6"):
        evaluation.occlusion(**given, window=7)
    with pytest.raises(ValueError, match="stride at most window"):
        evaluation.occlusion(**given, stride=2)
    pooled = networks.stack(given["network"], networks.MeanPool())
    with pytest.raises(ValueError, match="pools"):
        evaluation.temporal_saliency(pooled, (given["params"], ()), given["xs"])
    with pytest.raises(TypeError, match="target must be an array of numbers"):
        evaluation.temporal_saliency(**given | {"target": jnp.sum})
