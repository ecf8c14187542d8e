"""What takes arrays refuses what numpy would read as something else; sizes fit into memory."""

import re

import jax
import numpy as np
import pytest

from jaxrnn import _check, data, tasks
from jaxrnn.data import Batch

pytestmark = pytest.mark.usefixtures("as_users_run_it")

FLOATS = np.linspace(0.1, 0.9, 6)
ROWS = np.full((2, 2), 0.5)


def shuffled(inputs=FLOATS[:, None], targets=FLOATS[:, None], **parts):
    return data.Shuffled(Batch(inputs, targets, **parts), batch=1, seed=0)


TAKES = {
    "windows: series": (lambda x: data.windows(x, length=2), FLOATS),
    "pad: sequence 1": (lambda x: data.pad([FLOATS, x]), FLOATS),
    "bucket: sequence 1": (lambda x: data.bucket([FLOATS, x]), FLOATS),
    "length_mask: lengths": (lambda x: data.length_mask(x, 3), np.array([1, 2])),
    "Stream: tokens": (lambda x: data.Stream(x, batch=1, length=2), np.array([1, 2, 3])),
    "Shuffled: inputs": (lambda x: shuffled(inputs=x), FLOATS[:, None]),
    "Shuffled: targets": (lambda x: shuffled(targets=x), FLOATS[:, None]),
    "Shuffled: mask": (lambda x: shuffled(mask=x), np.ones((6, 1), bool)),
    "Shuffled: resets": (lambda x: shuffled(resets=x), np.ones((6, 1), bool)),
    "Vocab.decode: numbers": (data.Vocab.characters("ab").decode, np.array([2, 3])),
    "NGram: symbols": (lambda x: tasks.NGram(x, 1, 3), np.array([1, 2])),
    "HMM.filter: observations": (tasks.coin().filter, np.array([1, 0])),
    "HMM.surprisal: observations": (tasks.coin().surprisal, np.array([1, 0])),
    "excess_loss: observations": (
        lambda x: tasks.excess_loss(tasks.coin(), x, np.zeros((1, 2), np.float32)),
        np.array([1, 0]),
    ),
    "excess_loss: logits": (
        lambda x: tasks.excess_loss(tasks.coin(), [1, 0], x),
        np.zeros((1, 2), np.float32),
    ),
    "iid: probabilities": (tasks.iid, ROWS[0]),
    "markov: matrix": (tasks.markov, ROWS),
    "markov: initial": (lambda x: tasks.markov(ROWS, x), ROWS[0]),
    "hidden_markov: transitions": (lambda x: tasks.hidden_markov(x, ROWS), ROWS),
    "hidden_markov: emissions": (lambda x: tasks.hidden_markov(ROWS, x), ROWS),
    "channel: the matrix": (lambda x: tasks.channel(tasks.coin(), x), ROWS),
    "periodic: the word": (tasks.periodic, np.array([0, 1])),
}
EVERY = pytest.mark.parametrize(("call", "array"), TAKES.values(), ids=TAKES)


class Tensor:
    """As one of another library, that keeps a gradient or stands on a device."""

    def __init__(self, array=None):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use detach().")
        return self.array


def masked(array):
    mask = np.zeros(array.shape, bool)
    mask.flat[-1] = True
    return np.ma.array(np.where(mask, array.dtype.type(10**9), array), mask=mask)


@EVERY
def test_hidden_values_never_become_data(call, array, request):
    who = request.node.callspec.id
    hidden = masked(array)
    for value in (hidden, *([[*hidden]] if hidden.ndim > 1 else [])):
        with pytest.raises(TypeError, match=f"^{who} must .* mask would be lost.*filled"):
            call(value)


def test_a_masked_array_that_hides_nothing_is_one():
    assert data.windows(np.ma.array(FLOATS), length=2).inputs.shape == (2, 4, 1)


@EVERY
def test_other_things_are_no_arrays(call, array, request):
    who = request.node.callspec.id
    strangers = [object(), Tensor(), "text", [[1.0], [2.0, 3.0]], np.array(["a"]), {1, 2}]
    for value in [*strangers, jax.random.key(0)]:
        with pytest.raises(TypeError, match=f"^{who} must be an array"):
            call(value)


