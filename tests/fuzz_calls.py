"""The public calls that `tests/fuzz.py` tries: each name with arguments that are right.

Most come by themselves: a noun of the zoo gives the arguments of its constructor, and a function
those that `ARGUMENTS` has for the names of its parameters. What needs others is in `OVERRIDES`. A
public name that is found in neither is reported as uncovered, and `tests/test_fuzz.py` fails.
"""

import dataclasses
import importlib
import inspect
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import figure
from onnx import helper

import jaxrnn
from jaxrnn import (
    cells,
    constraints,
    data,
    engines,
    evaluation,
    generation,
    heads,
    information,
    interop,
    metrics,
    networks,
    objectives,
    tasks,
    testing,
    training,
)
from jaxrnn._config import Config
from jaxrnn.interop import onnx
from tests import zoo
from tests.fuzz import Call

T, B, V = 6, 2, zoo.V
KEY = jax.random.key(0)
LOGITS = np.asarray(jax.random.normal(jax.random.key(1), (T, B, V)))
LABELS = np.arange(T * B).reshape(T, B) % V
MASK = np.arange(T)[:, None] < np.array([T, 4])
XS = np.asarray(jax.random.normal(jax.random.key(2), (T, B, zoo.I)))
NETWORK = zoo.LAYERS["language_model"]
PARAMS = NETWORK.init(KEY)
MODEL = generation.SequenceModel(zoo._next, jnp.zeros(2))
HMM = tasks.golden_mean()
JOINT = np.full((2, 3), 1 / 6, np.float32)
WALK = data.Batch(LABELS[:-1], LABELS[1:])
TRAINER = zoo.NOUNS["trainer"]
STATE = TRAINER.init(KEY)
SMALL = cells.GRU(zoo.I, 2).init(KEY)
SWEPT = training.Sweep(
    ({"leak": 0.5},), np.array([0]), np.array([5]), {"loss": np.ones((1, 1))}, np.array([-1])
)
POTENTIALS = jnp.ones((3, 3))
LSTM_LAYER = networks.Recurrent(cells.LSTM(zoo.I, 2))
SMALL_MODEL = onnx.dump(cells.GRU(zoo.I, 2), SMALL)
RNN_NODE = helper.make_node("RNN", ["X", "W", "R"], ["Y"])
RNN_WEIGHTS = [np.ones((1, 2, size), np.float32) for size in (zoo.I, 2)]


def log_partition(potentials):
    return jax.scipy.special.logsumexp(potentials)


def summed(params):
    """Attributions of a network: as they are for the fuzz, its parameters in a row."""
    return jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(params)])


def near(outputs, targets):
    return (outputs[..., 0] - targets[..., 0]) ** 2


def _squared(y, target):
    return (y**2).sum() + (target**2).sum()


ARGUMENTS: dict[str, Any] = {
    "alpha": 2.0,
    "batch": (B,),
    "binning": metrics.EqualWidth(4),
    "burn_in": 1,
    "carry": None,
    "cell": cells.GRU(zoo.I, zoo.H),
    "classes": np.arange(V) < 4,
    "correction": information.MillerMadow(),
    "counts": np.array([3, 0, 2, 5]),
    "decay": 0.9,
    "engine": engines.Auto(),
    "expectation": generation.Enumeration(),
    "flip": 0.1,
    "function": jnp.tanh,
    "given": 0,
    "group": zoo._label,
    "groups": V,
    "init": zoo._init,
    "joint": JOINT,
    "keep": zoo._likely,
    "key": KEY,
    "labels": LABELS,
    "lag": 1,
    "lags": (1, 2),
    "length": 3,
    "lengths": np.array([T, 4]),
    "log_partition": log_partition,
    "logit": LOGITS,
    "logits": LOGITS,
    "mask": MASK,
    "metric": metrics.nll(),
    "model": MODEL,
    "nats": LOGITS,
    "network": NETWORK,
    "objective": objectives.CrossEntropy(),
    "observations": LABELS % 2,
    "order": 2.0,
    "outputs": LOGITS,
    "p": 0.3,
    "params": PARAMS,
    "path": "run",
    "p_logits": LOGITS,
    "potentials": POTENTIALS,
    "prompt": LABELS,
    "q_logits": LOGITS + 1,
    "rate": 0.1,
    "replicates": 3,
    "resets": ~MASK,
    "reverse": False,
    "sampler": generation.Greedy(),
    "samples": 5,
    "shape": (3, 4),
    "size": 3,
    "source": HMM,
    "state": None,
    "std": np.ones(3, np.float32),
    "step": zoo._step,
    "stop": None,
    "symbol": np.int32(1),
    "symbols": LABELS,
    "targets": LABELS,
    "top": 2,
    "weight": zoo._weights,
    "where": MASK,
    "xs": XS,
}
"""What an argument of this name is, unless `OVERRIDES` says another for the call."""

