"""Convolutional cells, and cells in continuous time."""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax.nn import relu, sigmoid


def block(array, n, at):
    """One of `n` blocks of the last axis: the weights of one gate."""
    size = array.shape[-1] // n
    return array[..., at * size : (at + 1) * size]


# --- images -----------------------------------------------------------------------------------


def conv(x, kernel, strides, dilation, padding):
    """`x [*batch, *space, I]` by XLA's own convolution."""
    axes = kernel.ndim - 2
    batch, letters = x.shape[: x.ndim - axes - 1], "XYZ"[:axes]
    y = jax.lax.conv_general_dilated(
        x.reshape(-1, *x.shape[len(batch) :]),
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
    )
    return y.reshape(*batch, *y.shape[1:])


def same(h, kernel):
    ones = (1,) * (kernel.ndim - 2)
    return conv(h, kernel, ones, ones, "SAME")


def conv_lstm(params, carry, x, strides, dilation, padding):
    h, c = carry

    def gate(at):
        u = conv(x, block(params.kernel, 4, at), strides, dilation, padding)
        return u + same(h, block(params.recurrent, 4, at)) + block(params.bias, 4, at)

    i, f, g, o = map(gate, range(4))
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return type(carry)(h, c), h


def conv_gru(params, h, x, strides, dilation, padding):
    def inputs(at):
        u = conv(x, block(params.kernel, 3, at), strides, dilation, padding)
        return u + block(params.bias, 3, at)

    def state(at):
        return same(h, block(params.recurrent, 3, at))

    r = sigmoid(inputs(0) + state(0))
    z = sigmoid(inputs(1) + state(1))
    n = jnp.tanh(inputs(2) + r * (state(2) + params.candidate_bias))
    h = (1 - z) * n + z * h
    return h, h


def reset_before_conv_gru(params, h, x, strides, dilation, padding):
    def inputs(at):
        return conv(x, block(params.kernel, 3, at), strides, dilation, padding)

    r = sigmoid(inputs(0) + same(h, block(params.recurrent, 2, 0)))
    z = sigmoid(inputs(1) + same(h, block(params.recurrent, 2, 1)))
    n = jnp.tanh(inputs(2) + same(r * h, params.candidate))
    h = (1 - z) * n + z * h
    return h, h


# --- continuous time --------------------------------------------------------------------------


def ctrnn(params, carry, x, tau, dt):
    """Song et al. 2016, equation 8."""
    v, r = carry
    a = dt / tau
    v = (1 - a) * v + a * (x @ params.kernel + params.bias + r @ params.recurrent)
    r = relu(v)
    return type(carry)(v, r), r


def cornn(params, carry, x, dt, gamma, epsilon):
    """Rusch & Mishra 2021, equation 3, as in their code."""
    y, z = carry
    hidden = y.shape[-1]
    drive = y @ params.recurrent[:hidden] + z @ params.recurrent[hidden:]
    force = jnp.tanh(x @ params.kernel + params.bias + drive)
    z = z + dt * (force - gamma * y - epsilon * z)
    y = y + dt * z
    return type(carry)(y, z), y


def unicornn(params, carry, x, dt, alpha):
    """Rusch & Mishra 2021b, equation 4."""
    y, z = carry
    step = dt * sigmoid(params.time_scale)
    drive = params.recurrent * y + x @ params.kernel + params.bias
    z = z - step * (jnp.tanh(drive) + alpha * y)
    y = y + step * z
    return type(carry)(y, z), y


def lem(params, carry, x, dt):
    """Rusch et al. 2022, equation 3."""
    y, z = carry

    def inputs(at):
        return x @ block(params.kernel, 4, at) + block(params.bias, 4, at)

    def state(at):
        return y @ block(params.recurrent, 3, at)

    first = dt * sigmoid(inputs(0) + state(0))
    second = dt * sigmoid(inputs(1) + state(1))
    z = (1 - first) * z + first * jnp.tanh(inputs(2) + state(2))
    y = (1 - second) * y + second * jnp.tanh(inputs(3) + z @ params.transform)
    return type(carry)(y, z), y


def lipschitz(params, h, x, dt, beta, gamma):
    """Erichson et al. 2021, equations 3 and 6, as in their code."""

    def stable(m):
        return (1 - beta) * (m + m.T) + beta * (m - m.T) - gamma * jnp.eye(len(m))

    forced = jnp.tanh(h @ stable(params.recurrent) + x @ params.kernel + params.bias)
    h = h + dt * (h @ stable(params.linear) + forced)
    return h, h


def clockwork(params, carry, x, periods):
    """Koutnik et al. 2014, equation 4: module by module."""
    h, count = carry
    modules, size = len(periods), h.shape[-1] // len(periods)
    news = []
    for i in range(modules):
        mine = slice(i * size, (i + 1) * size)
        z = x @ params.kernel[:, mine] + params.bias[mine]
        for j in range(modules):
            if periods[j] >= periods[i]:
                other = slice(j * size, (j + 1) * size)
                z = z + h[..., other] @ params.recurrent[other, mine]
        turn = jnp.floor(count) % periods[i] == 0
        news.append(jnp.where(turn, jnp.tanh(z), h[..., mine]))
    h = jnp.concatenate(news, axis=-1)
    return type(carry)(h, (count + 1) % math.lcm(*periods)), h


STEPS = {
    "conv_lstm": partial(conv_lstm, strides=(1, 2), dilation=(1, 1), padding="SAME"),
    "conv_gru": partial(conv_gru, strides=(1,), dilation=(2,), padding="VALID"),
    "reset_before_conv_gru": partial(
        reset_before_conv_gru, strides=(1,), dilation=(1,), padding="SAME"
    ),
    "ctrnn": partial(ctrnn, tau=50.0, dt=20.0),
    "cornn": partial(cornn, dt=0.3, gamma=0.7, epsilon=1.2),
    "unicornn": partial(unicornn, dt=0.4, alpha=0.9),
    "lem": partial(lem, dt=0.8),
    "lipschitz": partial(lipschitz, dt=0.2, beta=0.7, gamma=0.1),
    "clockwork": partial(clockwork, periods=(1, 3)),
}
