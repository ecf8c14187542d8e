"""`interop.linen`: flax's numbers on jaxrnn's engines, and weights there and back."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxrnn
from jaxrnn import cells, networks
from jaxrnn.interop import linen
from jaxrnn.interop._flax_run import run
from jaxrnn.interop.linen import _rnn

STEPS, BATCH, INPUTS, HIDDEN = 5, 3, 3, 4
LENGTHS = np.array([3, 5, 1])
KEY = jax.random.key(0)
SLOW = pytest.mark.slow
MODULES = {
    "simple": (nn.SimpleCell, {"activation_fn": nn.relu}),
    "residual": (nn.SimpleCell, {"residual": True}),
    "lstm": (nn.LSTMCell, {}),
    "optimized_lstm": (nn.OptimizedLSTMCell, {}),
    "gru": (nn.GRUCell, {}),
    "mgu": (nn.MGUCell, {}),
    "mgu_without_reset": (nn.MGUCell, {"reset_gate": False}),
    "conv_lstm": (nn.ConvLSTMCell, {"kernel_size": (2, 3)}),
    "conv_lstm_without_bias": (nn.ConvLSTMCell, {"kernel_size": (3,), "use_bias": False}),
}
FAST = ("lstm",)


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """What engines have run, by cell."""
    seen = []

    def noted(found, *args, **options):
        seen.append(type(found.cell).__name__)
        return run(found, *args, **options)

    monkeypatch.setattr(_rnn, "run", noted)
    return seen


def named(name, **options):
    """A cell of flax, and inputs `[batch, time, ...]` for it."""
    make, given = MODULES[name]
    space = (4, 3)[: len(given.get("kernel_size", ()))]
    xs = jax.random.normal(KEY, (BATCH, STEPS, *space, INPUTS), options.get("param_dtype"))
    return make(HIDDEN, **given, **options), xs


def drawn(variables):
    """Numbers in the place of zeros and orthogonal matrices."""
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(draw.normal(size=leaf.shape), leaf.dtype), variables
    )


def both(module, variables, xs, calls):
    """Values, and the gradients of weights and inputs, of several calls in one program."""

    def loss(variables, xs):
        found = [module.apply(variables, xs, **call) for call in calls]
        return sum(jnp.sin(leaf).sum() for leaf in jax.tree.leaves(found)), found

    return jax.grad(loss, argnums=(0, 1), has_aux=True)(variables, xs)


def far(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(abs(x - y).max()) for x, y in pairs)


def same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    return jax.tree.all(
        jax.tree.map(lambda x, y: x.dtype == y.dtype and bool((x == y).all()), a, b)
    )


CALLS = [
    {"return_carry": True},
    {"return_carry": True, "seq_lengths": LENGTHS, "reverse": True},
    {"reverse": True, "keep_order": True, "seq_lengths": LENGTHS},
]


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=SLOW) for n in MODULES])
def test_the_numbers_and_weights_are_those_of_flax(name, x64, ran):
    cell, xs = named(name, param_dtype=jnp.float64)
    theirs, ours = nn.RNN(cell), linen.RNN(cell)
    assert same(theirs.init(KEY, xs), ours.init(KEY, xs))
    variables = drawn(theirs.init(KEY, xs))
    results = [
        jax.jit(lambda v, x, m=m: both(m, v, x, CALLS))(variables, xs) for m in (theirs, ours)
    ]
    assert len(ran) >= len(CALLS)
    assert far(*results) < 1e-12
    net = linen.network(theirs, xs.shape[2:])
    params = linen.load(net, variables)
    assert same(linen.dump(net, params), variables["params"])
    assert same(linen.load(net, linen.dump(net, params)), params)
    carry, ys = net.apply(params, jnp.swapaxes(xs, 0, 1))
    theirs_last, theirs_ys = results[0][1][0]
    assert far(ys, jnp.swapaxes(theirs_ys, 0, 1)) < 1e-12
    if isinstance(carry, cells.LSTMCarry):
        carry = (carry.cell, carry.hidden)
    assert far(carry, theirs_last) < 1e-12


@SLOW
def test_bidirectional_and_a_stack_convert(x64):
    module = nn.Sequential(
        [
            nn.Embed(7, INPUTS, param_dtype=jnp.float64),
            linen.Bidirectional(
                *(linen.RNN(nn.GRUCell(HIDDEN, param_dtype=jnp.float64)) for _ in "fb")
            ),
            nn.LayerNorm(param_dtype=jnp.float64),
            nn.relu,
            nn.Dense(2, param_dtype=jnp.float64),
        ]
    )
    symbols = jnp.arange(STEPS * BATCH).reshape(BATCH, STEPS) % 7
    with jax.numpy_dtype_promotion("standard"):
        variables = drawn(module.init(KEY, symbols))
        wanted = module.apply(variables, symbols)
    net = linen.network(module, ())
    params = linen.load(net, variables)
    ys = net.apply(params, symbols.T)[1]
    assert far(jnp.swapaxes(ys, 0, 1), wanted) < 1e-12
    assert same(linen.dump(net, params), variables["params"])


@pytest.mark.slow
def test_a_carry_at_length_zero_is_the_one_it_started_from_and_batches_have_any_axes():
    cell, _ = named("lstm")
    xs = jax.random.normal(KEY, (2, 2, STEPS, INPUTS))
    start = jax.tree.map(jnp.ones_like, cell.initialize_carry(KEY, (2, 2, INPUTS)))
    rnn, lengths = linen.RNN(cell, return_carry=True), jnp.array([[0, 2], [5, 1]])
    variables = rnn.init(KEY, xs)
    carry, ys = rnn.apply(variables, xs, seq_lengths=lengths, initial_carry=start)
    assert (carry[0][0, 0] == 1).all() and (carry[1][0, 0] == 1).all()
    for i, j in [(0, 1), (1, 0), (1, 1)]:
        np.testing.assert_array_equal(carry[1][i, j], ys[i, j, lengths[i, j] - 1])
    alone = rnn.apply(variables, xs[1, 0], initial_carry=jax.tree.map(lambda c: c[1, 0], start))
    np.testing.assert_allclose(alone[1], ys[1, 0], atol=1e-6)


class Own(nn.GRUCell):
    """A subclass may compute anything."""

    @nn.compact
    def __call__(self, carry, inputs):
        carry, y = super().__call__(carry, inputs)
        return carry, 2 * y


@pytest.mark.parametrize(
    "cell",
    [
        Own(HIDDEN),
        nn.GRUCell(HIDDEN, gate_fn=nn.hard_sigmoid),
        nn.ConvLSTMCell(HIDDEN, (3,), padding="CIRCULAR"),
    ],
)
def test_what_no_engine_computes_is_run_by_flax(cell, ran):
    space = () if cell.num_feature_axes == 1 else (4,)
    xs = jax.random.normal(KEY, (BATCH, STEPS, *space, INPUTS))
    theirs, ours = nn.RNN(cell), linen.RNN(cell)
    variables = ours.init(KEY, xs)
    assert same(ours.apply(variables, xs), theirs.apply(variables, xs)) and not ran


@pytest.mark.parametrize(
    ("dtype", "param_dtype", "runs"),
    [
        (None, jnp.float32, True),
        (jnp.bfloat16, jnp.float32, True),
        (None, jnp.bfloat16, True),
        (jnp.float16, jnp.float16, True),
    ],
)
@SLOW
def test_types_are_those_of_flax(dtype, param_dtype, runs, ran):
    with jax.numpy_dtype_promotion("standard"):
        init = nn.initializers.lecun_normal()  # orthogonal matrices are float32 or wider
        cell, xs = named("lstm", dtype=dtype, param_dtype=param_dtype, recurrent_kernel_init=init)
        theirs, ours = (kind(cell, return_carry=True) for kind in (nn.RNN, linen.RNN))
        variables = theirs.init(KEY, xs)
        a, b = theirs.apply(variables, xs), ours.apply(variables, xs)
    assert bool(ran) is runs
    assert [x.dtype for x in jax.tree.leaves(a)] == [x.dtype for x in jax.tree.leaves(b)]
    assert far(*(jax.tree.map(lambda x: x.astype(jnp.float32), t) for t in (a, b))) < 0.03


@SLOW
def test_integers_are_read_as_flax_reads_them():
    cell, _ = named("gru")
    xs = jnp.arange(BATCH * STEPS * INPUTS).reshape(BATCH, STEPS, INPUTS) % 3
    variables = linen.RNN(cell).init(KEY, xs.astype(float))
    with jax.numpy_dtype_promotion("standard"):
        wanted = nn.RNN(cell).apply(variables, xs)
    assert far(linen.RNN(cell).apply(variables, xs), wanted) < 1e-6


@pytest.mark.slow
def test_parameters_of_each_step_and_metadata(key, ran):
    """What is scanned over is flax's; what is only labelled is not in the way."""
    cell, xs = named("gru")
    per_step = {"variable_axes": {"params": 0}, "variable_broadcast": False}
    options = per_step | {"split_rngs": {"params": True}}
    theirs, ours = nn.RNN(cell, **options), linen.RNN(cell, **options)
    assert same(theirs.init(key, xs), ours.init(key, xs)) and not ran
    init = nn.with_partitioning(nn.initializers.lecun_normal(), (None, "model"))
    labelled = linen.RNN(nn.GRUCell(HIDDEN, kernel_init=init))
    variables = labelled.init(key, xs)
    assert labelled.apply(variables, xs).shape == (BATCH, STEPS, HIDDEN) and ran
    params = linen.load(linen.network(labelled, INPUTS), variables)
    assert params.kernel.shape == (INPUTS, 3 * HIDDEN)


