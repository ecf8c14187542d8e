"""`interop.onnx`: the operators against ONNX's own numbers, and networks in ONNX Runtime."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as backend
from onnx.backend.test.case.node import gru, lstm, rnn
from onnx.reference import ReferenceEvaluator

from jaxrnn import cells, constraints, networks, testing
from jaxrnn.interop import onnx as ours
from jaxrnn.interop.onnx import Activation
from jaxrnn.networks import Bidirectional, Dense, Embedding, LayerNorm, Recurrent, stack

SLOW = pytest.mark.slow
T, B, I, H = 6, 4, 3, 4  # noqa: E741
LENGTHS = np.array([6, 3, 1, 0], np.int32)
PADDING = np.arange(T)[:, None] >= LENGTHS
KEY = jax.random.key(0)

# The modules of the operators register their cases when they are imported.
assert all((gru, lstm, rnn))
CASES = {case.name: case for case in backend._NodeTestCases}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def drawn(network, dtype=jnp.float32):
    """Parameters none of which is zero."""
    leaves, structure = jax.tree.flatten(jax.eval_shape(network.init, KEY))
    rng = np.random.default_rng(0)
    drawn = [jnp.asarray(0.7 * rng.normal(size=leaf.shape), dtype) for leaf in leaves]
    return jax.tree.unflatten(structure, drawn)


def same_bits(tree, other):
    """Whether two trees are equal, the sign of a zero included."""
    pairs = jax.tree.leaves(jax.tree.map(lambda a, b: (a, b), tree, other))
    bits = [np.asarray(leaf).tobytes() for leaf in pairs]
    return bits[::2] == bits[1::2] and len(bits) > 0


def weights_of(operator, directions=1, *, bias=True, peepholes=False, dtype=np.float32):
    rng, gates = np.random.default_rng(1), GATES[operator] * H
    shapes = {"W": (gates, I), "R": (gates, H)}
    shapes |= {"B": (2 * gates,)} if bias else {}
    shapes |= {"P": (3 * H,)} if peepholes else {}
    return {
        name: rng.normal(size=(directions, *shape)).astype(dtype) for name, shape in shapes.items()
    }


def model_of(operator, weights, name="it", opset=17, others=(), **attributes):
    """A model of one recurrent node, whose weights are part of it."""
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    inputs = [key if key == "X" or key in weights else "" for key in order]
    while not inputs[-1]:
        inputs.pop()
    node = helper.make_node(operator, inputs, ["Y"], name=name, hidden_size=H, **attributes)
    kind = helper.np_dtype_to_tensor_dtype(weights["W"].dtype)
    graph = helper.make_graph(
        [node, *others],
        "graph",
        [helper.make_tensor_value_info("X", kind, ["T", "B", I])],
        [helper.make_tensor_value_info("Y", kind, [None] * 4)],
        [numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    imports = [helper.make_operatorsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def in_runtime(model, **inputs):
    """The outputs of a model in ONNX Runtime."""
    import onnxruntime

    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


# --- the operators ------------------------------------------------------------------------------


def test_all_cases_of_onnx_are_there():
    assert len(CASES) >= 18
    assert {case.model.graph.node[0].op_type for case in CASES.values()} == {*GATES}


@pytest.mark.parametrize("name", CASES)
def test_onnx_node_tests(name):
    """As ONNX's runner: the same inputs, outputs and tolerances."""
    case = CASES[name]
    ((inputs, wanted),) = case.data_sets
    feeds = dict(zip((each.name for each in case.model.graph.input), inputs, strict=True))
    node = case.model.graph.node[0]
    outs = ours.run_node(node, [feeds.get(key) for key in node.input])
    got = [out for out, key in zip(outs, node.output, strict=False) if key]
    for out, value in zip(got, wanted, strict=True):
        np.testing.assert_allclose(out, value, rtol=case.rtol, atol=case.atol)


