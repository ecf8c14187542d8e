"""Call public functions with one random wrong argument, and tell what comes of it.

    PYTHONPATH=. python tests/fuzz.py [--calls 3000] [--seed 0] [--only NAME] [--show raw]

A child process makes the calls, one line of JSON each; the parent kills one that hangs, notes it,
and goes on behind it. Every call is one of `tests/fuzz_calls.py` with one argument exchanged: for
something of another kind, or for the same with another type, shape, dtype, size or value, traced
or not. What may come of it:

    clear      a ValueError or TypeError (or OSError) raised in the library that says whose it is
    unnamed    one raised in the library that does not say whose
    accepted   a result, without NaN unless NaN came in: the argument was right after all, or
               does no harm
    stranger   a result although the argument was something that no function takes
    nan        NaN or infinity that nobody passed
    raw        any other error, of JAX, numpy or Python
    hang       nothing for a minute
"""

import argparse
import collections
import datetime
import json
import math
import os
import pathlib
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
SECONDS = 60
NAN, RAW, HANG = "nan", "raw", "hang"


class Call(NamedTuple):
    """A public call: its name, the function, and arguments that are right."""

    name: str
    function: Any
    arguments: dict[str, Any]


# --- wrong arguments --------------------------------------------------------------------------


class Stranger:
    """Nothing that any function takes."""


def strangers() -> dict[str, Any]:
    """What is of another kind than nearly every argument."""
    from jaxrnn import cells, metrics, networks

    return {
        "object": Stranger(),
        "module": math,
        "date": datetime.datetime(2026, 1, 1),
        "none": None,
        "string": "x",
        "bytes": b"x",
        "class": networks.Dense,
        "maker": metrics.accuracy,
        "function": print,
        "lambda": lambda *a, **k: None,
        "noun": cells.GRU(3, 4),
        "dict": {"a": 1},
        "set": {1, 2},
        "list of none": [None],
        "list of strings": ["a", "b"],
        "empty list": [],
        "empty tuple": (),
        "complex": 1j,
        "object array": np.array([None, "a"], object),
        "string array": np.array(["a", "b"]),
        "masked array": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
        "struct": jax.ShapeDtypeStruct((2, 3), np.float32),
        "number": 3,
        "zero": 0,
        "minus": -1,
        "half": 0.5,
        "true": True,
        "nan": float("nan"),
        "inf": float("inf"),
        "huge": 10**12,
        "array": np.ones((2, 3), np.float32),
        "scalar array": jnp.ones(()),
        "flags": np.array([True, False]),
        "key": jax.random.key(3),
    }


PLAIN = {
    *("none", "number", "zero", "minus", "half", "true", "nan", "inf", "huge"),
    *("function", "lambda", "empty tuple", "array", "scalar array", "flags", "key"),
}
"""Those that are right in many a place."""


def changes(value: Any, rng: random.Random) -> dict[str, Any]:  # noqa: PLR0911  (a kind a case)
    """The same as `value`, but for type, shape, dtype, size or content."""
    if isinstance(value, bool):
        return {
            "int of bool": int(value),
            "numpy bool": np.bool_(value),
            "string of it": str(value),
        }
    if isinstance(value, int):
        return {
            "float of int": float(value),
            "numpy int": np.int64(value),
            "array of int": jnp.asarray(value),
            "negative": -value - 1,
            "larger": value + 1000,
            "a million million": 10**12,
            "string of it": str(value),
            "in a list": [value],
        }
    if isinstance(value, float):
        return {
            "negative": -value - 1,
            "large": value * 1e6,
            "nan": math.nan,
            "inf": math.inf,
            "array of it": np.full(2, value, np.float32),
            "in a list": [value],
            "string of it": str(value),
            "float16": np.float16(value),
            "traced": Traced(np.float32(value)),
        }
    if isinstance(value, str):
        return {"empty": "", "bytes": value.encode(), "in a list": [value], "long": value * 100}
    if isinstance(value, np.ndarray | jax.Array):
        return _arrays(value, rng)
    if isinstance(value, tuple | list) and value:
        other = list if isinstance(value, tuple) else tuple
        return {
            "list for tuple": other(value),
            "one fewer": type(value)(value[:-1])
            if type(value) in (list, tuple)
            else tuple(value[:-1]),
            "one more": (*value, value[-1]),
            "its first": value[0],
            "one of it none": type(value)((*value[:-1], None))
            if type(value) in (list, tuple)
            else None,
            "one of it changed": _inside(value, rng),
            "reversed": value[::-1],
        }
    if isinstance(value, dict) and value:
        first = next(iter(value))
        return {
            "without a name": {k: v for k, v in value.items() if k != first},
            "another name": {f"{k}_": v for k, v in value.items()},
            "its values": [*value.values()],
            "one of it changed": value | {first: changed(value[first], rng)[1]},
        }
    return {}


