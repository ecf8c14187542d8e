"""A network as one file: definition and parameters, also from earlier versions, and strangers'."""

import json
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from jaxrnn import cells, networks, objectives
from tests.golden.make_definitions import NETWORKS, params
from tests.zoo import CELLS, LAYERS, zeros

GOLDEN = Path(__file__).parents[1] / "golden"
NETWORK = NETWORKS["classifier"]
PARAMS = params(NETWORK)


def stored(path, definition, arrays):
    """A file that somebody else has written."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    save_file(arrays, path, {"jaxrnn": text})
    return path


def definition(**noun):
    return {"format": 1, "definition": noun}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back(name, tmp_path):
    network, numbers = NETWORKS[name], params(NETWORKS[name])
    networks.save(tmp_path / "file", numbers, network=network)
    found, loaded = networks.load_network(tmp_path / "file")
    assert found == network
    assert jax.tree.structure(loaded) == jax.tree.structure(numbers)
    chex.assert_trees_all_equal(loaded, numbers)
    chex.assert_trees_all_equal_dtypes(loaded, numbers)
    # Other tools, and `load`, read the arrays as before.
    chex.assert_trees_all_equal(networks.load(tmp_path / "file", like=numbers), numbers)


def test_it_computes_the_same(tmp_path):
    networks.save(tmp_path / "file", PARAMS, network=NETWORK)
    found, loaded = networks.load_network(tmp_path / "file")
    xs = jnp.zeros((3, 2), int)
    expected = NETWORK.apply(PARAMS, xs)
    chex.assert_trees_all_equal(found.apply(loaded, xs), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [CELLS, LAYERS], ids=["cells", "layers"])
def test_every_cell_and_layer(kind, tmp_path):
    for noun in kind.values():
        networks.save(tmp_path / "file", zeros(noun), network=noun)
        found, loaded = networks.load_network(tmp_path / "file")
        assert found == noun
        chex.assert_trees_all_equal(loaded, zeros(noun))


def test_files_of_earlier_versions():
    files = sorted(GOLDEN.glob("network_*.safetensors"))
    assert len(files) >= 3
    for path in files:
        network, loaded = networks.load_network(path)
        expected = NETWORKS[path.stem.split("_")[1]]
        assert network == expected
        chex.assert_trees_all_equal(loaded, params(expected))
    with pytest.raises(ValueError, match=r"holds parameters alone\. Read them by `load"):
        networks.load_network(GOLDEN / "params.safetensors")


def test_the_file_names_what_it_holds(tmp_path):
    networks.save(tmp_path / "file", PARAMS, network=NETWORK)
    with safe_open(tmp_path / "file", "np") as file:
        assert file.metadata() == {"jaxrnn": networks.to_json(NETWORK)}
        assert "rnn.forward.recurrent" in file.keys()  # noqa: SIM118


# --- types ------------------------------------------------------------------------------------


def test_types_are_those_of_the_file(tmp_path):
    path = tmp_path / "file"
    dense = networks.Dense(2, 3)
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params(dense))
    networks.save(path, narrow, network=dense)
    chex.assert_trees_all_equal_dtypes(networks.load_network(path)[1], narrow)
    wide = networks.load_network(path, dtype=jnp.float32)[1]
    assert wide.kernel.dtype == jnp.float32
    chex.assert_trees_all_equal(wide, jax.tree.map(lambda leaf: leaf.astype(jnp.float32), narrow))


def test_nothing_is_narrowed_unasked(tmp_path):
    path = tmp_path / "file"
    with jax.enable_x64(True):
        dense = networks.Dense(2, 3)
        wide = params(dense)
        networks.save(path, wide, network=dense)
        assert networks.load_network(path)[1].kernel.dtype == jnp.float64
    with pytest.raises(TypeError, match=r"load_network: kernel is float64, which JAX would narrow"):
        networks.load_network(path)
    found = networks.load_network(path, dtype=jnp.float32)[1]
    assert found.kernel.dtype == jnp.float32
    np.testing.assert_array_equal(found.kernel, np.asarray(wide.kernel).astype(np.float32))
    with pytest.raises(TypeError, match=r"dtype must be a floating type .*, got 'int32'"):
        networks.load_network(path, dtype="int32")


# --- what does not fit ------------------------------------------------------------------------


def test_parameters_of_another_network(tmp_path):
    message = r"save: .* not those of `network`: 0.bias is float32\[6\] there, float32\[9\] here; "
    network = networks.stack(networks.Recurrent(cells.GRU(2, 3)))
    with pytest.raises(ValueError, match=message):
        networks.save(
            tmp_path / "file", (networks.Dense(2, 6).init(jax.random.key(0)),), network=network
        )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("network", [3, objectives.Entropy(), cells.GRU])
def test_what_is_no_network(network, tmp_path, as_users_run_it):
    with pytest.raises(TypeError, match="save: network must be a layer or a cell, got"):
        networks.save(tmp_path / "file", (), network=network)


def test_arrays_that_differ(tmp_path):
    text = networks.to_json(networks.Dense(2, 3))
    kernel = np.ones((2, 3), np.float32)
    path = stored(tmp_path / "file", text, {"kernel": kernel.T, "bia\ns": kernel[0]})
    message = (
        r"do not fit: 'bia\\ns' is not in its network; bias is not in the file; "
        r"kernel is float32\[3,2\] there, float32\[2,3\] here\.$"
    )
    with pytest.raises(ValueError, match=message):
        networks.load_network(path)
    for wrong in [kernel.astype(int), kernel.astype(bool), kernel.astype(np.complex64)]:
        path = stored(tmp_path / "file", text, {"kernel": wrong, "bias": kernel[0]})
        with pytest.raises(ValueError, match=r"kernel is .*\[2,3\] there, float32\[2,3\] here"):
            networks.load_network(path)


def test_many_that_differ_are_counted(tmp_path):
    arrays = {f"a{i}": np.ones(1) for i in range(1000)}
    path = stored(tmp_path / "file", networks.to_json(networks.MeanPool()), arrays)
    with pytest.raises(ValueError, match=r"a0 is not .*; and 800 more\.$"):
        networks.load_network(path)


N = 10**9
BOMBS = {
    "pixels": definition(
        **{"cells.ConvLSTM": {"inputs": 3, "hidden": 2, "space": [N, N], "kernel_size": N}}
    ),
    "features": definition(**{"cells.LSTM": {"inputs": N, "hidden": N}}),
    "state": definition(**{"cells.S5": {"features": N, "state": N}}),
    "depth": definition(**{"cells.RHN": {"inputs": 2, "hidden": 3, "depth": N}}),
    "vocabulary": definition(**{"networks.Embedding": {"vocab": 2**62, "features": 2**62}}),
    "initialiser": definition(
        **{
            "networks.Dense": {
                "inputs": N,
                "outputs": N,
                "kernel_init": {"function": "jax.numpy.exp"},
            }
        }
    ),
    "layers": definition(
        **{
            "networks.Repeated": {
                "layer": {
                    "networks.Recurrent": {"cell": {"cells.GRU": {"inputs": 3, "hidden": 3}}}
                },
                "depth": N,
            }
        }
    ),
    "elements": definition(**{"networks.Stack": {"layers": [3] * 200_000}}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_sizes_of_strangers_cost_nothing(name, tmp_path, as_users_run_it):
    path = stored(tmp_path / "file", BOMBS[name], {"kernel": np.ones(1, np.float32)})
    with pytest.raises(ValueError, match="load_network: "):
        networks.load_network(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            definition(**{"networks.Secret": {}}),
            "definition is 'networks.Secret', which is no noun",
        ),
        (definition(**{"objectives.Entropy": {}}), "holds a `Entropy`, no network"),
        (definition(function="jax.numpy.tanh"), "no network"),
        ({"format": 7, "definition": 1}, "has format 7, and this version of jaxrnn reads 1 to 1"),
        ("no JSON", "load_network: the definition is no JSON"),
    ],
)
def test_wrong_definitions(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        networks.load_network(stored(tmp_path / "file", content, {}))


def test_flags_of_other_bytes(tmp_path):
    path = tmp_path / "file"
    networks.save(path, np.ones(3, bool))
    path.write_bytes(path.read_bytes()[:-1] + b"\2")
    with pytest.raises(ValueError, match="load: params holds bytes that are neither true nor"):
        networks.load(path, np.ones(3, bool))


def test_paths(as_users_run_it, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load_network: there is no file .*/nowhere"):
        networks.load_network(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="load_network: path must be a path, got 3"):
        networks.load_network(3)
    (tmp_path / "file").write_bytes(b"{" * 100)
    with pytest.raises(
        ValueError, match=r"load_network: .*file is damaged, or no safetensors file"
    ):
        networks.load_network(tmp_path / "file")
