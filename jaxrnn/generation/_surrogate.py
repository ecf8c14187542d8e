"""`entropy_surrogate`: what to differentiate for the gradient of a sequence entropy."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import Array, Key
from ._estimators import categorical, check_drawing, mean
from ._expectations import Estimate
from ._model import SequenceModel
from ._reading import Sequences, alphabet, roll


class Surrogate(NamedTuple):
    """A number that is only good for its gradient, and the entropy itself.

    In this order `jax.grad(..., has_aux=True)` takes them.
    """

    surrogate: Float[Array, ""]
    entropy: Estimate


def entropy_surrogate(model: SequenceModel, length: int, samples: int, *, key: Key) -> Surrogate:
    r"""A number whose gradient is an unbiased estimate of the sequence entropy's gradient.

        grad H    = E sum_t (grad h_t + G_t grad log p(y_t | y_<t)),      G_t = sum_{u > t} h_u
        surrogate = mean over samples of sum_t h_t + stop_gradient(G_t - b_t) log p(y_t | y_<t)

    `h_t` is the entropy of step `t` and `G_t` what a symbol earns: the entropies of the steps after
    it, and of no other. The baseline `b_t` is the mean of `G_t` over the *other* samples, so it
    costs no bias. To differentiate an estimate of the entropy itself is wrong: the gradient of
    $-\log p$ is zero on average, and that of $\sum_t h_t$ leaves out how the parameters change what
    is written.

    Args:
        model: what writes.
        length: how many symbols.
        samples: how many sequences are drawn, at least 2.
        key: where they are drawn from.

    Returns:
        `Surrogate(surrogate, entropy)`. The surrogate's own value means nothing; `entropy` is an
        `Estimate` that passes no gradient on.

    Raises:
        TypeError: for a model of another kind.
        ValueError: for a length below 1, or fewer than 2 samples.

    Reference: J. Schulman, N. Heess, T. Weber & P. Abbeel, "Gradient estimation using stochastic
    computation graphs", NeurIPS 2015, arXiv 1506.05254.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from functools import partial
        >>> from jaxrnn import generation
        >>> def step(logits, carry, symbol):
        ...     return carry, logits[symbol]
        >>> def loss(logits, key):
        ...     model = generation.SequenceModel(partial(step, logits))
        ...     surrogate, entropy = generation.entropy_surrogate(model, 5, 100, key=key)
        ...     return -surrogate, entropy  # let the model be as uncertain as it can
        >>> descend = jax.jit(jax.grad(loss, has_aux=True))
        >>> logits = jnp.array([[2.0, 0.0], [0.0, 1.0]])
        >>> for key in jax.random.split(jax.random.key(0), 100):
        ...     gradient, entropy = descend(logits, key)
        ...     logits -= 0.5 * gradient
        >>> print(f"{entropy.value:.3f} of {5 * jnp.log(2):.3f} nats")
        3.466 of 3.466 nats
    """
    check_drawing("entropy_surrogate", model, length, samples, key)
    return _run(model, key, length=int(length), samples=int(samples))


@partial(jax.jit, static_argnames=("length", "samples"))
def _run(model: SequenceModel, key: Key, *, length: int, samples: int) -> Surrogate:
    alphabet("entropy_surrogate", (model,))
    keys = jax.random.split(key, length)
    known = roll((model,), samples, categorical, keys)
    entropy = mean(jax.lax.stop_gradient(jnp.sum(known.expected, axis=0)))
    return Surrogate(jnp.mean(surrogates(known)), entropy)


def surrogates(known: Sequences) -> Float[Array, " N"]:
    """The surrogate of every sequence."""
    entropies = jax.lax.stop_gradient(known.expected)
    ahead = jnp.flip(jnp.cumsum(jnp.flip(entropies, 0), axis=0), 0) - entropies
    others = jnp.asarray(ahead.shape[1] - 1, ahead.dtype)
    baseline = (jnp.sum(ahead, axis=1, keepdims=True) - ahead) / others
    return jnp.sum(known.expected + (ahead - baseline) * known.log_p, axis=0)