WIDE = np.asarray(jax.random.normal(jax.random.key(3), (T, B, 3)))
MAE = evaluation.mae()
MAES = evaluation.sequence_states(MAE, LOGITS, 2 * LOGITS)
SCORES = np.arange(6.0).reshape(2, 3)
HEAD = np.ones((zoo.H, V), np.float32)
ROWS = [{"step": s, "loss": 1 / s, "validation/loss": 2 / s} for s in (1, 2, 3)]
CLASSIC = {"symbols": LABELS.ravel() % 2}
TEXT = "the cat sat on the mat"
REPORT = str(pathlib.Path(tempfile.gettempdir()) / "jaxrnn-fuzz.html")

OVERRIDES: dict[str, dict[str, Any]] = {
    **{
        f"analysis.{name}": {"model": cells.GRU(zoo.I, 2), "params": SMALL, "xs": XS[:, 0], **more}
        for name, more in {
            "carry_gradients": {"loss": lambda ys: ys[-1].sum(), "lengths": None},
            "gradient_norms": {"loss": lambda ys: ys[-1].sum(), "lengths": None},
            "step_jacobians": {},
            "step_singular_values": {},
            "lyapunov_spectrum": {"xs": np.ones((12, zoo.I), np.float32), "count": 1, "skip": 1},
        }.items()
    },
    "analysis.gate_saturation": {"cell": cells.GRU(zoo.I, 2), "params": SMALL, "xs": XS},
    "analysis.fixed_points": {
        "model": cells.GRU(zoo.I, 2),
        "params": SMALL,
        "x": XS[0, 0],
        "starts": np.ones((2, 2), np.float32),
    },
    "analysis.plot_gradient_norms": {"norms": {"GRU": np.ones(3)}},
    "analysis.plot_history": {
        "rows": ROWS,
        "quantities": ["loss"],
        "baselines": {"loss": {"best": 0.5}},
        "figure": None,
    },
    "analysis.plot_reliability": {
        "table": metrics.Reliability(*np.array([[3, 1], [0.4, 0.9], [0.5, 0.8], [0.2, 0.1]])),
        "figure": None,
    },
    "analysis.plot_sweep": {"swept": SWEPT, "column": "loss", "axes": None},
    "analysis.plot_run": {
        "rows": ROWS,
        "text": "abc",
        "surprisal": np.ones(3),
        "quantities": ["loss"],
        "baselines": {"loss": {"best": 0.5}},
        "columns": 2,
    },
    "analysis.plot_surprisal": {
        "text": "abc",
        "surprisal": np.ones(3),
        "columns": 2,
        "limit": 3.0,
        "axes": None,
    },
    "cells.from_functions": {"carry": zoo._carry},
    "cells.lecun_tanh": {"x": jnp.ones(3)},
    **{f"cells.{name}": {"size": 4} for name in ("hippo_n", "s4d_inv", "s4d_lin")},
    "data.Interleaved": {
        "datasets": [
            data.Shuffled(WALK, batch=1, seed=0),
            data.Stream(LABELS.ravel(), batch=1, length=2),
        ],
        "seed": 0,
    },
    "data.Shuffled": {"examples": WALK, "batch": 1, "seed": 0, "target_axis": 1},
    "data.Stream": {"tokens": LABELS.ravel(), "batch": 2, "length": 2},
    "data.Vocab": {"symbols": ("a", "b"), "pattern": "(?s).", "separator": ""},
    "data.Vocab.characters": {"text": TEXT, "size": 5},
    "data.Vocab.words": {"text": TEXT, "min_count": 1, "size": 5},
    "data.Vocab.encode": {"text": "abba"},
    "data.Vocab.decode": {"numbers": np.array([2, 3])},
    "data.Batch": {"inputs": XS, "targets": LABELS, "mask": MASK, "resets": ~MASK},
    "data.Stacked": {"batches": WALK},
    "data.bucket": {"sequences": [LABELS[:2, 0], LABELS[:4, 1]], "count": 2, "value": 0},
    "data.length_mask": {"T": T},
    "data.pad": {"sequences": [LABELS[:2, 0], LABELS[:4, 1]], "length": 5, "value": 0},
    "data.read_text": {"path": __file__},
    "data.split": {"series": LABELS.ravel(), "held_out": 0.5},
    "data.windows": {
        "series": LABELS.ravel(),
        **{"length": 3, "horizon": 1, "stride": 2, "targets": -LABELS.ravel()},
    },
    "data.Windows": {
        "series": [LABELS.ravel(), LABELS[:, 0]],
        **{"length": 3, "horizon": 1, "stride": 2, "batch": 2, "seed": 0},
        "targets": None,
    },
    "data.rolling_origins": {
        "series": LABELS.ravel(),
        **{"length": 3, "horizon": 1, "stride": 2, "part": slice(4, 12)},
        **{"targets": None, "known": np.arange(T * B) > 4},
    },
    "data.shift": {"sequences": [LABELS[:2, 0], LABELS[:4, 1]], "by": 1},
    "data.time_split": {"steps": 9, "test": 0.3, "validation": 2, "times": None},
    "data.fit_scaler": {"scaling": data.Standardize(), "train": XS, "constant": 1.0},
    "data.Scaler": {"center": np.zeros(2), "scale": np.ones(2)},
    "data.MinMax": {"low": 0.0, "high": 1.0},
    "data.Robust": {"low": 0.25, "high": 0.75},
    "data.Forward": {"initial": 0.0},
    "data.Constant": {"value": 0.0},
    "data.fill_missing": {"series": XS[:, 0], "filling": data.Forward()},
    "data.calendar_features": {"dates": ["2024-01-01"]},
    "data.random_split": {"count": 6, "test": 2, "validation": 1, "seed": 0},
    "data.stratified_split": {"labels": LABELS.ravel() % 2, "test": 2, "validation": 1, "seed": 0},
    "data.grouped_split": {"groups": LABELS.ravel(), "test": 1, "validation": 1, "seed": 0},
    "data.class_weights": {"labels": LABELS, "classes": V, "where": MASK},
    "evaluation.hidden_states": {"xs": LABELS},
    "evaluation.integrated_gradients": {
        "xs": LABELS,
        "target": 1,
        "baseline": 0.0,
        "steps": 32,
    },
    "evaluation.linear_probe": {
        "states": WIDE,
        "labels": LABELS % 2,
        "types": LABELS,
        "estimator": None,
        "folds": 2,
        "controls": 1,
        "seed": 0,
    },
    "evaluation.occlusion": {
        "xs": LABELS,
        "target": 1,
        "window": 2,
        "stride": 1,
        "baseline": 0.0,
    },
    "evaluation.parameter_randomization": {"attribute": summed, "where": None},
    "evaluation.plot_attributions": {"values": LOGITS[:, 0, 0], "symbols": list("abcdef")},
    "evaluation.plot_components": {
        "components": evaluation.Components(
            *map(np.asarray, (np.eye(2, V), LOGITS[0, 0], [2.0, 1.0], [0.5, 0.2]))
        ),
        "states": LOGITS,
        "labels": LABELS,
    },
    "evaluation.plot_probes": {"probes": {"rnn": evaluation.Probe(0.9, 0.6, 0.5)}},
    "evaluation.plot_randomization": {"rows": [evaluation.Randomized("rnn", 0.5, 0.5)]},
    "evaluation.plot_saliency": {"saliency": np.tri(4)},
    "evaluation.principal_components": {"states": LOGITS, "count": 2},
    "evaluation.facts": {"values": {"loss": 0.1}, "large": True},
    "evaluation.paragraph": {"text": TEXT},
    "evaluation.picture": {"figure": figure.Figure((2, 2)), "alt": TEXT, "caption": TEXT},
    "evaluation.provenance_section": {"settings": {"seed": 0}, "title": TEXT},
    "evaluation.report": {"path": REPORT, "title": TEXT, "lead": TEXT, "lang": "en"},
    "evaluation.report_sweep": {"path": REPORT, "swept": SWEPT, "title": TEXT, "column": "loss"},
    "evaluation.report_training": {
        "path": REPORT,
        "trainer": TRAINER,
        "result": training.Result(STATE, ROWS, 3, STATE),
        "title": TEXT,
        "settings": {"seed": 0},
    },
    "evaluation.scores_section": {"scores": ROWS, "caption": TEXT, "confusion": np.eye(2)},
    "evaluation.section": {"title": TEXT},
    "evaluation.sweep_section": {"swept": SWEPT, "column": "loss", "title": TEXT},
    "evaluation.table": {"rows": ROWS, "caption": TEXT},
    "evaluation.training_section": {
        "result": training.Result(STATE, ROWS, 3, STATE),
        "title": TEXT,
    },
    "evaluation.temporal_saliency": {"xs": LABELS, "target": 1},
    **{
        f"evaluation.{name}": {"classes": V, **more}
        for name, more in {
            "auroc": {"average": evaluation.Macro(), "resolution": 8},
            "balanced_accuracy": {},
            "confusion_matrix": {},
            "f1": {"average": evaluation.Macro()},
            "precision": {"average": evaluation.Macro()},
            "recall": {"average": evaluation.Macro()},
        }.items()
    },
    **{
        f"evaluation.{name}": {"key": KEY, "level": 0.9, "resamples": 3, **more}
        for name, more in {
            "bootstrap_difference": {"metric": MAE, "states": MAES, "others": MAES},
            "bootstrap_interval": {"metric": MAE, "states": MAES},
            "interquartile_mean": {"scores": SCORES, "diverged": None},
            "performance_profile": {"scores": SCORES, "thresholds": [0.5], "diverged": None},
            "probability_of_improvement": {"scores": SCORES, "others": SCORES, "diverged": None},
            "stability": {"scores": SCORES, "diverged": None},
        }.items()
    },
    "evaluation.plot_intervals": {
        "estimates": {"GRU": evaluation.IntervalEstimate(1.0, 0.8, 1.3, 0.1)},
        "xlabel": "loss",
    },
    "evaluation.plot_profiles": {
        "profiles": {"GRU": evaluation.PerformanceProfile(*np.ones((4, 3)))},
        "xlabel": "loss",
    },
    "evaluation.runs_of": {
        "settings": [{"leak": 0.1}, {"leak": 0.1}],
        "seeds": [0, 1],
        "scores": [1.0, 2.0],
    },
    "evaluation.sensitivity": {"scores": SCORES, "names": ["leak"]},
    "evaluation.sequence_states": {
        "metric": MAE,
        "outputs": LOGITS,
        "targets": LOGITS,
        "weight": np.ones((T, B), np.float32),
    },
    "evaluation.crps": {"forecast": evaluation.Samples()},
    "evaluation.interval_coverage": {"forecast": evaluation.Samples(), "level": 0.8},
    "evaluation.interval_width": {"forecast": heads.Gaussian(), "level": 0.8},
    "evaluation.mase": {"scale": 2.0},
    "evaluation.pinball": {"forecast": heads.Gaussian(), "levels": (0.1, 0.9)},
    "evaluation.seasonal_scale": {"train": XS, "period": 2},
    "evaluation.top_k": {"k": 2},
    "generation.entropy_drift": {"at_once": 2},
    "generation.fit_lookahead": {"symbols": LABELS},
    "engines.newton_report": {"params": zoo.CELLS["gru"].init(KEY), "engine": engines.Newton()},
    "engines.online_gradients": {
        "params": zoo.CELLS["gru"].init(KEY),
        "xs": XS,
        "targets": XS,
        "loss": _squared,
        "readout": None,
        "estimator": engines.RTRL(),
    },
    "engines.online_start": {
        "params": zoo.CELLS["gru"].init(KEY),
        "x": XS[0],
        "estimator": engines.RTRL(),
    },
    "engines.online_step": {
        "params": zoo.CELLS["gru"].init(KEY),
        "state": engines.online_start(zoo.CELLS["gru"], zoo.CELLS["gru"].init(KEY), XS[0]),
        "x": XS[0],
        "target": XS[0],
        "loss": _squared,
        "readout": None,
        "estimator": engines.RTRL(),
        "mask": MASK[0],
        "resets": ~MASK[0],
    },
    "testing.BrokenLaws": {"report": testing.LawReport("a cell", ())},
    "testing.check_cell": {
        "inputs": XS[0],
        "engines": [engines.BPTT()],
        "skip": [law.name for law in testing.laws(cells.GRU(zoo.I, 2))],
        "echo": False,
    },
    "testing.check_layer": {
        "layer": networks.LayerNorm(zoo.I),
        "inputs": XS[0],
        "skip": [law.name for law in testing.laws(networks.LayerNorm(zoo.I))],
        "echo": False,
    },
    "testing.check_metric": {
        "metric": metrics.entropy(),
        "outputs": LOGITS,
        "skip": [law.name for law in testing.laws(metrics.entropy())],
        "echo": False,
    },
    "testing.check_objective": {
        "objective": objectives.Entropy(),
        "outputs": LOGITS,
        "skip": [law.name for law in testing.laws(objectives.Entropy())],
        "echo": False,
    },
    "testing.check_replay": {
        "layer": networks.LayerNorm(zoo.I),
        "params": networks.LayerNorm(zoo.I).init(KEY),
        "rollout": testing.Rollout(XS),
        "tolerance": 1e-6,
        "skip": ["steps", "gradient"],
        "echo": False,
    },
    "testing.laws": {"noun": cells.GRU(zoo.I, 2)},
    "engines.unroll": {"params": zoo.CELLS["gru"].init(KEY)},
    "generation.beam_search": {"model": MODEL, "length": 3, "width": 2},
    "generation.free_run": {
        "network": networks.Recurrent(cells.GRU(2, 2)),
        "params": cells.GRU(2, 2).init(KEY),
        "prompt": np.ones((T, B, 2), np.float32),
        "length": 3,
    },
    "training.fit_readout": {
        "network": networks.Dense(2, 3),
        "params": networks.Dense(2, 3).init(KEY),
        "batches": data.Batch(np.ones((T, B, 2), np.float32), np.ones((T, B, 1), np.float32)),
    },
    "constraints.constrained": {
        "who": "fuzz",
        "params": SMALL,
        "where": "bias",
        "constraint": constraints.Frozen(),
        "key": KEY,
    },
    "constraints.resolved": {
        "who": "fuzz",
        "params": SMALL._replace(bias=constraints.Held(SMALL.bias)),
        "where": "bias",
        "constraint": constraints.Frozen(),
        "like": SMALL,
    },
    "constraints.trainable": {"params": SMALL},
    "generation.generate": {"prompt_lengths": np.array([T, 4]), "lengths": np.array([T, 4])},
    "generation.lookahead": {"weight": 0.5},
    "generation.memory_profile": {"lags": (1, 2)},
    "generation.sequence_kl": {"p": MODEL, "q": MODEL},
    "information.chain_log_partition": {"potentials": np.ones((T, B, 4, 3), np.float32)},
    "information.chain_potentials": {
        "unary": XS,
        "transition": np.ones((zoo.I, zoo.I), np.float32),
        "start": np.ones(zoo.I, np.float32),
    },
    "information.ctc_log_partition": {
        "scores": LOGITS,
        "labels": LABELS[:2] % 3 + 1,
        "lengths": np.array([2, 1]),
        "blank": 0,
    },
    "information.lagged_mutual_information": {
        "x": LABELS,
        "y": LABELS,
        "lags": 2,
        "classes": V,
        "where": MASK,
    },
    "information.path_kl": {"p": POTENTIALS, "q": 2 * POTENTIALS},
    "metrics.bits_per_character": {"lengths": [1, 2, 0, 3, 5]},
    "metrics.bootstrapped": {"shared_axes": 1},
    "metrics.collect": {"nll": metrics.nll()},
    "metrics.map_inputs": {"function": zoo._halved},
    "metrics.weigh": {"counted": np.ones((T, B), np.float32), "weight": None},
    "metrics.two_sum": {"a": np.float32(1), "b": np.float32(2)},
    "networks.load": {
        "path": str(pathlib.Path(__file__).parent / "golden" / "params.safetensors"),
        "like": {"dense": networks.Dense(2, 3).init(KEY), "scale": jnp.ones(())},
    },
    "networks.load_network": {
        "path": str(pathlib.Path(__file__).parent / "golden" / "network_cell_1.safetensors"),
        "dtype": jnp.float32,
    },
    "networks.save": {"network": NETWORK},
    "networks.to_json": {"noun": networks.Dense(2, 3)},
    "networks.from_json": {"text": networks.to_json(networks.Dense(2, 3))},
    "networks.register": {"name": "fuzz.halved", "value": zoo._halved},
    "networks.Additive": {"features": 4, "memory_features": 2, "size": 3},
    "networks.EncoderDecoder": {
        "encoder": networks.Recurrent(cells.GRU(2, 2)),
        "decoder": networks.CarryFromContext(networks.Recurrent(cells.GRU(2, 2)), 2),
    },
    **{
        f"networks.{name}": {"first": networks.Dense(3, 3), "second": networks.Dense(3, 3)}
        for name in ("pre_norm", "post_norm")
    },
    **{
        f"networks.{name}": {"features": 4, "hidden": 3, "activation": jnp.tanh, **more}
        for name, more in {
            "feed_forward": {},
            "gated_mlp": {},
            "gated_recurrence": {},
            "transformer_block": {"attention": networks.SelfAttention(4, 2)},
            "hybrid_block": {"attention": networks.SelfAttention(4, 2)},
            "griffin_block": {"features": 4, "width": 4, "hidden": 6},
            "mamba_block": {"features": 4, "state": 2},
        }.items()
    },
    "networks.stack": {"first": networks.Dense(3, 4), "second": networks.Dense(4, 2)},
    "objectives.reduce_folded": {
        "head": lambda hidden: hidden @ HEAD,
        "inputs": np.ones((T, B, zoo.H), np.float32),
        "size": 2,
    },
    "tasks.Drawn": {"draw": lambda key: WALK, "seed": 0},
    "tasks.KneserNey": {**CLASSIC, "order": 2, "vocab": 2},
    "tasks.KneserNey.surprisal": CLASSIC,
    "tasks.NGram": {**CLASSIC, "order": 2, "vocab": 2},
    "tasks.NGram.surprisal": CLASSIC,
    "tasks.channel": {"matrix": np.eye(2)},
    "tasks.excess_loss": {"observations": np.zeros((T, B), np.int32), "logits": LOGITS[..., :2]},
    "tasks.hidden_markov": {
        "transitions": np.eye(2) / 2 + 0.25,
        "emissions": np.eye(2),
        "initial": np.array([0.5, 0.5]),
    },
    "tasks.iid": {"probabilities": [0.5, 0.5]},
    "tasks.markov": {"matrix": np.eye(2) / 2 + 0.25, "initial": np.array([0.5, 0.5])},
    "tasks.mess3": {"x": 0.1, "a": 0.6},
    "tasks.parity": {"length": 5},
    "tasks.periodic": {"word": [0, 1, 1]},
    "tasks.sns": {"p": 0.5, "q": 0.5},
    "training.fit": {
        "trainer": TRAINER,
        "data": [WALK],
        "steps": 2,
        "state": None,
        "validation": [WALK],
        "every": 1,
        "callbacks": (),
        "early_stopping": training.EarlyStopping(3),
        "checkpoints": None,
        "log": None,
        "progress": None,
    },
    "training.join": {"sweeps": {"GRU": SWEPT}, "by": "cell"},
    "training.sweep": {
        "trainer": TRAINER,
        "data": [WALK],
        "settings": {"loss.smoothing": [0.0]},
        "seeds": [0],
        "steps": 1,
        "every": 1,
        "validation": [WALK],
        "members": training.OneByOne(),
        "keep": training.FinalParams(),
        "directory": None,
        "progress": None,
    },
    "networks.Revealed": {"outputs": XS, "hidden": XS},
    "objectives.is_matrix": {"path": "1.kernel", "leaf": np.ones((2, 3))},
    "objectives.map_inputs": {"function": zoo._halved},
    "training.TensorBoard": {"directory": "run"},
    "training.predict": {
        "inputs": [LABELS[:2, 0], LABELS[:4, 1]],
        "batch": 2,
        "buckets": 2,
        "progress": None,
    },
    "networks.Stack": {"layers": (networks.Dense(3, 4), networks.Dense(4, 2))},
    "objectives.Function": {"function": near},
}
"""Arguments of a call by their names, where those of `ARGUMENTS` do not fit."""

