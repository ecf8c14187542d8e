"""Gated cells."""

import jax.numpy as jnp
from jax import lax


def sigmoid(u):
    return 1 / (1 + jnp.exp(-u))


def relu(u):
    return jnp.where(u > 0, u, 0.0)


def block(matrix, index, size):
    """One gate's own part of what stands side by side."""
    return matrix[..., index * size : (index + 1) * size]


def sums(params, h, x, count):
    """Every gate's own pair of products, and its bias."""
    size = params.recurrent.shape[-1] // count
    return [
        x @ block(params.kernel, k, size)
        + h @ block(params.recurrent, k, size)
        + block(params.bias, k, size)
        for k in range(count)
    ]


def ugrnn(params, h, x):
    g, c = sums(params, h, x, 2)
    h = sigmoid(g) * h + (1 - sigmoid(g)) * jnp.tanh(c)
    return h, h


def coupled_lstm(params, carry, x):
    f, g, o = sums(params, carry.hidden, x, 3)
    c = sigmoid(f) * carry.cell + (1 - sigmoid(f)) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return type(carry)(h, c), h


def peephole_lstm(params, carry, x):
    p_i, p_f, p_o = params.peepholes
    i, f, g, o = sums(params, carry.hidden, x, 4)
    i, f = sigmoid(i + p_i * carry.cell), sigmoid(f + p_f * carry.cell)
    c = f * carry.cell + i * jnp.tanh(g)
    h = sigmoid(o + p_o * c) * jnp.tanh(c)
    return type(carry)(h, c), h


def janet(params, h, x, beta=1.0):
    s, c = sums(params, h, x, 2)
    h = sigmoid(s) * h + (1 - sigmoid(s - beta)) * jnp.tanh(c)
    return h, h


def li_gru(params, h, x):
    z, n = sums(params, h, x, 2)
    h = sigmoid(z) * h + (1 - sigmoid(z)) * relu(n)
    return h, h


def gates_and_content(params, h, x):
    """Two gates that read the state, and a part that only reads the input."""
    size = params.recurrent.shape[0]
    gates = [
        sigmoid(
            x @ block(params.kernel, k, size)
            + h @ block(params.recurrent, k, size)
            + block(params.bias, k, size)
        )
        for k in range(2)
    ]
    return *gates, x @ block(params.kernel, 2, size)


def ran(params, carry, x):
    i, f, content = gates_and_content(params, carry.hidden, x)
    c = i * content + f * carry.cell
    h = jnp.tanh(c)
    return type(carry)(h, c), h


def cfn(params, h, x):
    f, i, n = gates_and_content(params, h, x)
    h = f * jnp.tanh(h) + i * jnp.tanh(n)
    return h, h


def atr(params, h, x):
    p, q = x @ params.kernel + params.bias, h @ params.recurrent
    h = sigmoid(p + q) * p + sigmoid(p - q) * h
    return h, h


def minimal_rnn(params, h, x):
    z = jnp.tanh(x @ params.kernel + params.bias[0])
    g = sigmoid(h @ params.recurrent + z @ params.latent + params.bias[1])
    h = g * h + (1 - g) * z
    return h, h


def bistable(params, h, x, r_a, r_c):
    n = h.shape[-1]
    u_a, u_c, u_h = (x @ block(params.kernel, k, n) + block(params.bias, k, n) for k in range(3))
    a, c = 1 + jnp.tanh(u_a + r_a), sigmoid(u_c + r_c)
    h = c * h + (1 - c) * jnp.tanh(u_h + a * h)
    return h, h


def brc(params, h, x):
    n = h.shape[-1]
    w_a, w_c = block(params.recurrent, 0, n), block(params.recurrent, 1, n)
    return bistable(params, h, x, w_a * h, w_c * h)


def nbrc(params, h, x):
    n = h.shape[-1]
    w_a, w_c = block(params.recurrent, 0, n), block(params.recurrent, 1, n)
    return bistable(params, h, x, h @ w_a, h @ w_c)


def antisymmetric(params, h, x, step_size=0.1, diffusion=0.01):
    square = params.recurrent
    w = square - square.T - diffusion * jnp.eye(len(square))
    h = h + step_size * jnp.tanh(x @ params.kernel + params.bias + h @ w)
    return h, h