@pytest.mark.parametrize(
    "operator, attributes",
    [
        ("LSTM", {"direction": "bidirectional"}),
        pytest.param("LSTM", {"direction": "reverse", "layout": 1}, marks=SLOW),
        ("GRU", {"linear_before_reset": 1, "direction": "bidirectional", "layout": 1}),
        pytest.param("GRU", {"linear_before_reset": 0, "direction": "reverse"}, marks=SLOW),
        pytest.param(
            "RNN",
            {"activations": ["Affine"], "activation_alpha": [0.5], "activation_beta": [0.25]},
            marks=SLOW,
        ),
    ],
)
def test_operators_in_float64_equal_the_reference(operator, attributes, x64):
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    weights = weights_of(operator, directions, peepholes=operator == "LSTM", dtype=np.float64)
    rng, layout = np.random.default_rng(2), attributes.get("layout", 0)
    given = {"X": rng.normal(size=(T, B, I)), "initial_h": rng.normal(size=(directions, B, H))}
    if operator == "LSTM":
        given["initial_c"] = rng.normal(size=(directions, B, H))
    given = {key: np.swapaxes(value, 0, 1) if layout else value for key, value in given.items()}
    order = ["X", "W", "R", "B", "", "initial_h", *(["initial_c", "P"] * (operator == "LSTM"))]
    outputs = ["Y", "Y_h", "Y_c"][: 2 + (operator == "LSTM")]
    node = helper.make_node(operator, order, outputs, hidden_size=H, **attributes)
    kind = TensorProto.DOUBLE
    infos = [helper.make_tensor_value_info(key, kind, None) for key in filter(None, order)]
    ends = [helper.make_tensor_value_info(key, kind, None) for key in outputs]
    model = helper.make_model(helper.make_graph([node], "graph", infos, ends))
    wanted = ReferenceEvaluator(model).run(None, {**given, **weights})
    inputs = [({**given, **weights}).get(key) for key in order]
    got = ours.run_node(node, inputs)
    for out, value in zip(got, wanted, strict=True):
        np.testing.assert_allclose(out, value, rtol=0, atol=1e-12)


def test_a_node_is_part_of_jax():
    weights = {key: jnp.asarray(value) for key, value in weights_of("GRU").items()}
    node = helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=H)
    xs = jnp.ones((2, T, B, I))

    def loss(weights, xs):
        return ours.run_node(node, [xs, *(weights[key] for key in "WRB")])[0].sum()

    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0)))(weights, xs)
    assert gradients["B"].shape == (2, 1, 6 * H)
    assert all(jnp.abs(gradient).max() > 0 for gradient in gradients.values())


# --- models that are read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "operator, options, attributes, cell",
    [
        ("RNN", {}, {"activations": ["relu"]}, cells.Elman(I, H, jax.nn.relu)),
        ("RNN", {"bias": False}, {}, cells.Elman(I, H, use_bias=False)),
        ("RNN", {}, {"clip": 2.0}, ours.RNN(I, H, clip=2.0)),
        ("GRU", {}, {}, cells.ResetBeforeGRU(I, H)),
        ("GRU", {}, {"linear_before_reset": 1}, cells.GRU(I, H)),
        (
            "GRU",
            {},
            {"activations": ["HardSigmoid", "LeakyRelu"], "activation_alpha": [0.25, 0.125]},
            ours.GRU(I, H, (Activation("HardSigmoid", 0.25), Activation("LeakyRelu", 0.125))),
        ),
        ("LSTM", {}, {}, cells.LSTM(I, H)),
        ("LSTM", {"peepholes": True}, {}, cells.PeepholeLSTM(I, H)),
        ("LSTM", {}, {"input_forget": 1}, cells.CoupledLSTM(I, H)),
        (
            "LSTM",
            {"peepholes": True},
            {"input_forget": 1},
            ours.LSTM(I, H, use_peepholes=True, input_forget=True),
        ),
    ],
)
def test_an_operator_becomes_a_plain_cell_where_there_is_one(operator, options, attributes, cell):
    model = model_of(operator, weights_of(operator, **options), **attributes)
    layer = ours.network(model)
    assert layer == Recurrent(cell)
    params = ours.load(layer, model)
    like = jax.eval_shape(layer.init, KEY)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, like)
    again = ours.dump(layer, params)
    assert ours.network(again, operator.lower()) == layer
    assert same_bits(ours.load(layer, again), params)


