"""Linear cells."""

import jax.numpy as jnp


def sigmoid(u):
    return 1 / (1 + jnp.exp(-u))


def linear(params, x, block, hidden):
    """One gate's own product."""
    part = slice(block * hidden, (block + 1) * hidden)
    return x @ params.kernel[:, part] + params.bias[part]


def g(u):
    return jnp.where(u >= 0, u + 0.5, sigmoid(u))


def min_gru(params, h, x):
    n = h.shape[-1]
    z = sigmoid(linear(params, x, 0, n))
    h = (1 - z) * h + z * g(linear(params, x, 1, n))
    return h, h


def min_lstm(params, h, x):
    n = h.shape[-1]
    f, i = sigmoid(linear(params, x, 0, n)), sigmoid(linear(params, x, 1, n))
    h = f / (f + i) * h + i / (f + i) * g(linear(params, x, 2, n))
    return h, h


def qrnn(params, c, x):
    n = c.shape[-1]
    z, f = jnp.tanh(linear(params, x, 0, n)), sigmoid(linear(params, x, 1, n))
    c = f * c + (1 - f) * z
    return c, sigmoid(linear(params, x, 2, n)) * c


def sru(params, c, x):
    n = c.shape[-1]
    candidate = x @ params.kernel[:, :n]
    f = sigmoid(x @ params.kernel[:, n : 2 * n] + params.bias[:n])
    r = sigmoid(x @ params.kernel[:, 2 * n :] + params.bias[n:])
    c = f * c + (1 - f) * candidate
    highway = x if params.skip is None else x @ params.skip
    return c, r * c + (1 - r) * highway


STEPS = {
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "qrnn": qrnn,
    "sru": sru,
}
