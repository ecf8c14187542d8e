"""Checkpoints: exact round trips, and every way in which a disk can fail."""

import collections
import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from orbax.checkpoint import Checkpointer

from jaxrnn.training import Checkpoints, _arrays, _seal
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


@pytest.mark.parametrize(
    "tree",
    [jnp.arange(3), (), jnp.zeros((0, 3)), jax.random.split(jax.random.key(0), 0)],
    ids=["array", "empty", "no numbers", "no keys"],
)
def test_round_trip_of_a_tree_that_is_no_container(tree, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"best": tree}, {})
    found = checkpoints.restore({"best": jax.tree.map(lambda leaf: leaf[::-1], tree)})
    chex.assert_trees_all_equal(found.trees["best"], tree)


def test_numbers_and_arrays_of_numpy_stay_what_they_are(as_users_run_it, tmp_path):
    tree = {"int": 3, "float": 0.1, "bool": True, "np": np.float16(0.5), "array": np.arange(3.0)}
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(np.int64(1), {"a/b": tree, "..": tree}, {})
    like = jax.tree.map(lambda leaf: leaf * 0 if isinstance(leaf, np.ndarray) else leaf, tree)
    found = checkpoints.restore({"a/b": like}).trees["a/b"]
    assert all(type(found[name]) is type(leaf) for name, leaf in tree.items())
    assert found["array"].dtype == tree["array"].dtype
    chex.assert_trees_all_equal(found, tree)


def test_fields_in_another_order_keep_their_names(tmp_path):
    """Leaves are found by name: equal shapes would be exchanged without a word."""
    before = collections.namedtuple("Params", ["a", "b"])
    after = collections.namedtuple("Params", ["b", "a"])
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"tree": before(a=jnp.zeros(2), b=jnp.ones(2))}, {})
    found = checkpoints.restore({"tree": after(a=jnp.ones(2), b=jnp.zeros(2))}).trees["tree"]
    chex.assert_trees_all_equal(found, after(a=jnp.zeros(2), b=jnp.ones(2)))


NAMES = ["lr[0.1]", "sizes=[64,128]/seed0", "a*b", "a?b", "a\\b", "ü ñ", "new\nline", "{x}%20#"]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"\xff")], ids=ascii)
def test_directories_of_every_name(name, tmp_path):
    """The storage looks for files by patterns, and takes a backslash for a slash."""
    place = tmp_path / name
    saved(place, steps=[1, 2])
    assert read(Checkpoints(place)).trees["tree"]["w"][-1] == 2
    top = {path.name for path in tmp_path.iterdir()}
    assert top == {Path(name).parts[0]}  # nothing was written beside it


def test_what_cannot_be_read_again_is_refused_before_training(tmp_path, monkeypatch):
    """Should another reason turn up."""
    monkeypatch.setattr(_arrays, "_plain", contextlib.nullcontext)
    with (
        pytest.raises(OSError, match=r"lr\[0.1\] cannot be written .*Choose another directory"),
        Checkpoints(tmp_path / "lr[0.1]").hold(),
    ):
        pytest.fail("the trial did not fail")
    assert [path.name for path in (tmp_path / "lr[0.1]").iterdir()] == [".lock"]


def test_only_what_was_sealed_is_a_step(tmp_path):
    (tmp_path / "15").write_text("a file")
    (tmp_path / "16").mkdir()
    (tmp_path / "17").symlink_to("16")
    for name in ["030", "0x1", "-1", "1.5", "٣", "18_a", "file.txt"]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").write_text("")
    there = {path.name for path in tmp_path.iterdir()}
    checkpoints = Checkpoints(tmp_path, keep=2)
    assert checkpoints.steps() == []
    for step in [14, 15, 16, 17]:
        saved(tmp_path, steps=[step], keep=2)
        assert read(checkpoints).step == step
    assert checkpoints.steps() == [16, 17]
    assert there <= {path.name for path in tmp_path.iterdir()}
    saved(tmp_path, steps=[17, 18])
    assert checkpoints.steps() == [16, 17, 18]
    assert not any((tmp_path / "16").iterdir())


def test_exchanged_folders_and_seals_are_recognised(tmp_path):
    checkpoints = saved(tmp_path, steps=[1, 2, 3])
    (tmp_path / "2").rename(tmp_path / "x")
    (tmp_path / "3").rename(tmp_path / "2")
    (tmp_path / "x").rename(tmp_path / "3")
    assert checkpoints.steps() == [1]
    with pytest.warns(UserWarning, match=r"has the seal of step [23]; going on from step 1"):
        found = read(checkpoints)
    assert found.step == found.trees["tree"]["w"][0] == 1
    seal = tmp_path / "3" / "sha256.json"
    seal.write_bytes((tmp_path / "2" / "sha256.json").read_bytes())
    with pytest.warns(UserWarning, match=r"METADATA is missing or damaged|seal of step 3"):
        assert read(checkpoints).step == 1


SEALS = ["{}", "null", "[]", "3", '"a"', '{"files": {}}', "[" * 100_000, "", "\0", "{" * 9, "NaN"]


@pytest.mark.parametrize("content", SEALS, ids=range(len(SEALS)))
@pytest.mark.parametrize("file", ["sha256.json", "notes.json"])
def test_other_json_in_the_place_of_a_seal_or_of_notes(file, content, tmp_path):
    checkpoints = saved(tmp_path)
    (tmp_path / "2" / file).write_text(content)
    message = f"2/{file} is missing or damaged; going on from step 1"
    with pytest.warns(UserWarning, match=message):
        assert read(checkpoints).step == 1


