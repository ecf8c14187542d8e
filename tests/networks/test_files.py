"""Parameters as a file: what is saved comes back, and what does not fit is said."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

from jaxrnn import cells, networks
from tests.zoo import CELLS

NETWORK = networks.stack(
    networks.Embedding(5, 4),
    networks.Bidirectional(cells.GRU(4, 3), cells.LSTM(4, 3)),
    networks.LayerNorm(6),
    networks.Dense(6, 2),
)


class Pair(NamedTuple):
    a: jax.Array
    b: tuple[jax.Array, ...]


def round_trip(path, tree):
    networks.save(path, tree)
    return networks.load(path, like=jax.tree.map(jnp.zeros_like, tree))


def names(path):
    with safe_open(path, "np") as file:
        return sorted(file.keys())


def test_a_network(tmp_path):
    params = NETWORK.init(jax.random.key(0))
    path = tmp_path / "new" / "model.safetensors"
    found = round_trip(path, params)
    chex.assert_trees_all_equal(found, params)
    chex.assert_trees_all_equal_dtypes(found, params)
    assert "1.forward.recurrent" in names(path)
    assert "3.kernel" in names(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    shapes = jax.eval_shape(NETWORK.init, jax.random.key(0))
    chex.assert_trees_all_equal(networks.load(path, like=shapes), params)


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_every_cell(name, tmp_path):
    params = CELLS[name].init(jax.random.key(0))
    chex.assert_trees_all_equal(round_trip(tmp_path / "cell", params), params)


@pytest.mark.parametrize(
    "tree, expected",
    [
        (jnp.arange(3.0), ["params"]),
        ((), []),
        (
            {"rnn": Pair(jnp.ones(2), (jnp.ones(()), jnp.ones((0, 3))))},
            ["rnn.a", "rnn.b.0", "rnn.b.1"],
        ),
        ([np.ones(2, np.float32), None, {3: jnp.ones(1)}], ["0", "2.3"]),
    ],
    ids=["array", "empty", "named", "lists"],
)
def test_any_tree(tree, expected, tmp_path):
    found = round_trip(tmp_path / "file", tree)
    chex.assert_trees_all_equal(found, tree)
    assert names(tmp_path / "file") == expected


DTYPES = [
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("float16", "bfloat16", "float32", "complex64"),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_comes_back_bit_for_bit(dtype, tmp_path):
    bits = np.random.default_rng(0).integers(0, 2, 64, np.uint8) if dtype == "bool" else None
    raw = np.random.default_rng(0).bytes(64) if bits is None else bits.tobytes()
    array = jnp.asarray(np.frombuffer(raw, jnp.dtype(dtype)))
    found = round_trip(tmp_path / "file", {"a": array})["a"]
    assert found.dtype == array.dtype
    assert np.asarray(found).tobytes() == np.asarray(array).tobytes() == raw


def test_float64(x64, tmp_path):
    array = jnp.array([0.1, 1e300])
    assert round_trip(tmp_path / "file", array).tolist() == [0.1, 1e300]


def test_arrays_over_devices_come_back_over_them(tmp_path):
    mesh = jax.make_mesh((8,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.NamedSharding(mesh, jax.P("x"))
    array = jax.device_put(jnp.arange(16.0), sharding)
    networks.save(tmp_path / "file", array)
    found = networks.load(tmp_path / "file", like=array)
    assert found.sharding == sharding
    chex.assert_trees_all_equal(found, array)


def test_a_file_of_an_earlier_version():
    like = {"dense": networks.Dense(2, 3).init(jax.random.key(0)), "scale": jnp.ones(())}
    found = networks.load(Path(__file__).parents[1] / "golden" / "params.safetensors", like)
    dense = networks.DenseParams(jnp.arange(6.0).reshape(2, 3), jnp.array([0.1, -0.0, jnp.inf]))
    chex.assert_trees_all_equal(found, {"dense": dense, "scale": jnp.array(0.5)})


def test_all_that_differs_is_said(tmp_path):
    path = tmp_path / "file"
    networks.save(
        path, {"a": jnp.ones(2), "b": jnp.ones((2, 3)), "c": jnp.ones(1), "d": jnp.ones(1)}
    )
    like = {
        "a": jnp.ones(2),
        "b": jnp.ones((3, 2)),
        "c": jnp.ones(1, jnp.bfloat16),
        "e": jnp.ones(1),
    }
    message = (
        r"load: .*file does not fit `like`: b is float32\[2,3\] there, float32\[3,2\] here; "
        r"c is float32\[1\] there, bfloat16\[1\] here; d is not in `like`; e is not in the file\. "
    )
    with pytest.raises(ValueError, match=message):
        networks.load(path, like)


@pytest.mark.parametrize(
    "stored, wanted, fits",
    [
        ("bfloat16", "float32", True),
        ("float16", "float32", True),
        ("int8", "int32", True),
        ("uint8", "uint32", True),
        ("float32", "bfloat16", False),
        ("float32", "float16", False),
        ("float16", "bfloat16", False),
        ("bfloat16", "float16", False),
        ("int32", "float32", False),
        ("uint8", "int32", False),
        ("bool", "int32", False),
        ("float32", "complex64", False),
    ],
)
def test_types_may_only_grow(stored, wanted, fits, tmp_path):
    path = tmp_path / "file"
    networks.save(path, jnp.ones(3, stored))
    if fits:
        found = networks.load(path, jnp.zeros(3, wanted))
        assert found.dtype == wanted
        assert found.tolist() == [1, 1, 1]
    else:
        with pytest.raises(ValueError, match=rf"{stored}\[3\] there, {wanted}\[3\] here"):
            networks.load(path, jnp.zeros(3, wanted))


def test_float64_does_not_fit_float32(tmp_path):
    networks.save(tmp_path / "file", np.ones(3))
    with pytest.raises(ValueError, match=r"float64.* there, float32"):
        networks.load(tmp_path / "file", jnp.ones(3))


@pytest.mark.parametrize(
    "tree, error, message",
    [
        ({"a": "text"}, TypeError, "save: a must be an array, got str"),
        ({"a": {"b": 0.5}}, TypeError, "save: a.b must be an array, got float"),
        ({"a.b": jnp.ones(1), "a": {"b": jnp.ones(1)}}, ValueError, "two arrays .* called a.b"),
        (jnp.ones(1, jnp.float8_e4m3fn), TypeError, "is float8_e4m3fn, which the file has no name"),
        (np.ma.masked_array([1.0], [True]), TypeError, "save: params .*mask"),
        (jax.random.key(0), TypeError, "is key<fry>, which the file has no name"),
        (jax.eval_shape(lambda: jnp.ones(1)), TypeError, "has no numbers yet"),
    ],
)
def test_what_cannot_be_saved(tree, error, message, tmp_path):
    with pytest.raises(error, match=message):
        networks.save(tmp_path / "file", tree)
    assert not any(tmp_path.iterdir())


def test_saving_inside_of_jit(tmp_path):
    with pytest.raises(TypeError, match=r"save: params has no numbers yet.*outside of `jax.jit`"):
        jax.jit(lambda x: networks.save(tmp_path / "file", x))(jnp.ones(1))


def test_paths(as_users_run_it, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load: there is no file .*/nowhere"):
        networks.load(tmp_path / "nowhere", ())
    for nothing in [tmp_path, "long" * 2000]:
        with pytest.raises(FileNotFoundError, match="load: there is no file"):
            networks.load(nothing, ())
    with pytest.raises(OSError, match=r"save: .* cannot be written"):
        networks.save(tmp_path / ("long" * 2000), ())
    for call in [networks.save, networks.load]:
        with pytest.raises(ValueError, match="path must be local, got gs://"):
            call("gs://bucket/file", ())
        with pytest.raises(TypeError, match="path must be a path, got 3"):
            call(3, ())
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"save: .*/file/deeper cannot be written"):
        networks.save(tmp_path / "file" / "deeper", ())
    odd = tmp_path / "lr[0.1]" / "a\\b*?"
    chex.assert_trees_all_equal(round_trip(odd, jnp.ones(3)), jnp.ones(3))


def test_damaged_files(tmp_path):
    """Nothing protects the numbers themselves; all else is recognised."""
    path = tmp_path / "file"
    networks.save(path, NETWORK.init(jax.random.key(0)))
    content = path.read_bytes()
    like = NETWORK.init(jax.random.key(0))
    for damaged in [b"", content[:4], content[:100], content[:-1], content + b"\0", b"{" * 5000]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"load: .*is damaged, or no safetensors file"):
            networks.load(path, like)
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(50):
        damaged = bytearray(content)
        damaged[rng.integers(header)] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            networks.load(path, like)
        except ValueError as error:
            assert str(error).startswith("load: ")


def test_a_kill_leaves_the_older_file_or_the_newer(tmp_path):
    script = """
        import itertools, sys
        import jax.numpy as jnp
        from jaxrnn import networks

        for step in itertools.count(1):
            networks.save(sys.argv[1], jnp.full(100_000, step * 1.0))
            print(step, flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "file")],
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.send_signal(signal.SIGKILL)
    found = networks.load(tmp_path / "file", jnp.zeros(100_000))
    assert found[0] == found[-1] >= told


@pytest.mark.parametrize("definition", [cells.GRU(2, 3), networks.Recurrent(cells.LSTM(2, 3))])
def test_a_network_is_not_its_parameters(definition, tmp_path):
    message = r"params must be a tree of arrays, got the definition .* Pass its parameters"
    for call in (
        lambda: networks.save(tmp_path / "file", definition),
        lambda: networks.parameter_count(definition),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    networks.save(tmp_path / "file", {})
    with pytest.raises(TypeError, match=message):
        networks.load(tmp_path / "file", definition)
