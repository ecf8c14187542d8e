"""What a wrong call says: who, what was wanted, what came."""

import jax
import numpy as np
import pytest

from jaxrnn import cells, engines, unroll
from jaxrnn.generation import Nucleus
from jaxrnn.networks import (
    Bidirectional,
    Dense,
    Dropout,
    Recurrent,
)
from tests.zoo import zeros

T, B, I, H = 5, 2, 3, 4  # noqa: E741
CELLS = {"gru": cells.GRU(I, H), "lstm": cells.LSTM(I, H), "lru": cells.LRU(I, H)}
XS = np.zeros((T, B, I), np.float32)
MASK = np.ones((T, B), bool)
FUNCTIONS = cells.from_functions(
    init=lambda key: (), carry=lambda params, batch: (), step=lambda params, carry, x: (carry, x)
)
WITHOUT_BATCH = cells.from_functions(
    init=lambda key: (),
    carry=lambda params, batch: jax.numpy.zeros(()),
    step=lambda params, carry, x: (carry + 1, x),
)
OUTPUT_WITHOUT_BATCH = cells.from_functions(
    init=lambda key: (), carry=lambda params, batch: (), step=lambda params, carry, x: ((), x.sum())
)


pytestmark = pytest.mark.usefixtures("as_users_run_it")


def run(xs=XS, cell="gru", **options):
    """A row's call of `unroll`."""
    return lambda: unroll(CELLS[cell], zeros(CELLS[cell]), xs, **options)


def derive(base):
    return lambda: type("Mine", (base,), {})


LSTM_CARRY = cells.LSTMCarry(np.zeros((B, H), np.float32), np.zeros((B, H), np.float32))

