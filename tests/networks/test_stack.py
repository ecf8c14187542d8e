"""`stack` by name, its rules about time, and features of several axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells
from jaxrnn.networks import (
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    LastPool,
    MaxPool,
    MeanPool,
    Memoryless,
    Recurrent,
    Repeated,
    Residual,
    VariationalDropout,
    stack,
)

T, B, I = 5, 3, 4  # noqa: E741
LENGTHS = [5, 3, 0]
BOTH_WAYS = Bidirectional(cells.GRU(I, I), cells.GRU(I, I))
AHEAD = Recurrent(cells.GRU(2 * I, I))


class Blur(Memoryless):
    """Over images of any size with three channels: each pixel beside its left neighbour."""

    def transform(self, params, xs, *, key=None):
        return jnp.concatenate([xs, jnp.roll(xs, 1, axis=-2)], axis=-1)

    @property
    def input_shape(self):
        return (None, None, 3)

    @property
    def output_shape(self):
        return (None, None, 6)


def test_names_change_the_tree_alone(key):
    layers = {"rnn": AHEAD, "dropout": Dropout(0.5), "readout": Dense(I, 2)}
    named, plain = stack(**layers), stack(*layers.values())
    params = named.init(key)
    xs = jax.random.normal(key, (T, B, 2 * I))
    assert list(params) == list(named.carry(params, (B,))) == list(layers)
    jax.tree.map(
        np.testing.assert_array_equal, tuple(params[name] for name in layers), plain.init(key)
    )
    carry, ys = named.apply(params, xs, key=key, lengths=LENGTHS)
    last, wanted = plain.apply(plain.init(key), xs, key=key, lengths=LENGTHS)
    np.testing.assert_array_equal(ys, wanted)
    np.testing.assert_array_equal(carry["rnn"], last[0])
    # Inside jit JAX rebuilds the noun, and sorts what stands in a dict: layers keep their order.
    again = jax.jit(lambda network: network.apply(params, xs, key=key, lengths=LENGTHS)[1])(named)
    np.testing.assert_allclose(again, ys, rtol=1e-6)


@pytest.mark.parametrize(
    "network",
    [
        stack(BOTH_WAYS, MeanPool()),
        stack(BOTH_WAYS, AHEAD, LastPool()),  # a forward cell has read all at the last step
        stack(stack(BOTH_WAYS), stack(AHEAD, VariationalDropout(0.5)), Dropout(0.5), LastPool()),
        stack(LastPool(), Residual(Dense(I, I)), Dropout(0.5), Activation(jnp.tanh)),
    ],
)
def test_what_fits_is_accepted(network):
    assert network.pools and not network.causal


def test_layers_say_what_they_are_to_time():
    wrapped = Residual(stack(Dropout(0.5), Dense(I, I)))
    assert wrapped.causal and wrapped.stepwise and not wrapped.pools
    assert wrapped.parts == (Dropout(0.5), Dense(I, I))
    assert stack(AHEAD).causal and not stack(AHEAD).stepwise
    assert not stack(Dropout(0.1), VariationalDropout(0.1)).stepwise
    assert not Residual(stack(BOTH_WAYS, Dense(2 * I, I))).causal


@pytest.mark.parametrize("pool", [LastPool(), MeanPool(), MaxPool()])
def test_images_are_padded_and_pooled(pool, key):
    """Where the features end is what the first layer says; every layer after it goes by that."""
    network = stack(Blur(), Activation(jnp.tanh), Residual(Activation(jnp.cos)), pool)
    params = network.init(key)
    xs = jax.random.normal(key, (T, B, 7, 2, 3))
    garbage = jnp.where(np.arange(T)[:, None] < LENGTHS, 0, jnp.nan)[..., None, None, None]
    assert network.input_shape == (None, None, 3) and network.output_shape == (None, None, 6)
    assert network.leading(xs) == (T, B)
    pooled = network.apply(params, xs + garbage, lengths=LENGTHS)[1]
    assert pooled.shape == (B, 7, 2, 6)
    for b, length in enumerate(LENGTHS[:2]):
        alone = network.apply(params, xs[:length, b])[1]
        np.testing.assert_allclose(pooled[b], alone, rtol=1e-6)
    np.testing.assert_array_equal(pooled[2], 0)


def test_images_stream(key):
    network = stack(Blur(), Activation(jnp.tanh), Dropout(0.5))
    params, xs = network.init(key), jax.random.normal(key, (T, B, 7, 2, 3))
    whole = network.apply(params, xs)[1]
    np.testing.assert_allclose(network.step(params, None, xs[2])[1], whole[2], rtol=1e-6)
    with pytest.raises(ValueError, match=r"Stack takes features of shape \(None, None, 3\), got"):
        network.apply(params, xs[..., :2])


def test_a_layer_that_does_not_say_its_shape_fits_everywhere():
    """A cell of plain functions may give what it likes: nothing is concluded from what it takes."""
    functions = cells.from_functions(
        init=lambda key: (),
        carry=lambda params, batch: (),
        step=lambda params, carry, x: (carry, jnp.concatenate([x, x], -1)),
    )
    network = stack(Dense(3, 4), Recurrent(functions), Dense(8, 2))
    params = network.init(jax.random.key(0))
    assert network.apply(params, jnp.ones((T, B, 3)))[1].shape == (T, B, 2)
    assert (network.input_shape, network.output_shape) == ((3,), (2,))


def test_repeated_is_a_stack_that_shares_its_parameters(key):
    layer = Recurrent(cells.LSTM(I, I))
    repeated, stacked = Repeated(layer, 2), stack(layer, layer)
    params, xs = repeated.init(key), jax.random.normal(key, (T, B, I))
    resets = jnp.zeros((T, B), bool).at[2, 0].set(True)

    def loss(network, params):
        carry, ys = network.apply(params, xs, lengths=LENGTHS, resets=resets)
        return (ys**2).sum(), (carry, ys)

    (_, got), gradient = jax.value_and_grad(lambda p: loss(repeated, p), has_aux=True)(params)
    (_, wanted), both = jax.value_and_grad(lambda p: loss(stacked, p), has_aux=True)((params,) * 2)
    jax.tree.map(np.testing.assert_array_equal, got, wanted)
    summed = jax.tree.map(jnp.add, *both)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), gradient, summed)
    with pytest.raises(ValueError, match="Repeated: the layer takes 4 features and gives 3 f"):
        Repeated(Dense(I, 3), 2)
    with pytest.raises(ValueError, match="Repeated: the layer pools"):
        Repeated(LastPool(), 2)
    with pytest.raises(ValueError, match="Repeated: depth must be at least 1, got 0"):
        Repeated(layer, 0)
