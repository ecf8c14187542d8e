"""Training over processes, which `jax.distributed` has brought together: two real ones."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest

from jaxrnn import training

ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def train(count, steps, directory, what="nothing"):
    """What each of some processes printed: its result as JSON said it, and all of its text."""
    port = free_port()
    arguments = [map(str, (port, index, count, steps, directory, what)) for index in range(count)]
    texts = start(arguments, ["-m", "tests.training.worker"], ROOT)
    lines = [[line for line in text.splitlines() if line.startswith("{")] for text in texts]
    return [json.loads(found[-1]) if found else None for found in lines], texts


def free_port():
    """A port that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(arguments, program, directory):
    """Run a program as several processes, and return what each printed.

    Where they are not done in time, they say where they are.
    """
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in arguments]
        processes = [
            subprocess.Popen(
                [sys.executable, "-X", "faulthandler", *program, *own],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )
            for own, file in zip(arguments, files, strict=True)
        ]
        until = time.monotonic() + 200
        done = [ends(process, until) for process in processes]
        texts = []
        for file in files:
            file.seek(0)
            texts.append(file.read())
    assert all(done), "\n\n".join(["not done in time", *texts])
    return texts


def ends(process, until):
    """Whether a process ends by itself in time; it has ended in any case."""
    try:
        process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        process.wait()
        return False
    return True


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run of two processes, what they printed, and its directory."""
    directory = tmp_path_factory.mktemp("two")
    return *train(2, 20, directory), directory


def same(history, other):
    """To the order of sums in float32."""
    for row, expected in zip(history, other, strict=True):
        assert row == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_two_processes_compute_what_one_does(two, tmp_path):
    [whole], _ = train(1, 20, tmp_path)
    [one, other], texts, directory = two
    assert one == other
    same(one["history"], whole["history"])
    for name, values in one["params"].items():
        np.testing.assert_allclose(values, whole["params"][name], atol=1e-6)
    assert "step 20/20" in texts[0] and "step 20/20" not in texts[1]
    assert len((directory / "log.csv").read_text().splitlines()) == 8

    # One process goes on with the checkpoints of two, and the other way round.
    shutil.copytree(directory, tmp_path / "copy")
    [longer], _ = train(1, 24, tmp_path / "copy")
    [both, _], _ = train(2, 24, tmp_path)
    same(both["history"], longer["history"])


def test_a_killed_process_ends_both_and_all_go_on_as_if_nothing_had_been(two, tmp_path):
    ended, texts = train(2, 20, tmp_path, "kill")
    assert "RuntimeError: fit: process 0 of 2 has lost another one" in ended[0]["error"]
    assert "Start all of them again" in texts[0] and ended[1] is None
    assert training.Checkpoints(tmp_path).steps() == [4, 8]
    resumed, texts = train(2, 20, tmp_path)
    assert resumed == two[0]  # bit for bit
    assert "going on from step 8" in texts[0]


@pytest.mark.parametrize(
    "what, error",
    [
        ("raise", "OSError: no space left"),
        ("diverge", "FloatingPointError: fit: the loss is"),
        ("keys", "ValueError: fit: the processes have different states to start from"),
    ],
)
def test_an_error_ends_both(what, error, tmp_path):
    ended, _ = train(2, 20, tmp_path, what)
    assert all(one["error"].startswith(error) for one in ended)


def test_the_program_of_the_page_runs(tmp_path):
    page = (ROOT / "docs" / "many_devices.md").read_text("utf-8")
    (program,) = re.findall(r"^```py\n(# train.py\n.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "train.py").write_text(program, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    texts = start([(address, "2", index) for index in "01"], ["train.py"], tmp_path)
    assert "step 20/20" in texts[0] and "step 20/20" not in texts[1]
    assert training.Checkpoints(tmp_path / "run").steps() == [20]


def test_a_callback_of_one_process_stops_both(tmp_path):
    ended, _ = train(2, 20, tmp_path, "stop")
    assert ended[0] == ended[1] and ended[0]["history"][-1]["step"] == 9
