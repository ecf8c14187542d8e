"""Cells inside wrappers, without random numbers: what is drawn is replaced by its mean."""

import jax.numpy as jnp


def sigmoid(u):
    return 1 / (1 + jnp.exp(-u))


def lstm(params, carry, x):
    h, c = carry
    n = h.shape[-1]

    def gate(block):
        part = slice(block * n, (block + 1) * n)
        return x @ params.kernel[:, part] + params.bias[part] + h @ params.recurrent[:, part]

    i, f, o = sigmoid(gate(0)), sigmoid(gate(1)), sigmoid(gate(3))
    c = f * c + i * jnp.tanh(gate(2))
    return o * jnp.tanh(c), c


def zoneout(params, carry, x):
    h, c = lstm(params, carry, x)
    h, c = 0.1 * carry.hidden + 0.9 * h, 0.3 * carry.cell + 0.7 * c
    return type(carry)(h, c), h


def highway(params, carry, x):
    h, c = lstm(params.cell, carry, x)
    t = sigmoid(x @ params.kernel + params.bias)
    return type(carry)(h, c), t * h + (1 - t) * x


def skip(params, h, x):
    decay, phase, scale = (
        jnp.exp(p) for p in (params.log_decay, params.log_phase, params.log_scale)
    )
    driven = x @ params.kernel[0] + 1j * (x @ params.kernel[1])
    h = jnp.exp(-decay + 1j * phase) * h + scale * driven
    y = (h @ (params.output[0] + 1j * params.output[1])).real + x @ params.skip
    return h, x + y


STEPS = {"zoneout": zoneout, "highway": highway, "skip": skip}