CHAIN = np.ones((T, B, 12), np.float32)
TRANSCRIPT = objectives.Transcript(LABELS[:2] % 3 + 1, np.array([2, 1]))
VOCAB = data.Vocab.characters("abcab")
STANDING = training.Standing()


def methods(noun: Any) -> dict[str, dict[str, Any]]:  # noqa: PLR0911, PLR0912  (a case a kind)
    """The methods of a noun that users call, with arguments that are right.

    Not what an author writes and an engine calls, nor what takes a state that only the library
    makes, such as that of a metric.
    """
    match noun:  # a case a kind
        case cells.Cell() if type(noun).__name__ != "MetricCell":
            params = noun.init(KEY)
            return {
                "init": {"key": KEY},
                "carry": {"params": params, "batch": (B,)},
                "step": {"params": params, "carry": noun.carry(params, (B,)), "x": XS[0]},
            }
        case objectives.CRF():
            given = {"outputs": CHAIN, "where": MASK}
            return {
                "__call__": given | {"targets": LABELS % 3},
                "decode": given,
                "marginals": given,
                "potentials": {"outputs": CHAIN},
            }
        case objectives.CTC():
            given = {"outputs": LOGITS, "where": MASK}
            return {"__call__": given | {"targets": TRANSCRIPT}, "decode": given}
        case networks.Attention():
            params = noun.init(KEY)
            encoded = np.ones((4, B, *noun.memory_shape), np.float32)
            memory = noun.prepare(params, encoded)
            queries = np.ones((T, B, *noun.query_shape), np.float32)
            return {
                "init": {"key": KEY},
                "prepare": {"params": params, "memory": encoded, "mask": MASK[:4]},
                "read": {"params": params, "memory": memory, "queries": queries},
            }
        case heads.NLL() | heads.Pinball():
            outputs, targets = _of_head(noun.head)
            return {"__call__": {"outputs": outputs, "targets": targets, "where": MASK}}
        case heads.Head():
            outputs, targets = _of_head(noun)
            both = {"outputs": outputs, "targets": targets}
            return {
                "log_prob": both,
                "mean": {"outputs": outputs},
                "cdf": both,
                "quantile": {"outputs": outputs, "levels": np.array([0.3, 0.5], np.float32)},
                "interval": {"outputs": outputs, "level": 0.4},
                "sample": {"key": KEY, "outputs": outputs, "shape": (2,)},
            }
        case objectives.Objective():
            return {"__call__": {"outputs": LOGITS, "targets": _targets(noun), "where": MASK}}
        case metrics.Metric():
            given = {"outputs": LOGITS, "targets": _targets(noun), "where": MASK}
            update = jax.tree_util.Partial(noun.update, noun.init())
            return {"update": given | {"weight": np.ones((T, B), np.float32), "": update}}
        case generation.Sampler():
            return {"__call__": {"key": KEY, "logits": LOGITS}, "adjust": {"logits": LOGITS}}
        case tasks.Source():
            symbols = np.zeros((T, B), np.int32)
            return {
                "sample": {"length": 5, "batch": (B,), "key": KEY},
                "filter": {"observations": symbols},
                "surprisal": {"observations": symbols},
            }
        case (
            tasks.Adding()
            | tasks.AssociativeRecall()
            | tasks.CopyMemory()
            | tasks.DelayedXOR()
            | tasks.ModularArithmetic()
            | tasks.SelectiveCopy()
            | tasks.WordProblem()
        ):
            return {"batch": {"size": 3, "key": KEY}}
        case objectives.EntropyTemperature():
            update = jax.tree_util.Partial(noun.update, noun.init())
            return {"update": {"entropy": 0.3, "": update}}
        case training.EarlyStopping():
            return {
                "update": {"standing": STANDING, "row": ROWS[0]},
                "done": {"standing": STANDING},
            }
        case training.Trainer():
            return {
                "init": {"key": KEY},
                "step": {"state": STATE, "batch": WALK},
                "evaluate": {"state": STATE, "batches": [WALK]},
            }
    return {}


