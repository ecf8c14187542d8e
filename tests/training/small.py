"""A small network written out, and a problem that it can learn."""

import jax
import jax.numpy as jnp
import optax

from jaxrnn import metrics, objectives, training
from jaxrnn.networks import Layer

T, B, V, H = 4, 2, 3, 8


class Small(Layer):
    """A leaky Elman network over tokens; with a key, noise is added to its states."""

    inputs: int = jax.tree.static(default=V)
    hidden: int = jax.tree.static(default=H)
    outputs: int = jax.tree.static(default=V)
    leak: float = 1.0
    noise: float = 0.0

    def init(self, key):
        keys = jax.random.split(key, 3)
        shapes = {
            "w": (self.inputs, self.hidden),
            "r": (self.hidden, self.hidden),
            "o": (self.hidden, self.outputs),
        }
        params = {
            name: 0.3 * jax.random.normal(k, shape)
            for (name, shape), k in zip(shapes.items(), keys, strict=True)
        }
        return params | {"h": jnp.full(self.hidden, 0.1)}

    def carry(self, params, batch=()):
        return jnp.broadcast_to(params["h"], (*batch, self.hidden))

    def run(self, params, xs, carry, *, key, mask, resets):
        mask = jnp.ones(xs.shape, bool) if mask is None else mask
        resets = jnp.zeros(xs.shape, bool) if resets is None else resets
        states = (*xs.shape, self.hidden)
        noise = jnp.zeros(states) if key is None else self.noise * jax.random.normal(key, states)
        initial = self.carry(params, xs.shape[1:])

        def step(h, now):
            x, noise, mask, reset = now
            h = jnp.where(reset[..., None], initial, h)
            new = jnp.tanh(params["w"][x] + h @ params["r"]) + noise
            h = jnp.where(mask[..., None], (1 - self.leak) * h + self.leak * new, h)
            return h, jnp.where(mask[..., None], h @ params["o"], 0)

        return jax.lax.scan(step, carry, (xs, noise, mask, resets))

    @property
    def input_shape(self):
        return ()  # tokens


def echo(key, batches, length=T, batch=B):
    """Batches of random tokens along a leading axis; the target is the token before, 0 at first."""
    tokens = jax.random.randint(key, (batches, length + 1, batch), 0, V).at[:, 0].set(0)
    return tokens[:, 1:], tokens[:, :-1]


def unstack(stack):
    """The batches of a stack, as a list."""
    return [jax.tree.map(lambda leaf, i=i: leaf[i], stack) for i in range(len(stack[0]))]


XENT = objectives.CrossEntropy()
ADAM = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.linear_schedule(0.05, 0, 500)))
SCORES = metrics.collect(nll=metrics.nll(), accuracy=metrics.accuracy())
TRAINER = training.Trainer(Small(), XENT, ADAM, SCORES)
CARRIED = training.Trainer(Small(), XENT, ADAM, SCORES, carry=training.Carried(batch=(B,)))
