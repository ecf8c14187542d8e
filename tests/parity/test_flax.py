"""The numbers of flax's recurrent cells under `nn.RNN`: values and the gradients of everything."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, unroll

STEPS, BATCH, INPUTS, HIDDEN = 5, 2, 3, 4
LENGTHS = np.array([3, 5])


def elman(params):
    return cells.ElmanParams(params["i"]["kernel"], params["h"]["kernel"], params["i"]["bias"])


def side_by_side(params, names, part):
    return jnp.concatenate([params[name][part] for name in names], axis=-1)


def gru(params):
    return cells.GRUParams(
        kernel=side_by_side(params, ("ir", "iz", "in"), "kernel"),
        recurrent=side_by_side(params, ("hr", "hz", "hn"), "kernel"),
        bias=side_by_side(params, ("ir", "iz", "in"), "bias"),
        candidate_bias=params["hn"]["bias"],
    )


def lstm(params):
    return cells.LSTMParams(
        kernel=side_by_side(params, ("ii", "if", "ig", "io"), "kernel"),
        recurrent=side_by_side(params, ("hi", "hf", "hg", "ho"), "kernel"),
        bias=side_by_side(params, ("hi", "hf", "hg", "ho"), "bias"),
    )


def same(carry):
    return carry


def hidden_first(carry):
    cell, hidden = carry
    return cells.LSTMCarry(hidden, cell)


CASES = {
    "simple": (nn.SimpleCell, cells.Elman, elman, same),
    "gru": (nn.GRUCell, cells.GRU, gru, same),
    "lstm": (nn.OptimizedLSTMCell, cells.LSTM, lstm, hidden_first),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("lengths", "reverse"), [(None, False), (LENGTHS, True)])
def test_flax(name, lengths, reverse, x64):
    theirs, ours, convert, convert_carry = CASES[name]
    module = nn.RNN(
        theirs(HIDDEN, param_dtype=jnp.float64),
        time_major=True,
        return_carry=True,
        reverse=reverse,
        keep_order=True,
    )
    cell, draw = ours(INPUTS, HIDDEN), np.random.default_rng(0)
    xs = jnp.asarray(draw.normal(size=(STEPS, BATCH, INPUTS)))
    counts = np.arange(STEPS)[:, None] < (STEPS if lengths is None else lengths)

    def random(leaf):
        return jnp.asarray(draw.normal(size=leaf.shape))

    variables = jax.eval_shape(lambda: module.init(jax.random.key(0), xs))
    params = jax.tree.map(random, variables["params"])["cell"]
    state = jnp.zeros((BATCH, HIDDEN))
    carry = jax.tree.map(random, (state, state) if name == "lstm" else state)

    def with_flax(params, carry, xs):
        variables = {"params": {"cell": params}}
        return module.apply(variables, xs, initial_carry=carry, seq_lengths=lengths)

    def with_jaxrnn(params, carry, xs):
        return unroll(
            cell, convert(params), xs, convert_carry(carry), lengths=lengths, reverse=reverse
        )

    def results(run, convert_carry):
        """Values and gradients; flax's outputs at padding are unspecified."""

        def loss(params, carry, xs):
            last, ys = run(params, carry, xs)
            out = convert_carry(last), jnp.where(counts[..., None], ys, 0)
            weighted = [
                (leaf * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape)).sum()
                for leaf in jax.tree.leaves(out)
            ]
            return sum(weighted), out

        return jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)(params, carry, xs)

    got, wanted = jax.jit(lambda: (results(with_jaxrnn, same), results(with_flax, convert_carry)))()
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(got), jax.tree.leaves(wanted), strict=True
    ):
        assert a.shape == b.shape and a.dtype == b.dtype == jnp.float64
        error = np.abs(np.asarray(a) - np.asarray(b)).max() / np.abs(b).max()
        assert error <= 1e-12, (jax.tree_util.keystr(path), error)
