"""What a wrong call of a layer says: who, what was wanted, what came, what to do."""

import jax
import numpy as np
import pytest

from jaxrnn import cells, networks
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
from tests.zoo import zeros

T, B, I, H, V = 5, 2, 3, 4, 7  # noqa: E741
CELLS = {"gru": cells.GRU(I, H), "lstm": cells.LSTM(I, H)}
XS = np.zeros((T, B, I), np.float32)
MASK = np.ones((T, B), bool)
PROMPT = np.zeros((T, B), np.int32)
MODEL = stack(Embedding(V, I), Dense(I, V))
NAMED = stack(embedding=Embedding(V, I), readout=Dense(I, V))


pytestmark = pytest.mark.usefixtures("as_users_run_it")


def apply(layer, xs=XS, **options):
    """A row's call of a layer."""

    def call():
        return layer.apply(zeros(layer), xs, **options)

    return call


ROWS = [
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
    (
        apply(Dense(3, 2), mask=np.ma.masked_array(MASK)),
        TypeError,
        "mask .* Its mask would be lost",
    ),
    (apply(Dense(3, 2), "text"), TypeError, "Dense: xs must be an array, got a `str`"),
    (apply(Dense(3, 2), lengths=5), TypeError, "Dense: lengths must be an array, got Python"),
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
        r"Recurrent: batch must be a tuple of sizes, such as \(8,\), got 8. Write `\(8,\)`",
    ),
    (
        lambda: Recurrent(CELLS["gru"]).carry((), (8.0,)),
        TypeError,
        r"Recurrent: batch must be a tuple of sizes, .* got \(8.0,\)",
    ),
    (lambda: Recurrent(CELLS["gru"]).init(0), TypeError, "Recurrent: key must be a key, got 0"),
    (lambda: Dense(3, 4).init(0), TypeError, "Dense: key must be a key, got 0"),
    (lambda: MODEL.carry(zeros(MODEL), 8), TypeError, "Stack: batch must be a tuple .* got 8"),
    (
        lambda: Bidirectional(CELLS["gru"], CELLS["gru"]).carry((), 8),
        TypeError,
        "Bidirectional: batch must be a tuple .* got 8",
    ),
    (
        lambda: Bidirectional(CELLS["gru"], cells.GRU(I, 2), merge=networks.Add()),
        ValueError,
        r"Add: cannot merge outputs of shapes \(4,\) \(first, or forward\) and \(2,\) \(second",
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
        ValueError,
        r"Dense: the parameters are not those of Dense.*params.kernel is missing.*init",
    ),
    (
        lambda: MODEL.apply((zeros(MODEL)[0], zeros(Dense(2, V))), PROMPT),
        ValueError,
        r"Stack: the parameters are .*: params\[1\].kernel is float32\[2,7\], not .* \(3, 7\)",
    ),
    (
        lambda: Recurrent(CELLS["lstm"]).step(zeros(CELLS["lstm"]), 2.5, XS[0]),
        TypeError,
        r"carry is not one of .*: carry.hidden is missing.*`carry\(params, \(2,\)\)` makes one",
    ),
    (
        lambda: MODEL.apply(zeros(MODEL)[:1], PROMPT, ((), ())),
        TypeError,
        "Stack: params must be a tuple of 2, one a layer, got 1",
    ),
    (
        lambda: MODEL.apply(zeros(MODEL), PROMPT, np.zeros(2)),
        TypeError,
        r"Stack: carry must be a tuple of 2, one a layer, got float32\[2\]",
    ),
]


@pytest.mark.parametrize(("call", "error", "says"), ROWS, ids=[says for _, _, says in ROWS])
def test_wrong_calls(call, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        call()
