"""Nouns as JSON: what is written is read again, and a stranger's text can do no more than fail."""

import dataclasses
import importlib
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxrnn
from jaxrnn import _names, cells, constraints, networks
from jaxrnn.networks import _definition_reader
from tests import named  # noqa: F401  (names for the zoo's own)
from tests.zoo import NOUNS

ELMAN = cells.Elman(2, 3)


def definition(**noun):
    return json.dumps({"format": 1, "definition": noun})


@pytest.mark.parametrize("name", NOUNS)
def test_every_noun_comes_back(name):
    noun = NOUNS[name]
    text = networks.to_json(noun)
    found = networks.from_json(text)
    assert type(found) is type(noun)
    assert found == noun
    assert jax.tree.structure(found) == jax.tree.structure(noun)
    assert networks.to_json(found) == text


def test_every_name_is_of_one_thing():
    """Two classes of one package, of which one would hide the other."""
    for package in [*jaxrnn._LAZY, *(f"interop.{name}" for name in dir(jaxrnn.interop))]:
        importlib.import_module(f"jaxrnn.{package}")
    classes = [*_names._nouns(_names.Config), *filter(_names._is_record, tuple.__subclasses__())]
    ours = [cls for cls in classes if _names._is_ours(cls)]
    found = {}
    for cls in ours:
        found.setdefault(_names._name(cls), set()).add(cls)
    assert not [names for names in found.values() if len(names) > 1]
    assert len(found) > 300


def test_it_is_plain_to_read():
    network = networks.stack(
        networks.Recurrent(cells.LSTM(2, 3, 0.5)), networks.Activation(jnp.tanh)
    )
    assert json.loads(networks.to_json(network)) == {
        "format": 1,
        "definition": {
            "networks.Stack": {
                "layers": [
                    {
                        "networks.Recurrent": {
                            "cell": {
                                "cells.LSTM": {
                                    "inputs": 2,
                                    "hidden": 3,
                                    "forget_bias": 0.5,
                                    "use_bias": True,
                                }
                            },
                            "engine": {"engines.Auto": {}},
                            "reverse": False,
                        }
                    },
                    {"networks.Activation": {"function": {"function": "jax.numpy.tanh"}}},
                ],
                "names": None,
            }
        },
    }