def test_a_model_is_read_with_its_initial_state(tmp_path):
    weights = weights_of("LSTM", 2)
    start = {
        "initial_h": np.full((2, 1, H), 0.5, np.float32),
        "initial_c": np.zeros((2, 1, H), np.float32),
    }
    model = model_of("LSTM", {**weights, **start}, direction="bidirectional")
    onnx.save(model, tmp_path / "model.onnx")
    layer = ours.network(tmp_path / "model.onnx")
    assert layer == Bidirectional(*[cells.LearnedCarry(cells.LSTM(I, H))] * 2)
    params = ours.load(layer, tmp_path / "model.onnx")
    assert params.backward.start.hidden.tolist() == [0.5] * H
    xs = np.random.default_rng(0).normal(size=(T, 1, I)).astype(np.float32)
    (wanted,) = in_runtime(model, X=xs)
    ys = layer.apply(params, xs)[1]
    np.testing.assert_allclose(ys, wanted.swapaxes(1, 2).reshape(T, 1, -1), rtol=0, atol=1e-5)
    zeros = {key: np.zeros_like(value) for key, value in start.items()}
    model = model_of("LSTM", {**weights, **zeros}, direction="bidirectional")
    layer = ours.network(model)
    assert layer == Bidirectional(*[cells.LSTM(I, H)] * 2)
    assert jax.tree.structure(ours.load(layer, model)) == jax.tree.structure(drawn(layer))


# --- networks that are written ------------------------------------------------------------------

LSTM, GRU, ELMAN = cells.LSTM, cells.GRU, cells.Elman
NETWORKS = {
    "tagger": stack(
        Embedding(7, 3),
        Bidirectional(LSTM(3, 4), LSTM(3, 4)),
        networks.Dropout(0.5),
        Dense(8, 3),
        LayerNorm(3),
        networks.Activation(jax.nn.gelu),
        Recurrent(GRU(3, 4), reverse=True),
        Dense(4, 2),
    ),
    "mean": stack(
        Dense(I, 4),
        networks.Activation(jnp.tanh),
        Bidirectional(GRU(4, 4), GRU(4, 4), merge=networks.Add()),
        networks.MeanPool(),
        Dense(4, 2),
        networks.Activation(jax.nn.log_softmax),
    ),
    "max": stack(
        rnn=Bidirectional(ELMAN(I, 4), ELMAN(I, 4, jax.nn.relu), merge=networks.Average()),
        pool=networks.MaxPool(),
        out=Dense(4, 2),
    ),
    "last": stack(
        Recurrent(cells.PeepholeLSTM(I, 4)),
        networks.Residual(Recurrent(cells.InputDropout(cells.LSTM(4, 4, use_bias=False), 0.5))),
        networks.LastPool(),
    ),
    "branches": stack(
        Bidirectional(LSTM(I, 4), GRU(I, 5)),
        networks.Residual(stack(LayerNorm(9), Recurrent(cells.ResetBeforeGRU(9, 9)))),
        networks.Parallel(Dense(9, 4), Recurrent(cells.CoupledLSTM(9, 4)), networks.Multiply()),
    ),
    "tied": networks.Tied(
        Embedding(7, 4), networks.Repeated(Recurrent(cells.LearnedCarry(LSTM(4, 4))), 2)
    ),
    "carries": Bidirectional(*[cells.LearnedCarry(GRU(I, 4))] * 2, merge=networks.Multiply()),
    "options": stack(
        Bidirectional(
            ours.LSTM(
                I,
                4,
                (Activation("HardSigmoid"), Activation("Softsign"), Activation("ScaledTanh", 2, 1)),
                clip=0.8,
                use_peepholes=True,
                input_forget=True,
            ),
            ours.LSTM(I, 4, clip=0.8, use_peepholes=True, input_forget=True),
        ),
        Recurrent(ours.GRU(8, 4, clip=0.5, linear_before_reset=True)),
        Recurrent(ours.GRU(4, 4, (Activation("HardSigmoid", 0.3), Activation("Affine", 0.5, 0.1)))),
        Recurrent(ours.RNN(4, 3, (Activation("Elu", 0.5),), clip=0.9)),
        Recurrent(ours.RNN(3, 3, (Activation("ThresholdedRelu", 0.3),))),
        Recurrent(ELMAN(3, 3, jax.nn.hard_sigmoid)),
    ),
    "functions": stack(
        *(
            networks.Activation(function)
            for function in (
                *(jax.nn.silu, jax.nn.selu, jax.nn.hard_silu, jax.nn.softplus, jnp.sin, jnp.cos),
                *(jnp.exp, jax.nn.elu, jax.nn.leaky_relu, jnp.abs, jax.nn.softmax),
                *(Activation("Affine", 3.0, -1.0), Activation("ScaledTanh", 0.5, 3.0)),
                *(Activation("ThresholdedRelu", 0.25), Activation("HardSigmoid"), jax.nn.identity),
            )
        ),
        Dense(I, 2),
    ),
}
FAST = "tagger", "mean", "branches"


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=SLOW) for name in NETWORKS]
)
def test_networks_run_in_onnx_runtime(name, key):
    """Ragged lengths, one of them 0, and padding that holds NaN, or symbols that there are not."""
    network = NETWORKS[name]
    params, symbols = drawn(network), network.input_shape == ()
    xs = np.random.default_rng(3).normal(size=(T, B, I))
    if symbols:
        xs = np.where(PADDING, 99, np.arange(T * B).reshape(T, B) % 7).astype(np.int32)
    else:
        xs = np.where(PADDING[..., None], np.nan, xs).astype(np.float32)
    model = ours.dump(network, params)
    (got,) = in_runtime(model, xs=xs, lengths=LENGTHS)
    apply = jax.jit(lambda lengths: network.apply(params, xs, lengths=lengths)[1])
    np.testing.assert_allclose(got, apply(LENGTHS), rtol=0, atol=1e-5)
    assert np.isfinite(got).all() and np.abs(got).max() > 0
    assert same_bits(ours.load(network, model), params)
    # Another T and batch; without lengths, the first sequence, which has no padding, is the same.
    (alone,) = in_runtime(ours.dump(network, params, lengths=False), xs=xs[:, :1])
    np.testing.assert_allclose(alone, got[..., :1, :], rtol=0, atol=1e-5)


