"""Every noun of the library, each as a small instance. Adding one here earns every law."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrnn import (
    cells,
    constraints,
    engines,
    evaluation,
    generation,
    heads,
    information,
    metrics,
    networks,
    objectives,
    tasks,
    training,
)
from tests import cells as own


def zeros(noun):
    """Parameters of a cell or a layer that cost no random numbers."""
    shapes = jax.eval_shape(noun.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


# --- cells and engines ------------------------------------------------------------------------

I, H = 3, 4  # noqa: E741


def _step(params, h, x):
    h = jnp.tanh(jnp.concatenate([x, h], -1) @ params)
    return h, h


def _init(key):
    return 0.5 * jax.random.normal(key, (I + H, H))


def _carry(params, batch):
    return jnp.zeros((*batch, H), params.dtype)


LIBRARY_CELLS = {
    "elman_tanh": cells.Elman(I, H),
    "elman_relu": cells.Elman(I, H, jax.nn.relu),
    "elman_sigmoid": cells.Elman(I, H, jax.nn.sigmoid),
    "leaky": cells.Leaky(I, H, 0.3),
    "lstm": cells.LSTM(I, H),
    "gru": cells.GRU(I, H),
    "reset_before_gru": cells.ResetBeforeGRU(I, H),
    "lru": cells.LRU(I, H),
    "functions": cells.from_functions(init=_init, carry=_carry, step=_step),
}

GATED_CELLS = {
    "antisymmetric": cells.Antisymmetric(I, H),
    "atr": cells.ATR(I, H),
    "block_gru": cells.BlockGRU(I, H, 2),
    "block_lstm": cells.BlockLSTM(I, H, 2),
    "brc": cells.BRC(I, H),
    "cfn": cells.CFN(I, H),
    "coupled_lstm": cells.CoupledLSTM(I, H),
    "fast_grnn": cells.FastGRNN(I, H),
    "fast_rnn": cells.FastRNN(I, H),
    "gated_antisymmetric": cells.GatedAntisymmetric(I, H),
    "ind_rnn": cells.IndRNN(I, H),
    "janet": cells.JANET(I, H),
    "jordan": cells.Jordan(I, 3, H),
    "layer_norm_gru": cells.LayerNormGRU(I, H),
    "layer_norm_lstm": cells.LayerNormLSTM(I, H),
    "li_gru": cells.LiGRU(I, H),
    "m2rnn": cells.M2RNN(I, H, 2, 3),
    "mgu": cells.MGU(I, H),
    "minimal_rnn": cells.MinimalRNN(I, H),
    "multiplicative_lstm": cells.MultiplicativeLSTM(I, H),
    "nbrc": cells.NBRC(I, H),
    "peephole_lstm": cells.PeepholeLSTM(I, H),
    "projected_lstm": cells.ProjectedLSTM(I, H, 2),
    "ran": cells.RAN(I, H),
    "rhn": cells.RHN(I, H, 2),
    "scrn": cells.SCRN(I, H, 2),
    "slstm": cells.SLSTM(I, H, 2),
    "ugrnn": cells.UGRNN(I, H),
}

LIBRARY_CELLS |= GATED_CELLS

LINEAR_CELLS = {
    "min_gru": cells.MinGRU(I, H),
    "min_lstm": cells.MinLSTM(I, H),
    "qrnn": cells.QRNN(I, H),
    "sru": cells.SRU(I, H),
    "exponential_moving_average": cells.ExponentialMovingAverage(I, (0.1, 0.3)),
    "hgrn": cells.HGRN(I, H, 0.3),
    "linoss": cells.LinOSS(I, 2),
    "linoss_imex": cells.LinOSS(I, 2, cells.IMEX()),
    "rg_lru": cells.RGLRU(I),
    "s4d": cells.S4D(I, 4),
    "s5": cells.S5(I, 4, cells.Bilinear()),
    "s6": cells.S6(I, 2, 2),
    "slice": cells.SLiCE(I, H, 2, 0.3),
}

LIBRARY_CELLS |= LINEAR_CELLS
DYNAMICS = {
    "conv_lstm": cells.ConvLSTM(I, 2, (2, 3), kernel_size=(2, 3), strides=(1, 2)),
    "conv_gru": cells.ConvGRU(I, 2, (4,), kernel_size=2, dilation=2, padding=cells.Valid()),
    "reset_before_conv_gru": cells.ResetBeforeConvGRU(I, 2, (3,), use_bias=False),
    "ctrnn": cells.CTRNN(I, H, tau=50.0),
    "cornn": cells.CoRNN(I, H, dt=0.3, gamma=0.7, epsilon=1.2),
    "unicornn": cells.UnICORNN(I, H, dt=0.4, alpha=0.9),
    "lem": cells.LEM(I, H, dt=0.8),
    "lipschitz": cells.LipschitzRNN(I, H, dt=0.2, beta=0.7, gamma=0.1),
    "clockwork": cells.Clockwork(I, H, periods=(1, 3)),
    "cfc": cells.CfC(I, H, backbone=(5,), elapsed=cells.LastFeature()),
    "cfc_without_backbone": cells.CfC(I, H, backbone=(), elapsed=cells.Regular(0.7)),
    "ltc": cells.LTC(I, H, steps=2, elapsed=cells.LastFeature()),
    "phased_lstm": cells.PhasedLSTM(I, H, open_ratio=0.4, leak=0.1, elapsed=cells.Regular(0.7)),
    "star": cells.STAR(I, H),
    "wmc_lstm": cells.WMCLSTM(I, H),
    "fast_slow": cells.FastSlow(
        (cells.LSTM(I, H), cells.LSTM(2, H), cells.LSTM(2, H)), cells.GRU(H, 2)
    ),
}
"""Convolutional cells, and cells in continuous time."""

LIBRARY_CELLS |= DYNAMICS

MEMORY_CELLS = {
    "linear_attention": cells.LinearAttention(I, H, 2, 3),
    "retnet": cells.RetNet(I, H, 2, 4),
    "gla": cells.GLA(I, H, 2, 3, rank=2),
    "hgrn2": cells.HGRN2(I, H, 2, 3, 0.2),
    "mamba2": cells.Mamba2(I, H, 2, 3),
    "mlstm": cells.MLSTM(I, H, 2, 3),
    "delta_net": cells.DeltaNet(I, H, 2, 3, 2.0),
    "delta_product": cells.DeltaProduct(I, H, 2),
    "gated_delta": cells.GatedDelta(I, H, 2),
    "kda": cells.KDA(I, H, 2, 3),
    "rwkv7": cells.RWKV7(I, H, 2, 3, rank=2),
}

LIBRARY_CELLS |= MEMORY_CELLS

WRAPPED_CELLS = {
    "zoneout": cells.Zoneout(cells.LSTM(I, H), cells.LSTMCarry(0.1, 0.3)),
    "highway": cells.Highway(cells.LSTM(I, I)),
    "skip": cells.Skip(cells.LRU(I, I)),
}

CELLS = {
    **LIBRARY_CELLS,
    "learned_carry": cells.LearnedCarry(own.LearnedStart(I, H)),
    "learned_carry_of_functions": own.learned_carry_of_functions,
    "columns": own.Columns(I, H),
    "delta_memory": own.DeltaMemory(I, H),
    **WRAPPED_CELLS,
}

CELL_INPUTS: dict[str, object] = {}
"""Examples `[N, *features]` of what a cell reads, where not any numbers of its shape will do."""

OF_FUNCTIONS = {"functions", "learned_carry_of_functions"}
"""Cells of plain functions, which keep what types they like."""

ENGINES = {
    "scan": engines.Scan(),
    "bptt": engines.BPTT(),
    "associative": engines.Associative(),
    "chunked": engines.Chunked(engines.Scan(), 3),
    "chunked_bptt": engines.Chunked(engines.BPTT(), 2),
    "chunkwise": engines.Chunkwise(3),
    "linear_scan": engines.LinearScan(),
}
"""Engines whose values and gradients are those of `Scan`; `Truncated` has its own tests."""


def engines_for(cell):
    """The names of the engines that take a cell, itself given by name."""
    return [name for name, engine in ENGINES.items() if issubclass(CELLS[cell].kind, engine.takes)]


# --- layers -----------------------------------------------------------------------------------

SYMBOLS = 5


def _recurrent(cell, engine):
    return networks.Recurrent(CELLS[cell], ENGINES[engine])


LAYERS = {
    "recurrent_scan": _recurrent("lstm", "scan"),
    "recurrent_bptt": _recurrent("gru", "bptt"),
    "recurrent_associative": _recurrent("lru", "associative"),
    "recurrent_chunked": _recurrent("elman_tanh", "chunked"),
    "bidirectional": networks.Bidirectional(CELLS["gru"], CELLS["lstm"]),
    "recurrent_reverse": networks.Recurrent(CELLS["gru"], reverse=True),
    "bidirectional_sum": networks.Bidirectional(CELLS["gru"], CELLS["lstm"], merge=networks.Add()),
    "embedding": networks.Embedding(SYMBOLS, 3),
    "dense": networks.Dense(I, H),
    "layer_norm": networks.LayerNorm(I),
    "activation": networks.Activation(jax.nn.gelu),
    "dropout": networks.Dropout(0.5),
    "attending": networks.Attending(
        networks.Recurrent(cells.GRU(I + 2, H)), networks.Multiplicative(H, 2)
    ),
    "carry_from_context": networks.CarryFromContext(networks.Recurrent(CELLS["lstm"]), 2),
    "variational_dropout": networks.VariationalDropout(0.5),
    "transitions": networks.Transitions(I),
    "repeated": networks.Repeated(networks.Recurrent(cells.GRU(I, I)), 2),
    "residual": networks.Residual(networks.Recurrent(cells.GRU(I, I))),
    "self_attention": networks.SelfAttention(I, 1, networks.ALiBi()),
    "causal_attention": networks.stack(
        networks.Dense(I, H), networks.CausalAttention(H, 2, context=2)
    ),
    "causal_conv": networks.stack(
        networks.CausalConv(I, 3, 2 * I), networks.CausalConv(2 * I, 2, H, groups=2)
    ),
    "with_previous": networks.WithPrevious(I),
    "last_pool": networks.LastPool(),
    "first_pool": networks.FirstPool(),
    "ends_pool": networks.stack(
        networks.Bidirectional(CELLS["gru"], CELLS["gru"], merge=networks.Both()),
        networks.EndsPool(networks.Add()),
    ),
    "mean_pool": networks.MeanPool(),
    "max_pool": networks.MaxPool(),
    "language_model": networks.stack(
        networks.Embedding(SYMBOLS, I),
        networks.Dropout(0.5),
        networks.Recurrent(CELLS["gru"]),
        networks.LayerNorm(H),
        networks.Residual(networks.Dense(H, H)),
        networks.Dense(H, SYMBOLS),
    ),
    "tied": networks.Tied(networks.Embedding(SYMBOLS, H), networks.Recurrent(cells.Elman(H, H))),
    "named": networks.stack(
        embedding=networks.Embedding(SYMBOLS, I),
        rnn=networks.Recurrent(CELLS["lstm"]),
        readout=networks.Dense(H, SYMBOLS),
    ),
    "classifier": networks.stack(
        networks.VariationalDropout(0.5),
        networks.Bidirectional(CELLS["gru"], CELLS["gru"], ENGINES["bptt"]),
        networks.stack(networks.Activation(jnp.tanh), networks.MaxPool()),
        networks.Dense(2 * H, 2),
    ),
}

READ_SYMBOLS = {"embedding", "language_model", "named", "tied"}
"""The layers whose inputs are `Int[T, *batch]`; the others take `[T, *batch, I]`."""

NEED_THE_FUTURE = {
    "recurrent_reverse",
    "bidirectional",
    "bidirectional_sum",
    "self_attention",
    "last_pool",
    "first_pool",
    "ends_pool",
    "mean_pool",
    "max_pool",
    "classifier",
}
"""The layers that cannot stream."""

# --- information, objectives, metrics ---------------------------------------------------------

V = 5


def labels(key, outputs):
    """Integer labels that fit the outputs."""
    return jax.random.randint(key, outputs.shape[:-1], 0, outputs.shape[-1])


def distributions(key, outputs):
    """A distribution over the outputs' classes, some classes impossible."""
    p = jax.nn.softmax(jax.random.normal(key, outputs.shape))
    p = jnp.where(p > 0.1, p, 0)
    return p / p.sum(-1, keepdims=True)


