"""One directory, one run: who holds it, where it is, and what is no directory at all."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import pytest

from jaxrnn import training
from jaxrnn.training import Checkpoints
from tests.training.small import TRAINER, echo, unstack

BATCHES = unstack(echo(jax.random.key(1), 3))


def fit(directory, steps=4, **options):
    return training.fit(
        TRAINER,
        BATCHES,
        steps=steps,
        every=1,
        key=jax.random.key(0),
        checkpoints=Checkpoints(directory, every=2),
        progress=None,
        **options,
    )


def holder(directory):
    """Another process that holds the directory until it is killed."""
    script = """
        import sys, time
        from jaxrnn.training import Checkpoints

        with Checkpoints(sys.argv[1]).hold():
            print("held", flush=True)
            time.sleep(600)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(directory)],
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    assert process.stdout.readline() == b"held\n"
    return process


@pytest.mark.slow
def test_a_second_process_is_told_who_holds_the_directory(tmp_path):
    fit(tmp_path, steps=2)
    log = tmp_path / "log.csv"
    log.write_text("of the other run")
    with holder(tmp_path) as process:
        try:
            message = f"{tmp_path} is in use by process {process.pid} on .*, since 20.*Wait for it"
            with pytest.raises(OSError, match=message):
                fit(tmp_path, log=log)
            with pytest.raises(OSError, match=message):
                Checkpoints(tmp_path).save(3, {"tree": BATCHES}, {})
            # To read does no harm.
            assert Checkpoints(tmp_path).restore({"state": TRAINER.init(jax.random.key(0))})
        finally:
            process.send_signal(signal.SIGKILL)
    assert log.read_text() == "of the other run"
    # A kill leaves no lock behind.
    assert fit(tmp_path).step == 4


def test_a_run_inside_of_a_run_is_refused(tmp_path):
    with pytest.raises(OSError, match=f"in use by process {os.getpid()} on"):
        fit(tmp_path, callbacks=[lambda event: fit(tmp_path)])
    assert fit(tmp_path).step == 4  # let go of, after an error too


def test_a_callback_may_save(tmp_path):
    def save(event):
        Checkpoints(tmp_path).save(event.step, {"state": event.state}, {})

    fit(tmp_path, callbacks=[save])


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "[1]", "[" * 100_000, '{"pid": 1}', "\0\xff"])
def test_a_lock_that_says_nothing(content, tmp_path):
    with holder(tmp_path) as process:
        (tmp_path / ".lock").write_text(content)
        try:
            with pytest.raises(OSError, match="in use by another process"):
                fit(tmp_path)
        finally:
            process.send_signal(signal.SIGKILL)
    fit(tmp_path, steps=2)
    assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_a_lock_is_never_written_through_a_link(tmp_path):
    (tmp_path / "precious").write_text("content")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="lock cannot be opened"):
        fit(tmp_path / "run")
    assert (tmp_path / "precious").read_text() == "content"


def test_a_relative_directory_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    checkpoints = Checkpoints("run")
    assert checkpoints.directory == tmp_path / "run"
    fit("run", callbacks=[lambda event: os.chdir(tmp_path / "elsewhere")])
    assert checkpoints.steps() == [2, 4]
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_home_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Checkpoints("~/run").directory == tmp_path / "run"


@pytest.mark.parametrize(
    "directory",
    ["gs://bucket/run", "s3://bucket", "file:///run", Path("gs://bucket/run"), "a+b:/c"],
)
def test_remote_directories_are_refused(directory):
    with pytest.raises(ValueError, match=r"directory must be local, got .*copy from or to it"):
        Checkpoints(directory)


@pytest.mark.parametrize("directory", ["", "a\0b"])
def test_names_of_nothing(directory):
    with pytest.raises(ValueError, match="must name a place"):
        Checkpoints(directory)