def test_a_stream_runs_in_onnx_runtime_piece_by_piece():
    """States go in and out; a sequence that has no step in a piece keeps its own."""
    repeated = networks.Repeated(Recurrent(GRU(4, 4)), 2)
    network = stack(Recurrent(cells.LearnedCarry(LSTM(I, 4))), repeated, Dense(4, 2))
    params = drawn(network)
    xs = np.random.default_rng(3).normal(size=(T, B, I)).astype(np.float32)
    start = [np.asarray(leaf) for leaf in jax.tree.leaves(network.carry(params, (B,)))]
    names = ["0.hidden", "0.cell", "1.hidden", "1.hidden_2"]
    model = ours.dump(network, params, carry=True)
    assert [given.name for given in model.graph.input] == ["xs", "lengths", *names]
    states, pieces, left = dict(zip(names, start, strict=True)), [], LENGTHS
    for piece in (xs[:2], xs[2:]):
        lengths = np.minimum(left, len(piece))
        ys, *after = in_runtime(model, xs=piece, lengths=lengths, **states)
        states, left = dict(zip(names, after, strict=True)), left - lengths
        pieces.append(ys)
    carry, wanted = jax.jit(network.apply)(params, xs, lengths=LENGTHS)
    np.testing.assert_allclose(np.concatenate(pieces), wanted, rtol=0, atol=1e-5)
    for got, leaf in zip(states.values(), jax.tree.leaves(carry), strict=True):
        np.testing.assert_allclose(got, leaf, rtol=0, atol=1e-5)


