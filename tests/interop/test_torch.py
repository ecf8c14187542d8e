"""Weights of PyTorch; their numbers are held to PyTorch's in `tests/parity/test_torch.py`."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, constraints, interop, networks


def drawn(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


GRU = {"weight_ih": (9, 2), "weight_hh": (9, 3), "bias_ih": (9,), "bias_hh": (9,)}


def test_a_cell_with_one_bias_gets_the_sum():
    weights = drawn(GRU)
    params = interop.torch.load(cells.GRU(2, 3), weights)
    first, second = weights["bias_ih"], weights["bias_hh"]
    np.testing.assert_array_equal(params.bias[:6], first[:6] + second[:6])
    np.testing.assert_array_equal(params.bias[6:], first[6:])
    np.testing.assert_array_equal(params.candidate_bias, second[6:])
    back = interop.torch.dump(cells.GRU(2, 3), params)
    assert not back["bias_hh"][:6].any()
    again = interop.torch.load(cells.GRU(2, 3), back)
    jax.tree.map(np.testing.assert_array_equal, again, params)


def test_a_whole_model_loads_by_the_names_of_its_children():
    network = networks.stack(
        embedding=networks.Embedding(5, 2),
        rnn=networks.stack(
            networks.Recurrent(cells.Elman(2, 3)),
            networks.Dropout(0.5),
            networks.Recurrent(cells.Elman(3, 3, use_bias=False)),
        ),
        norm=networks.LayerNorm(3),
        act=networks.Activation(jax.nn.relu),
        readout=networks.Dense(3, 4),
    )
    shapes = {
        "embedding.weight": (5, 2),
        "rnn.weight_ih_l0": (3, 2),
        "rnn.weight_hh_l0": (3, 3),
        "rnn.bias_ih_l0": (3,),
        "rnn.bias_hh_l0": (3,),
        "rnn.weight_ih_l1": (3, 3),
        "rnn.weight_hh_l1": (3, 3),
        "norm.weight": (3,),
        "norm.bias": (3,),
        "readout.weight": (4, 3),
        "readout.bias": (4,),
    }
    weights = drawn(shapes)
    params = interop.torch.load(network, weights)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(
        jnp.shape, jax.eval_shape(network.init, jax.random.key(0))
    )
    np.testing.assert_array_equal(params["readout"].kernel, weights["readout.weight"].T)
    back = interop.torch.dump(network, params)
    assert list(back) == list(weights)
    rnn = network.layers[1]
    alone = interop.torch.load(rnn, weights, prefix="rnn.")
    jax.tree.map(np.testing.assert_array_equal, alone, params["rnn"])
    assert list(interop.torch.dump(rnn, alone, prefix="rnn.")) == list(shapes)[1:7]


def test_types_are_kept_unless_asked():
    cell, weights = cells.GRU(2, 3), drawn(GRU)
    for dtype in (jnp.bfloat16, jnp.float16):
        narrow = {name: value.astype(dtype) for name, value in weights.items()}
        assert interop.torch.load(cell, narrow).kernel.dtype == dtype
    wide = {name: value.astype(np.float64) for name, value in weights.items()}
    with pytest.raises(TypeError, match=r"weight_ih is float64.*dtype=jnp.float32"):
        interop.torch.load(cell, wide)
    assert interop.torch.load(cell, wide, dtype=jnp.float32).bias.dtype == jnp.float32
    whole = {name: value.astype(np.int32) for name, value in weights.items()}
    with pytest.raises(TypeError, match="weight_ih must be floating-point numbers, got int32"):
        interop.torch.load(cell, whole)


@pytest.mark.slow
def test_dump_is_a_pure_map():
    cell = cells.Constrained(cells.LSTM(2, 3), "bias", constraints.Summed())
    params = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), 4))
    weights = jax.jit(jax.vmap(lambda params: interop.torch.dump(cell, params)))(params)
    assert weights["bias_hh"].shape == (4, 12)


def test_wrong_calls():
    cell, weights = cells.GRU(2, 3), drawn(GRU)
    del weights["bias_hh"]
    weights |= drawn({"bias_ih": (12,), "weight_hr": (1, 3)})
    says = r"bias_ih is \[12\], .* \[9\]; bias_hh \[9\] is missing; .*weight_hr.* \[1, 3\] is left"
    with pytest.raises(ValueError, match=says):
        interop.torch.load(cell, weights)
    for network, says in [
        (cells.MGU(2, 3), "torch: MGU has no counterpart there"),
        (networks.Recurrent(cells.GRU(2, 3), reverse=True), "only in a bidirectional module"),
        (networks.stack(networks.Dense(2, 3)), "one recurrent module, got a Dense .* names"),
        (networks.Residual(networks.Dense(2, 2)), "torch: Residual has no counterpart"),
        (cells.GRU(2, 3, use_candidate_bias=False), "candidate without a bias of its own"),
        (cells.Constrained(cell, "bias", constraints.Summed()), r"Summed\(2 \* hidden\)"),
    ]:
        with pytest.raises(TypeError, match=says):
            interop.torch.load(network, weights)
    for params in (cells.LSTM(2, 3).init(jax.random.key(0)), (), None, cells.GRU(3, 3)):
        with pytest.raises(ValueError, match=r"torch.dump: the parameters are not those of"):
            interop.torch.dump(cell, params)
    for wrong in (None, [1.0], 3):
        with pytest.raises(TypeError, match="mapping"):
            interop.torch.load(cell, wrong)


ABSENT = """
import sys
for name in ("torch", "keras", "haiku", "equinox"):
    sys.modules[name] = None  # an import raises ImportError
