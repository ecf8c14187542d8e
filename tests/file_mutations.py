"""Damage to files and definitions: a clear error or a network, little memory, and nothing is run.

    JAX_ENABLE_COMPILATION_CACHE=false PYTHONPATH=. python -m tests.file_mutations 10000

applies 10,000 mutations, each from its own seed, in a process that may take a gigabyte more than
it has, with a hook that stops whatever runs code, and counts what came of them. The suite runs a
share (`tests/networks/test_file_mutations.py`).
"""

import collections
import copy
import json
import math
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import jax
import numpy as np

from jaxrnn import cells, interop, networks
from tests import named  # noqa: F401  (names for the zoo's own)
from tests.golden.make_definitions import NETWORKS, params
from tests.zoo import LAYERS, NOUNS, zeros

ALL = {name: (network, params(network)) for name, network in NETWORKS.items()}
ALL |= {name: (LAYERS[name], zeros(LAYERS[name])) for name in ("language_model", "causal_conv")}
TEXTS = [networks.to_json(noun) for noun in NOUNS.values()]
CLEAR = {ValueError, TypeError, FileNotFoundError}
"""The very types: JSON's error, and one of Unicode, are ValueErrors as well."""

STRANGE = [
    *(None, True, False, 0, -1, 1, 2, 3, 1e308, -0.5, 0.0, 2**31, 2**40, 2**63, -(2**70), 10**400),
    *("", "x", "3", "\0", "\ud800", "a" * 100_000, "__class__", "definition", "../../etc/passwd"),
    *("os.system", "builtins.eval", "subprocess.Popen", "jaxrnn.networks.save", "networks.save"),
    *("networks.register", "pickle.loads", "jax.numpy.load", "cells.LSTM", "jax.numpy.tanh"),
    *("cells.Cell", "networks.Stack", "float32", "object", "O", "V8", "jax.pure_callback"),
    *([], [[]], {}, {"a": 1}, [1, 2, 3], [None], [0] * 1000, {"function": "os.system"}),
    *({"function": "jax.numpy.exp"}, {"float": "nan"}, {"os.system": {"command": "true"}}),
    *({"networks.MeanPool": {}}, {"cells.LSTM": {"inputs": 10**9, "hidden": 10**9}}, {"dict": {}}),
    *({"list": [1]}, {"dtype": "bfloat16"}, {"path": "/etc/passwd"}, {"engines.Auto": {}}),
    {"cells.S5": {"features": 10**6, "state": 10**6}},
    {"array": {"of": "numpy", "dtype": "float32", "shape": [10**9], "data": ""}},
    {"partial": {"function": {"function": "jax.numpy.exp"}, "args": [], "keywords": {"dict": {}}}},
    {"key": {"kind": "fry", "data": {"array": {}}}},
]


# --- definitions ------------------------------------------------------------------------------


def places(value, found=None):
    """Every dict and list inside, with the keys of what they hold."""
    found = [] if found is None else found
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            found.append((value, key))
            places(part, found)
    return found


def another_value(tree, rng):
    holder, key = rng.choice(places(tree))
    holder[key] = copy.deepcopy(rng.choice(STRANGE))


def exchanged(tree, rng):
    (a, i), (b, j) = rng.choice(places(tree)), rng.choice(places(tree))
    if a is b or (not inside(a[i], b) and not inside(b[j], a)):
        a[i], b[j] = b[j], a[i]


def copied(tree, rng):
    (a, i), (b, j) = rng.choice(places(tree)), rng.choice(places(tree))
    a[i] = copy.deepcopy(b[j])


def inside(tree, holder):
    return tree is holder or any(part[0] is holder for part in places(tree))


def another_key(tree, rng):
    holder, key = rng.choice(places(tree))
    if isinstance(holder, dict):
        names = [str(name) for name in STRANGE if not isinstance(name, dict | list)]
        others = [key for _, key in places(tree) if isinstance(key, str)]
        holder[rng.choice([*names, *others])] = holder.pop(key)


def left_out(tree, rng):
    holder, key = rng.choice(places(tree))
    del holder[key]


def added(tree, rng):
    holder, _ = rng.choice(places(tree))
    if isinstance(holder, dict):
        holder[rng.choice(["extra", "run", "init", "__init__", "_kinds"])] = 3
    else:
        holder.append(copy.deepcopy(rng.choice(STRANGE)))


def multiplied(tree, rng):
    holder, key = rng.choice(places(tree))
    if isinstance(holder, list):
        holder.extend(holder * rng.choice([1, 30, 1000]))
    elif isinstance(holder[key], int | float | str):
        holder[key] = holder[key] * rng.choice([2, 10, 1000])


def nested(tree, rng):
    holder, key = rng.choice(places(tree))
    for _ in range(rng.choice([1, 3, 60, 80])):
        around = rng.choice(["list", "networks.Residual", "cells.Constrained", "layers"])
        inner = {
            "list": lambda x: {"list": [x]},
            "layers": lambda x: {"networks.Stack": {"layers": [x], "names": None}},
            "networks.Residual": lambda x: {"networks.Residual": {"layer": x}},
            "cells.Constrained": lambda x: {
                "cells.Constrained": {
                    "cell": x,
                    "where": "kernel",
                    "constraint": {"constraints.Frozen": {}},
                }
            },
        }[around]
        holder[key] = inner(holder[key])


