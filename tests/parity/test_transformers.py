"""The numbers of transformers' RG-LRU, Griffin and Mamba mixers: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks, unroll
from tests.golden import make_transformers


def dense(named, name):
    bias = named.get(f"{name}.bias")
    return networks.DenseParams(named[f"{name}.weight"].T, bias)


def conv(named, name):
    """PyTorch has the step itself last."""
    kernel = jnp.moveaxis(named[f"{name}.weight"], -1, 0)[::-1, :, 0][:, None]
    return networks.CausalConvParams(kernel, named[f"{name}.bias"])


def rg_lru_params(named, prefix=""):
    return cells.RGLRUParams(
        recurrence_kernel=named[f"{prefix}recurrent_gate_weight"],
        recurrence_bias=named[f"{prefix}recurrent_gate_bias"],
        input_kernel=named[f"{prefix}input_gate_weight"],
        input_bias=named[f"{prefix}input_gate_bias"],
        decay=named[f"{prefix}recurrent_param"],
    )


def rg_lru(named):
    return unroll(cells.RGLRU(6, 2), rg_lru_params(named), named["xs"], named["initial"])[1]


def griffin(named):
    layer = networks.gated_recurrence(4, cells.RGLRU(6, 2), window=3)
    mixed = dense(named, "linear_x"), conv(named, "conv_1d"), rg_lru_params(named, "rg_lru.")
    (branches, _) = layer.init(jax.random.key(0))
    both = branches._replace(first=(dense(named, "linear_y"), ()), second=mixed)
    return layer.apply((both, dense(named, "linear_out")), named["xs"])[1]


def mamba(named):
    layer = networks.mamba_block(4, state=3, window=3, arrange=networks.stack)
    both = named["in_proj.weight"].T
    s6 = cells.S6Params(
        kernel=named["x_proj.weight"].T,
        step_kernel=named["dt_proj.weight"].T,
        step_bias=named["dt_proj.bias"],
        log_decay=named["A_log"],
        skip=named["D"],
    )
    mixed = networks.DenseParams(both[:, :8], None), conv(named, "conv1d"), (), s6
    ((branches, _),) = layer.init(jax.random.key(0))
    both = branches._replace(first=(networks.DenseParams(both[:, 8:], None), ()), second=mixed)
    return layer.apply(((both, dense(named, "out_proj")),), named["xs"])[1]


@pytest.mark.parametrize("run", [rg_lru, griffin, mamba])
def test_transformers(run, x64):
    arrays = {n: jnp.asarray(a) for n, a in make_transformers.load(run.__name__).items()}
    inputs = {name: a for name, a in arrays.items() if f"d_{name}" in arrays}
    weight = make_transformers.loss_weights(arrays["ys"].shape)

    def loss(named):
        ys = run(named)
        return (ys * weight).sum(), ys

    gradient, ys = jax.jit(jax.grad(loss, has_aux=True))(inputs)
    got = {"ys": ys} | {f"d_{name}": g for name, g in gradient.items()}
    for name, value in got.items():
        error = np.abs(value - arrays[name]).max() / np.abs(arrays[name]).max()
        assert error <= 1e-12, (name, error)