def test_wrong_weights_raise_what_flax_raises(key):
    cell, xs = named("gru")
    ours = linen.RNN(cell)
    variables = ours.init(key, xs)
    with pytest.raises(Exception, match="shape"):
        ours.apply(variables, xs[..., :2])
    with pytest.raises(Exception, match="the collection is empty"):
        ours.apply({"params": {"cell": {}}}, xs)


class Model(nn.Module):
    """A layer of jaxrnn among modules of flax."""

    @nn.compact
    def __call__(self, xs, lengths=None):
        net = networks.stack(
            networks.Recurrent(cells.LSTM(INPUTS, HIDDEN)),
            networks.Dropout(0.5),
            networks.Recurrent(
                cells.Constrained(cells.Elman(HIDDEN, 2), "bias", jaxrnn.constraints.Frozen())
            ),
        )
        return nn.Dense(1)(linen.Layer(net)(xs, lengths=lengths)[1])


@pytest.mark.slow
def test_a_layer_inside_a_module(key):
    xs = jax.random.normal(key, (STEPS, BATCH, INPUTS))
    model = Model()
    variables = model.init(key, xs)
    inner = variables["params"]["Layer_0"]
    assert inner["0"]["recurrent"].shape == (HIDDEN, 4 * HIDDEN)
    assert inner["2"]["bias"]["value"].shape == (2,)
    ys = model.apply(variables, xs, lengths=LENGTHS)
    assert same(ys, model.apply(variables, xs, lengths=LENGTHS))
    drops = [model.apply(variables, xs, rngs={"dropout": jax.random.key(i)}) for i in (1, 1, 2)]
    assert same(drops[0], drops[1]) and far(drops[0], drops[2]) > 1e-3
    layer = linen.Layer(networks.Recurrent(cells.GRU(INPUTS, HIDDEN)))
    variables = layer.init(key, xs)
    carry, ys = layer.apply(variables, xs)
    first, y = layer.apply(variables, None, xs[0], method="step")
    second, _ = layer.apply(variables, xs[1:], first)
    assert far(y, ys[0]) < 1e-6 and far(second, carry) < 1e-6