def test_a_link_in_the_place_of_a_checkpoint(tmp_path):
    checkpoints = saved(tmp_path / "run")
    (tmp_path / "run" / "2").rename(tmp_path / "2")
    (tmp_path / "run" / "2").symlink_to(tmp_path / "2")
    with pytest.warns(UserWarning, match="2 is a link, which is not followed; going on from"):
        assert read(checkpoints).step == 1
    saved(tmp_path / "run", steps=[2])
    assert read(checkpoints).step == 2
    saved(tmp_path / "run", steps=[3], keep=1)
    assert (tmp_path / "2" / "sha256.json").exists()


def forge(folder, step):
    """Give a folder the seal of what is in it, as no damage does."""
    (folder / "sha256.json").unlink()
    _seal.seal(folder, step)


def test_shapes_are_compared_before_anything_is_read(tmp_path, monkeypatch):
    """A few KB that unpack to 128 MB: refused, and not unpacked."""
    checkpoints = saved(tmp_path)
    shutil.rmtree(tmp_path / "2" / "0")
    _arrays.write(tmp_path / "2" / "0", [np.zeros(1 << 24)])
    forge(tmp_path / "2", 2)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 1 << 17
    original, unpacked = Checkpointer.restore, []

    def restore(self, directory, *args, **kwargs):
        unpacked.append(directory)
        return original(self, directory, *args, **kwargs)

    monkeypatch.setattr(Checkpointer, "restore", restore)
    with pytest.warns(UserWarning, match=r"array 0 should be float32\[400\], and is float64\[167"):
        assert read(checkpoints).step == 1
    assert [*map(str, unpacked)] == [str(tmp_path / "1" / "0")]


@pytest.mark.parametrize("notes", ['{"trees": 3}', '{"trees": {"tree": 3}, "notes": {}}'])
def test_forged_notes(notes, tmp_path):
    checkpoints = saved(tmp_path)
    (tmp_path / "2" / "notes.json").write_text(notes)
    forge(tmp_path / "2", 2)
    with pytest.warns(UserWarning, match="notes.json is missing or damaged; going on from step 1"):
        assert read(checkpoints).step == 1


def test_a_checkpoint_is_replaced_without_a_moment_without_one(tmp_path, monkeypatch):
    saved(tmp_path, steps=[1], keep=1)
    monkeypatch.setattr(shutil, "rmtree", pytest.fail)
    original = Path.rename

    def rename(path, target):
        assert any((tmp_path / name / "sha256.json").exists() for name in ["1", "1_"])
        return original(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
    saved(tmp_path, steps=[1], keep=1)
    assert Checkpoints(tmp_path).steps() == [1]


def test_only_the_newest_are_kept(tmp_path):
    checkpoints = saved(tmp_path, steps=[1, 2, 3, 14], keep=2)
    assert checkpoints.steps() == [3, 14]
    assert read(checkpoints).step == 14
    assert saved(tmp_path, steps=[15], keep=1).steps() == [15]


def test_an_earlier_step_leaves_the_later_ones_behind(tmp_path):
    checkpoints = saved(tmp_path, steps=[1, 2, 3, 2])
    assert checkpoints.steps() == [1, 2]


def test_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path / "nowhere")
    assert checkpoints.steps() == []
    with pytest.raises(
        FileNotFoundError, match=r"nowhere does not exist\. Pass the directory that"
    ):
        read(checkpoints)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no checkpoint"):
        read(Checkpoints(tmp_path))
    with pytest.raises(OSError, match=r"Checkpoints: .*longlong cannot be read"):
        read(Checkpoints(tmp_path / ("long" * 2000)))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="file does not exist"):
        read(Checkpoints(tmp_path / "file"))


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


@pytest.mark.parametrize(
    "step, trees, notes, error, message",
    [
        (True, {}, {}, TypeError, "step must be an integer"),
        (1.0, {}, {}, TypeError, "step must be an integer"),
        (-1, {}, {}, ValueError, "step must be at least 0"),
        (1, [1], {}, TypeError, "trees must name its trees"),
        (1, {1: 2}, {}, TypeError, "trees must name its trees"),
        (1, {}, [], TypeError, "notes must be a dict"),
        (1, {}, {"a": np.float32(3)}, TypeError, "notes must be what JSON can hold"),
        (1, {"a": {"b": "c"}}, {}, TypeError, r"a\['b'\] must be an array or a number"),
        (1, {"a": np.ma.masked_array([1.0], [True])}, {}, TypeError, "Checkpoints: a .*mask"),
        (1, {"a": np.array(["c"])}, {}, TypeError, "a must be an array or a number"),
    ],
)
def test_what_cannot_be_saved(step, trees, notes, error, message, as_users_run_it, tmp_path):
    with pytest.raises(error, match=message):
        Checkpoints(tmp_path).save(step, trees, notes)
    assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


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
    half = tmp_path / f".{found.step + 2}.new"
    half.mkdir(exist_ok=True)
    assert read(checkpoints).step == found.step
    saved(tmp_path, steps=[found.step + 1])
    assert read(checkpoints).step == found.step + 1
    assert not half.exists()