def numbers(key, outputs):
    """Real numbers of the outputs' shape."""
    return jax.random.normal(key, outputs.shape)


def yes_or_no(key, outputs):
    """Several labels at once."""
    return jax.random.bernoulli(key, 0.3, outputs.shape)


def nothing(key, outputs):
    return None


def _absolute_error(outputs, targets):
    return jnp.abs(outputs.astype(targets.dtype) - targets).mean(-1)


def _likely(outputs, targets):
    return outputs[..., 0] > 0


def _halved(outputs, targets):
    return outputs / 2, targets


def _weights(outputs, targets):
    return jnp.exp(outputs[..., 0])


def _value(bootstrap):
    return bootstrap.value


def _shares(table):
    return table._replace(count=table.count / table.count.sum())


def _as_draws(outputs, targets):
    return outputs[..., None, :], targets


def _normed(counts):
    return counts / counts.sum()


def _two_members(outputs, targets):
    return jnp.stack([outputs, outputs[..., ::-1]], -2), targets


def _label(outputs, targets):
    return targets


class OfFirst(objectives.Objective):
    """The loss of a head on the first outputs, as many as it reads."""

    head: heads.Head

    def _split(self, outputs, targets):
        return outputs[..., : self.head.size], targets

    def weight(self, outputs, targets, where=None):
        return self.head.loss.weight(*self._split(outputs, targets), where)

    def values(self, outputs, targets):
        return self.head.loss.values(*self._split(outputs, targets))