UNROLL = [
    (run(XS[0, 0]), ValueError, r"unroll: xs must be \[T, \*batch, features\], got float32\[3\]"),
    (run(np.float32(1)), ValueError, r"unroll: xs must be .* got float32\[\].*xs\[\.\.\., None\]"),
    (run(()), ValueError, "unroll: xs holds no array"),
    (run(XS.tolist()), TypeError, r"unroll: xs holds Python numbers.*Pass jnp.asarray\(xs\)"),
    (run({"a": XS}), ValueError, "unroll: GRU takes 3 features, xs is a dict of float32"),
    (
        lambda: unroll(CELLS["gru"], zeros(CELLS["lstm"]), XS),
        ValueError,
        r"parameters are not those of GRU\(.*recurrent is \(4, 16\), not \(4, 12\).*cell.init",
    ),
    (
        run(XS[..., :2]),
        ValueError,
        r"unroll: GRU takes 3 features, xs is float32\[5,2,2\]",
    ),
    (run((XS, XS)), ValueError, r"GRU takes 3 features, xs is a tuple of float32\[5,2,3\] and"),
    (run((XS, XS[1:])), ValueError, r"must share \[T, \*batch\], got float32\[5,2,3\] and .*\[4,"),
    (run(XS.astype(int)), TypeError, "unroll: GRU: xs must be floating, got int32. Embed symbols"),
    (run(XS > 0), TypeError, "unroll: GRU: xs must be floating, got bool"),
    (run(XS + 0j), TypeError, "unroll: GRU: xs must be floating, got complex"),
    (run(XS[:0]), ValueError, r"unroll: xs has T = 0: .* \(float32\[0,2,3\]\)"),
    (run(XS[:, :0]), ValueError, r"unroll: xs has an empty batch \(float32\[5,0,3\]\)"),
    (run(lengths=np.array([5, -1])), ValueError, r"lengths must lie in \[0, T=5\], got -1"),
    (run(lengths=np.array([6, 5])), ValueError, r"unroll: lengths must lie in \[0, T=5\], got 6"),
    (run(lengths=np.array([5.0, 4])), TypeError, "unroll: lengths must be integers, got float"),
    (run(lengths=np.array([True, True])), TypeError, "lengths must be integers, got bool"),
    (run(lengths=np.array([5])), ValueError, r"must have the batch shape \(2,\), got \(1,\)"),
    (run(lengths=5), ValueError, r"lengths must have the batch shape \(2,\), got \(\)"),
    (run(XS[:, 0], lengths=np.array([5])), ValueError, r"the batch shape \(\), got \(1,\)"),
    (run(mask=MASK.T), ValueError, r"mask must be \[T, \*batch\] = \(5, 2\), got \(2, 5\)"),
    (run(mask=MASK[:, 0]), ValueError, r"unroll: mask must be .* = \(5, 2\), got \(5,\)"),
    (run(mask=MASK * 1.0), TypeError, "unroll: mask must be Bool, got float.* mask != 0"),
    (run(resets=MASK[:4]), ValueError, r"unroll: resets must be .* = \(5, 2\), got \(4, 2\)"),
    (run(resets=MASK * 1), TypeError, "unroll: resets must be Bool, got int.* resets != 0"),
    (run(carry=LSTM_CARRY), TypeError, "unroll: carry must have the structure .* got .*LSTMCarry"),
    (
        run(carry=tuple(LSTM_CARRY), cell="lstm"),
        TypeError,
        "structure .*LSTMCarry.*got .*makes one",
    ),
    (
        run(carry=LSTM_CARRY._replace(cell=XS[0]), cell="lstm"),
        ValueError,
        r"carry\.cell must be float32\[2,4\], got float32\[2,3\]. `cell.carry\(params, batch\)`",
    ),
    (run(carry=np.zeros(H, np.float32)), ValueError, r"carry must be float32\[2,4\], got .*\[4\]"),
    (run(carry=np.zeros((B, H), int)), TypeError, r"carry must be float32\[2,4\], got int32"),
    (
        run(cell="lru", carry=XS[..., 0]),
        ValueError,
        r"must be complex64\[2,4\], got float32\[5,2\]",
    ),
    (lambda: unroll(cells.GRU, (), XS), TypeError, "unroll: cell must be a `Cell`, got <class"),
    (
        run(engine=engines.Scan),
        TypeError,
        r"engine must be a kind of `Engine`, got the class `Scan`. Call it: `Scan\(\)`",
    ),
    (run(engine="scan"), TypeError, "unroll: engine must be a kind of `Engine`, got 'scan'"),
    (run(reverse="yes"), TypeError, "unroll: reverse must be True or False, got 'yes'"),
    (run(key=0), TypeError, r"unroll: key must be a key, got 0. Make one: `jax.random.key\(0\)`"),
    (run(resets=[[True], [True, False]]), TypeError, "unroll: resets must be an array"),
    (run("text"), TypeError, "unroll: xs must be an array, got a .str."),
    (run(XS.astype(object)), TypeError, "unroll: xs must hold numbers, got an array of object"),
    (run(np.ma.array(XS, mask=XS > 0)), TypeError, "unroll: xs is a masked array of numpy"),
    (run(carry=np.ma.zeros((B, H))), TypeError, "unroll: carry is a masked array of numpy"),
    (
        lambda: unroll(
            CELLS["gru"], jax.tree.map(lambda p: p.astype(int), zeros(CELLS["gru"])), XS
        ),
        ValueError,
        r"params.kernel is \(3, 12\) of whole numbers, not \(3, 12\)",
    ),
    (
        lambda: unroll(WITHOUT_BATCH, (), XS, mask=MASK),
        ValueError,
        r"all of the carry of FunctionCell must begin with the axes \(2,\), got float32\[\]",
    ),
    (
        lambda: unroll(OUTPUT_WITHOUT_BATCH, (), XS, mask=MASK),
        ValueError,
        r"the output of FunctionCell must begin with the axes \(5, 2\), got float32\[5\]",
    ),
]

ENGINES = [
    (
        run(engine=engines.Associative()),
        TypeError,
        r"`Associative` runs an `AssociativeCell`, got `GRU` \(a `GatedCell`\). Use `Scan\(\)`",
    ),
    (
        run(engine=engines.BPTT(), cell="lru"),
        TypeError,
        r"`BPTT` runs a `GatedCell`, got `LRU` \(a `LinearCell`\). Use `Scan\(\)`",
    ),
    (
        lambda: unroll(FUNCTIONS, (), XS, engine=engines.BPTT()),
        TypeError,
        r"`BPTT` runs a `GatedCell`, got `FunctionCell` \(a `Cell`\).*`project`, `mix` and `gate`",
    ),
    (
        run(engine=engines.Chunked(engines.Associative(), 2)),
        TypeError,
        "`Chunked` runs an `AssociativeCell`, got `GRU`",
    ),
    (
        run(engine=engines.Truncated(engines.Chunked(engines.BPTT(), 2), 2), cell="lru"),
        TypeError,
        "`Truncated` runs a `GatedCell`, got `LRU`",
    ),
    (
        lambda: Recurrent(CELLS["gru"], engines.Associative()),
        TypeError,
        "`Associative` runs an `AssociativeCell`, got `GRU`",
    ),
    (
        lambda: Recurrent(CELLS["lru"], engines.Chunked(engines.BPTT(), 2)),
        TypeError,
        "`Chunked` runs a `GatedCell`, got `LRU`",
    ),
    (
        lambda: Bidirectional(CELLS["gru"], CELLS["lru"], engines.BPTT()),
        TypeError,
        "`BPTT` runs a `GatedCell`, got `LRU`",
    ),
    (
        lambda: engines.Chunked(engines.Scan(), 0),
        ValueError,
        "Chunked: size must be at least 1, got 0",
    ),
    (
        lambda: engines.Truncated(engines.Scan(), 2.0),
        TypeError,
        "Truncated: size must be an integer",
    ),
    (
        lambda: engines.Chunked(engines.Scan, 2),
        TypeError,
        "Chunked: engine .* `Engine`, got the class `Scan`. Call it",
    ),
    (lambda: engines.Truncated(CELLS["gru"], 2), TypeError, "Truncated: engine .* got GRU"),
    (lambda: engines.Scan(unroll=-1), ValueError, "Scan: unroll must be at least 1, got -1"),
]