def methods_of_layer(name: str) -> dict[str, dict[str, Any]]:
    """Those of a layer of the zoo."""
    layer = zoo.LAYERS[name]
    params = layer.init(KEY)
    carry = layer.carry(params, (B,))
    xs = LABELS if name in zoo.READ_SYMBOLS else XS
    whole = {"params": params, "xs": xs, "carry": carry, "key": KEY, "mask": MASK}
    found = {
        "init": {"key": KEY},
        "carry": {"params": params, "batch": (B,)},
        "apply": whole | {"lengths": ARGUMENTS["lengths"]},
    }
    if name not in zoo.NEED_THE_FUTURE:
        found["apply"]["resets"] = ~MASK
        found["step"] = {"params": params, "carry": carry, "x": xs[0]}
    return found


def _targets(noun: Any) -> Any:
    for group in (zoo.OBJECTIVES, zoo.METRICS):
        for listed, targets in group.values():
            if listed == noun:
                return jax.tree.map(np.asarray, targets(KEY, LOGITS))
    return LABELS


def _of_head(head: heads.Head) -> tuple[Any, Any]:
    """Outputs that fit a head, and targets that it supports."""
    outputs = np.asarray(jax.random.normal(KEY, (T, B, head.size)))
    targets = np.ones((T, B, *head.target_shape), np.float32)
    return outputs, targets.astype(np.int32) if head.discrete else targets