NUMBERS = [
    *(0.1, -0.0, 1e-320, float("inf"), -float("inf"), 1, -(2**31)),
    *(np.float32(0.1), np.float64(0.1), np.int8(3), jnp.bfloat16(0.1)),
    np.array([0.1, np.nan, -0.0], np.float32),
    np.array([[1, 2]], np.int64).T,
    np.ones((0, 3), jnp.bfloat16),
    np.arange(6.0).reshape(2, 3).T,
    jnp.arange(3.0),
    jnp.ones((), jnp.float16),
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{type(n).__name__}{np.shape(n)}")
def test_numbers_come_back_bit_for_bit(number):
    found = networks.from_json(networks.to_json(cells.Leaky(2, 3, number))).leak
    assert isinstance(found, jax.Array) == isinstance(number, jax.Array)
    assert isinstance(found, np.ndarray) == isinstance(number, np.ndarray)
    assert type(found) is type(number)
    assert np.asarray(found).dtype == np.asarray(number).dtype
    assert np.asarray(found).tobytes() == np.asarray(number).tobytes()


def test_float64_of_jax_is_not_narrowed(x64):
    text = networks.to_json(cells.Leaky(2, 3, jnp.array(0.1)))
    assert networks.from_json(text).leak == 0.1
    with jax.enable_x64(False), pytest.raises(ValueError, match="leak is float64, which JAX would"):
        networks.from_json(text)


def test_other_fields_come_back():
    for noun in [
        networks.Precision(networks.Dense(2, 3), np.dtype("float16")),
        networks.Precision(networks.Dense(2, 3), "float16"),
        networks.Precision(networks.Dense(2, 3), np.float32),
        cells.Constrained(ELMAN, "recurrent", constraints.Masked(np.eye(3, dtype=bool))),
        cells.Zoneout(ELMAN, np.full(3, 0.5)),
    ]:
        assert networks.from_json(networks.to_json(noun)) == noun


# --- names of one's own -----------------------------------------------------------------------


class Mine(networks.Memoryless):
    scale: float = 2.0

    def init(self, key):
        return ()

    def transform(self, params, xs):
        return xs * self.scale


def bent(x):
    return x / (1 + abs(x))


def test_nouns_and_functions_of_ones_own():
    for noun, what in [(Mine(), "`?Mine"), (networks.Activation(bent), "the function `bent`")]:
        with pytest.raises(TypeError, match=rf"to_json: definition.* is .*{what}.*register"):
            networks.to_json(noun)
    networks.register("definitions.Mine", Mine)
    networks.register("definitions.bent", bent)
    network = networks.stack(Mine(3.0), networks.Activation(bent))
    text = networks.to_json(network)
    assert '"definitions.Mine": {"scale": 3.0}' in text
    assert networks.from_json(text) == network
    networks.register("definitions.bent", bent)  # again, as a notebook does


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("cells.LSTM", Mine, ValueError, "cells.LSTM is the name of .*LSTM` already"),
        ("jax.numpy.tanh", bent, ValueError, "is the name of .*tanh.* already"),
        ("bent", bent, ValueError, "must be words with dots between them, .* got 'bent'"),
        ("mine.3", bent, ValueError, "words"),
        ("mine.x\n", bent, ValueError, "words"),
        (3, bent, ValueError, "words.*got 3"),
        ("mine.x", 3, TypeError, "mine.x must be a class or a function, got 3"),
        ("mine.x", Mine(), TypeError, "must be a class or a function, got Mine"),
        ("mine.x", int, TypeError, "must be a class of nouns, got the class `int`"),
    ],
)
def test_wrong_names(name, value, error, message, as_users_run_it):
    with pytest.raises(error, match=f"register: .*{message}"):
        networks.register(name, value)


# --- what cannot be written -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noun", "error", "message"),
    [
        (networks.Activation(lambda x: x), TypeError, "function is the function `<lambda>`"),
        (
            networks.Dense(2, 3).init(jax.random.key(0)),
            TypeError,
            "noun must be a kind",
        ),
        (jax.tree.map(lambda x: object(), cells.Leaky(2, 3)), TypeError, "leak is <object"),
        (
            jax.tree.map(lambda x: np.ones(2, object), cells.Leaky(2, 3)),
            TypeError,
            "leak is obj",
        ),
    ],
)
def test_what_cannot_be_written(noun, error, message):
    with pytest.raises(error, match=message):
        networks.to_json(noun)


def test_what_is_too_large_is_not_written(monkeypatch):
    network = networks.LayerNorm(2)
    for _ in range(70):
        network = networks.Residual(network)
    with pytest.raises(ValueError, match=r"to_json: definition.layer.* deeper than 64 nouns"):
        networks.to_json(network)
    monkeypatch.setattr(_definition_reader, "_MOST", 100)
    periods = cells.Clockwork(2, 100, periods=(1,) * 100)
    with pytest.raises(ValueError, match="to_json: a definition may have 100 values"):
        networks.to_json(periods)
    monkeypatch.setattr(_definition_reader, "_LONGEST", 1000)
    mask = cells.Leaky(2, 3, np.zeros(200, np.float32))
    with pytest.raises(ValueError, match=r"to_json: a definition may be .* characters long"):
        networks.to_json(mask)


def test_tracers_are_not_written():
    with pytest.raises(TypeError, match=r"definition\.leak has no numbers yet"):
        jax.jit(lambda leak: networks.to_json(cells.Leaky(2, 3, leak)))(0.1)


# --- strangers' texts -------------------------------------------------------------------------

GOOD = {"inputs": 2, "hidden": 3}
ARRAY = {"of": "numpy", "dtype": "float32", "shape": [1], "data": "AACAPw=="}


