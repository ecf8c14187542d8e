"""Checkpoints: exact round trips, and every way in which a disk can fail."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxrnn.training import Checkpoints
from tests.training.small import CARRIED, TRAINER, H, Small

TREE = {
    "float": jnp.array([0.1, jnp.nan, -0.0]),
    "int": jnp.arange(3, dtype=jnp.int8),
    "bool": jnp.array(True),
    "empty": (),
    "key": jax.random.key(7),
    "keys": jax.random.split(jax.random.key(8), 2),
}


def saved(directory, steps=(1, 2), keep=3):
    checkpoints = Checkpoints(directory, keep=keep)
    for step in steps:
        checkpoints.save(step, {"tree": {"w": jnp.full(400, step * 1.0)}}, {"step": step})
    return checkpoints


def read(checkpoints, size=400):
    return checkpoints.restore({"tree": {"w": jnp.zeros(size)}})


def test_round_trip_of_every_kind_of_leaf(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    state = TRAINER.init(jax.random.key(0))
    notes = {"history": [{"step": 1, "loss": 0.1}], "none": None}
    checkpoints.save(3, {"tree": TREE, "state": state}, notes)
    zeros = jax.tree.map(lambda leaf: leaf, TREE) | {"key": jax.random.key(0)}
    found = checkpoints.restore({"tree": zeros, "state": TRAINER.init(jax.random.key(1)), "no": 1})
    assert (found.step, found.notes, list(found.trees)) == (3, notes, ["tree", "state"])
    chex.assert_trees_all_equal(found.trees["state"], state)
    chex.assert_trees_all_equal(found.trees["tree"], TREE)
    assert jax.random.normal(found.trees["tree"]["key"]) == jax.random.normal(TREE["key"])


@pytest.mark.parametrize("tree", [jnp.arange(3), ()], ids=["array", "empty"])
def test_round_trip_of_a_tree_that_is_no_container(tree, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"best": tree}, {})
    found = checkpoints.restore({"best": jax.tree.map(jnp.zeros_like, tree)})
    chex.assert_trees_all_equal(found.trees["best"], tree)


def test_only_the_newest_are_kept(tmp_path):
    checkpoints = saved(tmp_path, steps=[1, 2, 3, 14], keep=2)
    assert checkpoints.steps() == [3, 14]
    assert read(checkpoints).step == 14
    assert saved(tmp_path, steps=[15], keep=1).steps() == [15]


def test_an_earlier_step_leaves_the_later_ones_behind(tmp_path):
    checkpoints = saved(tmp_path, steps=[1, 2, 3, 2])
    assert checkpoints.steps() == [1, 2]


def test_no_checkpoint(tmp_path):
    assert read(Checkpoints(tmp_path / "nowhere")) is None


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    if how == "truncated":
        path.write_bytes(content[:middle])
    elif how == "flipped":
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["truncated", "flipped", "deleted"])
def test_a_damaged_checkpoint_is_named_and_the_older_one_used(how, tmp_path):
    checkpoints = saved(tmp_path)
    files = [path for path in sorted((tmp_path / "2").rglob("*")) if path.is_file()]
    files.remove(tmp_path / "2" / "sha256.json")  # may name a file wrongly once it is damaged
    assert len(files) > 5
    largest = max(files, key=lambda path: path.stat().st_size)
    for path in {largest, files[0], files[-1]}:
        content = path.read_bytes()
        damage(path, how)
        with pytest.warns(UserWarning, match=f"{path} is missing or damaged; going on from step 1"):
            found = read(checkpoints)
        assert found.step == found.trees["tree"]["w"][0] == 1
        path.write_bytes(content)
    assert read(checkpoints).step == 2


def test_all_damaged(tmp_path):
    checkpoints = saved(tmp_path)
    for step in (1, 2):
        damage(tmp_path / str(step) / "sha256.json", "truncated")
    with pytest.raises(ValueError, match=r"2/sha256.json is .*1/sha256.json is .*delete the dir"):
        read(checkpoints)


def test_a_damaged_checkpoint_is_written_anew(tmp_path):
    checkpoints = saved(tmp_path)
    damage(tmp_path / "2" / "sha256.json", "deleted")
    saved(tmp_path, steps=[2])
    assert read(checkpoints).step == 2


def test_another_network(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"state": TRAINER.init(jax.random.key(0))}, {})
    wider = dataclasses.replace(TRAINER, network=Small(hidden=H + 1))
    message = r"\.params\['h'\] is float32\[8\] there, float32\[9\] here; .*and 7 more"
    with pytest.raises(ValueError, match=message):
        checkpoints.restore({"state": wider.init(jax.random.key(0))})
    with pytest.raises(ValueError, match=r"state.carry is missing there, float32\[2,8\] here"):
        checkpoints.restore({"state": CARRIED.init(jax.random.key(0))})


def test_sizes():
    with pytest.raises(ValueError, match="keep must be at least 1"):
        Checkpoints("run", keep=0)
    with pytest.raises(ValueError, match="every must be at least 1"):
        Checkpoints("run", every=0)


def test_a_process_killed_while_it_saves_loses_nothing(tmp_path):
    script = """
        import itertools, sys
        import jax.numpy as jnp
        from jaxrnn.training import Checkpoints

        for step in itertools.count(1):
            Checkpoints(sys.argv[1]).save(step, {"tree": {"w": jnp.full(400, step * 1.0)}}, {})
            print(step, flush=True)
    """
    checkpoints = Checkpoints(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(5)][-1]
        process.send_signal(signal.SIGKILL)
    found = read(checkpoints)
    assert found.step == found.trees["tree"]["w"][-1] >= told
    # What a kill in the middle of a save leaves behind.
    half = tmp_path / f"{found.step + 1}.orbax-checkpoint-tmp"
    half.mkdir(exist_ok=True)
    assert read(checkpoints).step == found.step
    saved(tmp_path, steps=[found.step + 1])
    assert read(checkpoints).step == found.step + 1
    assert not half.exists()
