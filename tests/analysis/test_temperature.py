"""The temperature of the least surprisal: closed forms, what holds at it, and its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import generation
from jaxrnn.analysis import fit_temperature

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.normal(size=(60, 5))
LABELS = np.array([RNG.choice(5, p=np.exp(z / 2) / np.exp(z / 2).sum()) for z in LOGITS])


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def own(values, labels):
    return np.take_along_axis(values, labels[:, None], -1)[:, 0]


def surprisal(logits, labels):
    return -own(log_softmax(logits), labels).mean()


def by_halving(logits, labels):
    """The root of `mean(E_p z - z_y)`, sought in the logarithm of the inverse temperature."""
    low, high = -7.0, 7.0
    for _ in range(100):
        middle = (low + high) / 2
        p = np.exp(log_softmax(np.exp(middle) * logits))
        below = ((p * logits).sum(-1) - own(logits, labels)).mean() < 0
        low, high = (middle, high) if below else (low, middle)
    return np.exp(-low)


def test_two_classes_in_closed_form(x64):
    """Sure at 80 % and right at 60 %: the log-odds have to shrink from log 4 to log 1.5."""
    logits = np.log([0.8, 0.2]) * np.ones((5, 1))
    t = fit_temperature(logits[None], np.array([[0, 0, 0, 1, 1]]))
    np.testing.assert_allclose(t, np.log(4) / np.log(1.5), rtol=1e-13)


def test_surprisal_equals_entropy_at_the_best(x64):
    t = np.asarray(fit_temperature(LOGITS, LABELS))
    np.testing.assert_allclose(t, by_halving(LOGITS, LABELS), rtol=1e-12)
    log_p = log_softmax(LOGITS / t)
    np.testing.assert_allclose(
        surprisal(LOGITS / t, LABELS), -(np.exp(log_p) * log_p).sum(-1).mean(), atol=1e-13
    )
    for other in (0.99, 1.01):
        assert surprisal(LOGITS / (t * other), LABELS) > surprisal(LOGITS / t, LABELS)


def test_every_scale_and_every_limit_by_vmap(x64):
    """Logits too large and too small by far, and data that only a limit fits."""
    scales = np.array([1e-30, 1e-9, 1.0, 1e9, 1e30])
    nearly = LOGITS.argmax(-1)
    nearly[0] = LOGITS[0].argsort()[-2]  # all are the largest but one
    logits = [*(scales[:, None, None] * LOGITS), LOGITS, LOGITS, LOGITS, 0 * LOGITS + 7]
    labels = [LABELS] * 5 + [nearly, LOGITS.argmax(-1), LOGITS.argmin(-1), LABELS]
    t = jax.vmap(fit_temperature)(np.array(logits), np.array(labels))
    np.testing.assert_allclose(t[:5], by_halving(LOGITS, LABELS) * scales, rtol=1e-12)
    np.testing.assert_allclose(t[5], by_halving(LOGITS, nearly), rtol=1e-10)
    np.testing.assert_array_equal(t[6:], [0, np.inf, 1])


def test_what_does_not_count_changes_nothing(x64):
    where = np.arange(60) % 3 > 0
    wanted = by_halving(LOGITS[where], LABELS[where])
    for bad in (0, np.nan, np.inf, -np.inf):
        logits = np.where(where[:, None], LOGITS, bad)
        labels = np.where(where, LABELS, -1)
        np.testing.assert_allclose(fit_temperature(logits, labels, where=where), wanted, rtol=1e-12)


@pytest.mark.parametrize("least", [-np.inf, np.finfo(np.float32).min, -1e9])
def test_impossible_classes_take_no_part(least):
    labels = np.where(LABELS == 3, 0, LABELS)
    logits = LOGITS.astype(np.float32)
    without = by_halving(np.delete(LOGITS, 3, -1), np.where(labels == 4, 3, labels))
    logits[:, 3] = least
    np.testing.assert_allclose(fit_temperature(logits, labels), without, rtol=1e-5)


def test_it_is_held_in_float32():
    logits = jnp.asarray(LOGITS, jnp.bfloat16)
    t = fit_temperature(logits, LABELS)
    assert t.dtype == jnp.float32
    exact = by_halving(np.asarray(logits, float), LABELS)
    np.testing.assert_allclose(t, exact, rtol=1e-5)
    assert generation.Temperature(t).temperature == t


def test_derivatives_are_forward(x64):
    """Logits twice as large need twice the temperature, so the derivative along them is `T`."""
    fit = lambda z: fit_temperature(z, LABELS)  # noqa: E731
    t, slope = jax.jvp(fit, (LOGITS,), (LOGITS,))
    np.testing.assert_allclose(slope, t, rtol=1e-10)
    with pytest.raises(ValueError, match="Reverse-mode"):
        jax.eval_shape(jax.grad(fit), LOGITS)


def test_inside_jit_what_cannot_be_read_is_nan_or_left_out():
    run = jax.jit(fit_temperature)
    assert np.isnan(run(np.full((2, 2), np.nan, np.float32), np.zeros(2, int)))
    logits = np.log([[0.8, 0.2]] * 6).astype(np.float32)
    t = run(logits, np.array([0, 0, 0, 1, 1, 2]))
    np.testing.assert_allclose(t, 3.41902258, rtol=1e-6)


@pytest.mark.parametrize(
    ("logits", "labels", "where", "error", "says"),
    [
        (np.zeros((2, 3), int), [0, 1], None, TypeError, "logits must be floating"),
        (np.zeros((2, 3)), [0.0, 1.0], None, TypeError, "labels must be integers"),
        (np.zeros((2, 3)), [0, 1, 1], None, ValueError, "one label for each row"),
        (np.zeros((2, 3)), [0, 3], None, ValueError, r"\[0, 3\), got 3 at index \(1,\)"),
        (np.zeros((2, 3)), [0, 1], np.ones(2), TypeError, "where must be Bool"),
        (np.zeros((2, 3)), [0, 1], np.ones(3, bool), ValueError, "where must be"),
        (np.zeros((2, 3)), [0, 1], np.zeros(2, bool), ValueError, "no step counts"),
        (np.zeros((0, 3)), np.zeros(0, int), None, ValueError, "there are no steps"),
        (np.array([[0, -np.inf]]), [1], None, ValueError, "which is impossible"),
        (np.array([[0, np.nan]]), [0], None, ValueError, "logits are NaN"),
    ],
)
def test_errors(logits, labels, where, error, says):
    with pytest.raises(error, match=says):
        fit_temperature(logits, np.array(labels), where=where)