OF_TREES = [
    another_value,
    exchanged,
    copied,
    another_key,
    left_out,
    added,
    multiplied,
    nested,
]


def of_text(text, rng):
    """A text with one or a few changes that leave no JSON, or JSON of another shape."""
    way = rng.choice(["cut", "character", "word", "twice", "deep", "numbers"])
    at = rng.randrange(len(text))
    if way == "cut":
        return text[:at]
    if way == "character":
        return text[:at] + rng.choice(['"', "{", "}", "[", ",", "\0", "9", "é", "NaN"]) + text[at:]
    if way == "word":
        return text.replace(
            rng.choice(["true", "null", "1", '"', ":"]), rng.choice(["NaN", "[", ""])
        )
    if way == "twice":
        start = text.find('"', at)
        end = text.find(",", start)
        return text if start < 0 or end < 0 else text[:end] + "," + text[start:]
    if way == "deep":
        return text[:at] + "[" * rng.choice([10, 900, 50_000]) + text[at:]
    return text.replace("3", "3" * rng.choice([2, 25, 5_000]))


def mutated_definition(text, rng):
    if rng.random() < 0.25:
        return of_text(text, rng)
    tree = json.loads(text)
    for _ in range(rng.choice([1, 1, 1, 3])):
        if places(tree):
            rng.choice(OF_TREES)(tree, rng)
    return json.dumps(tree)


# --- files ------------------------------------------------------------------------------------


def whole(name, folder):
    """The bytes of a file that nothing has happened to."""
    path = folder / f"whole {name}"
    if not path.exists():
        network, numbers = ALL[name]
        networks.save(path, numbers, network=network)
    return path.read_bytes()


def of_bytes(content, rng):
    content = bytearray(content)
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(rng.choice([1, 1, 5])):
        at = rng.randrange(min(len(content), rng.choice([8, header, 10**9])))
        way = rng.choice(["flip", "cut", "insert", "remove", "zeros"])
        if way == "flip":
            content[at] ^= 1 << rng.randrange(8)
        elif way == "cut":
            del content[at:]
        elif way == "insert":
            content[at:at] = rng.randbytes(rng.choice([1, 8, 1000]))
        elif way == "remove":
            del content[at : at + rng.choice([1, 8, 100])]
        else:
            content[at : at + 8] = bytes(8)
        if not content:
            break
    return bytes(content)


def of_header(content, rng):
    """Another header, of the length that it says."""
    size = int.from_bytes(content[:8], "little")
    tree = json.loads(content[8 : 8 + size])
    if rng.random() < 0.5:
        names = [name for name in tree if name != "__metadata__"]
        entry = tree[rng.choice(names)]
        field = rng.choice(["dtype", "shape", "data_offsets"])
        types = ["F64", "F32", "F16", "BOOL", "U8", "C64", "F8_E4M3", "x", None]
        entry[field] = rng.choice(
            types
            if field == "dtype"
            else [[], [0], [2**63], [2**32, 2**32], [-1], [1] * 100, [0, 0], [0, 2**50], "x", None]
        )
    else:
        rng.choice(OF_TREES)(tree, rng)
    header = json.dumps(tree).encode()
    if rng.random() < 0.2:  # a name that is there twice
        header = header[:-1] + b"," + header[1:]
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def of_definition(content, rng):
    """Another definition beside the same arrays."""
    size = int.from_bytes(content[:8], "little")
    tree = json.loads(content[8 : 8 + size])
    tree["__metadata__"]["jaxrnn"] = mutated_definition(tree["__metadata__"]["jaxrnn"], rng)
    header = json.dumps(tree).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def network_file(folder, rng):
    """A damaged file, read as a network and as parameters."""
    name = rng.choice([*ALL])
    mutate = rng.choice([of_bytes, of_header, of_definition, of_definition])
    path = folder / "damaged"
    path.write_bytes(mutate(whole(name, folder), rng))
    like = jax.eval_shape(ALL[name][0].init, jax.random.key(0))
    came = clearly("load", lambda: networks.load(path, like))
    if not isinstance(came, Exception):
        assert jax.tree.structure(came) == jax.tree.structure(like)
    found = clearly("load_network", lambda: networks.load_network(path))
    if not isinstance(found, Exception):
        network, numbers = found
        shapes = jax.eval_shape(network.init, jax.random.key(0))
        assert jax.tree.map(np.shape, numbers) == jax.tree.map(np.shape, shapes)
        assert networks.from_json(networks.to_json(network)) == network or has_nan(network)
    return mutate.__name__, found


