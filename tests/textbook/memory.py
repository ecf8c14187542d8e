"""Cells with a matrix memory, one head after another, with the memory `[K, V]` of each."""

import jax
import jax.numpy as jnp


def sigmoid(u):
    return 1 / (1 + jnp.exp(-u))


def silu(u):
    return u * sigmoid(u)


def softplus(u):
    return jnp.log(1 + jnp.exp(u))


def unit(k):
    return k / jnp.sqrt((k**2).sum(-1, keepdims=True) + 1e-6)


def rms_norm(y, scale=1.0):
    return y / jnp.sqrt((y**2).mean(-1, keepdims=True) + 1e-5) * scale


def blocks(kernel, *widths):
    """The kernels of the gates, which stand side by side."""
    parts, start = [], 0
    for width in widths:
        parts.append(kernel[:, start : start + width])
        start += width
    assert start == kernel.shape[1]
    return parts


def heads(x, n):
    """The features of each head, `[*batch, N, features]`."""
    return x.reshape(*x.shape[:-1], n, -1)


def joined(y):
    return y.reshape(*y.shape[:-2], -1)


def outer(k, v):
    return k[..., :, None] * v[..., None, :]


def times(S, q):
    """`S^T q`."""
    return jnp.einsum("...kv,...k->...v", S, q)


def linear_attention(params, S, x):
    n, k, v = S.shape[-3:]
    v = v - 1
    W_q, W_k, W_v = blocks(params.kernel, n * k, n * k, n * v)
    q, key = (heads(jax.nn.elu(x @ W) + 1, n) for W in (W_q, W_k))
    value = heads(x @ W_v, n)
    C, z = S[..., :-1], S[..., -1]
    C, z = C + outer(key, value), z + key
    y = times(C, q) / (z * q).sum(-1, keepdims=True)
    return jnp.concatenate([C, z[..., None]], -1), joined(y) @ params.output


