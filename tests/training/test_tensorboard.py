"""`TensorBoard`: what is in the files, read back."""

import struct

import jax
import numpy as np
import optax
import pytest

from jaxrnn import metrics, networks, objectives, training

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")

BATCH = np.ones((3, 2, 2), np.float32), np.zeros((3, 2), int)


def written(directory):
    """The events of all files, in their order: a record is a length, its check, and the bytes."""
    for file in sorted(directory.glob("events.*")):
        content, at = file.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            yield event_pb2.Event.FromString(content[at + 12 : at + 12 + size])
            at += size + 16


def scalars(directory):
    return {
        (value.tag, event.step): value.simple_value
        for event in written(directory)
        for value in event.summary.value
        if value.HasField("simple_value")
    }


def fit(board, steps, **more):
    per_class = metrics.grouped(metrics.nll(), 3, _label)
    scores = metrics.collect(accuracy=metrics.accuracy(), per_class=per_class)
    trainer = training.Trainer(
        networks.Dense(2, 3), objectives.CrossEntropy(), optax.sgd(0.1), scores
    )
    return trainer, training.fit(
        trainer,
        [BATCH],
        steps=steps,
        every=2,
        key=jax.random.key(0),
        callbacks=[board],
        progress=None,
        **more,
    )


def _label(outputs, targets):
    return targets


def test_every_row_is_in_the_file(tmp_path):
    directory = tmp_path / "a [run] é*"
    board = training.TensorBoard(directory)
    trainer, result = fit(board, 4, validation=BATCH)
    # Nothing is closed yet: a row can be read as soon as it is there.
    got = scalars(directory)
    assert {step for _, step in got} == {2, 4}
    for row in result.history:
        for name, value in row.items():
            for place, number in enumerate(np.ravel(value) if name != "step" else []):
                tag = name if np.ndim(value) == 0 else f"{name}/{place}"
                np.testing.assert_allclose(got[tag, row["step"]], number, rtol=1e-6)
    texts = [
        value.tensor.string_val[0].decode()
        for event in written(directory)
        for value in event.summary.value
        if not value.HasField("simple_value")
    ]
    assert len(texts) == 1 and repr(trainer) in texts[0]
    board.close()
    board.close()


def test_a_resumed_run_goes_on_in_the_same_directory(tmp_path):
    kept = training.Checkpoints(tmp_path / "run", every=4)
    for steps in (4, 8):
        with training.TensorBoard(tmp_path / "board") as board:
            fit(board, steps, checkpoints=kept)
    assert {step for _, step in scalars(tmp_path / "board")} == {2, 4, 6, 8}
    purged = [event.step for event in written(tmp_path / "board") if event.session_log.status]
    assert purged[-1] == 6


def test_what_cannot_be_written_is_refused_at_once(tmp_path, as_users_run_it):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"TensorBoard: .* cannot be written"):
        training.TensorBoard(tmp_path / "file" / "board")
    with pytest.raises(ValueError, match="TensorBoard: directory must be local"):
        training.TensorBoard("gs://bucket/run")
    with pytest.raises(TypeError, match="TensorBoard"):
        training.TensorBoard(3)
    with pytest.raises(TypeError, match="event must be a kind of `Event`"):
        training.TensorBoard(tmp_path / "a")("row")