def two_numbers(key, outputs):
    """Real numbers, two for each step."""
    return jax.random.normal(key, (*outputs.shape[:-1], 2))


def one_number(key, outputs):
    return jax.random.normal(key, (*outputs.shape[:-1], 1))


def counts(key, outputs):
    return jax.random.poisson(key, 3.0, (*outputs.shape[:-1], 2)).astype(jnp.float32)


HEADS = {
    "categorical": (heads.Categorical(V), labels),
    "bernoulli": (heads.Bernoulli(V), yes_or_no),
    "gaussian": (heads.Gaussian(2), two_numbers),
    "student_t": (heads.StudentT(), one_number),
    "negative_binomial": (heads.NegativeBinomial(2), counts),
    "quantile": (heads.Quantile((0.1, 0.3, 0.5, 0.7, 0.9)), one_number),
    "mixture": (heads.Mixture(heads.Gaussian(), 1), one_number),
}
"""Heads that read at most `V` outputs, each with `(key, outputs) -> targets`."""

OBJECTIVES = {
    **{f"head_{name}": (OfFirst(head), targets) for name, (head, targets) in HEADS.items()},
    "cross_entropy": (objectives.CrossEntropy(), labels),
    "cross_entropy_smoothed": (objectives.CrossEntropy(smoothing=0.1), labels),
    "cross_entropy_of_distributions": (objectives.CrossEntropy(smoothing=0.1), distributions),
    "focal_cross_entropy": (objectives.FocalCrossEntropy(0.5), labels),
    "multi_label_cross_entropy": (objectives.MultiLabelCrossEntropy(), yes_or_no),
    "squared_error": (objectives.SquaredError(), numbers),
    "entropy": (objectives.Entropy(), nothing),
    "confidence_penalty": (objectives.ConfidencePenalty(), nothing),
    "confidence_penalty_hinge": (objectives.ConfidencePenalty(threshold=1.0), nothing),
    "activity_l1": (objectives.ActivityL1(), nothing),
    "activity_l2": (objectives.ActivityL2(), nothing),
    "map_inputs": (objectives.map_inputs(objectives.CrossEntropy(), _halved), labels),
    "z_loss": (objectives.ZLoss(), nothing),
    "ignore_index": (objectives.IgnoreIndex(objectives.CrossEntropy(), index=2), labels),
    "ignore_infinite": (objectives.IgnoreInfinite(objectives.CrossEntropy()), labels),
    "class_weighted": (
        objectives.ClassWeighted(objectives.CrossEntropy(), jnp.array([1.0, 2.0, 0.5, 0.0, 3.0])),
        labels,
    ),
    "accuracy": (objectives.Accuracy(), labels),
    "accuracy_top_2": (objectives.Accuracy(top=2), distributions),
    "sum": (objectives.CrossEntropy(smoothing=0.05) - 0.01 * objectives.Entropy(), labels),
    "function": (objectives.as_objective(_absolute_error), numbers),
}
"""Objectives, each with `(key, outputs [..., V]) -> targets`."""

