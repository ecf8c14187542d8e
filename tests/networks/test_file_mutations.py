"""A share of `tests/file_mutations.py`: damaged files and definitions end in a clear error."""

import os
import subprocess
import sys

import pytest

from tests import file_mutations


@pytest.mark.slow
def test_damage_of_every_kind(tmp_path, as_users_run_it):
    came = {file_mutations.outcome(tmp_path, seed) for seed in range(250)}
    kinds = {"of_bytes", "of_header", "of_definition", "definition", "mapping"}
    assert {kind for kind, _ in came} == kinds
    assert {outcome for _, outcome in came} == {"read", "ValueError"}


@pytest.mark.parametrize(
    "event", [("exec", None), ("import", "this"), ("os.system", "true"), ("open", "x", "w", 577)]
)
def test_what_would_run_code_is_seen(event):
    watch = file_mutations.Watch()
    watch(*event[:1], event[1:])
    watch.on = True
    watch("open", ("x", "r", 0))
    with pytest.raises(AssertionError, match=event[0]):
        watch(event[0], event[1:])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_little_memory_and_nothing_run():
    command = [sys.executable, "-m", "tests.file_mutations", "500", "300"]
    env = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}  # JAX's own files
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "of 500, in " in ran.stdout
