"""The numbers of PyTorch's attention and Transformer encoder: values and gradients of everything.

Recorded ones always; fresh ones too where PyTorch is installed.
"""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import networks
from tests.golden import make_torch_attention as golden
from tests.golden.make_torch_attention import CASES, FEATURES, HEADS, HIDDEN, MEMORY, STEPS


def exact_gelu(x):
    return jax.nn.gelu(x, approximate=False)


ACTIVATIONS = {"relu": jax.nn.relu, "gelu": exact_gelu}


def dense(weight, bias):
    return networks.DenseParams(weight.T, bias)


def attention(params):
    """The parameters of attention from PyTorch's names."""
    names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
    together = "in_proj_weight" in params
    weights = jnp.split(params["in_proj_weight"], 3) if together else [params[n] for n in names]
    pairs = zip(weights, jnp.split(params["in_proj_bias"], 3), strict=True)
    output = dense(params["out_proj.weight"], params["out_proj.bias"])
    return networks.MultiHeadParams(*(dense(*pair) for pair in pairs), output)


def encoder(case, params):
    """Those of a block."""
    prefix = "self_attn."
    inner = {n.removeprefix(prefix): p for n, p in params.items() if n.startswith(prefix)}
    norms, matrices = (
        [make(params[f"{name}{i}.weight"], params[f"{name}{i}.bias"]) for i in (1, 2)]
        for name, make in (("norm", networks.LayerNormParams), ("linear", dense))
    )
    parts = attention(inner), (matrices[0], (), matrices[1])
    if case.pre_norm:
        return tuple(zip(norms, parts, strict=True))
    return parts[0], norms[0], parts[1], norms[1]


def outputs(case, params, xs, memory):
    """What corresponds to PyTorch's outputs, and its weights if the library gives them."""
    unordered = networks.Unordered()
    if case.kind == "cross":
        noun = networks.MultiHead(FEATURES, MEMORY, HEADS)
        there = golden.mask(case, golden.THERE, golden.ENTRIES)
        params = attention(params)
        return noun.read(params, noun.prepare(params, memory, there), xs)
    whole = networks.SelfAttention(FEATURES, HEADS, unordered)
    if case.kind == "encoder":
        arrange = networks.pre_norm if case.pre_norm else networks.post_norm
        arrange = functools.partial(arrange, epsilon=1e-5)
        activation = ACTIVATIONS[case.activation]
        layer = networks.transformer_block(whole, HIDDEN, activation, arrange=arrange)
        params = encoder(case, params)
    else:
        causal = networks.CausalAttention(FEATURES, HEADS, STEPS, unordered)
        layer = causal if case.kind == "causal" else whole
        params = attention(params)
    return layer.apply(params, xs, mask=golden.mask(case))[1], None


@functools.cache
def compiled(case):
    """The gradients and outputs, all in PyTorch's layout."""

    def loss(params, xs, memory):
        ys, weights = outputs(case, params, xs, memory)
        return (ys * golden.counted(case)).sum(), (ys, weights)

    return jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))


def check(case, torch):
    params = {n.removeprefix("params/"): a for n, a in torch.items() if n.startswith("params/")}
    (d_params, d_xs, d_memory), (ys, weights) = compiled(case)(
        params, torch["xs"], torch.get("memory", np.zeros(()))
    )
    got = {f"d_params/{name}": array for name, array in d_params.items()}
    got |= {"ys": ys, "d_xs": d_xs}
    if case.kind == "cross":
        got |= {"d_memory": d_memory, "weights": weights}
    valid = golden.counted(case) != 0
    for name, array in got.items():
        assert array.dtype == jnp.float64
        wanted = np.where(valid, torch[name], ys) if name == "ys" else torch[name]
        # The gradient of the keys' bias is 0, for it moves all scores alike.
        scale = max(np.abs(wanted).max(), 0.1)
        assert np.abs(np.asarray(array) - wanted).max() <= 1e-12 * scale, name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_recorded(case, x64):
    check(case, golden.load(case))


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed; the recorded numbers are tested above",
)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_live(case, x64):
    check(case, golden.record(case, seed=100))


def test_the_record_is_of_these_cases():
    """Every case has numbers of its own, and no gradient of the record is trivial."""
    recorded = [golden.load(case) for case in CASES]
    assert len({numbers["ys"].tobytes() for numbers in recorded}) == len(CASES)
    for case, numbers in zip(CASES, recorded, strict=True):
        assert all(np.abs(numbers[name]).max() > 0.1 for name in numbers), case
