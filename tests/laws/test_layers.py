"""Every layer keeps every law, and each law can fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import networks, testing
from jaxrnn._dtypes import at_least_float32
from tests import zoo
from tests.quick import some_of

SYMBOLS = np.arange(zoo.SYMBOLS)


ONE_OF_EACH_FORM = {
    *("recurrent_bptt", "bidirectional", "causal_conv", "causal_attention", "attending"),
    *("residual", "mean_pool", "embedding", "dense", "variational_dropout"),
}


@pytest.mark.parametrize("name", some_of(zoo.LAYERS, ONE_OF_EACH_FORM))
def test_every_law(name, key):
    inputs = SYMBOLS if name in zoo.READ_SYMBOLS else None
    testing.check_layer(zoo.LAYERS[name], inputs, key=key)


def test_what_the_zoo_says_of_layers_is_so():
    """So the laws that hold for some are checked of those."""
    for name, layer in zoo.LAYERS.items():
        names = {law.name for law in testing.laws(layer)}
        assert ("future" in names) == (name in zoo.NEED_THE_FUTURE), name
        assert ("refusal" in names) == layer.pools, name


class Plain(networks.Layer):
    """A layer that keeps all laws: a running sum. What is below breaks one each."""

    wrong: str = jax.tree.static(default="")

    def init(self, key):
        return jnp.ones(3)

    def carry(self, params, batch=()):
        return jnp.zeros((*batch, 3), at_least_float32(params.dtype))

    def run(self, params, xs, carry, *, key, mask, resets):
        wide = jnp.broadcast_to(params, xs.shape) * xs

        def step(carry, inputs):
            x, reset = inputs
            carry = jnp.where(reset[:, None], 0, carry) + x.astype(carry.dtype)
            return carry, carry

        starts = jnp.zeros(xs.shape[:-1], bool) if resets is None else resets
        if self.wrong == "separate":
            starts = jnp.zeros_like(starts)
        carry, ys = jax.lax.scan(step, carry, (wide, starts))
        ys = ys.astype(jnp.float32 if self.wrong == "types" else params.dtype)
        if self.wrong == "streaming":
            ys = ys + jnp.mean(ys, 0, keepdims=True)
        if self.wrong == "padding":
            ys = jnp.sqrt(jnp.broadcast_to(params, ys.shape) ** 2 * jnp.square(xs))
        if self.wrong == "keys" and key is not None:
            ys = ys + jax.random.normal(key, ys.shape, ys.dtype)
        if self.wrong == "vmap" and type(params).__name__ == "BatchTracer":
            ys = 2 * ys
        if self.wrong == "fresh" and mask is None:
            ys = 2 * ys
        return carry, ys

    def step(self, params, carry, x, *, resets=None):
        if self.wrong == "step resets" and carry is not None:
            resets = None
        return super().step(params, carry, x, resets=resets)

    def apply(self, params, xs, carry=None, *, lengths=None, **rest):
        if self.wrong == "fresh" and lengths is not None:
            lengths = [max(length - 1, 0) for length in lengths]
        return super().apply(params, xs, carry, lengths=lengths, **rest)

    @property
    def input_shape(self):
        return (3,)

    @property
    def causal(self):
        return self.wrong != "future"

    @property
    def pools(self):
        return self.wrong == "refusal"

    def check_causal(self):
        pass


def broken(layer, *names):
    """Those of the named laws that the layer breaks, and the report."""
    skip = [law.name for law in testing.laws(layer) if law.name not in names]
    try:
        report = testing.check_layer(layer, skip=skip, echo=False)
    except testing.BrokenLaws as error:
        report = error.report
    assert len(report.results) == len(names)
    return set(report.failed), str(report)


ONE_EACH = [
    "streaming",
    "future",
    "padding",
    "separate",
    "refusal",
    "fresh",
    "step resets",
    "keys",
    "vmap",
    "types",
]


@pytest.mark.parametrize("law", ONE_EACH)
def test_a_layer_that_breaks_the_law_is_found(law):
    failed, page = broken(Plain(law), law)
    assert failed == {law} and "Error" not in page, page


def test_the_layer_that_they_are_made_of_breaks_none():
    failed, page = broken(Plain(), *(law.name for law in testing.laws(Plain())))
    assert not failed, page


class Opaque:
    """It equals itself alone, and cannot be made from what it shows."""

    def __call__(self, x):
        return x


def test_layers_that_cannot_be_copied_are_found():
    layer = networks.Activation(Opaque())
    assert broken(layer, "traces", "copies", "repr")[0] == {"traces", "copies", "repr"}
