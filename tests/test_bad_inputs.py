"""What a wrong call says: who, what was wanted, what came."""

import jax
import jaxtyping
import numpy as np
import pytest

from jaxrnn import cells, engines, networks, unroll
from jaxrnn.generation import Greedy, Nucleus, Temperature, TopK, generate
from jaxrnn.networks import (
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    LastPool,
    LayerNorm,
    MaxPool,
    MeanPool,
    Recurrent,
    Residual,
    VariationalDropout,
    stack,
)

T, B, I, H, V = 5, 2, 3, 4, 7  # noqa: E741
CELLS = {"gru": cells.GRU(I, H), "lstm": cells.LSTM(I, H), "lru": cells.LRU(I, H)}
XS = np.zeros((T, B, I), np.float32)
MASK = np.ones((T, B), bool)
PROMPT = np.zeros((T, B), np.int32)
FUNCTIONS = cells.from_functions(
    init=lambda key: (), carry=lambda params, batch: (), step=lambda params, carry, x: (carry, x)
)


@pytest.fixture(autouse=True)
def _as_users_run_it():
    """Without the tests' checks of annotations, which would speak first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def zeros(cell):
    """Parameters that cost no random numbers."""
    shapes = jax.eval_shape(cell.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


def run(xs=XS, cell="gru", **options):
    """A row's call of `unroll`."""
    return lambda: unroll(CELLS[cell], zeros(CELLS[cell]), xs, **options)


def apply(layer, xs=XS, **options):
    """A row's call of a layer."""

    def call():
        return layer.apply(zeros(layer), xs, **options)

    return call


def write(prompt=PROMPT, length=3, network=None, **options):
    """A row's call of `generate`."""

    def call():
        layers = network or stack(Embedding(V, I), Recurrent(CELLS["gru"]), Dense(H, V))
        params = zeros(layers)
        given = {"key": jax.random.key(0)} | options
        return generate(layers, params, prompt, length, **given)

    return call


def derive(base):
    return lambda: type("Mine", (base,), {})


LSTM_CARRY = cells.LSTMCarry(np.zeros((B, H), np.float32), np.zeros((B, H), np.float32))
MODEL = stack(Embedding(V, I), Dense(I, V))
NAMED = stack(embedding=Embedding(V, I), readout=Dense(I, V))

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
        r"engine must be an `Engine` such as `Scan\(\)`, got <cl",
    ),
    (run(engine="scan"), TypeError, "unroll: engine must be an `Engine` .* got 'scan'"),
]