@SLOW
def test_both_directions_have_states():
    network = Bidirectional(LSTM(I, 4), LSTM(I, 4))
    params, rng = drawn(network), np.random.default_rng(3)
    carry = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), network.carry(params, (B,))
    )
    xs = rng.normal(size=(T, B, I)).astype(np.float32)
    names = [f"{way}.{state}" for way in ("forward", "backward") for state in ("hidden", "cell")]
    states = dict(zip(names, jax.tree.leaves(carry), strict=True))
    model = ours.dump(network, params, carry=True)
    got = in_runtime(model, xs=xs, lengths=LENGTHS, **states)
    last, ys = network.apply(params, xs, carry, lengths=LENGTHS)
    for out, value in zip(got, [ys, *jax.tree.leaves(last)], strict=True):
        np.testing.assert_allclose(out, value, rtol=0, atol=1e-5)


@SLOW
def test_constraints_are_resolved(key):
    cell = cells.Constrained(GRU(I, 4), "recurrent", constraints.Orthogonal())
    network = stack(Recurrent(cells.DropConnect(cell, 0.2)), Dense(4, 2))
    network = networks.Constrained(network, "1.kernel", constraints.WeightNormalised())
    params = network.init(key)
    xs = np.random.default_rng(3).normal(size=(T, B, I)).astype(np.float32)
    (got,) = in_runtime(ours.dump(network, params), xs=xs, lengths=LENGTHS)
    wanted = network.apply(params, xs, lengths=LENGTHS)[1]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
    with pytest.raises(TypeError, match="`Constrained` has no counterpart"):
        ours.load(network, ours.dump(network, params))


def test_a_network_of_float64_equals_the_reference(x64):
    network = NETWORKS["tagger"]
    params = drawn(network, jnp.float64)
    symbols = (np.arange(T * B).reshape(T, B) % 7).astype(np.int32)
    lengths = np.full(B, T, np.int32)  # the reference reads none
    model = ours.dump(network, params)
    (got,) = ReferenceEvaluator(model).run(None, {"xs": symbols, "lengths": lengths})
    apply = jax.jit(network.apply)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, apply(params, symbols)[1], rtol=0, atol=1e-12)
    assert same_bits(ours.load(network, model), params)


# --- wrong calls --------------------------------------------------------------------------------


def test_what_cannot_be_written_is_named():
    one = stack(Dense(3, 4), Recurrent(cells.LRU(4, 4)))
    for network, message in {
        one: r"layer 1: the cell `LRU` has no counterpart.*Bidirectional.*MaxPool.*cells: Elman",
        stack(Dense(3, 4), networks.CausalAttention(4, 2, context=2)): "layer 1: `CausalAttention`",
        stack(Recurrent(cells.Zoneout(GRU(3, 4), 0.1))): "layer 0: the cell `Zoneout`",
        stack(networks.Activation(jnp.arctan)): "layer 0: the function .*arctan.*gelu.*tanh",
        Recurrent(ELMAN(3, 4, jnp.sin)): "the activation .* of `Elman` is none of ONNX's",
        Bidirectional(GRU(3, 4), GRU(3, 4), merge=networks.Both()): "the merge `Both`",
    }.items():
        with pytest.raises(TypeError, match=message):
            ours.dump(network, drawn(network))
    with pytest.raises(ValueError, match=r"\.kernel is \[3, 4\], the network takes \[3, 5\]"):
        ours.dump(Dense(3, 5), drawn(Dense(3, 4)))
    with pytest.raises(TypeError, match="one type, got float16, float32"):
        params = drawn(Dense(3, 4))
        ours.dump(Dense(3, 4), params._replace(bias=params.bias.astype(jnp.float16)))
    with pytest.raises(TypeError, match="float16, float32 or float64, got bfloat16"):
        ours.dump(Dense(3, 4), drawn(Dense(3, 4), jnp.bfloat16))
    inside = networks.Stack((Dense(3, 3),), ("b",))
    twice = networks.Stack((inside, Dense(3, 3)), ("a", "a.b"))
    with pytest.raises(ValueError, match=r"two layers have arrays of one name, a\.b\.kernel"):
        ours.dump(twice, drawn(twice))
    with pytest.raises(TypeError, match="params are being traced"):
        jax.eval_shape(lambda p: ours.dump(Dense(3, 4), p), drawn(Dense(3, 4)))


