"""Damage to a run's directory: the older checkpoint, bit for bit, or a clear error; nothing else.

`python -m tests.mutations 500 20` applies 500 mutations, each from its own seed, and counts what
came of them; then it kills a run 20 times at random, and lets it end. The suite runs a share
(`tests/training/test_mutations.py`).
"""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import jax
import numpy as np

from jaxrnn import training
from jaxrnn.training import Checkpoints, _arrays, _seal
from tests.training.small import TRAINER, echo, unstack

BATCHES = unstack(echo(jax.random.key(1), 3))
STEPS = [2, 4, 6]
LAST = 8
STATE = TRAINER.init(jax.random.key(9))
LIKE = {"state": STATE, "best": STATE.params}
JSON = [
    "{}",
    "null",
    "[]",
    "7",
    '"text"',
    "NaN",
    "",
    "\0",
    '{"step": 6, "files": {}}',
    '{"step": 6, "files": {}, "sha256": null}',
    '{"trees": {}, "notes": {}}',
    '{"trees": {"state": {"a": "float32[268435456]"}}, "notes": {"history": 1}}',
    "[" * 100_000,
    '{"a":' * 100_000 + "1" + "}" * 100_000,
]
NAMES = ["7", "030", "0x6", ".6.new", ".lock", "٦", "6.orbax-checkpoint-tmp", "sha256.json"]


def train(directory, steps=LAST, callbacks=()):
    """A run that goes on from what is in the directory."""
    return training.fit(
        TRAINER,
        BATCHES,
        steps=steps,
        every=2,
        key=jax.random.key(0),
        early_stopping=training.EarlyStopping(100, metric="train/loss"),
        checkpoints=Checkpoints(directory, every=2, keep=len(STEPS)),
        callbacks=callbacks,
        progress=None,
    )


def bits(saved):
    """All that a checkpoint holds, to compare."""
    leaves = [jax.random.key_data(x) if _is_key(x) else x for x in jax.tree.leaves(saved.trees)]
    return [np.asarray(leaf).tobytes() for leaf in leaves], json.dumps(saved.notes)


def _is_key(leaf):
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


class Whole:
    """A run's directory that nothing has happened to, and what is in it."""

    def __init__(self, place):
        self.directory = Path(place) / "run"
        train(self.directory, STEPS[-1])
        self.result = train(shutil.copytree(self.directory, Path(place) / "longer"))
        self.saved = {}
        for count in range(1, len(STEPS) + 1):
            part = Path(place) / str(count)
            for step in STEPS[:count]:
                shutil.copytree(self.directory / str(step), part / str(step))
            saved = Checkpoints(part).restore(LIKE)
            self.saved[saved.step] = bits(saved)
        assert [*self.saved] == STEPS


def a_step(directory, rng):
    return directory / str(rng.choice(STEPS))


def a_file(directory, rng):
    """Any file of a checkpoint, one of the newest half of the time."""
    folder = directory / str(STEPS[-1]) if rng.random() < 0.5 else a_step(directory, rng)
    return rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))


def exchange(a, b):
    if a != b:
        a.rename(a.with_name("exchanged"))
        b.rename(a)
        a.with_name("exchanged").rename(b)