def _arrays(value: Any, rng: random.Random) -> dict[str, Any]:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return {
            "int for key": 0,
            "raw key": jax.random.PRNGKey(0),
            "keys": jax.random.split(value, 3),
            "key data of floats": np.ones(2, np.float32),
        }
    a = np.asarray(value)
    found = {
        "as list": a.tolist(),
        "jax array": jnp.asarray(a),
        "floats": a.astype(np.float32),
        "ints": a.astype(np.int32),
        "bools": a.astype(bool),
        "complex": a.astype(np.complex64),
        "float16": a.astype(np.float16),
        "float64": a.astype(np.float64),
        "uint8": a.astype(np.uint8),
        "strings": a.astype(str),
        "objects": a.astype(object),
        "masked": np.ma.masked_array(a, np.zeros(a.shape, bool)),
        "struct": jax.ShapeDtypeStruct(a.shape, a.dtype),
        "another axis": a[None],
        "a last axis": a[..., None],
        "flat": a.ravel(),
        "transposed": a.T,
        "negative": -a.astype(np.float32) - 1 if a.dtype == bool else -a - 1,
        "large": a.astype(np.float32) * 1e9 if a.dtype == bool else a * np.asarray(10**6, a.dtype),
        "traced": Traced(a),
        "traced floats": Traced(a.astype(np.float32)),
        "traced ints": Traced(a.astype(np.int32)),
    }
    if a.ndim:
        found |= {
            "first": a[0],
            "shorter": a[:-1],
            "longer": np.concatenate([a, a[-1:]]),
            "empty": a[:0],
            "narrower": a[..., :-1],
            "wider": np.concatenate([a, a[..., -1:]], -1),
            "one step": a[:1],
            "traced shorter": Traced(a[:-1]),
            "traced flat": Traced(a.ravel()),
        }
        if np.issubdtype(a.dtype, np.floating):
            with_nan, with_inf = a.copy(), a.copy()
            with_nan.flat[rng.randrange(a.size)] = np.nan
            with_inf.flat[rng.randrange(a.size)] = np.inf
            found |= {"one nan": with_nan, "one inf": with_inf}
    return found


def _inside(value: Any, rng: random.Random) -> Any:
    at = rng.randrange(len(value))
    parts = list(value)
    parts[at] = changed(parts[at], rng)[1]
    if hasattr(value, "_fields"):
        return type(value)(*parts)
    return type(value)(parts)


class Traced:
    """A value that reaches the function as a tracer, under `jit`."""

    def __init__(self, value: Any):
        self.value = value


def changed(value: Any, rng: random.Random) -> tuple[str, Any]:
    """A wrong argument in the place of `value`, and what it is in words."""
    ways = changes(value, rng)
    if ways and rng.random() < 0.6:
        name = rng.choice(sorted(ways))
        return name, ways[name]
    others = strangers()
    name = rng.choice(sorted(others))
    return name, others[name]


# --- one call ---------------------------------------------------------------------------------


def attempt(call: Call, argument: str, wrong: Any) -> Any:
    """Call with one argument exchanged; a traced one is traced by `jit`."""
    given = {name: value for name, value in call.arguments.items() if name != argument}
    if isinstance(wrong, Traced):
        run = jax.jit(lambda value: _arrays_of(call.function(**given, **{argument: value})))
        return run(wrong.value)
    return call.function(**given, **{argument: wrong})


def _arrays_of(result: Any) -> Any:
    return [leaf for leaf in jax.tree.leaves(result) if isinstance(leaf, np.ndarray | jax.Array)]


def bad_numbers(tree: Any) -> bool:
    """Whether there is NaN or infinity among the numbers of a tree."""
    for leaf in jax.tree.leaves(tree.value if isinstance(tree, Traced) else tree):
        if isinstance(leaf, float | np.ndarray | np.generic | jax.Array):
            dtype = getattr(leaf, "dtype", np.dtype(float))
            number = jnp.issubdtype(dtype, np.inexact)
            if number and not np.isfinite(np.asarray(leaf).astype(np.complex64)).all():
                return True
    return False


