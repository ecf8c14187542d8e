"""`free_run`: a network of numbers that reads what it writes."""

from functools import partial

import jax
import jax.numpy as jnp

from .. import _check
from .._checked import checked
from .._typing import Array, Carry, Params
from ..networks import Layer


@checked
def free_run(
    network: Layer, params: Params, prompt: Array, length: int, carry: Carry | None = None
) -> Array:
    """Let a network that predicts its next input go on by itself.

        y_0 = the last output after the prompt;   y_t = the output after reading y_{t-1}

    So a forecast of one step becomes one of many, and its errors are read as well. For symbols,
    see `generate`.

    Args:
        network: a layer that gives features of the shape that it reads, and can `step`.
        params: its parameters.
        prompt: what has been observed, `[T, *batch, ...]`, of at least one step.
        length: how many outputs.
        carry: what the network knew before the prompt; by default its initial carry.

    Returns:
        The outputs `[length, *batch, ...]`, the first of which follows the prompt.

    Raises:
        ValueError: a length below 1, or outputs of another shape or type than the inputs.
        TypeError: a layer that cannot stream.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import cells, generation, networks
        >>> network = networks.stack(networks.Recurrent(cells.GRU(1, 8)), networks.Dense(8, 1))
        >>> params, prompt = network.init(jax.random.key(0)), jnp.ones((20, 3, 1))
        >>> generation.free_run(network, params, prompt, 50).shape
        (50, 3, 1)
    """
    _check.sizes("free_run", length=length)
    network.check_causal()
    _check.arrays("free_run", prompt=prompt, carry=carry)
    _, *batch = network.leading(prompt)
    shape = (length, *jnp.shape(prompt)[1:])
    remedy = "Go on in pieces, from a `carry`."
    _check.memory("free_run", "the outputs", shape, jnp.float32, remedy)
    carry = network.carry(params, tuple(batch)) if carry is None else carry
    out = jax.eval_shape(lambda *args: network.apply(*args)[1], params, prompt, carry)
    if not isinstance(out, jax.ShapeDtypeStruct) or out.shape != jnp.shape(prompt):
        came = out.shape if isinstance(out, jax.ShapeDtypeStruct) else "a tree"
        raise ValueError(
            f"free_run: the network must give what it reads, {jnp.shape(prompt)[1:]} a step, got "
            f"{came[1:] if isinstance(came, tuple) else came}"
        )
    return _run(network, params, jnp.asarray(prompt), carry, length=length)


@partial(jax.jit, static_argnames="length")
def _run(network: Layer, params: Params, prompt: Array, carry: Carry, *, length: int) -> Array:
    carry, ys = network.apply(params, prompt, carry)

    def step(state: tuple[Carry, Array], _: None) -> tuple[tuple[Carry, Array], Array]:
        carry, y = state
        after, following = network.step(params, carry, y.astype(prompt.dtype))
        return (after, following), y

    return jax.lax.scan(step, (carry, ys[-1]), length=length)[1]
