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


def softplus(u):
    return jnp.log(1 + jnp.exp(u))


def silu(u):
    return u * sigmoid(u)


def complex_(pair):
    return pair[0] + 1j * pair[1]


def lru(params, h, x):
    eigenvalues = jnp.exp(-jnp.exp(params.log_decay) + 1j * jnp.exp(params.log_phase))
    h = eigenvalues * h + jnp.exp(params.log_scale) * (x @ complex_(params.kernel))
    return h, (h @ complex_(params.output)).real + x @ params.skip


def exponential_moving_average(params, h, x):
    rate = sigmoid(params.logit)
    h = (1 - rate) * h + rate * x[..., None]
    return h, h.reshape(*x.shape[:-1], -1)


def hgrn(params, h, x):
    n, bound = h.shape[-1], 0.3
    f = bound + (1 - bound) * sigmoid(linear(params, x, 0, n))
    c = silu(linear(params, x, 1, n)) + 1j * silu(linear(params, x, 2, n))
    h = f * jnp.exp(1j * params.phase) * h + (1 - f) * c
    gates = silu(linear(params, x, 3, n)), silu(linear(params, x, 4, n))
    return h, jnp.concatenate([gates[0] * h.real, gates[1] * h.imag], -1)


def linoss_readout(params, state, x):
    return (state[..., 1, :] @ complex_(params.output)).real + params.skip * x


def linoss(params, state, x):
    """The position is that after the new speed, which the force at the new position has changed."""
    a, d, u = softplus(params.stiffness), sigmoid(params.step), x @ complex_(params.kernel)
    z, y = state[..., 0, :], state[..., 1, :]
    s = 1 / (1 + d**2 * a)
    z, y = (
        (1 - d**2 * a * s) * (z + d * u) - d * a * s * y,
        d * s * (z + d * u) + s * y,
    )
    state = jnp.stack([z, y], -2)
    return state, linoss_readout(params, state, x)


def linoss_imex(params, state, x):
    d, u = sigmoid(params.step), x @ complex_(params.kernel)
    a = 4 * sigmoid(params.stiffness) / d**2
    z = state[..., 0, :] + d * (u - a * state[..., 1, :])
    y = state[..., 1, :] + d * z
    state = jnp.stack([z, y], -2)
    return state, linoss_readout(params, state, x)


def rg_lru(params, h, x):
    """With one head."""
    r = sigmoid(x @ params.recurrence_kernel[0] + params.recurrence_bias[0])
    i = sigmoid(x @ params.input_kernel[0] + params.input_bias[0])
    a = jnp.exp(-8 * r * softplus(params.decay))
    h = a * h + jnp.sqrt(1 - a**2) * (i * x)
    return h, h


def s4d(params, h, x):
    eigenvalues = -jnp.exp(params.log_decay) + 1j * params.frequency
    a = jnp.exp(eigenvalues * jnp.exp(params.log_step)[:, None])
    h = a * h + (a - 1) / eigenvalues * x[..., None]
    return h, 2 * (complex_(params.output) * h).sum(-1).real + params.skip * x


def s5(params, h, x):
    """By the bilinear transform."""
    z = (-jnp.exp(params.log_decay) + 1j * params.frequency) * jnp.exp(params.log_step) / 2
    driven = x @ complex_(params.kernel)
    h = (1 + z) / (1 - z) * h + jnp.exp(params.log_step) / (1 - z) * driven
    return h, 2 * (h @ complex_(params.output)).real + params.skip * x


def s6(params, h, x):
    rank, n = params.step_kernel.shape[0], params.log_decay.shape[-1]
    u, b = x @ params.kernel[:, :rank], x @ params.kernel[:, rank : rank + n]
    c = x @ params.kernel[:, rank + n :]
    step = softplus(u @ params.step_kernel + params.step_bias)[..., None]
    h = jnp.exp(-step * jnp.exp(params.log_decay)) * h + step * b[..., None, :] * x[..., None]
    return h, (h * c[..., None, :]).sum(-1) + params.skip * x


def slice_(params, h, x):
    step, size = 0.3, h.shape[-1]
    a = (x @ params.recurrent + params.recurrent_bias).reshape(*h.shape, size)
    moved = jnp.einsum("...nij,...nj->...ni", a, h)
    h = h + step * moved + step * (x @ params.kernel + params.bias).reshape(h.shape)
    return h, h.reshape(*x.shape[:-1], -1)


STEPS = {
    "lru": lru,
    "exponential_moving_average": exponential_moving_average,
    "hgrn": hgrn,
    "linoss": linoss,
    "linoss_imex": linoss_imex,
    "rg_lru": rg_lru,
    "s4d": s4d,
    "s5": s5,
    "s6": s6,
    "slice": slice_,
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "qrnn": qrnn,
    "sru": sru,
}