WEIGH_STEPS = {"ignore_index", "class_weighted"}
"""The objectives to which not every step counts once."""

METRICS = {
    "mean": (metrics.Mean(_absolute_error), numbers),
    "nll": (metrics.nll(), labels),
    "perplexity": (metrics.perplexity(), labels),
    "bits_per_token": (metrics.bits_per_token(), labels),
    "accuracy": (metrics.accuracy(), labels),
    "entropy": (metrics.entropy(), nothing),
    "varentropy": (metrics.varentropy(), nothing),
    "bits_per_character": (metrics.bits_per_character([1, 2, 0, 3, 5]), labels),
    "brier": (metrics.brier(), labels),
    # The counts of a table are 0 without data, its shares are not there.
    "reliability": (metrics.map_value(metrics.reliability(metrics.EqualWidth(4)), _shares), labels),
    "calibration_error": (metrics.calibration_error(), labels),
    "calibration_error_of_equal_mass": (
        metrics.calibration_error(metrics.EqualMass(3, resolution=64)),
        distributions,
    ),
    "brier_decomposition": (metrics.brier_decomposition(), labels),
    "calibration_z_score": (metrics.calibration_z_score(), labels),
    "ensemble_uncertainty": (
        metrics.map_inputs(metrics.ensemble_uncertainty(), _two_members),
        nothing,
    ),
    "map_inputs": (metrics.map_inputs(metrics.entropy(), _halved), labels),
    "masked": (metrics.masked(metrics.nll(), _likely), labels),
    "surprisal_profile": (metrics.surprisal_profile(6), labels),
    "weighted": (metrics.weighted(metrics.nll(), _weights), labels),
    "second_moments": (metrics.SecondMoments(V, 2), two_numbers),
    "grouped": (metrics.grouped(metrics.nll(), V, _label), labels),
    "windowed": (metrics.windowed(metrics.nll(), 4), labels),
    "ema": (metrics.ema(metrics.perplexity(), 0.9), labels),
    # The errors are drawn anew for every split, the value is not.
    "bootstrapped": (
        metrics.map_value(
            metrics.bootstrapped(metrics.nll(), jax.random.key(0), replicates=3), _value
        ),
        labels,
    ),
    "mase": (evaluation.mase(2.0), numbers),
    "crps": (metrics.map_inputs(evaluation.crps(evaluation.Samples()), _as_draws), one_number),
    "confusion_matrix": (metrics.map_value(evaluation.confusion_matrix(V), _normed), labels),
    "f1": (evaluation.f1(V, evaluation.PerClass()), labels),
    "auroc": (evaluation.auroc(V, resolution=8), labels),
    "collect": (
        metrics.collect(
            nll=metrics.nll(),
            profile=metrics.per_step(metrics.collect(accuracy=metrics.accuracy(top=2)), 6),
        ),
        labels,
    ),
}
"""Metrics, each with `(key, outputs [6, ..., V]) -> targets`."""

