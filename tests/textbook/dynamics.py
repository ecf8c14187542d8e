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


# --- the time elapsed -------------------------------------------------------------------------


def cfc(params, h, x, elapsed=None):
    """Hasani et al. 2022, equation 10; each head is a part of the last layer's columns."""
    if elapsed is None:
        x, elapsed = x[..., :-1], x[..., -1:]
    v = x @ params.kernel + h @ params.recurrent + params.bias
    for kernel, bias in params.layers:
        v = 1.7159 * jnp.tanh(2 / 3 * v) @ kernel + bias
    f, g, a, b = (block(v, 4, at) for at in range(4))
    s = sigmoid(a * elapsed + b)
    h = jnp.tanh(f) * (1 - s) + s * jnp.tanh(g)
    return h, h


def ltc(params, v, x, steps):
    """Hasani et al. 2021, the fused solver of algorithm 1, with conductances as in their code."""
    x, elapsed = x[..., :-1], x[..., -1:]
    softplus = jax.nn.softplus

    def through(synapses, p):
        activation = sigmoid(synapses.slope * (p[..., None] - synapses.threshold))
        return softplus(synapses.weight) * activation

    sensory = through(params.sensory, x)
    c = softplus(params.capacity) / (elapsed / steps)
    leak = softplus(params.leak)
    for _ in range(steps):
        recurrent = through(params.recurrent, v)
        drawn = (recurrent * params.recurrent.reversal).sum(-2)
        drawn = drawn + (sensory * params.sensory.reversal).sum(-2)
        total = recurrent.sum(-2) + sensory.sum(-2)
        v = (c * v + leak * params.rest + drawn) / (c + leak + total)
    return v, v


def lstm(params, carry, x):
    h, c = carry

    def gate(at):
        u = x @ block(params.kernel, 4, at) + block(params.bias, 4, at)
        return u + h @ block(params.recurrent, 4, at)

    c = sigmoid(gate(1)) * c + sigmoid(gate(0)) * jnp.tanh(gate(2))
    return sigmoid(gate(3)) * jnp.tanh(c), c


def phased_lstm(params, carry, x, elapsed, ratio, leak):
    """Neil et al. 2016, equations 6 to 11."""
    h, c, clock = carry
    new_h, new_c = lstm(params, (h, c), x)
    clock = clock + elapsed
    period = jnp.exp(params.log_period)
    phase = jnp.mod(clock - params.shift, period) / period
    k = jnp.where(
        phase < ratio / 2,
        2 * phase / ratio,
        jnp.where(phase < ratio, 2 - 2 * phase / ratio, leak * phase),
    )
    h, c = k * new_h + (1 - k) * h, k * new_c + (1 - k) * c
    return type(carry)(h, c, clock), h


# --- others -----------------------------------------------------------------------------------


def star(params, h, x):
    """Turkoglu et al. 2022, equations 10 to 12."""
    k = x @ block(params.kernel, 2, 0) + block(params.bias, 2, 0) + h @ params.recurrent
    z = jnp.tanh(x @ block(params.kernel, 2, 1) + block(params.bias, 2, 1))
    h = jnp.tanh((1 - sigmoid(k)) * h + sigmoid(k) * z)
    return h, h


def wmc_lstm(params, carry, x):
    """Landi et al. 2021, equations 6 to 11."""
    h, c = carry

    def gate(at):
        u = x @ block(params.kernel, 4, at) + block(params.bias, 4, at)
        return u + h @ block(params.recurrent, 4, at)

    def seen(c, kernel, at):
        return jnp.tanh(c @ kernel + block(params.memory_bias, 3, at))

    i = sigmoid(gate(0) + seen(c, block(params.memory, 2, 0), 0))
    f = sigmoid(gate(1) + seen(c, block(params.memory, 2, 1), 1))
    c = f * c + i * jnp.tanh(gate(2))
    o = sigmoid(gate(3) + seen(c, params.output_memory, 2))
    h = o * jnp.tanh(c)
    return type(carry)(h, c), h


def gru(params, h, x):
    def inputs(at):
        return x @ block(params.kernel, 3, at) + block(params.bias, 3, at)

    def state(at):
        return h @ block(params.recurrent, 3, at)

    r, z = sigmoid(inputs(0) + state(0)), sigmoid(inputs(1) + state(1))
    n = jnp.tanh(inputs(2) + r * (state(2) + params.candidate_bias))
    return (1 - z) * n + z * h


def fast_slow(params, carry, x):
    """Mujika et al. 2017, equations 1 to 5: three LSTMs, and a GRU."""
    first, second, third = params.fast
    fast = lstm(first, carry.fast, x)
    slow = gru(params.slow, carry.slow, fast[0])
    fast = lstm(second, fast, slow)
    fast = lstm(third, fast, jnp.zeros_like(slow))
    return type(carry)(type(carry.fast)(*fast), slow), fast[0]


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
    "cfc": cfc,
    "cfc_without_backbone": partial(cfc, elapsed=0.7),
    "ltc": partial(ltc, steps=2),
    "phased_lstm": partial(phased_lstm, elapsed=0.7, ratio=0.4, leak=0.1),
    "star": star,
    "wmc_lstm": wmc_lstm,
    "fast_slow": fast_slow,
}