import numpy as np
from jaxrnn import cells, interop
for package in (interop.torch, interop.keras, interop.haiku, interop.equinox):
    try:
        package.network(object(), *[3] * (package is interop.haiku))
    except ImportError as error:
        print(error)
weights = {"weight_ih": (6, 2), "weight_hh": (6, 2)}
weights = {name: np.ones(shape, np.float32) for name, shape in weights.items()}
interop.torch.load(cells.GRU(2, 2, use_bias=False), weights)
"""


def test_without_the_libraries():
    done = subprocess.run(
        [sys.executable, "-c", ABSENT], check=False, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    for extra in ("torch", "keras", "haiku", "equinox"):
        assert f"pip install 'jaxrnn[{extra}]'" in done.stdout


@pytest.mark.slow
def test_modules_of_pytorch():
    nn = pytest.importorskip("torch").nn
    import torch

    module = nn.Sequential(nn.Embedding(5, 2), nn.Linear(2, 3), nn.LayerNorm(3), nn.GELU())
    network = interop.torch.network(module)
    params = interop.torch.load(network, module)
    symbols = torch.tensor([[0, 4, 2]])
    got = network.apply(params, symbols.numpy())[1]
    np.testing.assert_allclose(got, module(symbols).detach(), rtol=1e-5, atol=1e-6)
    for cell in (nn.GRUCell(2, 3), nn.LSTMCell(2, 3), nn.RNNCell(2, 3, nonlinearity="relu")):
        noun = interop.torch.network(cell)
        params = interop.torch.load(noun, cell)
        back = interop.torch.dump(noun, params)
        for name, value in cell.state_dict().items():
            np.testing.assert_array_equal(back[name], value)
        state = (torch.ones(1, 3),) * 2 if isinstance(cell, nn.LSTMCell) else torch.ones(1, 3)
        mine = (
            cells.LSTMCarry(*(jnp.ones((1, 3)),) * 2)
            if isinstance(state, tuple)
            else (jnp.ones((1, 3)))
        )
        wanted = cell(torch.ones(1, 2), state)
        wanted = wanted[0] if isinstance(wanted, tuple) else wanted
        got = noun.step(params, mine, jnp.ones((1, 2)))[1]
        np.testing.assert_allclose(got, wanted.detach(), rtol=1e-5, atol=1e-6)
    half = nn.Linear(2, 3, dtype=torch.bfloat16)
    assert interop.torch.load(networks.Dense(2, 3), half).kernel.dtype == jnp.bfloat16
    for wrong in (nn.Conv1d(2, 3, 1), nn.Embedding(5, 2, max_norm=1.0), nn.Module(), object()):
        with pytest.raises(TypeError, match=r"has no counterpart in jaxrnn\. Those that do: RNN"):
            interop.torch.network(wrong)
