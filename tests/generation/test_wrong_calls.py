"""What a wrong call of `generate` or of a sampler says."""

import jax
import numpy as np
import pytest

from jaxrnn import cells
from jaxrnn.generation import Greedy, Nucleus, Temperature, TopK, generate
from jaxrnn.networks import Bidirectional, Dense, Embedding, Recurrent, stack
from tests.zoo import zeros

T, B, I, H, V = 5, 2, 3, 4, 7  # noqa: E741
GRU = cells.GRU(I, H)
XS = np.zeros((T, B, I), np.float32)
MASK = np.ones((T, B), bool)
PROMPT = np.zeros((T, B), np.int32)


pytestmark = pytest.mark.usefixtures("as_users_run_it")


def write(prompt=PROMPT, length=3, network=None, **options):
    """A row's call of `generate`."""

    def call():
        layers = network or stack(Embedding(V, I), Recurrent(GRU), Dense(H, V))
        params = zeros(layers)
        given = {"key": jax.random.key(0)} | options
        return generate(layers, params, prompt, length, **given)

    return call


ROWS = [
    (write(np.ma.masked_array(PROMPT)), TypeError, "generate: prompt is a masked array of numpy"),
    (write(3), TypeError, "generate: prompt must be an array, got Python numbers, such as 3"),
    (lambda: Greedy()(0, XS), TypeError, "Greedy: key must be a key, got 0. Make one"),
    (
        lambda: Greedy().adjust(XS[0, 0, 0]),
        ValueError,
        r"Greedy: logits must be \[\*batch, V\], got",
    ),
    (
        write(key=jax.random.split(jax.random.key(0))),
        TypeError,
        "generate: key .* It holds several",
    ),
    (lambda: Greedy()(jax.random.key(0), ["x"]), TypeError, "Greedy: logits must be an array"),
    (lambda: Greedy()(jax.random.key(0), PROMPT), TypeError, "Greedy: logits must be floating"),
    (lambda: Greedy()(jax.random.key(0), XS[..., :0]), ValueError, r"must be \[\*batch, V\], got"),
    (write(PROMPT * 1.0), TypeError, "generate: the prompt must hold integers, got float"),
    (write("the dog"), TypeError, "generate: .* integers, got text, 'the dog'. .*`vocab.encode"),
    (write(["the", "dog"]), TypeError, "generate: .* got text, .*'the', 'dog'.*`vocab.encode"),
    (write(b"the dog"), TypeError, "generate: .* got text, b'the dog'. .*`vocab.encode"),
    (write(PROMPT[:0]), ValueError, r"generate: the prompt needs a symbol, got int32\[0,2\]"),
    (write(np.int32(1)), ValueError, r"generate: the prompt needs a symbol, got int32\[\]"),
    (write(length=0), ValueError, "generate: length must be at least 1, got 0"),
    (write(length=3.0), TypeError, "generate: length must be an integer, got 3.0"),
    (write(PROMPT + V), ValueError, "generate: the logits .* NaN.* a symbol that the network"),
    (write(stop=V), ValueError, r"generate: stop must lie in \[0, 7\), got 7"),
    (write(stop=-1), ValueError, r"generate: stop must lie in \[0, 7\), got -1"),
    (write(stop="x"), TypeError, "generate: stop must be an integer, got 'x'"),
    (
        write(sampler=Greedy),
        TypeError,
        r"generate: sampler .* got the class `Greedy`. Call it: `Greedy\(\)`",
    ),
    (write(sampler="greedy"), TypeError, "generate: sampler must be .* `Sampler`, got 'greedy'"),
    (write(lengths=[0, 5]), ValueError, r"generate: lengths .* \[1, T=5\], got 0"),
    (write(lengths=np.array([6, 5])), ValueError, r"generate: lengths .* \[1, T=5\], got 6"),
    (write(lengths=np.ones(2)), TypeError, "generate: lengths must be integers"),
    (write(lengths=np.array([1])), ValueError, r"batch shape \(2,\), got \(1,\)"),
    (write([[1, 2], [3]]), TypeError, r"generate: the prompt must be .*`data.pad`.*`lengths`"),
    (write([[]]), ValueError, r"generate: the prompt needs a symbol, got float32\[1,0\]"),
    (write(length=10**15), ValueError, r"generate: the symbols would be int32\[10+,2\] and take"),
    (write(key=0), TypeError, r"generate: key must be a key, got 0. Make one: `jax.random.key"),
    (write(stop=True), TypeError, "generate: stop must be an integer, got True"),
    (write(forbid=[0, 7]), ValueError, r"generate: forbid must lie in \[0, 7\), got 7"),
    (write(forbid=[-1]), ValueError, r"generate: forbid must lie in \[0, 7\), got -1"),
    (write(forbid="ab"), TypeError, "generate: forbid must be symbols or Bool"),
    (write(forbid=range(7)), ValueError, "generate: forbid leaves no symbol to draw"),
    (write(forbid=[0.0, 1.0]), TypeError, "forbid must be symbols or Bool.V., got float"),
    (write(forbid=MASK), ValueError, r"Bool\[V\] or .*, \(7,\) or \(2, 7\), got \(5, 2\)"),
    (write(forbid=[2], stop=2), ValueError, "stop, 2, is among the symbols that are forbidden"),
    (write(network=Dense(3, V)), ValueError, r"generate: the network must read symbols, .*\(3,\)"),
    (write(sampler=Temperature(np.ones(3))), ValueError, r"one for each row of the batch \(2,\)"),
    (write(sampler=Nucleus(np.ones(V))), ValueError, r"Nucleus: mass must be one number, or one"),
    (write(sampler=TopK((1, 2, 3))), ValueError, r"TopK: k must be one number, .* array \(3,\)"),
    (write(sampler=TopK(2, np.ones(V))), ValueError, r"TopK: temperature must be one number, or"),
    (lambda: TopK((1, 0)), ValueError, r"TopK: k\[1\] must be at least 1, got 0"),
    (lambda: TopK((1, 0.5)), TypeError, r"TopK: k\[1\] must be an integer, got 0.5"),
    (lambda: TopK(()), TypeError, r"TopK: k must be an integer, got \(\)"),
    (
        write(network=stack(Embedding(V, I), Bidirectional(GRU, GRU))),
        TypeError,
        "Bidirectional cannot stream.*a forward layer",
    ),
    (
        lambda: generate(GRU, (), PROMPT, 3, key=jax.random.key(0)),
        TypeError,
        r"generate: network must be .* `Layer`, got GRU.*`networks.Recurrent\(cell\)`",
    ),
    (lambda: Temperature(0.0), ValueError, r"Temperature: .* positive .* got 0.0. `Greedy\(\)`"),
    (lambda: Temperature(float("inf")), ValueError, "Temperature: .* finite, got inf"),
    (lambda: TopK(0), ValueError, "TopK: k must be at least 1, got 0"),
    (lambda: TopK(2, -1.0), ValueError, "TopK: temperature must be positive .* got -1.0"),
    (lambda: Nucleus(0.0), ValueError, r"Nucleus: mass must lie in \(0, 1\], got 0.0"),
    (lambda: Nucleus(1.5), ValueError, r"Nucleus: mass must lie in \(0, 1\], got 1.5"),
    (lambda: Nucleus(0.5, 0), ValueError, "Nucleus: temperature must be positive .* got 0"),
]


@pytest.mark.parametrize(("call", "error", "says"), ROWS, ids=[says for _, _, says in ROWS])
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        call()