@EVERY
def test_arrays_of_other_libraries_are_read(call, array):
    assert call(Tensor(array)) is not None


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: data.windows(Batch(FLOATS, FLOATS), length=2),
            "windows: series must be .* got a `Batch` of inputs, targets, mask, resets",
        ),
        (lambda: data.windows({"a": FLOATS}, length=2), "windows: series must be .* got a dict"),
        (
            lambda: jax.jit(lambda x: data.windows(x, length=2))(FLOATS),
            r"windows: series must be known, got a traced float32\[6\].*outside of `jit`",
        ),
        (
            lambda: data.windows(masked(FLOATS), length=2),
            r"series must hold all its values, got a masked float64\[6\], in which 1 are hidden. "
            "The mask would be lost: .*`x.filled.0.`.*; or cut the data where they have gaps",
        ),
        (lambda: data.windows([[1.0], [1.0, 2]], length=2), "different lengths go through data.p"),
        (lambda: data.windows(Tensor(), length=2), r"requires grad. Use detach\(\)"),
        (lambda: data.pad(Batch(FLOATS, FLOATS)), "pad: sequences .* got a `Batch` of inputs, tar"),
        (lambda: data.bucket({"a": FLOATS}), "bucket: sequences must be a list .* got a dict"),
        (lambda: data.pad("text"), "pad: sequences .* got 'text'. Text goes through Vocab.encode"),
        (lambda: data.pad(3), "pad: sequences must be a list of arrays, got 'int' object is not"),
        (lambda: data.pad([3, 4]), r"pad: sequence 0 must be \[T, ...\], got the number 3. A list"),
        (lambda: data.pad([Batch(FLOATS, FLOATS)]), "pad: sequence 0 must be .* got a `Batch` of"),
        (
            lambda: data.pad([[1]], value="x"),
            "pad: value must be a number that int64 holds, got 'x'",
        ),
        (lambda: data.pad([[1.0]], value=1j), "pad: value must be a number that float64 .* got 1j"),
        (
            lambda: data.pad([np.ones(2, jax.numpy.bfloat16), np.ones(1, int)]),
            "pad: sequences must have one dtype, got bfloat16 and int64. Convert them",
        ),
        (
            lambda: data.Shuffled(FLOATS, FLOATS, batch=1, seed=0),
            r"Shuffled: examples must be one Batch, got 2 arguments.*Batch\(inputs, targets\)",
        ),
        (
            lambda: data.Shuffled(Batch([[1.0, 2.0]], FLOATS), batch=1, seed=0),
            r"Shuffled: inputs must be .* got 1.0 in a tree. .*np.asarray\(inputs\)",
        ),
        (lambda: data.Interleaved(shuffled(), seed=0), r"datasets must be a list.*\[dataset\]"),
        (lambda: data.Interleaved(Batch(FLOATS, FLOATS), seed=0), "Interleaved: datasets must be"),
        (lambda: data.Interleaved([FLOATS], seed=0), "Interleaved: dataset 0 must be .* `Dataset`"),
        (lambda: shuffled()["x"], r"Shuffled\[step\] takes an integer of at least 0, got 'x'"),
        (lambda: shuffled(mask=FLOATS[:, None]), "Shuffled: mask must be Bool, got float"),
        (
            lambda: data.Shuffled(Batch(FLOATS, FLOATS), batch=1, seed=0, target_axis=1.0),
            "Shuffled: target_axis must be an integer, got 1.0",
        ),
    ],
)
def test_the_remedy_is_said(call, says):
    with pytest.raises(TypeError, match=f"(?s){says}"):
        call()