NOUNS = [
    (lambda: cells.LSTM(I, 0), ValueError, "LSTM: hidden must be at least 1, got 0"),
    (lambda: cells.GRU(-3, H), ValueError, "GRU: inputs must be at least 1, got -3"),
    (lambda: cells.Elman(I, 4.0), TypeError, "Elman: hidden must be an integer, got 4.0"),
    (lambda: cells.LRU("3", H), TypeError, "LRU: inputs must be an integer, got '3'"),
    (lambda: cells.Leaky(I, True), TypeError, "Leaky: hidden must be an integer, got True"),
    (lambda: cells.Elman(I, H, "tanh"), TypeError, "Elman: activation must be a function .*'tanh'"),
    (lambda: cells.Leaky(I, H, 0.5, 3), TypeError, "Leaky: activation must be a function .* got 3"),
    (
        lambda: unroll(cells.Leaky(I, H, np.ones(3)), zeros(cells.Leaky(I, H)), XS),
        ValueError,
        r"Leaky: leak must be a number or \[4\], got \(3,\)",
    ),
    (lambda: cells.LRU(I, H, 0.9, 0.5), ValueError, "LRU: radii must .*, got 0.9 and 0.5"),
    (lambda: cells.LRU(I, H, max_radius=1.5), ValueError, "max_radius <= 1, got 0.0 and 1.5"),
    (derive(cells.GRU), TypeError, "Mine derives from GRU, which is final. Hold one as a field"),
    (derive(engines.Scan), TypeError, "Mine derives from Scan, which is final"),
    (derive(Dense), TypeError, "Mine derives from Dense, which is final"),
    (cells.Cell, TypeError, "Can't instantiate abstract class Cell"),
    (lambda: setattr(CELLS["gru"], "hidden", 5), AttributeError, "cannot assign to field 'hidden'"),
]

ROWS = UNROLL + ENGINES + NOUNS


@pytest.mark.parametrize(("call", "error", "says"), ROWS, ids=[says for _, _, says in ROWS])
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        call()


def test_float64_inputs_of_float32_parameters(x64):
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), zeros(CELLS["gru"]))
    with pytest.raises(TypeError, match=r"GRU: xs is float64, wider than the parameters \(float32"):
        unroll(CELLS["gru"], params, XS.astype(np.float64))


def test_values_are_not_asked_of_tracers():
    """Inside `jit` nothing is known of the numbers: wrong lengths count as the nearest."""
    params = zeros(CELLS["gru"])
    counted = jax.eval_shape(
        lambda lengths: unroll(CELLS["gru"], params, XS, lengths=lengths)[1],
        jax.ShapeDtypeStruct((B,), np.int32),
    )
    assert counted.shape == (T, B, H)


def test_nouns_are_rebuilt_around_placeholders():
    """JAX fills nouns with its own objects, which no check sees; so nouns of axes are made."""
    for noun in (Dropout(0.5), Recurrent(cells.LSTM(I, H)), Nucleus(0.5), cells.LRU(I, H)):
        assert jax.tree.map(lambda leaf: object(), noun) is not None
        assert isinstance(jax.vmap(lambda noun: noun, axis_size=2, in_axes=None)(noun), type(noun))
    rates = np.linspace(0, 0.5, 3)
    axes = jax.tree.map(lambda leaf: 0, Dropout(0.5))
    assert jax.vmap(lambda noun: noun.rate, in_axes=(axes,))(Dropout(rates)).shape == (3,)