def definition(folder, rng):
    """A damaged definition of any noun."""
    text = mutated_definition(rng.choice(TEXTS), rng)
    found = clearly("from_json", lambda: networks.from_json(text))
    if not isinstance(found, Exception):
        # What was made can be written, and is the same again.
        again = clearly("to_json", lambda: networks.to_json(found))
        if isinstance(again, str):
            assert networks.to_json(networks.from_json(again)) == again
    return "definition", found


def has_nan(noun):
    """Numbers that equal nothing, themselves either."""
    leaves = jax.tree.leaves(noun)
    return any(isinstance(leaf, float) and math.isnan(leaf) for leaf in leaves)


# --- mappings of other libraries ---------------------------------------------------------------


TORCH = networks.Recurrent(cells.GRU(3, 4))
WEIGHTS = interop.torch.dump(TORCH, TORCH.init(jax.random.key(0)))


class Stranger:
    """Nothing that numpy can read."""


def mapping(folder, rng):
    """Weights as PyTorch names them, through what all converters compare and read by."""
    given = dict(WEIGHTS)
    for _ in range(rng.choice([1, 2, 4])):
        name = rng.choice([*given, "new", "", "weight_ih_l99"])
        given.pop(name, None)
        others = [
            *(
                None,
                "x",
                b"x",
                3,
                0.5,
                True,
                1j,
                [],
                [[1], [1, 2]],
                {},
                {"a": 1},
                Stranger(),
                object,
            ),
            *(np.ones((12, 3), object), np.array("x"), np.ones((3, 12)), np.ones((0, 3))),
            *(np.ma.masked_array(np.ones(12), np.arange(12) > 3), np.ones((12, 3), "M8[s]")),
            *(np.ones((12, 4), np.float64), np.ones(12, np.complex128), 10**400, Stranger),
            *(jax.ShapeDtypeStruct((12, 3), np.float32), jax.random.key(0), lambda: 1),
            *(np.ones((12, 4), np.int64), np.ones(12, bool), float("nan"), [[0.5] * 3] * 12),
        ]
        if rng.random() < 0.8:
            given[name] = rng.choice(others)
        if rng.random() < 0.2:
            given[rng.choice([3, None, ("a", 1), "\0", "x" * 10_000])] = np.ones(2)

    dtype = rng.choice([None, np.float32])
    return "mapping", clearly("torch.load", lambda: interop.torch.load(TORCH, given, dtype=dtype))


# --- one and many ------------------------------------------------------------------------------


FORBIDDEN = {
    *("exec", "compile", "import", "marshal.loads", "pickle.find_class", "code.__new__"),
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "subprocess.Popen"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"),
    *("socket.__new__", "socket.connect", "ctypes.dlopen", "urllib.Request", "shutil.rmtree"),
}


class Watch:
    """Stops what runs code or writes files, while it is on."""

    def __init__(self):
        self.on, self.seen = False, []

    def __call__(self, event, args):
        writes = event == "open" and bool((args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if self.on and (writes or event in FORBIDDEN):
            self.seen.append(f"{event} {args}"[:300])
            raise AssertionError(self.seen[-1])


WATCH = Watch()


def clearly(who, call):
    """What a call returns, or a clear error of the library that it raises."""
    WATCH.on = True
    try:
        return call()
    except tuple(CLEAR) as error:
        if type(error) not in CLEAR or not str(error).startswith(f"{who}: "):
            raise
        if len(str(error)) > 100_000:
            raise AssertionError(f"a message of {len(str(error))} characters") from error
        if any(isinstance(cause, MemoryError) for cause in causes(error)):
            raise AssertionError("more memory was asked for than there is") from error
        return error
    finally:
        WATCH.on = False
        if WATCH.seen:  # what was raised may have become an error of the library
            raise AssertionError(WATCH.seen.pop())


def causes(error):
    while error is not None:
        yield error
        error = error.__cause__


KINDS = [network_file, network_file, definition, definition, mapping]


def outcome(folder, seed):
    """One mutation by its seed, and what came of it; anything unclear raises."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    try:
        what, found = kind(folder, rng)
    except BaseException as error:
        raise AssertionError(f"mutation {seed}, of {kind.__name__}") from error
    return what, type(found).__name__ if isinstance(found, Exception) else "read"


def main(count, begin=0):
    counts, slowest = collections.Counter(), (0.0, None)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for seed in range(200):  # what is loaded when it is first used
            outcome(folder, seed)
        sys.addaudithook(WATCH)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**30,) * 2)
        for seed in range(begin, begin + count):
            started = time.perf_counter()
            try:
                counts[outcome(folder, seed)] += 1
            except AssertionError as error:
                counts["unclear", str(error)] += 1
                traceback.print_exception(error, limit=-3)
            slowest = max(slowest, (time.perf_counter() - started, seed))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for (name, came), number in sorted(counts.items()):
        print(f"{name:16} {came:12} {number}")
    print(f"of {count}, in {after / 1024:.0f} MiB, {(after - before) / 1024:.0f} more than before")
    print(f"the slowest took {slowest[0]:.1f} s, seed {slowest[1]}")
    return any(name == "unclear" for name, _ in counts)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
