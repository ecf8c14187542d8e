"""What is no array of numbers is refused by name, wherever an array is asked."""

import datetime

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import information as info

pytestmark = pytest.mark.usefixtures("as_users_run_it")

Z = np.zeros((4, 3), np.float32)
THETA = np.zeros((5, 4, 3), np.float32)
SYMBOLS = np.zeros((5, 2), int)
FLAGS = np.ones(5, bool)
WRONG = {
    "None": None,
    "text": "x",
    "texts": np.array(["x"]),
    "function": jnp.sin,
    "date": datetime.date(2020, 1, 1),
    "ragged": [[1.0, 2.0], [3.0]],
    "objects": np.array(object()),
    "large": 10**12,
    "key": jax.random.key(0),
    "masked": np.ma.masked_array(np.zeros(3), [1, 0, 0]),
}
CALLS = {
    "entropy: logits": info.entropy,
    "entropy: classes": lambda x: info.entropy(Z, classes=x),
    "varentropy: logits": info.varentropy,
    "binary_entropy: logit": info.binary_entropy,
    "gaussian_entropy: std": info.gaussian_entropy,
    "log_softmax: logits": info.log_softmax,
    "logsumexp: logits": info.logsumexp,
    "surprisal: labels": lambda x: info.surprisal(Z, x),
    "kl_divergence: q_logits": lambda x: info.kl_divergence(Z, x),
    "renyi_entropy: order": lambda x: info.renyi_entropy(Z, x),
    "mutual_information: joint": info.mutual_information,
    "plugin_entropy: counts": info.plugin_entropy,
    "lagged_mutual_information: y": lambda x: info.lagged_mutual_information(
        SYMBOLS, x, [1], classes=2
    ),
    "lagged_mutual_information: lags": lambda x: info.lagged_mutual_information(
        SYMBOLS, SYMBOLS, x, classes=2
    ),
    "chain_potentials: start": lambda x: info.chain_potentials(Z, Z[:3], x),
    "chain_log_partition: potentials": info.chain_log_partition,
    "chain_log_partition: mask": lambda x: info.chain_log_partition(THETA, mask=x),
    "ctc_log_partition: labels": lambda x: info.ctc_log_partition(Z, x),
    "ctc_log_partition: lengths": lambda x: info.ctc_log_partition(Z, SYMBOLS[:2, 0] + 1, x),
    "path_renyi: alpha": lambda x: info.path_renyi(info.chain_log_partition, THETA, x),
    "teacher_forced_entropy: logits": info.teacher_forced_entropy,
    "teacher_forced_entropy: mask": lambda x: info.teacher_forced_entropy(THETA[:, 0], mask=x),
    "to_bits: nats": info.to_bits,
}
OPTIONAL = "classes", "mask", "start", "lengths"


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_array_of_numbers(name):
    for wrong, value in WRONG.items():
        if wrong == "None" and name.endswith(OPTIONAL):
            continue
        # A whole number may be one of the right kind, and only too large.
        with pytest.raises((TypeError, ValueError) if wrong == "large" else TypeError, match=name):
            CALLS[name](value)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: info.conditional_entropy(Z[:1] + 1 / 3, given=1.5),
            TypeError,
            "given must be an axis or several, as integers, got 1.5",
        ),
        (
            lambda: info.lagged_mutual_information(SYMBOLS, SYMBOLS, [1], classes=10**9),
            ValueError,
            r"counts of all pairs would be int32\[1000000000,1000000000\]",
        ),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call()