def test_models_that_cannot_be_read_say_why(tmp_path):
    weights = weights_of("GRU")
    good = model_of("GRU", weights)
    scale = helper.make_node("Mul", ["Y", "Y"], ["Z"], name="square")
    second = helper.make_node("GRU", ["X", "W", "R"], ["V"], name="other", hidden_size=H)
    for model, message in {
        "many": (model_of("GRU", weights, others=[second]), "takes one recurrent.*it, other"),
        "other": (model_of("GRU", weights, others=[scale]), "besides RNN.*: Mul. Name the node"),
        "old": (model_of("GRU", weights, opset=3), "version 3"),
        "odd": (model_of("GRU", weights, activations=["Tanh"]), "takes 2 activations, got 1"),
        "name": (model_of("GRU", weights, activations=["Tanh", "Cube"]), r"unknown.*\['Cube'\]"),
        "numbers": (
            model_of("GRU", weights, activation_alpha=[0.1, 0.2]),
            "activation_alpha has 2 numbers, of which its activations Sigmoid, Tanh take 0",
        ),
        "number": (
            model_of("GRU", weights, activations=["Affine", "Tanh"]),
            "Affine needs alpha; it has no default",
        ),
        "clip": (model_of("GRU", weights, clip=-1.0), "clip must be finite and greater than 0"),
        "way": (model_of("GRU", weights, direction="up"), "direction must be forward"),
        "size": (
            model_of("GRU", {**weights, "W": weights["W"][:, :-1]}),
            r"needs W of \[1, 3 \* hidden, inputs\], got \[1, 11, 3\]",
        ),
    }.values():
        with pytest.raises(ValueError, match=message):
            ours.network(model)
    with pytest.raises(ValueError, match=r"no recurrent node 'wrong'\. Its recurrent nodes: it"):
        ours.network(good, "wrong")
    with pytest.raises(ValueError, match="no valid ONNX model"):
        ours.network(onnx.ModelProto())
    with pytest.raises(TypeError, match=r"takes an `onnx.ModelProto` or the path .* `int`"):
        ours.network(3)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"text\.onnx is no ONNX model"):
        ours.network(tmp_path / "text.onnx")
    with pytest.raises(FileNotFoundError):
        ours.network(tmp_path / "none.onnx")
    layer = ours.network(good)
    with pytest.raises(ValueError, match=r"R \[1, 12, 4\] is missing; .*S \[1\] is left over"):
        ours.load(layer, {"W": weights["W"], "B": weights["B"], "S": np.ones(1)})
    wide = {key: value.astype(np.float64) for key, value in weights.items()}
    with pytest.raises(TypeError, match="W is float64, which JAX would narrow"):
        ours.load(layer, wide)
    assert ours.load(layer, wide, dtype=jnp.float32).kernel.dtype == jnp.float32
    with pytest.raises(TypeError, match="dtype must be a floating type"):
        ours.load(layer, weights, dtype=jnp.int32)
    with pytest.raises(TypeError, match="W must be floating, got int32"):
        ours.load(layer, {key: value.astype(np.int32) for key, value in weights.items()})
    without = cells.GRU(I, H, use_candidate_bias=False)
    with pytest.raises(ValueError, match="a recurrent bias of the candidate"):
        ours.load(without, good)