@SLOW
def test_a_cell_of_flax_runs_as_a_cell_of_jaxrnn(x64):
    module, xs = named("optimized_lstm", param_dtype=jnp.float64)
    cell = linen.LinenCell(module, INPUTS)
    assert (cell.input_shape, cell.output_shape) == ((INPUTS,), (HIDDEN,))
    params = drawn(cell.init(KEY))
    ours = linen.network(module, INPUTS)
    for options in ({}, {"lengths": LENGTHS, "reverse": True}):
        carry, ys = jaxrnn.unroll(cell, params, jnp.swapaxes(xs, 0, 1), **options)
        loaded = linen.load(ours, params)
        last, wanted = jaxrnn.unroll(ours, loaded, jnp.swapaxes(xs, 0, 1), **options)
        assert far((carry, ys), ((last.cell, last.hidden), wanted)) < 1e-12


class Running(nn.RNNCellBase):
    """A cell with a running mean."""

    @nn.compact
    def __call__(self, carry, inputs):
        return carry, nn.BatchNorm(use_running_average=False)(inputs)

    @nn.nowrap
    def initialize_carry(self, rng, input_shape):
        return jnp.zeros(input_shape)

    @property
    def num_feature_axes(self):
        return 1


def test_what_has_no_counterpart_says_what_to_do(key, as_users_run_it):
    cell, xs = named("gru")
    net = linen.network(nn.RNN(cell), INPUTS)
    weights = nn.RNN(cell).init(key, xs)["params"]
    for module, message in {
        nn.Conv(3, (3,)): "Conv has no counterpart.*RNN, Bidirectional",
        Own(HIDDEN): r"Wrap it as it is: `LinenCell\(module, \(3,\)\)`",
        nn.RNN(cell, reverse=True): "Set keep_order=True",
        nn.Bidirectional(nn.RNN(cell), nn.RNN(cell), merge_fn=jnp.add): r"merge=networks.Add\(\)",
    }.items():
        with pytest.raises(TypeError, match=message):
            linen.network(module, INPUTS)
    with pytest.raises(TypeError, match="keeps batch_stats besides"):
        linen.LinenCell(Running(), INPUTS).init(key)
    with pytest.raises(TypeError, match="MaxPool has no counterpart"):
        linen.dump(networks.MaxPool(), ())
    with pytest.raises(TypeError, match="the cell LRU has no counterpart in flax"):
        linen.load(cells.LRU(INPUTS, HIDDEN), {})
    with pytest.raises(TypeError, match="takes a layer, got GRU"):
        linen.Layer(cells.GRU(INPUTS, HIDDEN)).init(key, xs)
    with pytest.raises(TypeError, match="must be a nested mapping of arrays or a module, got list"):
        linen.load(net, [])
    with pytest.raises(ValueError, match="the parameters are not those of Recurrent"):
        linen.dump(net, cells.Elman(INPUTS, HIDDEN).init(key))
    del weights["cell"]["hn"]
    weights["cell"]["ir"]["kernel"] = weights["cell"]["ir"]["kernel"][:2]
    weights["cell"]["more"] = {"bias": jnp.zeros(2)}
    with pytest.raises(ValueError, match="do not fit") as error:
        linen.load(net, weights)
    for part in (
        "hn.kernel [4, 4] is missing",
        "ir.kernel is [2, 4]",
        "more.bias [2] is left over",
    ):
        assert part in str(error.value)
    weights = jax.tree.map(lambda leaf: np.zeros(leaf.shape), linen.dump(net, net.init(key)))
    with pytest.raises(TypeError, match="float64, which JAX would narrow"):
        linen.load(net, weights)
    assert linen.load(net, weights, dtype=jnp.float32).kernel.dtype == jnp.float32