def judge(call: Call, argument: str, what: str, wrong: Any) -> tuple[str, str]:
    """The class of what came of the call, and what it said."""
    try:
        result = attempt(call, argument, wrong)
        unasked = bad_numbers(result) and not bad_numbers(wrong)
        if unasked and not bad_numbers(call.function(**call.arguments)):
            return NAN, "the result is not finite"
    except Exception as error:
        return judge_error(call, error)
    if isinstance(wrong, Traced):
        return "accepted", ""
    plain = what in strangers() and what not in PLAIN
    return ("stranger" if plain else "accepted"), str(type(result).__name__)


def judge_error(call: Call, error: Exception) -> tuple[str, str]:
    """Whether the library raised it, and said whose it is."""
    message = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "/jaxrnn/" in f.filename]
    ours = bool(inside) and frames[-1] is inside[-1] and (frames[-1].line or "").startswith("raise")
    if not (ours and isinstance(error, ValueError | TypeError | OSError | FloatingPointError)):
        where = f" [{pathlib.Path(inside[-1].filename).name}:{inside[-1].lineno}]" if inside else ""
        return RAW, message + where
    owner = call.name.split(".")[0]
    named = owner in str(error) or re.match(r"`?[A-Za-z_][\w.]*`?(\(.*\))?: ", str(error))
    return ("clear" if named else "unnamed"), message


# --- many calls -------------------------------------------------------------------------------


def child(seed: int, begin: int, end: int, only: str | None) -> None:
    """Make the calls from `begin` to `end`, and write a line before and after each."""
    from tests.fuzz_calls import calls

    warnings.simplefilter("ignore")
    jax.config.update("jax_traceback_filtering", "off")
    found = [call for call in calls()[0] if call.arguments and (not only or only in call.name)]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for index in range(begin, end):
            rng = random.Random(f"{seed} {index}")
            call = rng.choice(found)
            argument = rng.choice(sorted(call.arguments))
            what, wrong = changed(call.arguments[argument], rng)
            row = {"index": index, "name": call.name, "argument": argument, "what": what}
            print(json.dumps(row), file=out, flush=True)
            kind, said = judge(call, argument, what, wrong)
            print(json.dumps({**row, "class": kind, "said": said}), file=out, flush=True)


def run(seed: int, count: int, only: str | None = None) -> list[dict[str, Any]]:
    """The outcomes of `count` calls."""
    rows: list[dict[str, Any]] = []
    begin = 0
    while begin < count:
        command = [sys.executable, __file__, "--child", str(begin), str(count), "--seed", str(seed)]
        command += ["--only", only] if only else []
        env = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "JAX_PLATFORMS": "cpu"}
        current: dict[str, Any] | None = None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
            lines: queue.Queue[str] = queue.Queue()
            thread = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
            thread.start()
            while line := _next(lines, process):
                row = json.loads(line)
                current = None if "class" in row else row
                if current is None:
                    rows.append(row)
            thread.join()
        if current is None:
            break
        said = f"exit {process.returncode}" if process.returncode != -9 else "nothing for a minute"
        rows.append({**current, "class": HANG, "said": said})
        begin = current["index"] + 1
    return rows


def _read(stream: Any, lines: Any) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _next(lines: Any, process: Any) -> str:
    """The next line; none at the end, nor of a process that is killed for its silence."""
    try:
        return str(lines.get(timeout=SECONDS))
    except queue.Empty:
        process.kill()
        return ""


def report(rows: list[dict[str, Any]], show: list[str]) -> str:
    """A table of the classes, the worst offenders, and every row of the classes to show."""
    counts = collections.Counter(row["class"] for row in rows)
    lines = [f"{kind:10s} {n:6d} {100 * n / len(rows):6.1f} %" for kind, n in counts.most_common()]
    bad = collections.Counter(row["name"] for row in rows if row["class"] in (RAW, HANG, NAN))
    lines += ["", "most raw errors, NaN and hangs:"]
    lines += [f"  {n:4d} {name}" for name, n in bad.most_common(25)]
    for row in sorted(rows, key=lambda row: (row["class"], row["name"], row["argument"])):
        if row["class"] in show:
            where = f"{row['name']}({row['argument']}={row['what']})"
            lines.append(f"{row['class']}: {row['index']} {where}: {row['said']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only")
    parser.add_argument("--show", nargs="*", default=[])
    parser.add_argument("--child", nargs=2, type=int)
    given = parser.parse_args()
    if given.child:
        child(given.seed, *given.child, given.only)
    else:
        print(report(run(given.seed, given.calls, given.only), given.show))


if __name__ == "__main__":
    main()