ENGINES = [
    (
        run(engine=engines.Associative()),
        TypeError,
        r"`Associative` runs a `LinearCell`, got `GRU` \(a `GatedCell`\). Use `Scan\(\)`",
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
        "`Chunked` runs a `LinearCell`, got `GRU`",
    ),
    (
        run(engine=engines.Truncated(engines.Chunked(engines.BPTT(), 2), 2), cell="lru"),
        TypeError,
        "`Truncated` runs a `GatedCell`, got `LRU`",
    ),
    (
        lambda: Recurrent(CELLS["gru"], engines.Associative()),
        TypeError,
        "`Associative` runs a `LinearCell`, got `GRU`",
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

LAYERS = [
    (lambda: Dropout(1.0), ValueError, r"Dropout: rate must lie in \[0, 1\), got 1.0"),
    (lambda: Dropout(-0.1), ValueError, r"Dropout: rate must lie in \[0, 1\), got -0.1"),
    (lambda: Dropout(float("nan")), ValueError, r"Dropout: rate must lie in \[0, 1\), got nan"),
    (lambda: VariationalDropout(2), ValueError, r"VariationalDropout: rate must lie in .*, got 2"),
    (apply(Dropout(0.5), PROMPT), TypeError, "Dropout: xs must be floating, got int32"),
    (lambda: Dense(0, 3), ValueError, "Dense: inputs must be at least 1, got 0"),
    (lambda: Dense(3, 2.5), TypeError, "Dense: outputs must be an integer, got 2.5"),
    (apply(Dense(4, 2)), ValueError, r"Dense takes 4 features, got float32\[5,2,3\]"),
    (apply(Dense(2, 2), PROMPT), TypeError, "Dense: xs must be floating, got int32. Embed symbols"),
    (apply(Dense(2, 2), PROMPT > 0), TypeError, r"floating, got bool.*pass `xs.astype\(float\)`"),
    (apply(stack(Dropout(0.5), Dense(2, 2)), PROMPT), TypeError, "Stack: xs must be floating, got"),
    (apply(Dense(3, 2), (XS, XS)), ValueError, "Dense takes 3 features, got a tuple of float32"),
    (
        apply(Dense(3, 2), XS.tolist()),
        TypeError,
        r"Dense: xs must be an array, got Python numbers, such as 0.0. Pass `jnp.asarray\(xs\)`",
    ),
    (apply(Dense(3, 2), XS[0, 0]), ValueError, r"Dense: xs must be \[T, \*batch, features\], got"),
    (apply(Dense(3, 2), np.ma.masked_array(XS)), TypeError, "Dense: xs is a masked array of numpy"),
    (apply(Dense(3, 2), mask=np.ma.masked_array(MASK)), TypeError, "Dense: mask is a masked array"),
    (apply(Dense(3, 2), "text"), TypeError, "Dense: xs must be an array, got a `str`"),
    (apply(Dense(3, 2), lengths=5), TypeError, "Dense: lengths must be an array, got Python"),
    (write(np.ma.masked_array(PROMPT)), TypeError, "generate: prompt is a masked array of numpy"),
    (write(3), TypeError, "generate: prompt must be an array, got Python numbers, such as 3"),
    (apply(Embedding(V, 3), np.int32(1)), ValueError, r"xs must be \[T, \*batch\], got int32\[\]"),
    (apply(Activation(jax.nn.relu), XS[0, 0]), ValueError, r"add an axis: xs\[\.\.\., None\]"),
    (apply(Activation(jax.nn.relu), ()), ValueError, "Activation: xs holds no array"),
    (apply(Dropout(0.5), key=0), TypeError, r"Dropout: key must be a key, got 0. Make one"),
    (
        lambda: MODEL.init(0),
        TypeError,
        r"Stack: key must be a key, got 0. Make one: `jax.random.key",
    ),
    (apply(Dense(3, 2), lengths=[5, 6]), ValueError, r"Dense: lengths .* \[0, T=5\], got 6"),
    (apply(Dense(3, 2), lengths=[5]), ValueError, r"lengths must have the batch shape \(2,\)"),
    (apply(Dense(3, 2), resets=MASK.T), ValueError, r"Dense: resets must be .* got \(2, 5\)"),
    (
        lambda: Dense(3, 2).step(zeros(Dense(3, 2)), None, XS[0], resets=[True]),
        ValueError,
        r"Dense: resets must be \[\*batch\] = \(2,\), got \(1,\)",
    ),
    (apply(Dense(3, 2), mask=MASK * 1), TypeError, "Dense: mask must be Bool, got int"),
    (apply(Dense(3, 2), mask=MASK.T), ValueError, r"Dense: mask .* = \(5, 2\), got \(2, 5\)"),
    (apply(LayerNorm(4)), ValueError, r"LayerNorm takes 4 features, got float32\[5,2,3\]"),
    (
        apply(LayerNorm(4), np.float32(1)),
        ValueError,
        r"LayerNorm takes 4 features, got float32\[\]",
    ),
    (
        apply(LayerNorm(3, np.ones(3))),
        ValueError,
        r"LayerNorm: epsilon must be one number, got .*3",
    ),
    (apply(Dropout(np.ones(3) / 2)), ValueError, r"Dropout: rate must be one number, got an array"),
    (
        apply(VariationalDropout(np.ones((B, I)) / 2), key=jax.random.key(0)),
        ValueError,
        r"VariationalDropout: rate must be one number, got an array \(2, 3\).*`jax.vmap`",
    ),
    (lambda: LayerNorm(3, -1.0), ValueError, "LayerNorm: epsilon must be .* at least 0, got -1.0"),
    (apply(LayerNorm(2), PROMPT), TypeError, "LayerNorm: xs must be floating, got int32"),
    (lambda: LayerNorm(0), ValueError, "LayerNorm: features must be at least 1, got 0"),
    (
        lambda: Activation("tanh"),
        TypeError,
        "Activation: function must be a function .* got 'tanh'",
    ),
    (lambda: Embedding(0, 3), ValueError, "Embedding: vocab must be at least 1, got 0"),
    (apply(Embedding(V, 3), PROMPT + V), ValueError, r"symbols must lie in \[0, 7\), got 7"),
    (apply(Embedding(V, 3), PROMPT - 1), ValueError, r"symbols must lie in \[0, 7\), got -1"),
    (apply(Embedding(V, 3), PROMPT * 1.0), TypeError, "symbols must be integers, got float"),
    (apply(Embedding(V, 3), PROMPT, mask=MASK.T), ValueError, r"Embedding: mask .*, got \(2, 5\)"),
    (
        apply(Recurrent(CELLS["gru"]), XS[..., :2]),
        ValueError,
        r"Recurrent takes 3 features, got float32\[5,2,2\]",
    ),
    (apply(Recurrent(CELLS["gru"]), mask=MASK.T), ValueError, r"mask must be .*, got \(2, 5\)"),
    (lambda: Recurrent(Dense(3, 3)), TypeError, "Recurrent: cell must be .* `Cell`, got Dense"),
    (
        lambda: Recurrent(cells.GRU),
        TypeError,
        "Recurrent: cell must be .* `Cell`, got the class `GRU`. Call it",
    ),
    (lambda: Recurrent("gru"), TypeError, "Recurrent: cell must be .* `Cell`, got 'gru'"),
    (lambda: Recurrent(CELLS["gru"], "bptt"), TypeError, "Recurrent: engine .*, got 'bptt'"),
    (
        lambda: Bidirectional(cells.GRU(3, 4), cells.GRU(2, 4)),
        ValueError,
        r"Bidirectional: forward takes \(3,\), backward \(2,\); they read the same sequence",
    ),
    (
        lambda: Bidirectional(CELLS["gru"], Dense(3, 4)),
        TypeError,
        "Bidirectional: backward must be .* `Cell`, got Dense",
    ),
    (lambda: Residual(Dense(3, 4)), ValueError, "Residual: the layer takes 3 features and gives 4"),
    (
        lambda: Residual(cells.GRU(3, 3)),
        TypeError,
        r"Residual: layer .* `Layer`, got GRU.*Recurrent",
    ),
    (lambda: Residual(LastPool()), ValueError, "Residual: the layer pools"),
    (apply(LastPool(), XS[0, 0]), ValueError, r"LastPool: xs must be .* got float32\[3\]"),
    (apply(MaxPool(), XS[:0]), ValueError, r"MaxPool: xs must .* T >= 1, got float32\[0,2,3\]"),
    (apply(MeanPool(), PROMPT), TypeError, "MeanPool: xs must be floating, got int32"),
    (apply(MeanPool(), resets=MASK), ValueError, "MeanPool: cannot pool over several sequences"),
    (apply(MeanPool(), mask=MASK[:, 0]), ValueError, r"MeanPool: mask must be .*, got \(5,\)"),
    (lambda: LastPool().step((), (), XS[0]), TypeError, "LastPool cannot stream.*Use `apply`"),
    (
        lambda: Recurrent(CELLS["gru"], reverse=True).step((), None, XS[0]),
        TypeError,
        "Recurrent cannot stream: its output depends on what comes later.*Use `apply`",
    ),
    (lambda: Recurrent(CELLS["gru"], reverse=1), TypeError, "reverse must be True or False, got 1"),
    (
        lambda: Recurrent(CELLS["gru"]).carry((), 8),
        TypeError,
        r"Recurrent: batch must be a tuple of sizes, such as \(8,\), .* got 8",
    ),
    (
        lambda: Recurrent(CELLS["gru"]).carry((), (8.0,)),
        TypeError,
        r"Recurrent: batch must be a tuple of sizes, .* got \(8.0,\)",
    ),
    (lambda: Recurrent(CELLS["gru"]).init(0), TypeError, "Recurrent: key must be a key, got 0"),
    (lambda: Dense(3, 4).init(0), TypeError, "Dense: key must be a key, got 0"),
    (lambda: Greedy()(0, XS), TypeError, "Greedy: key must be a key, got 0. Make one"),
    (lambda: Greedy()(jax.random.key(0), [1.0]), TypeError, "Greedy: logits must be an array"),
    (lambda: Greedy()(jax.random.key(0), PROMPT), TypeError, "Greedy: logits must be floating"),
    (lambda: Greedy()(jax.random.key(0), XS[..., :0]), ValueError, r"must be \[\*batch, V\], got"),
    (lambda: MODEL.carry(zeros(MODEL), 8), TypeError, "Stack: batch must be a tuple .* got 8"),
    (
        lambda: Bidirectional(CELLS["gru"], CELLS["gru"]).carry((), 8),
        TypeError,
        "Bidirectional: batch must be a tuple .* got 8",
    ),
    (
        lambda: Bidirectional(CELLS["gru"], cells.GRU(I, 2), merge=networks.Add()),
        ValueError,
        r"`Add` cannot merge outputs of shapes \(4,\) \(forward\) and \(2,\) \(backward\)",
    ),
    (
        lambda: Bidirectional(CELLS["gru"], CELLS["gru"], merge="sum"),
        TypeError,
        r"Bidirectional: merge must be .* `Merge`, got 'sum'. Such as `networks.Add\(\)`",
    ),
    (
        lambda: networks.Tied(Embedding(V, 3), Dense(3, 4)),
        ValueError,
        "Tied: the network gives 4 features, the table has 3. A `Dense` at its end",
    ),
    (
        lambda: networks.Precision(Dense(3, 4), np.int32),
        TypeError,
        "Precision: compute must be a floating type such as `jnp.bfloat16`, got .*int32",
    ),
    (
        lambda: networks.Precision(Dense(3, 4), "half-ish"),
        TypeError,
        "Precision: compute must be a floating type .* got 'half-ish'",
    ),
    (lambda: networks.Precision(CELLS["gru"]), TypeError, "Precision: layer must be .* `Layer`"),
    (
        lambda: Dense(3, 4, kernel_init=lambda key, shape, dtype: np.zeros(3)).init(
            jax.random.key(0)
        ),
        ValueError,
        r"Dense: kernel_init must give an array \(3, 4\), got \(3,\)",
    ),
    (
        lambda: Embedding(3, 4, table_init="normal"),
        TypeError,
        "Embedding: table_init must be a function",
    ),
    (lambda: networks.summary(CELLS["gru"]), TypeError, "summary: network must be .* `Layer`"),
    (stack, ValueError, "stack: needs at least one layer"),
    (
        lambda: stack(CELLS["gru"]),
        TypeError,
        r"stack: layer 0 must be a kind of `Layer`, got GRU.*Recurrent",
    ),
    (
        lambda: stack(Dense(3, 4), None),
        TypeError,
        "stack: layer 1 must be a kind of `Layer`, got None",
    ),
    (
        lambda: stack(Dense(3, 4), Dense),
        TypeError,
        r"stack: layer 1 must be .* `Layer`, got the class `Dense`. Call it: `Dense\(\.\.\.\)`",
    ),
    (
        lambda: stack(Dense(3, 4), jax.nn.relu),
        TypeError,
        r"stack: layer 1 .* got the function `relu`. Wrap a function: `networks.Activation\(f\)`",
    ),
    (
        lambda: stack([Dense(3, 4), Dense(4, 2)]),
        TypeError,
        r"stack: layer 0 must be a kind of `Layer`, got .Dense.*one by one: `stack\(\*layers\)`",
    ),
    (lambda: Residual(jax.nn.relu), TypeError, r"Residual: layer .*`networks.Activation\(f\)`"),
    (
        lambda: stack(Dense(3, 256), Dropout(0.1), Dense(128, 2)),
        ValueError,
        "stack: layer 2 takes 128 inputs, layer 0 gives 256",
    ),
    (
        lambda: stack(stack(Dense(3, 5), LastPool()), Recurrent(cells.GRU(5, 5))),
        ValueError,
        r"stack: layer 1 \(`Recurrent`\) runs over time, which layer 0 has pooled away",
    ),
    (
        lambda: stack(MeanPool(), stack(VariationalDropout(0.5))),
        ValueError,
        r"stack: layer 1 \(`VariationalDropout`\) runs over time, which layer 0 has pooled away",
    ),
    (
        lambda: stack(MeanPool(), Residual(Recurrent(cells.GRU(3, 3)))),
        ValueError,
        r"stack: layer 1 \(`Recurrent`\) runs over time, which layer 0 has pooled away",
    ),
    (
        lambda: stack(Bidirectional(CELLS["gru"], CELLS["gru"]), LastPool()),
        ValueError,
        r"layer 1 \(`LastPool`\) takes the last step, when `Bidirectional`.*`MeanPool`.*carries",
    ),
    (
        lambda: stack(
            stack(a=Residual(Bidirectional(cells.GRU(6, 3), cells.GRU(6, 3))), b=Dropout(0.5)),
            VariationalDropout(0.5),
            stack(Activation(jax.nn.relu), LastPool()),
        ),
        ValueError,
        r"layer 2 \(`LastPool`\) takes the last step, when `Bidirectional`",
    ),
    (
        lambda: stack(a=Dense(3, 4), b=Dense(3, 4)),
        ValueError,
        "stack: layer `b` takes 3 inputs, layer `a` gives 4",
    ),
    (
        lambda: stack(Dense(3, 4), b=Dense(4, 4)),
        ValueError,
        "stack: give every layer a name or none, got 1 without one and b",
    ),
    (
        lambda: stack(Dense(3, 4), Embedding(4, 4)),
        ValueError,
        "stack: layer 1 takes symbols, layer 0 gives 4",
    ),
    (
        lambda: NAMED.apply(zeros(NAMED), PROMPT, ((), ())),
        TypeError,
        "Stack: carry must be a dict of embedding, readout, one a layer, got `tuple`",
    ),
    (
        lambda: NAMED.apply({"embedding": 0}, PROMPT),
        TypeError,
        r"Stack: params must be a dict of embedding, readout, one a layer, got \['embedding'\]",
    ),
    (
        lambda: Dense(3, 4).apply(zeros(Dense(3, 4)).kernel, XS),
        TypeError,
        r"Dense: params must be as this layer makes it: .*kernel is missing, not \(3, 4\).*init",
    ),
    (
        lambda: MODEL.apply((zeros(MODEL)[0], zeros(Dense(2, V))), PROMPT),
        TypeError,
        r"Stack: params must be .*: params\[1\].kernel is \(2, 7\), not \(3, 7\). `init",
    ),
    (
        lambda: Recurrent(CELLS["lstm"]).step(zeros(CELLS["lstm"]), 2.5, XS[0]),
        TypeError,
        r"carry must be as .*: carry.hidden is missing.*`carry\(params, \(2,\)\)` makes one",
    ),
    (
        lambda: MODEL.apply(zeros(MODEL)[:1], PROMPT, ((), ())),
        TypeError,
        "Stack: params must be a tuple of 2, one a layer, got 1",
    ),
    (
        lambda: MODEL.apply(zeros(MODEL), PROMPT, np.zeros(2)),
        TypeError,
        "Stack: carry must be a tuple of 2, one a layer, got `ndarray`",
    ),
]

GENERATE = [
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
        write(network=stack(Embedding(V, I), Bidirectional(CELLS["gru"], CELLS["gru"]))),
        TypeError,
        "Bidirectional cannot stream.*a forward layer",
    ),
    (
        lambda: generate(CELLS["gru"], (), PROMPT, 3, key=jax.random.key(0)),
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


ROWS = UNROLL + ENGINES + NOUNS + LAYERS + GENERATE


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