def gated_antisymmetric(params, h, x, step_size=0.1, diffusion=0.01):
    square, n = params.recurrent, h.shape[-1]
    w = square - square.T - diffusion * jnp.eye(n)
    u_h, u_z = (x @ block(params.kernel, k, n) + block(params.bias, k, n) for k in range(2))
    h = h + step_size * sigmoid(u_z + h @ w) * jnp.tanh(u_h + h @ w)
    return h, h


def ind_rnn(params, h, x):
    h = relu(x @ params.kernel + params.bias + params.recurrent * h)
    return h, h


def fast_rnn(params, h, x):
    n = jnp.tanh(x @ params.kernel + h @ params.recurrent + params.bias)
    h = sigmoid(params.alpha) * n + sigmoid(params.beta) * h
    return h, h


def fast_grnn(params, h, x):
    a = x @ params.kernel + h @ params.recurrent
    z, n = sigmoid(a + params.bias[0]), jnp.tanh(a + params.bias[1])
    h = (sigmoid(params.zeta) * (1 - z) + sigmoid(params.nu)) * n + z * h
    return h, h


def by_head(recurrent, h, index):
    """The product of a gate with a block-diagonal matrix, head by head."""
    heads, size, _ = recurrent.shape
    parts = [h[..., n * size : (n + 1) * size] for n in range(heads)]
    return jnp.concatenate(
        [part @ block(recurrent[n], index, size) for n, part in enumerate(parts)], axis=-1
    )


def slstm(params, carry, x):
    """With the paper's cell, normaliser and stabiliser, which starts from log(n)."""
    size = carry.hidden.shape[-1]
    i, f, z, o = (
        x @ block(params.kernel, k, size)
        + by_head(params.recurrent, carry.hidden, k)
        + block(params.bias, k, size)
        for k in range(4)
    )
    c, n, m = carry.cell, jnp.ones_like(carry.cell), carry.log_normalizer
    log_f = -jnp.log1p(jnp.exp(-f))
    most = lax.stop_gradient(jnp.maximum(log_f + m, i))
    c = jnp.exp(log_f + m - most) * c + jnp.exp(i - most) * jnp.tanh(z)
    n = jnp.exp(log_f + m - most) * n + jnp.exp(i - most)
    h = sigmoid(o) * c / n
    return type(carry)(h, c / n, jnp.log(n) + most), h


def block_lstm(params, carry, x):
    size = carry.hidden.shape[-1]
    i, f, g, o = (
        x @ block(params.kernel, k, size)
        + by_head(params.recurrent, carry.hidden, k)
        + block(params.bias, k, size)
        for k in range(4)
    )
    return lstm(carry, i, f, g, o)


def lstm(carry, i, f, g, o):
    """What follows the sums of an LSTM's gates."""
    c = sigmoid(f) * carry.cell + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(c)
    return type(carry)(h, c), h


def block_gru(params, h, x):
    size = h.shape[-1]
    u_r, u_z, u_n = (
        x @ block(params.kernel, k, size) + block(params.bias, k, size) for k in range(3)
    )
    r_r, r_z, r_n = (by_head(params.recurrent, h, k) for k in range(3))
    z = sigmoid(u_z + r_z)
    n = jnp.tanh(u_n + sigmoid(u_r + r_r) * (r_n + params.candidate_bias))
    h = (1 - z) * n + z * h
    return h, h


def projected_lstm(params, carry, x):
    carry, h = lstm(carry, *sums(params, carry.hidden, x, 4))
    h = h @ params.projection
    return carry._replace(hidden=h), h


def multiplicative_lstm(params, carry, x):
    size = carry.hidden.shape[-1]
    m = (x @ block(params.kernel, 0, size)) * (carry.hidden @ params.recurrent)
    i, f, g, o = (
        x @ block(params.kernel, k + 1, size)
        + m @ block(params.intermediate, k, size)
        + block(params.bias, k, size)
        for k in range(4)
    )
    return lstm(carry, i, f, g, o)


def norm(z, scale):
    variance = ((z - z.mean(-1, keepdims=True)) ** 2).mean(-1, keepdims=True)
    return scale * (z - z.mean(-1, keepdims=True)) / jnp.sqrt(variance + 1e-5)


