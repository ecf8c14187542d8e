"""Each library's own network with the weights of jaxrnn's cell: `PEERS[name](problem)`.

Every entry raises `UnsupportedError` where its library has no network that computes the same.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before keras is imported

import jax
import jax.numpy as jnp
import numpy as np
from _contestants import JaxContestant, TorchContestant, UnsupportedError

from jaxrnn import unroll


def jaxrnn(problem, **engine):
    def apply(params, xs, **controls):
        carry, ys = unroll(problem.cell, params, xs, **controls, **engine)
        return (ys, getattr(carry, "hidden", carry)) if "lengths" in controls else ys

    return JaxContestant(apply, problem.params, problem)


def flax_linen(problem):
    import flax.linen as nn

    problem.require(kinds=("Elman", "GRU", "LSTM"), controls=("lengths",))
    rnn = nn.RNN(linen_cell(problem.cell), time_major=True)

    def apply(params, xs, lengths=None):
        return _with_last(
            lambda **options: rnn.apply({"params": {"cell": params}}, xs, **options), lengths
        )

    return JaxContestant(apply, linen_weights(problem.cell, problem.params), problem)


def linen_cell(cell):
    import flax.linen as nn

    theirs = {"Elman": nn.SimpleCell, "GRU": nn.GRUCell, "LSTM": nn.OptimizedLSTMCell}
    return theirs[type(cell).__name__](cell.hidden)


def linen_weights(cell, params):
    """One dictionary a gate."""

    def by_gate(prefix, gates, **arrays):
        split = {name: jnp.split(array, len(gates), axis=-1) for name, array in arrays.items()}
        return {
            prefix + gate: {name: parts[i] for name, parts in split.items()}
            for i, gate in enumerate(gates)
        }

    match type(cell).__name__:
        case "Elman":
            inner, outer = {"kernel": params.recurrent}, {"kernel": params.kernel}
            return {"h": inner, "i": outer | {"bias": params.bias}}
        case "GRU":
            weights = by_gate("i", "rzn", kernel=params.kernel, bias=params.bias)
            weights |= by_gate("h", "rzn", kernel=params.recurrent)
            weights["hn"]["bias"] = params.candidate_bias
            return weights
        case "LSTM":
            return by_gate("i", "ifgo", kernel=params.kernel) | by_gate(
                "h", "ifgo", kernel=params.recurrent, bias=params.bias
            )


def flax_nnx(problem):
    from flax import nnx

    problem.require(kinds=("Elman", "GRU", "LSTM"), controls=("lengths",))
    theirs = {"Elman": nnx.SimpleCell, "GRU": nnx.GRUCell, "LSTM": nnx.OptimizedLSTMCell}
    cell = theirs[problem.kind](problem.cell.inputs, problem.cell.hidden, rngs=nnx.Rngs(0))
    graph, weights, rest = nnx.split(nnx.RNN(cell, time_major=True), nnx.Param, ...)
    params, solves = problem.params, None
    inner, outer = {"kernel": params.recurrent}, {"kernel": params.kernel}
    (inner if problem.kind == "LSTM" else outer)["bias"] = params.bias
    nnx.replace_by_pure_dict(weights, {"cell": {"dense_h": inner, "dense_i": outer}})
    if problem.kind == "GRU":  # the candidate has no bias of its own
        without = params._replace(candidate_bias=jnp.zeros_like(params.candidate_bias))
        solves = problem._replace(params=without)

    def apply(weights, xs, lengths=None):
        rnn = nnx.merge(graph, weights, rest)
        return _with_last(lambda **options: rnn(xs, rngs=nnx.Rngs(0), **options), lengths)

    return JaxContestant(apply, weights, problem, solves=solves)


def _with_last(run, lengths):
    """flax leaves garbage in the padding, and looks at lengths for the last carry only."""
    if lengths is None:
        return run()
    carry, ys = run(seq_lengths=lengths, return_carry=True)
    return _padded(ys, lengths), carry[1] if isinstance(carry, tuple) else carry


def _padded(ys, lengths, axis=0):
    """Zeros from the last step on."""
    valid = jnp.arange(ys.shape[axis])[:, None] < lengths[None, :]
    return jnp.where(jnp.moveaxis(valid, 0, axis)[..., None], ys, 0)


def haiku(problem):
    import haiku as hk

    if problem.kind == "Elman":
        raise UnsupportedError("has no Elman: its VanillaRNN is one of relu, not of tanh")
    if problem.kind == "GRU":
        raise UnsupportedError("has no GRU: its GRU is ResetBeforeGRU, and compared to that")
    problem.require(kinds=("LSTM", "ResetBeforeGRU"), controls=("resets",))
    params, hidden = problem.params, problem.cell.hidden
    if problem.kind == "LSTM":
        i, f, g, o = jnp.split(jnp.concatenate([params.kernel, params.recurrent]), 4, axis=-1)
        b_i, b_f, b_g, b_o = jnp.split(params.bias, 4)
        weights = {  # adds 1 to the forget gate
            "lstm/linear": {
                "w": jnp.concatenate([i, g, f, o], axis=-1),
                "b": jnp.concatenate([b_i, b_g, b_f - 1, b_o]),
            }
        }
    else:
        recurrent = jnp.concatenate([params.recurrent, params.candidate], axis=-1)
        arrays = {"w_i": params.kernel, "w_h": recurrent, "b": params.bias}
        weights = {"gru": {name: _update_first(array, -1) for name, array in arrays.items()}}

    def network(xs, resets=None):
        core = (hk.LSTM if problem.kind == "LSTM" else hk.GRU)(hidden)
        start = core.initial_state(xs.shape[1])
        if resets is not None:
            core, xs = hk.ResetCore(core), (xs, resets)
        return hk.dynamic_unroll(core, xs, start)[0]

    apply = hk.without_apply_rng(hk.transform(network)).apply
    return JaxContestant(apply, weights, problem)


def _update_first(array, sign):
    """Blocks r, z, n as z, r, n; `sign=-1` where z is what is new and not what is kept."""
    r, z, n = jnp.split(array, 3, axis=-1)
    return jnp.concatenate([sign * z, r, n], axis=-1)


def equinox(problem):
    problem.require(kinds=("GRU", "LSTM"))
    is_lstm = problem.kind == "LSTM"

    def apply(cell, xs):
        def step(carry, x):
            carry = jax.vmap(cell)(x, carry)
            return carry, carry[0] if is_lstm else carry

        state = jnp.zeros((xs.shape[1], cell.hidden_size))
        return jax.lax.scan(step, (state, state) if is_lstm else state, xs)[1]

    return JaxContestant(apply, equinox_cell(problem.cell, problem.params), problem)


def equinox_cell(cell, params):
    import equinox as eqx

    names = ["weight_ih", "weight_hh", "bias"]
    weights = [params.kernel.T, params.recurrent.T, params.bias]
    match type(cell).__name__:
        case "LSTM":
            make = eqx.nn.LSTMCell
        case "GRU":
            make = eqx.nn.GRUCell
            names.append("bias_n")
            weights.append(params.candidate_bias)
        case kind:
            raise UnsupportedError(f"has no {kind}")
    theirs = make(cell.inputs, cell.hidden, key=jax.random.key(0))
    return eqx.tree_at(lambda cell: [getattr(cell, name) for name in names], theirs, weights)


def keras(problem):
    import keras

    problem.require(kinds=("Elman", "GRU", "LSTM", "ResetBeforeGRU"), controls=("lengths",))
    if keras.backend.backend() != "jax":
        raise UnsupportedError("runs on another backend: KERAS_BACKEND is set")
    params, options = problem.params, {"return_sequences": True}
    options["return_state"] = "lengths" in problem.controls
    weights = [params.kernel, params.recurrent, params.bias]
    layers = {"Elman": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM}
    if problem.kind == "ResetBeforeGRU":
        options["reset_after"] = False
        weights[1] = jnp.concatenate([params.recurrent, params.candidate], axis=-1)
    elif problem.kind == "GRU":
        second = jnp.pad(params.candidate_bias, (2 * problem.cell.hidden, 0))
        weights[2] = jnp.stack([params.bias, second])
    if "GRU" in problem.kind:
        weights = [_update_first(array, 1) for array in weights]
    layer = layers.get(problem.kind, keras.layers.GRU)(problem.cell.hidden, **options)
    layer.build((*problem.xs.shape[1::-1], problem.xs.shape[2]))
    others = [variable.value for variable in layer.non_trainable_variables]

    def apply(weights, xs, lengths=None):
        if lengths is None:
            return layer.stateless_call(weights, others, xs)[0]
        mask = jnp.arange(xs.shape[1])[None, :] < lengths[:, None]
        (ys, last, *_), _ = layer.stateless_call(weights, others, xs, mask=mask)
        return _padded(ys, lengths, axis=1), last

    return JaxContestant(
        apply, weights, problem, batch_first=True, matrices=lambda weights: weights[:2]
    )


def torch(problem):
    import torch
    from torch.nn.utils import rnn

    problem.require(kinds=("Elman", "GRU", "LSTM"), controls=("lengths",))
    theirs = {"Elman": torch.nn.RNN, "GRU": torch.nn.GRU, "LSTM": torch.nn.LSTM}
    module = theirs[problem.kind](problem.cell.inputs, problem.cell.hidden)
    torch_load(module, [(problem.cell, problem.params)])
    if "lengths" not in problem.controls:
        return TorchContestant(lambda xs: module(xs)[0], module, problem)
    lengths = torch.tensor(np.array(problem.controls["lengths"]))

    def apply(xs):
        ys, last = module(rnn.pack_padded_sequence(xs, lengths, enforce_sorted=False))
        ys, _ = rnn.pad_packed_sequence(ys, total_length=len(xs))
        return ys, (last[0] if isinstance(last, tuple) else last)[0]

    return TorchContestant(apply, module, problem)


def torch_load(module, pairs):
    """Set the module's parameters to those of cells: four arrays each, the biases twofold."""
    import torch

    arrays = []
    for cell, params in pairs:
        second = jnp.zeros_like(params.bias)
        if hasattr(params, "candidate_bias"):
            second = second.at[2 * cell.hidden :].set(params.candidate_bias)
        arrays += [params.kernel.T, params.recurrent.T, params.bias, second]
    for parameter, array in zip(module.parameters(), arrays, strict=True):
        parameter.data = torch.tensor(np.array(array))


PEERS = {
    "flax linen": flax_linen,
    "flax nnx": flax_nnx,
    "haiku": haiku,
    "equinox": equinox,
    "keras": keras,
    "torch": torch,
}
PACKAGES = {  # as they are imported, and as they are installed
    "flax linen": ("flax", "flax"),
    "flax nnx": ("flax", "flax"),
    "haiku": ("haiku", "dm-haiku"),
    "equinox": ("equinox", "equinox"),
    "keras": ("keras", "keras"),
    "torch": ("torch", "torch"),
}