HUGE = 10**14


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: data.pad([[1]], length=HUGE),
            r"pad: the padded array would be int64\[100000000000000,1\] and take 727.5 TiB; this "
            "machine has 16.0 GiB. Pass a smaller length",
        ),
        (lambda: data.pad([[1]], length=10**400), "pad: .* PiB"),
        (lambda: data.length_mask([1, 2], HUGE), "length_mask: the mask would be bool.* TiB"),
        (
            lambda: data.windows(np.zeros(2 * 10**7, np.int8), length=10**7),
            r"windows: the targets would be int8\[10000000,10000000,1\] and take 90.9 TiB",
        ),
        (lambda: data.Stream([1, 2], batch=1, length=HUGE), "Stream: a batch would be .* TiB"),
        (
            lambda: data.Shuffled(Batch(FLOATS[:, None], FLOATS[:, None]), batch=HUGE, seed=0),
            "Shuffled: a batch would be .* PiB; .* Take a smaller batch",
        ),
        (
            lambda: tasks.CopyMemory(3, HUGE).batch(2, key=jax.random.key(0)),
            "CopyMemory.batch: .* PiB; this",
        ),
        (
            lambda: tasks.CopyMemory(HUGE).batch(2, key=jax.random.key(0)),
            "CopyMemory.batch: the inputs .* TiB",
        ),
        (
            lambda: tasks.CopyMemory(3).batch(HUGE, key=jax.random.key(0)),
            "CopyMemory.batch: the inputs .* PiB",
        ),
        (
            lambda: tasks.Adding(HUGE).batch(2, key=jax.random.key(0)),
            "Adding.batch: the inputs .* PiB",
        ),
        (
            lambda: tasks.coin().sample(HUGE, key=jax.random.key(0)),
            "HMM.sample: what is drawn .* TiB",
        ),
        (
            lambda: tasks.coin().sample(2, (HUGE,), key=jax.random.key(0)),
            "HMM.sample: what is drawn .* PiB",
        ),
        (lambda: tasks.AnBn(letters=HUGE), "AnBn: one prediction .* TiB"),
        (lambda: tasks.Dyck(kinds=HUGE), "Dyck: one prediction .* TiB"),
        (lambda: tasks.Dyck(depth=HUGE), "Dyck: the state would be int32.* TiB"),
        (lambda: tasks.periodic([HUGE]), "periodic: the transitions .* TiB"),
        (lambda: tasks.periodic(range(10**5)), "periodic: the transitions .* PiB"),
        (lambda: tasks.markov(np.eye(1500)), "markov: the transitions .* 25.1 GiB"),
        (
            lambda: tasks.erasure(tasks.iid(np.full(10**6, 1e-6)), 0.5),
            "erasure: the channel .* TiB",
        ),
        (lambda: tasks.NGram([0], 10**12, 3), "NGram: 3 symbols in contexts of 10"),
        (lambda: tasks.NGram([0], 10**12, 1), "NGram: 1 symbols in contexts of 10"),
    ],
)
def test_sizes_are_refused_before_memory_is_asked_for(call, says, monkeypatch):
    monkeypatch.setattr(_check, "_memory", lambda: 2**34)
    with pytest.raises(ValueError, match=f"(?s){says}"):
        call()


def test_buckets_are_never_padded_to_the_longest():
    """These would be 80 GB, side by side."""
    short, long = np.zeros(1, np.int8), np.zeros(10**7, np.int8)
    buckets = data.bucket([long, *[short] * 8000], count=2)
    assert [bucket.padded.values.shape for bucket in buckets] == [(1, 8000), (10**7, 1)]


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        (np.uint8, -100, False),
        (np.uint8, 256, False),
        (np.uint8, 255, True),
        (np.int32, -100, True),
        (np.int64, 2**63, False),
        (np.int64, 10**400, False),
        (bool, 2, False),
        (bool, True, True),
        (bool, 0, True),
        (np.float32, 1e300, False),
        (np.float32, 10**400, False),
        (np.float32, np.inf, True),
        (np.float32, np.nan, True),
        (np.float32, 0.1, True),
        (np.float16, 70000, False),
        (jax.numpy.bfloat16, 0.1, True),
        (jax.numpy.bfloat16, 1e300, False),
    ],
)
def test_padding_is_what_was_asked_for(dtype, value, fits):
    sequences = [np.ones(2, dtype), np.ones(1, dtype)]
    if fits:
        last = data.pad(sequences, value=value).values[1, 1]
        assert last == np.asarray(value).astype(dtype) or np.isnan(value)
        assert last.dtype == dtype
        assert data.bucket(sequences, count=1, value=value)[0].padded.values[1, 1].dtype == dtype
    else:
        message = re.escape(f"pad: {np.dtype(dtype)} cannot hold value={value!r}")
        with pytest.raises(ValueError, match=message):
            data.pad(sequences, value=value)