def layer_norm_lstm(params, carry, x):
    z = norm(x @ params.kernel, params.input_scale) + params.bias
    z = z + norm(carry.hidden @ params.recurrent, params.recurrent_scale)
    i, f, g, o = jnp.split(z, 4, axis=-1)
    c = sigmoid(f) * carry.cell + sigmoid(i) * jnp.tanh(g)
    h = sigmoid(o) * jnp.tanh(norm(c, params.cell_scale) + params.cell_bias)
    return type(carry)(h, c), h


def layer_norm_gru(params, h, x):
    size = h.shape[-1]
    gates, candidate = slice(2 * size), slice(2 * size, None)
    z = (
        norm(x @ params.kernel[:, gates], params.input_scale[gates])
        + norm(h @ params.recurrent[:, gates], params.recurrent_scale[gates])
        + params.bias[gates]
    )
    r, z = jnp.split(sigmoid(z), 2, axis=-1)
    u = norm(x @ params.kernel[:, candidate], params.input_scale[candidate])
    s = norm(h @ params.recurrent[:, candidate], params.recurrent_scale[candidate])
    n = jnp.tanh(u + params.bias[candidate] + r * (s + params.candidate_bias))
    h = (1 - z) * n + z * h
    return h, h


def mgu(params, h, x):
    u_f, u_n = (
        x @ block(params.kernel, k, h.shape[-1]) + block(params.bias, k, h.shape[-1])
        for k in range(2)
    )
    f = sigmoid(u_f + h @ params.recurrent)
    n = jnp.tanh(u_n + (f * h) @ params.candidate)
    h = (1 - f) * h + f * n
    return h, h


def rhn(params, s, x):
    size = s.shape[-1]
    for layer, (recurrent, bias) in enumerate(zip(params.recurrent, params.bias, strict=True)):
        h, t = (s @ block(recurrent, k, size) + block(bias, k, size) for k in range(2))
        if layer == 0:
            h, t = (z + x @ block(params.kernel, k, size) for k, z in enumerate((h, t)))
        s = sigmoid(t) * jnp.tanh(h) + (1 - sigmoid(t)) * s
    return s, s


def jordan(params, y, x):
    h = jnp.tanh(x @ params.kernel + params.bias + y @ params.recurrent)
    y = jnp.tanh(h @ params.output + params.output_bias)
    return y, y


def scrn(params, carry, x, decay=0.95):
    s = (1 - decay) * (x @ params.context_kernel) + decay * carry.context
    size = carry.hidden.shape[-1]
    h = x @ params.kernel + params.bias + s @ params.recurrent[size:]
    h = sigmoid(h + carry.hidden @ params.recurrent[:size])
    return type(carry)(h, s), jnp.concatenate([h, s], axis=-1)


def m2rnn(params, state, x):
    """Head by head."""
    heads, rows, columns = state.shape[-3:]
    new, ys = [], []
    for n in range(heads):
        q, k = (x @ block(kernel, n, rows) for kernel in (params.query, params.key))
        v = x @ block(params.value, n, columns)
        f = sigmoid(x @ params.forget[:, n] + params.bias[n])[..., None, None]
        z = jnp.tanh(state[..., n, :, :] @ params.recurrent[n] + k[..., :, None] * v[..., None, :])
        s = f * state[..., n, :, :] + (1 - f) * z
        new.append(s)
        ys.append((q[..., None, :] @ s)[..., 0, :])
    return jnp.stack(new, axis=-3), jnp.concatenate(ys, axis=-1)


STEPS = {
    "antisymmetric": antisymmetric,
    "atr": atr,
    "block_gru": block_gru,
    "block_lstm": block_lstm,
    "brc": brc,
    "cfn": cfn,
    "coupled_lstm": coupled_lstm,
    "fast_grnn": fast_grnn,
    "fast_rnn": fast_rnn,
    "gated_antisymmetric": gated_antisymmetric,
    "ind_rnn": ind_rnn,
    "janet": janet,
    "jordan": jordan,
    "layer_norm_gru": layer_norm_gru,
    "layer_norm_lstm": layer_norm_lstm,
    "li_gru": li_gru,
    "m2rnn": m2rnn,
    "mgu": mgu,
    "minimal_rnn": minimal_rnn,
    "multiplicative_lstm": multiplicative_lstm,
    "nbrc": nbrc,
    "peephole_lstm": peephole_lstm,
    "projected_lstm": projected_lstm,
    "ran": ran,
    "rhn": rhn,
    "scrn": scrn,
    "slstm": slstm,
    "ugrnn": ugrnn,
}
