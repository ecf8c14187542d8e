"""`CausalConv` against its equation, one step after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import networks

T, B, I = 9, 3, 4  # noqa: E741
DRAW = np.random.default_rng(0)


def by_hand(params, groups, xs, mask, resets, carry):
    """The windows of one sequence kept in a list; what a reset ends is forgotten."""
    width, own, outputs = params.kernel.shape
    window, ys = [*carry[::-1]], np.zeros((len(xs), outputs))
    for t, x in enumerate(xs):
        window = [] if resets[t] else window
        if mask[t]:
            window = [x, *window][:width]
            for lag, before in enumerate(window):
                for o in range(outputs):
                    first = o // (outputs // groups) * own
                    ys[t, o] += before[first : first + own] @ params.kernel[lag, :, o]
            ys[t] += params.bias
        window = window[: width - 1]
    return np.array([np.zeros(xs.shape[1])] * (width - 1 - len(window)) + window[::-1]), ys


@pytest.mark.parametrize("groups", [None, 1, 2])
def test_masks_and_resets_by_hand(groups, x64):
    layer = networks.CausalConv(I, width=3, outputs=8, groups=groups)
    shapes = jax.eval_shape(layer.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: DRAW.normal(size=leaf.shape), shapes)
    xs, carry = DRAW.normal(size=(T, B, I)), DRAW.normal(size=(B, 2, I))
    mask, resets = DRAW.random((T, B)) < 0.6, DRAW.random((T, B)) < 0.3
    padded = np.where(mask[..., None], xs, np.nan)
    last, ys = jax.jit(layer.apply)(params, padded, carry, mask=mask, resets=resets)
    for b in range(B):
        one = params, groups or I, xs[:, b], mask[:, b], resets[:, b], carry[b]
        wanted = by_hand(*one)
        np.testing.assert_allclose(last[b], wanted[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ys[:, b], wanted[1], rtol=1e-12, atol=1e-12)


def test_one_step_wide_is_a_dense_layer():
    layer = networks.CausalConv(I, width=1, outputs=2, groups=1)
    params = layer.init(jax.random.key(0))
    carry, y = layer.step(params, None, jnp.ones(I))
    assert carry.shape == (0, I)
    np.testing.assert_allclose(y, params.kernel[0].sum(0), rtol=1e-6)