def _in_the_year(dates: Any, cycle: Any) -> Any:
    return data.calendar_features(dates, cycle)


SCALER = data.fit_scaler(data.Robust(), XS)

OF_ONNX = [
    Call("dump", onnx.dump, {"network": networks.Recurrent(cells.GRU(zoo.I, 2)), "params": SMALL}),
    Call("load", onnx.load, {"network": cells.GRU(zoo.I, 2), "weights": SMALL_MODEL}),
    Call("network", onnx.network, {"model": SMALL_MODEL, "node": "gru"}),
    *(
        Call(
            f"{library.__name__.split('.')[-1]}_{verb}",
            getattr(library, verb),
            {"network": noun, "weights" if verb == "load" else "params": given},
        )
        for library, noun, own in [
            (interop.torch, cells.GRU(zoo.I, 2), SMALL),
            (interop.keras, cells.GRU(zoo.I, 2), SMALL),
            (interop.equinox, cells.GRU(zoo.I, 2), SMALL),
            (interop.haiku, networks.Dense(zoo.I, 2), networks.Dense(zoo.I, 2).init(KEY)),
            (interop.cudnn, LSTM_LAYER, LSTM_LAYER.init(KEY)),
        ]
        for verb, given in [("load", library.dump(noun, own)), ("dump", own)]
    ),
    Call("run_node", onnx.run_node, {"node": RNN_NODE, "inputs": [XS, *RNN_WEIGHTS]}),
    Call("Activation", onnx.Activation, {"name": "HardSigmoid", "alpha": 0.2, "beta": 0.5}),
    *(
        Call(kind.__name__, kind, {"inputs": 3, "hidden": 4, "clip": 2.0, "use_bias": True})
        for kind in (onnx.RNN, onnx.GRU, onnx.LSTM)
    ),
]

