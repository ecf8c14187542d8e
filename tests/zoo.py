"""Every noun of the library, each as a small instance. Adding one here earns every law."""

import jax
import jax.numpy as jnp

from jaxrnn import cells, engines, metrics, objectives

# --- cells and engines ------------------------------------------------------------------------

I, H = 3, 4  # noqa: E741


def _step(params, h, x):
    h = jnp.tanh(jnp.concatenate([x, h], -1) @ params)
    return h, h


def _init(key):
    return 0.5 * jax.random.normal(key, (I + H, H))


def _carry(params, batch):
    return jnp.zeros((*batch, H), params.dtype)


CELLS = {
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

ENGINES = {
    "scan": engines.Scan(),
    "scan_unrolled": engines.Scan(unroll=3),
    "bptt": engines.BPTT(),
    "associative": engines.Associative(),
    "chunked": engines.Chunked(engines.Scan(), 3),
    "chunked_bptt": engines.Chunked(engines.BPTT(), 2),
    "chunked_associative": engines.Chunked(engines.Associative(), 3),
    "auto": engines.Auto(),
}
"""Engines whose values and gradients are those of `Scan`; `Truncated` has its own tests."""


def engines_for(cell):
    """The names of the engines that take a cell, itself given by name."""
    return [name for name, engine in ENGINES.items() if isinstance(CELLS[cell], engine.takes)]


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


OBJECTIVES = {
    "cross_entropy": (objectives.CrossEntropy(), labels),
    "cross_entropy_smoothed": (objectives.CrossEntropy(smoothing=0.1), labels),
    "cross_entropy_of_distributions": (objectives.CrossEntropy(smoothing=0.1), distributions),
    "binary_cross_entropy": (objectives.BinaryCrossEntropy(), yes_or_no),
    "squared_error": (objectives.SquaredError(), numbers),
    "entropy": (objectives.Entropy(), nothing),
    "accuracy": (objectives.Accuracy(), labels),
    "accuracy_top_2": (objectives.Accuracy(top=2), distributions),
    "sum": (objectives.CrossEntropy(smoothing=0.05) - 0.01 * objectives.Entropy(), labels),
    "function": (objectives.as_objective(_absolute_error), numbers),
}
"""Objectives, each with `(key, outputs [..., V]) -> targets`."""

METRICS = {
    "mean": (metrics.Mean(_absolute_error), numbers),
    "nll": (metrics.nll(), labels),
    "perplexity": (metrics.perplexity(), labels),
    "bits_per_symbol": (metrics.bits_per_symbol(), labels),
    "accuracy": (metrics.accuracy(), labels),
    "entropy": (metrics.entropy(), nothing),
    "map_inputs": (metrics.map_inputs(metrics.entropy(), _halved), labels),
    "masked": (metrics.masked(metrics.nll(), _likely), labels),
    "per_step": (metrics.per_step(metrics.nll(), 6), labels),
    "collect": (
        metrics.collect(
            nll=metrics.nll(),
            profile=metrics.per_step(metrics.collect(accuracy=metrics.accuracy(top=2)), 6),
        ),
        labels,
    ),
}
"""Metrics, each with `(key, outputs [6, ..., V]) -> targets`."""