COUNT_UPDATES = {"ema"}
"""The metrics whose value depends on how the data were cut into updates."""

# --- all other nouns ----------------------------------------------------------------------------


def _next(carry, symbol):
    return carry, jnp.zeros(V)


def _no_state(params):
    return ()


def _descend(updates, state, params=None):
    return jax.tree.map(lambda update: -0.1 * update, updates), state


# Not `optax.sgd(0.1)`: optax makes its functions anew, and such do not pickle.
OPTIMIZER = optax.GradientTransformation(_no_state, _descend)

OTHERS = {
    **{f"head_loss_{name}": head.loss for name, (head, _) in HEADS.items()},
    "automatic": cells.Automatic(),
    "reservoir": cells.Reservoir(cells.Leaky(I, H), 0.9, cells.SimpleCycle()),
    "reservoir_at_random": cells.Reservoir(cells.Elman(I, H)),
    **{
        f"constrained_{type(constraint).__name__}": cells.Constrained(
            cells.Elman(I, H), "recurrent", constraint
        )
        for constraint in (
            constraints.Frozen(),
            constraints.LowRank(2),
            constraints.Masked(np.eye(H, dtype=np.float32)),
            constraints.Shifted(),
            constraints.Signed(),
            constraints.Sparse(),
            constraints.SpectrallyBounded(),
            constraints.Summed(),
            constraints.WeightNormalised(),
        )
    },
    "constrained_layer": networks.Constrained(
        networks.Recurrent(cells.GRU(I, H)), "recurrent", constraints.Orthogonal()
    ),
    "orthogonal": constraints.Orthogonal(constraints.Householder()),
    "drop_connect": cells.DropConnect(cells.LSTM(I, H)),
    "emit_carry": cells.EmitCarry(cells.LSTM(I, H)),
    "input_dropout": cells.InputDropout(cells.LRU(I, H)),
    "process_noise": cells.ProcessNoise(cells.Leaky(I, H), 0.1),
    "recurrent_dropout": cells.RecurrentDropout(cells.LSTM(I, H)),
    "state_dropout": cells.StateDropout(cells.GRU(I, H)),
    "diagonal": cells.Diagonal(),
    "pair_blocks": cells.PairBlocks(),
    "dense_blocks": cells.DenseBlocks(),
    "zoh": cells.ZOH(),
    "bilinear": cells.Bilinear(),
    "im": cells.IM(),
    "imex": cells.IMEX(),
    "average": networks.Average(),
    "multiply": networks.Multiply(),
    "both": networks.Both(),
    "unordered": networks.Unordered(),
    "multi_head": networks.MultiHead(4, I, 2),
    "parallel": networks.Parallel(networks.Dense(I, H), networks.Dense(I, H)),
    "additive": networks.Additive(4, I, 2),
    "encoder_decoder": networks.EncoderDecoder(
        networks.Recurrent(cells.GRU(I, 2)),
        networks.CarryFromContext(networks.Recurrent(cells.GRU(I, 2)), 2),
    ),
    "precision": networks.Precision(networks.Dense(I, H)),
    "greedy": generation.Greedy(),
    "temperature": generation.Temperature(0.5),
    "top_k": generation.TopK(2),
    "nucleus": generation.Nucleus(0.9),
    "enumeration": generation.Enumeration(),
    "finite_state": generation.FiniteState(3),
    "monte_carlo": generation.MonteCarlo(5),
    "rao_blackwell": generation.RaoBlackwell(5),
    "control_variate": generation.ControlVariate(5),
    "sequence_model": generation.SequenceModel(_next, jnp.zeros(2), stop=1),
    "chao_shen": information.ChaoShen(),
    "grassberger": information.Grassberger(),
    "miller_madow": information.MillerMadow(),
    "crf": objectives.CRF(3),
    "ctc": objectives.CTC(),
    "l1": objectives.L1(),
    "l2": 0.5 * objectives.L2() + objectives.L1(),
    "temporal_activity_l2": objectives.TemporalActivityL2(),
    "with_hidden": networks.WithHidden(networks.Recurrent(cells.GRU(I, H)), networks.Dense(H, I)),
    "entropy_temperature": objectives.EntropyTemperature(0.5, optimizer=OPTIMIZER),
    "equal_width": metrics.EqualWidth(4),
    "equal_mass": metrics.EqualMass(4),
    "quantiles": evaluation.Quantiles((0.1, 0.5, 0.9)),
    "smape": evaluation.smape(),
    "pinball": evaluation.pinball(evaluation.Samples(), (0.5,)),
    "interval_coverage": evaluation.interval_coverage(heads.Gaussian(), 0.8),
    "interval_width": evaluation.interval_width(heads.Gaussian(), 0.8),
    "bca": evaluation.BCa(),
    "percentile": evaluation.Percentile(),
    "counted_as": evaluation.CountedAs(5.0),
    "left_out": evaluation.LeftOut(),
    "macro": evaluation.Macro(),
    "micro": evaluation.Micro(),
    "weighted_by_support": evaluation.BySupport(),
    "as_cell": metrics.as_cell(metrics.nll()),
    "truncated": engines.Truncated(engines.BPTT(), 2),
    "auto": engines.Auto(),
    "offloaded": engines.Offloaded(engines.BPTT(), 2),
    "fused": engines.Fused(rows=2),
    "newton": engines.Newton(),
    "rtrl": engines.RTRL(),
    "snap1": engines.SnAp1(),
    "e_prop": engines.EProp(),
    "uoro": engines.UORO(),
    "newton_of_few": engines.Newton(engines.Damped(engines.DiagonalJacobian(), 0.1), 1e-3, 5),
    "adding": tasks.Adding(5),
    "associative_recall": tasks.AssociativeRecall(2, 3, 5, 4),
    "delayed_xor": tasks.DelayedXOR(4),
    "modular_arithmetic": tasks.ModularArithmetic(3),
    "parity": tasks.parity(4),
    "selective_copy": tasks.SelectiveCopy(4, 2),
    "word_problem": tasks.WordProblem(4),
    "an_bn": tasks.AnBn(0.4, 3),
    "copy_memory": tasks.CopyMemory(3),
    "dyck": tasks.Dyck(),
    "dyck_2": tasks.Dyck(0.3, kinds=2, depth=4),
    "hmm": tasks.even(0.4),
    "lorenz": tasks.Lorenz(5),
    "mackey_glass": tasks.MackeyGlass(5),
    "narma10": tasks.NARMA10(5),
    "hmm_of_lists": tasks.HMM([[[1]]], [1.0]),
    "fresh": training.Fresh(),
    "carried": training.Carried((3,)),
    "checkpoints": training.Checkpoints("run", every=5),
    "early_stopping": training.EarlyStopping(3),
    "progress": training.Progress(),
    "one_by_one": training.OneByOne(),
    "vmapped": training.Vmapped(4),
    "fastest": training.Fastest(4),
    "final_params": training.FinalParams(),
    "trainer": training.Trainer(
        LAYERS["language_model"],
        objectives.CrossEntropy(0.1),
        OPTIMIZER,
        metrics.collect(nll=metrics.nll()),
    ),
}
"""Samplers, estimators, tasks, and what training is made of."""

NOUNS = {
    **CELLS,
    **ENGINES,
    **LAYERS,
    **{f"objective_{name}": objective for name, (objective, _) in OBJECTIVES.items()},
    **{f"metric_{name}": metric for name, (metric, _) in METRICS.items()},
    **OTHERS,
}
"""An instance of every noun."""