OF_DATA = [
    Call(
        "calendar_features",
        _in_the_year,
        {"dates": ["2024-01-01"], "cycle": data.MonthOfYear()},
    ),
    Call("Scaler.transform", SCALER.transform, {"values": XS}),
    Call("Scaler.inverse", SCALER.inverse, {"values": XS}),
    Call("Vocab.characters", data.Vocab.characters, {"text": TEXT, "size": 5}),
    Call("Vocab.words", data.Vocab.words, {"text": TEXT, "min_count": 1, "size": 5}),
    Call("Vocab.encode", VOCAB.encode, {"text": "abba"}),
    Call("Vocab.decode", VOCAB.decode, {"numbers": np.array([2, 3])}),
    Call("KneserNey.surprisal", tasks.KneserNey(**OVERRIDES["tasks.KneserNey"]).surprisal, CLASSIC),
    Call("NGram.surprisal", tasks.NGram(**OVERRIDES["tasks.NGram"]).surprisal, CLASSIC),
    Call("Shuffled", data.Shuffled(WALK, batch=1, seed=0).__getitem__, {"step": 1}),
    Call("Stream", data.Stream(LABELS.ravel(), batch=2, length=2).__getitem__, {"step": 1}),
]
"""Methods of what is no noun."""

NO_CALLS = {
    "objectives.ObjectiveLike",  # a type
    "training.Batches",  # a type
    "data.Dataset",  # abstract
    "evaluation.ClassAverage",  # abstract
    "evaluation.Diverged",  # abstract
    "evaluation.Ends",  # abstract
    "evaluation.Forecast",  # abstract
    "metrics.Sums",  # abstract
}
"""Public names that a user does not call; results, which are NamedTuples, are none either."""

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def calls() -> tuple[list[Call], list[str]]:
    """Every public call that arguments are known for, and the names of those without."""
    found, uncovered = [*OF_DATA, *OF_ONNX], []
    nouns = {type(part): part for noun in zoo.NOUNS.values() for part in _parts(noun)}
    for full, value in _public():
        name, given = full.split(".")[1], OVERRIDES.get(full, {})
        if isinstance(value, type) and issubclass(value, Config):
            if value in nouns:
                fields = dataclasses.fields(value)
                given = {f.name: getattr(nouns[value], f.name) for f in fields} | given
                found.append(Call(name, value, given))
            else:
                uncovered.append(full)
        elif given or not hasattr(value, "_fields"):  # a result is made by none
            wanted = inspect.signature(value).parameters
            given = {key: ARGUMENTS[key] for key in wanted if key in ARGUMENTS} | given
            if all(p.kind not in MANY for p in wanted.values()):
                given = {key: value for key, value in given.items() if key in wanted}
            needed = {
                key for key, p in wanted.items() if p.default is p.empty and p.kind not in MANY
            }
            if needed <= given.keys():
                found.append(Call(name, value, given))
            else:
                uncovered.append(f"{full}: {', '.join(needed - given.keys())}")
    public = {value for _, value in _public()}
    of_nouns = [
        (noun, methods(noun))
        for noun in nouns.values()
        if type(noun) in public or isinstance(noun, metrics.Metric)  # verbs make these
    ]
    of_nouns += [(layer, methods_of_layer(name)) for name, layer in zoo.LAYERS.items()]
    for noun, named in of_nouns:
        for method, given in named.items():
            function = given.pop("", None) or getattr(noun, method)
            name = type(noun).__name__
            found.append(
                Call(name if method == "__call__" else f"{name}.{method}", function, given)
            )
    return found, uncovered


def _public() -> Iterator[tuple[str, Any]]:
    for package in dir(jaxrnn):
        if not package.startswith("_") and package != "unroll":
            for name, value in sorted(vars(importlib.import_module(f"jaxrnn.{package}")).items()):
                private = (
                    name.startswith("_") or inspect.ismodule(value) or inspect.isabstract(value)
                )
                if not private and f"{package}.{name}" not in NO_CALLS:
                    yield f"{package}.{name}", value


def _parts(noun: Any) -> Any:
    """A noun, after those inside it."""
    for field in dataclasses.fields(noun):
        inside = jax.tree.leaves(getattr(noun, field.name), is_leaf=lambda x: isinstance(x, Config))
        for part in inside:
            if isinstance(part, Config):
                yield from _parts(part)
    yield noun