def test_wrong_nodes():
    node = helper.make_node("GRU", ["X", "W", "R"], ["Y"], hidden_size=H)
    weights, xs = weights_of("GRU", bias=False), np.ones((T, B, I), np.float32)
    for given, message in [
        ((3, (xs,)), "takes an `onnx.NodeProto`, got a `int`"),
        ((helper.make_node("Add", ["a", "b"], ["c"]), (xs,)), "runs RNN, GRU, LSTM, got Add"),
        ((node, (xs,)), "GRU needs R, W"),
        ((node, (xs, *weights.values(), *[None] * 5)), "GRU has 6 inputs, got 8"),
        ((node, (xs[..., :2], *weights.values())), "takes 3 features"),
        ((node, (xs[0], *weights.values())), r"X must be \[T, B, I\], got float32\[4,3\]"),
        ((node, (xs, *weights.values(), None, None, xs)), r"initial_h is \[6, 4, 3\].*\[1, 4, 4\]"),
        ((node, "XWR"), "inputs must be a list of arrays, got a `str`"),
        ((node, ["X", *weights.values()]), "X must be an array, got a `str`"),
        ((node, (xs.astype(np.float64), *weights.values())), "X is float64"),
        ((node, (xs, *weights.values(), None, np.array([9] * B))), r"must lie in \[0, T=6\]"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            ours.run_node(*given)


def test_weights_are_read_only_from_the_folder_of_the_model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(4096))
    model = model_of("GRU", weights_of("GRU"))
    onnx.save_model(
        model,
        folder / "good.onnx",
        save_as_external_data=True,
        location="weights",
        size_threshold=0,
    )
    layer = ours.network(folder / "good.onnx")
    wanted = ours.load(layer, model_of("GRU", weights_of("GRU")))
    assert same_bits(ours.load(layer, folder / "good.onnx"), wanted)
    outside = onnx.load(folder / "good.onnx", load_external_data=False)
    with pytest.raises(ValueError, match=r"W, R, B lie in other files\. Pass the path"):
        ours.network(outside)
    (folder / "link").symlink_to(tmp_path / "secret")
    for place in ("../secret", str(tmp_path / "secret"), "link", "nowhere", ""):
        for entry in outside.graph.initializer[0].external_data:
            if entry.key == "location":
                entry.value = place
        (folder / "bad.onnx").write_bytes(outside.SerializeToString())
        with pytest.raises(ValueError, match="no file in the folder of the model"):
            ours.network(folder / "bad.onnx")


def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at = rng.integers(len(data))
        kind = rng.integers(4)
        if kind == 0:
            data[at] = rng.integers(256)
        elif kind == 1:
            del data[at : at + rng.integers(1, 40)]
        elif kind == 2:
            data[at:at] = rng.integers(0, 256, rng.integers(1, 9), dtype=np.uint8).tobytes()
        else:
            data[at] ^= 1 << rng.integers(8)
    return bytes(data)


@pytest.mark.parametrize("number", [200, pytest.param(2000, marks=SLOW)])
def test_mutated_files_only_raise_what_is_documented(number, tmp_path):
    weights = weights_of("LSTM", peepholes=True)
    data = model_of("LSTM", weights, direction="forward", clip=1.0).SerializeToString()
    rng, read, path = np.random.default_rng(4), 0, tmp_path / "model.onnx"
    for _ in range(number):
        path.write_bytes(mutated(data, rng))
        try:
            ours.load(ours.network(path), path)
            read += 1
        except (ValueError, TypeError) as error:
            assert str(error).startswith(("onnx.", "LSTM", "Activation")), error
    assert 0 < read < number


def test_without_onnx_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs onnx: pip install 'jaxrnn\[onnx\]'"):
        ours.dump(Dense(3, 4), drawn(Dense(3, 4)))
    assert ours.load(Recurrent(ELMAN(I, H)), weights_of("RNN")).kernel.shape == (I, H)


def test_activations_have_the_numbers_that_onnx_gives_them():
    assert Activation("HardSigmoid") == Activation("HardSigmoid", 0.2, 0.5)
    for arguments, message in {
        ("Cube",): "name must be one of Relu, Tanh",
        ("Tanh", 0.1): "Tanh has no alpha",
        ("Elu", 0.1, 0.2): "Elu has no beta",
        ("ScaledTanh", 0.1): "ScaledTanh needs beta",
    }.items():
        with pytest.raises(ValueError, match=message):
            Activation(*arguments)
    with pytest.raises(ValueError, match="takes 2 activations, f, g, got 1"):
        ours.GRU(3, 4, (Activation("Tanh"),))


@SLOW
@pytest.mark.parametrize(
    "cell",
    [
        ours.GRU(3, 4, clip=0.9),
        ours.LSTM(3, 4, clip=0.9, use_peepholes=True, input_forget=True),
    ],
    ids=repr,
)
def test_the_cells_keep_the_laws(cell, capsys):
    testing.check_cell(cell)