def leak(value):
    return definition(**{"cells.Leaky": GOOD | {"leak": value}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the definition is no JSON"),
        ("{", "the definition is no JSON"),
        ("[" * 19_000, "the definition is no JSON"),
        ("[" * 200_000, "may have 20000 values"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "(is no JSON|has no format)"),
        ("1" * 5_000, "the definition is no JSON"),
        ("null", "has no format number, got None"),
        ("[1]", "has no format number"),
        ("{}", "has no format number, got {}"),
        ('{"format": "1"}', "has no format number"),
        ('{"format": true, "definition": 3}', "has no format number"),
        ('{"format": 1.0, "definition": 3}', "has no format number"),
        ('{"format": 2, "definition": 3}', "has format 2, and this version of jaxrnn reads 1 to 1"),
        ('{"format": 0, "definition": 3}', "has format 0"),
        ('{"format": 1}', "there must be .*got .'format'."),
        ('{"format": 1, "definition": 3, "run": "x"}', "there must be"),
        ('{"format": 1, "format": 1, "definition": 3}', "no JSON .an entry is there twice"),
        (
            definition(**{"os.system": {"command": "true"}}),
            "is 'os.system', which is no",
        ),
        (definition(**{"cells.Nothing": {}}), "definition is 'cells.Nothing', which is no noun"),
        (definition(**{"cells.Cell": {}}), "'cells.Cell', which is no noun"),
        (definition(**{"networks.save": {}}), "'networks.save', which is no noun"),
        (definition(**{"jax.numpy.tanh": {}}), "'jax.numpy.tanh', which is no noun"),
        (definition(**{"builtins.eval": {}}), "'builtins.eval'"),
        (definition(function="networks.save"), "'networks.save', which is no noun or function"),
        (definition(function="cells.LSTM"), "'cells.LSTM', which is no noun or function"),
        (definition(function=["jax.numpy.tanh"]), "which is no noun or function"),
        (definition(), "must be a value, or a dict of one entry, got {}"),
        (definition(a=1, b=2), "must be a value, or a dict of one entry"),
        (definition(**{"cells.LSTM": {}}), "inputs is missing; hidden is missing"),
        (
            definition(**{"cells.LSTM": GOOD | {"size": 3, "__class__": 1}}),
            "definition: 'size' is unknown; '__class__' is unknown",
        ),
        (definition(**{"cells.LSTM": [2, 3]}), "must be a dict of inputs, hidden, .* got .2, 3."),
        (
            definition(**{"cells.LSTM": GOOD | {"hidden": "3"}}),
            "hidden must be an int.*, got '3'",
        ),
        (
            definition(**{"cells.LSTM": GOOD | {"hidden": 3.0}}),
            "hidden must be an int.*, got 3.0",
        ),
        (definition(**{"cells.LSTM": GOOD | {"hidden": -3}}), "hidden must be at least 1, got -3"),
        (definition(**{"cells.LSTM": GOOD | {"hidden": 10**30}}), "an integer of 64 bits"),
        (
            definition(**{"cells.LSTM": GOOD | {"hidden": None}}),
            "hidden must be an int.*, got None",
        ),
        (definition(**{"cells.LSTM": GOOD | {"hidden": [3]}}), "hidden must be an integer"),
        (
            definition(**{"cells.LSTMCarry": {"hidden": 1, "cel": 2}}),
            "'cel' is unknown; cell",
        ),
        (leak("0.1"), "leak must be a number"),
        (leak({"float": "1.0"}), "definition.leak must be nan, inf or -inf, got '1.0'"),
        (leak({"float": None}), "definition.leak must be nan"),
        (leak({"array": ARRAY | {"dtype": "object"}}), "leak must be a type of numbers, got 'obj"),
        (leak({"array": ARRAY | {"dtype": []}}), "leak must be a type of numbers"),
        (
            leak({"array": ARRAY | {"shape": [10**18, 10**18]}}),
            "float32 of shape .*4 bytes",
        ),
        (leak({"array": ARRAY | {"shape": [-1]}}), "must be a shape, got"),
        (leak({"array": ARRAY | {"shape": [True]}}), "must be a shape, got"),
        (leak({"array": ARRAY | {"shape": [1] * 100}}), "leak cannot be made: "),
        (leak({"array": ARRAY | {"data": "AACA?w=="}}), "leak is not in base64"),
        (leak({"array": ARRAY | {"data": 3}}), "leak is not in base64"),
        (leak({"array": ARRAY | {"of": "cuda"}}), "must be an array of jax or numpy, got 'cuda'"),
        (leak({"array": ARRAY | {"of": "scalar"}}), "must be an array of jax or numpy"),
        (leak({"array": {"data": ""}}), "of is missing; dtype is missing; shape is missing"),
        (
            leak({"array": {"of": "numpy", "dtype": "bool", "shape": [1], "data": "Ag=="}}),
            "must be flags of 0 and 1",
        ),
        (leak({"key": {"kind": "x", "data": 1}}), "must be a kind of keys, got 'x'"),
        (leak({"key": {"kind": "fry", "data": [1]}}), "leak cannot be made"),
        (leak({"dtype": "float32, float32"}), "must be a type of numbers"),
        (leak({"path": 3}), "must be a path, got 3"),
        (
            leak({"partial": {"function": 3, "args": [], "keywords": {"dict": {}}}}),
            "cannot be made",
        ),
        (leak({"list": 3}), "must be a list, got 3"),
        (leak({"dict": 3}), "must be a dict, got 3"),
        (leak(json.loads('{"list": [' * 90 + "]}" * 90)), "lies deeper than 64 nouns"),
        (
            definition(**{"networks.Stack": {"layers": [3], "names": None}}),
            "layers must be a tuple",
        ),
        (
            definition(**{"networks.Stack": {"layers": []}}),
            "cannot be made: stack: needs",
        ),
        (
            definition(**{"networks.Dense": GOOD | {"outputs": 3}}),
            "networks.Dense|'hidden' is unknown",
        ),
    ],
)
def test_strangers(text, message, as_users_run_it):
    with pytest.raises(ValueError, match=f"^from_json: .*{message}"):
        networks.from_json(text)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_no_json(word):
    with pytest.raises(ValueError, match=f"no JSON .{word} is no number"):
        networks.from_json(leak(1.5).replace("1.5", word))