def retnet(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v = blocks(params.kernel, n * k, n * k, n * v)
    q, key, value = heads(x @ W_q, n), heads(x @ W_k, n) / k**0.5, heads(x @ W_v, n)
    gamma = 1 - 2.0 ** (-5 - jnp.arange(n))
    theta = 10000.0 ** (-jnp.arange(0, k, 2) / k)
    R = jnp.zeros((k, k))
    for j in range(k // 2):
        low, high = j, j + k // 2
        R = R.at[low, low].set(jnp.cos(theta[j])).at[high, high].set(jnp.cos(theta[j]))
        R = R.at[low, high].set(-jnp.sin(theta[j])).at[high, low].set(jnp.sin(theta[j]))
    # A key of `m` steps ago is read as `(R^n q)^T (R^(n - m) k)`, with positions as rotary ones.
    S = gamma[:, None, None] * (R.T @ S) + outer(key, value)
    y = joined(rms_norm(times(S, q))) * silu(x @ params.gate)
    return S, y @ params.output


def gla(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v = blocks(params.kernel, n * k, n * k, n * v)
    q, key, value = heads(x @ W_q, n), heads(x @ W_k, n), heads(x @ W_v, n)
    alpha = sigmoid(x @ params.decay_in @ params.decay_out + params.decay_bias) ** (1 / 16)
    S = heads(alpha, n)[..., None] * S + outer(key, value)
    o = rms_norm(times(S, q) / k**0.5, params.norm)
    return S, (joined(o) * silu(x @ params.gate + params.gate_bias)) @ params.output


def hgrn2(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_f, W_i = blocks(params.kernel, n * k, n * k, n * v)
    f = heads(0.2 + 0.8 * sigmoid(x @ W_f), n)
    S = f[..., None] * S + outer(1 - f, heads(x @ W_i, n))
    return S, joined(rms_norm(times(S, heads(silu(x @ W_q), n)), params.norm)) @ params.output


def mamba2(params, S, x):
    n, k, v = S.shape[-3:]
    W_x, W_B, W_C, W_dt = blocks(params.kernel, n * v, k, k, n)
    X, B, C = heads(silu(x @ W_x), n), silu(x @ W_B), silu(x @ W_C)
    dt = softplus(x @ W_dt + params.step)
    decay = jnp.exp(-jnp.exp(params.log_rate) * dt)
    S = decay[..., None, None] * S + dt[..., None, None] * outer(B[..., None, :], X)
    y = times(S, jnp.broadcast_to(C[..., None, :], S.shape[:-1])) + params.skip[:, None] * X
    return S, rms_norm(joined(y) * silu(x @ params.gate), params.norm) @ params.output


def mlstm(params, carry, x):
    S, m = carry
    n, k, v = S.shape[-3:]
    v = v - 1
    widths = n * k, n * k, n * v, n, n, n * v
    kernels, biases = blocks(params.kernel, *widths), blocks(params.bias[None], *widths)
    q, key, value, i, f, o = (x @ W + b[0] for W, b in zip(kernels, biases, strict=True))
    q, key, value = heads(q, n), heads(key, n) / k**0.5, heads(value, n)
    log_f = jnp.log(sigmoid(f))
    m_new = jnp.maximum(log_f + m, i)
    f, i = jnp.exp(log_f + m - m_new)[..., None], jnp.exp(i - m_new)[..., None]
    C = f[..., None] * S[..., :-1] + i[..., None] * outer(key, value)
    normaliser = f * S[..., -1] + i * key
    size = jnp.abs((normaliser * q).sum(-1))
    h = times(C, q) / jnp.maximum(size, jnp.exp(-m_new))[..., None]
    S = jnp.concatenate([C, normaliser[..., None]], -1)
    return type(carry)(S, m_new), sigmoid(o) * joined(h)


def corrected(S, key, value, beta):
    """`(1 - beta k k^T) S + beta k v^T`."""
    k = S.shape[-2]
    turned = (jnp.eye(k) - beta[..., None] * outer(key, key)) @ S
    return turned + beta[..., None] * outer(key, value)


def delta_net(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v, W_beta = blocks(params.kernel, n * k, n * k, n * v, n)
    q, key = unit(heads(silu(x @ W_q), n)), unit(heads(silu(x @ W_k), n))
    beta = 2 * sigmoid(x @ W_beta)
    S = corrected(S, key, heads(silu(x @ W_v), n), beta[..., None])
    return S, joined(rms_norm(times(S, q) / k**0.5, params.norm)) @ params.output


def delta_product(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v, W_beta = blocks(params.kernel, n * k, 2 * n * k, 2 * n * v, 2 * n)
    q = unit(heads(silu(x @ W_q), n))
    keys, values, betas = heads(x @ W_k, n), heads(x @ W_v, n), heads(x @ W_beta, n)
    for j in range(2):
        key = unit(silu(keys[..., j * k : (j + 1) * k]))
        value = silu(values[..., j * v : (j + 1) * v])
        S = corrected(S, key, value, 2 * sigmoid(betas[..., j : j + 1]))
    return S, joined(rms_norm(times(S, q) / k**0.5, params.norm)) @ params.output


def gated_delta(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v, W_beta = blocks(params.kernel, n * k, n * k, n * v, n)
    q, key = unit(heads(silu(x @ W_q), n)), unit(heads(silu(x @ W_k), n))
    alpha = jnp.exp(-jnp.exp(params.log_rate) * softplus(x @ params.decay + params.step))
    beta = sigmoid(x @ W_beta)[..., None]
    S = corrected(alpha[..., None, None] * S, key, heads(silu(x @ W_v), n), beta)
    o = joined(rms_norm(times(S, q) / k**0.5, params.norm))
    return S, (o * silu(x @ params.gate)) @ params.output


def kda(params, S, x):
    n, k, v = S.shape[-3:]
    W_q, W_k, W_v, W_beta = blocks(params.kernel, n * k, n * k, n * v, n)
    q, key = unit(heads(silu(x @ W_q), n)), unit(heads(silu(x @ W_k), n))
    dt = softplus(x @ params.decay_in @ params.decay_out + params.step)
    alpha = jnp.exp(-jnp.exp(params.log_rate)[:, None] * heads(dt, n))
    beta = sigmoid(x @ W_beta)[..., None]
    S = corrected(alpha[..., None] * S, key, heads(silu(x @ W_v), n), beta)
    o = joined(rms_norm(times(S, q) / k**0.5, params.norm))
    return S, (o * sigmoid(x @ params.gate_in @ params.gate_out)) @ params.output


def rwkv7(params, S, x):
    n = S.shape[-3]
    now, before = jnp.split(x, 2, -1)
    x_r, x_w, x_k, x_v, x_a, x_g = (now + mu * (before - now) for mu in params.mix)
    r, key, value = x_r @ params.receptance, x_k @ params.key, x_v @ params.value
    w = sigmoid(jnp.tanh(x_w @ params.decay_in) @ params.decay_out + params.decay_bias)
    w = jnp.exp(-w / jnp.e**0.5)
    a = sigmoid(x_a @ params.rate_in @ params.rate_out + params.rate_bias)
    g = sigmoid(x_g @ params.gate_in) @ params.gate_out
    kk = heads(key * params.removal, n)
    kk = kk / jnp.sqrt((kk**2).sum(-1, keepdims=True))
    key = key + key * (a - 1) * params.replacement
    r, w, key, value, a = (heads(z, n) for z in (r, w, key, value, a))
    # The reference's memory is [V, K].
    M = jnp.swapaxes(S, -1, -2)
    M = M * w[..., None, :] - outer((M @ kk[..., None])[..., 0], kk * a) + outer(value, key)
    y = (M @ r[..., None])[..., 0]
    y = (y - y.mean(-1, keepdims=True)) / jnp.sqrt(y.var(-1, keepdims=True) + 64e-5)
    y = joined(y) * params.norm_scale + params.norm_bias
    y = y + joined((r * key * params.bonus).sum(-1, keepdims=True) * value)
    return jnp.swapaxes(M, -1, -2), (y * g) @ params.output


STEPS = {
    "linear_attention": linear_attention,
    "retnet": retnet,
    "gla": gla,
    "hgrn2": hgrn2,
    "mamba2": mamba2,
    "mlstm": mlstm,
    "delta_net": delta_net,
    "delta_product": delta_product,
    "gated_delta": gated_delta,
    "kda": kda,
    "rwkv7": rwkv7,
}