def flip(directory, rng):
    path = a_file(directory, rng)
    content = bytearray(path.read_bytes() or b"\0")
    for _ in range(rng.choice([1, 1, 20])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def truncate(directory, rng):
    path = a_file(directory, rng)
    os.truncate(path, rng.randrange(path.stat().st_size))


def empty(directory, rng):
    a_file(directory, rng).write_bytes(b"")


def append(directory, rng):
    with a_file(directory, rng).open("ab") as file:
        file.write(rng.randbytes(rng.choice([1, 4096])))


def delete(directory, rng):
    a_file(directory, rng).unlink()


def swap_files(directory, rng):
    exchange(a_file(directory, rng), a_file(directory, rng))


def exchange_folders(directory, rng):
    exchange(*[directory / str(step) for step in rng.sample(STEPS, 2)])


def exchange_parts(directory, rng):
    """Seals, notes or arrays of two checkpoints."""
    part = rng.choice(["sha256.json", "notes.json", "0", "1"])
    exchange(*[directory / str(step) / part for step in rng.sample(STEPS, 2)])


def copy_part(directory, rng):
    part = rng.choice(["sha256.json", "notes.json"])
    a, b = rng.sample(STEPS, 2)
    shutil.copy(directory / str(a) / part, directory / str(b) / part)


def edit_seal(directory, rng):
    """Another step, or fewer files, in a seal that is valid JSON."""
    path = a_step(directory, rng) / "sha256.json"
    seal = json.loads(path.read_text())
    if rng.random() < 0.5:
        seal["step"] = rng.choice([*STEPS, True, None, "6", 1e300, -1])
    else:
        seal["files"] = rng.choice([{}, None, [], dict([*seal["files"].items()][:2])])
    path.write_text(json.dumps(seal))


def other_json(directory, rng):
    path = a_step(directory, rng) / rng.choice(["sha256.json", "notes.json"])
    path.write_text(rng.choice(JSON))


def sealed_json(directory, rng):
    """Other notes under the seal that belongs to them."""
    folder = a_step(directory, rng)
    (folder / "notes.json").write_text(rng.choice(JSON[:-4] + JSON[-2:]))
    reseal(folder)


def huge(directory, rng):
    """Arrays that unpack to 32 MB out of a few KB, under the seal that belongs to them."""
    folder = a_step(directory, rng)
    shutil.rmtree(folder / "0")
    count = len(jax.tree.leaves(LIKE["state"])) if rng.random() < 0.5 else 1
    _arrays.write(folder / "0", [np.zeros(1 << 22)] * min(count, 2) + [np.zeros(1)] * (count - 2))
    if rng.random() < 0.8:
        reseal(folder)


def reseal(folder):
    (folder / "sha256.json").unlink()
    _seal.seal(folder, int(folder.name))


def link_file(directory, rng):
    path, other = a_file(directory, rng), a_file(directory, rng)
    target = rng.choice([other, path, directory / "nowhere", Path("/dev/zero"), directory])
    path.unlink()
    path.symlink_to(target)


def link_folder(directory, rng):
    path, other = (directory / str(step) for step in rng.sample(STEPS, 2))
    if rng.random() < 0.5:
        path.rename(directory / "elsewhere")
        path.symlink_to(directory / "elsewhere")
    else:
        shutil.rmtree(path)
        path.symlink_to(rng.choice([other, path, directory, directory / "nowhere"]))


def pipe(directory, rng):
    """A file that would be waited for."""
    path = a_file(directory, rng)
    path.unlink()
    os.mkfifo(path)


def file_for_folder(directory, rng):
    folder = a_step(directory, rng)
    shutil.rmtree(folder)
    folder.write_text("a file")


def folder_for_file(directory, rng):
    path = a_file(directory, rng)
    path.unlink()
    path.mkdir()


def delete_folder(directory, rng):
    shutil.rmtree(a_step(directory, rng))


def empty_folder(directory, rng):
    folder = a_step(directory, rng)
    shutil.rmtree(folder)
    folder.mkdir()


def copy_folder(directory, rng):
    name = rng.choice(["8", "5", "6_", "06", "100000000000000000000"])
    shutil.copytree(a_step(directory, rng), directory / name)


def unexpected(directory, rng):
    place = directory if rng.random() < 0.5 else a_step(directory, rng)
    path = place / rng.choice([*NAMES, "x" * 200, "[a]*?", "back\\slash"])
    if path.exists():
        return
    if rng.random() < 0.5:
        path.write_bytes(rng.randbytes(10))
    else:
        path.mkdir()
        (path / "file").write_text("")


def lock(directory, rng):
    path = directory / ".lock"
    path.unlink()
    how = rng.choice(["folder", "link", "text", "gone"])
    if how == "folder":
        path.mkdir()
    elif how == "link":
        path.symlink_to(directory / str(STEPS[0]) / "notes.json")
    elif how == "text":
        path.write_bytes(rng.randbytes(100))


MUTATIONS = [
    flip,
    truncate,
    empty,
    append,
    delete,
    swap_files,
    exchange_folders,
    exchange_parts,
    copy_part,
    edit_seal,
    other_json,
    sealed_json,
    huge,
    link_file,
    link_folder,
    pipe,
    file_for_folder,
    folder_for_file,
    delete_folder,
    empty_folder,
    copy_folder,
    unexpected,
    lock,
]
CLEAR = (ValueError, OSError)


def outcome(whole, directory, seed):
    """Damage a copy of the run by one seed, and say what came of it; anything else raises."""
    shutil.copytree(whole.directory, directory)
    rng = random.Random(seed)
    # Each in turn; every third time on top of all the newer checkpoints being damaged already.
    mutate = MUTATIONS[seed % len(MUTATIONS)]
    if rng.random() < 1 / 3:
        for step in rng.choice([STEPS[1:], STEPS]):
            with (directory / str(step) / "notes.json").open("a") as file:
                file.write(" ")
    mutate(directory, rng)

    checkpoints = Checkpoints(directory, keep=len(STEPS))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Checkpoints: ")  # any other is an error
        found = clearly(lambda: checkpoints.restore(LIKE))
        if isinstance(found, training.Saved):
            assert bits(found) == whole.saved[found.step], f"{mutate.__name__}: another content"
        # What is there is no obstacle to the next checkpoint.
        saved = clearly(lambda: checkpoints.save(LAST + 1, LIKE, {}))
        if saved is None:
            assert checkpoints.restore(LIKE).step == LAST + 1
    if isinstance(found, training.Saved):
        return mutate.__name__, "newest" if found.step == STEPS[-1] else "older"
    return mutate.__name__, type(found).__name__


def resumed(whole, directory, seed):
    """Damage a copy of the run, and train on: the same end, or a clear error."""
    shutil.copytree(whole.directory, directory)
    MUTATIONS[seed % len(MUTATIONS)](directory, random.Random(seed))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Checkpoints: ")
        result = clearly(lambda: train(directory))
    if not isinstance(result, training.Result):
        return type(result).__name__
    compare(result, whole.result)
    return "the same end"


def clearly(call):
    """What a call returns, or a clear error of the library that it raises."""
    try:
        return call()
    except CLEAR as error:
        # The very types: JSON's error is a ValueError as well.
        if type(error) not in {ValueError, OSError, FileNotFoundError}:
            raise
        if not str(error).startswith("Checkpoints: "):
            raise
        return error


def killed(directory, steps, rows):
    """Train in a process of its own, and kill it after some rows; whether it lived so long."""
    code = "import sys; from tests.mutations import train_aloud; train_aloud(*sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(directory), str(steps)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    ) as process:
        lines = [process.stdout.readline() for _ in range(rows)]
        process.send_signal(signal.SIGKILL)
    return bool(lines[-1])


def train_aloud(directory, steps):
    train(directory, int(steps), [lambda event: print(event.step, flush=True)])


def kills(place, count, steps, rng):
    """Kill a run again and again; it ends as one that never stopped."""
    survived = 0
    for _ in range(count):
        survived += killed(Path(place) / "killed", steps, rng.randint(1, 5))
    result, expected = train(Path(place) / "killed", steps), train(Path(place) / "whole", steps)
    compare(result, expected)
    return survived


def compare(result, expected):
    jax.tree.map(np.testing.assert_array_equal, result.state.params, expected.state.params)
    assert result.history == expected.history
    assert result.step == expected.step


def main(count, deaths):
    counts, ends = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as place:
        whole = Whole(place)
        for seed in range(count):
            copy = Path(place) / "copy"
            counts[outcome(whole, copy, seed)] += 1
            shutil.rmtree(copy)
            if seed % 10 == 0:
                ends[resumed(whole, copy, seed // 10)] += 1
                shutil.rmtree(copy)
        killed_in_training = kills(place, deaths, 300, random.Random(0))
    for (name, came), number in sorted(counts.items()):
        print(f"{name:20} {came:20} {number}")
    total = collections.Counter()
    for (_, came), number in counts.items():
        total[came] += number
    print("of", count, dict(total))
    print("trained on:", dict(ends))
    print(f"of {deaths} kills {killed_in_training} in training, and the same end")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(int(sys.argv[1]), int(sys.argv[2]))