@pytest.mark.parametrize("text", [None, 3, b"{}", ["{}"]])
def test_what_is_no_text(text):
    with pytest.raises(TypeError, match="from_json: text must be a string, got"):
        networks.from_json(text)


def test_sizes_of_strangers_cost_nothing():
    """Nouns that are traced when they are made, with what numpy would compute for hours."""
    n = 2**30
    for cell, where in [
        (cells.S5(n, n), "kernel"),
        (cells.S4D(n, n), "output"),
        (cells.RWKV7(n, n, 2, n), "key"),
        (cells.LSTM(n, n), "kernel"),
    ]:
        inside = json.loads(networks.to_json(cell))["definition"]
        frozen = {"cell": inside, "where": where, "constraint": {"constraints.Frozen": {}}}
        assert networks.from_json(definition(**{"cells.Constrained": frozen})).cell == cell


def test_a_file_of_every_noun_as_it_was():
    """What earlier versions wrote goes on to be read; new fields have their defaults."""
    for path in sorted((pathlib.Path(__file__).parents[1] / "golden").glob("definitions_*.json")):
        for name, content in json.loads(path.read_text()).items():
            noun = networks.from_json(json.dumps(content))
            now = json.loads(networks.to_json(noun))["definition"]
            assert contains(now, content["definition"]), name


def contains(now, then):
    """Whether all that was written then is written now."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(k in now and contains(now[k], then[k]) for k in then)
    if isinstance(then, list):
        return len(now) == len(then) and all(map(contains, now, then))
    return type(now) is type(then) and now == then


def test_fields_that_are_new_have_their_defaults():
    assert networks.from_json(definition(**{"cells.LSTM": GOOD})) == cells.LSTM(2, 3)
    assert {field.name for field in dataclasses.fields(cells.LSTM)} > set(GOOD)
