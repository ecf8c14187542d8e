"""What the laws over cells and engines share: small random inputs with every control."""

import jax
import jax.numpy as jnp
import pytest

from tests import zoo

T, BATCH = 7, (2, 2)


def random_like(tree, key):
    """Random numbers of the tree's shapes and types, real and imaginary parts alike."""
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    return structure.unflatten(
        0.5 * jax.random.normal(k, leaf.shape, leaf.dtype)
        for k, leaf in zip(keys, leaves, strict=True)
    )


def problem(cell, key, steps=T, batch=BATCH):
    """Parameters, inputs and a carry, all random and far from symmetric."""
    keys = jax.random.split(key, 3)
    params = random_like(jax.eval_shape(cell.init, key), keys[0])
    features = tuple(2 if size is None else size for size in cell.input_shape or (zoo.I,))
    xs = jax.random.normal(keys[1], (steps, *batch, *features))
    carry = random_like(jax.eval_shape(lambda p: cell.carry(p, batch), params), keys[2])
    return params, xs, carry


def masked(valid, xs, other=0):
    """`xs` where `valid` of `[T, *batch]`, and something else elsewhere."""
    return jnp.where(valid.reshape(valid.shape + (1,) * (xs.ndim - valid.ndim)), xs, other)


@pytest.fixture
def controls():
    """Lengths with 0 and T among them, a mask with holes, resets at masked steps too."""
    lengths = jnp.array([[T, 4], [0, 6]])
    mask = jnp.ones((T, *BATCH), bool).at[2, 0, 0].set(False).at[0, 1, 1].set(False)
    resets = jnp.zeros((T, *BATCH), bool).at[3, 0, 0].set(True).at[2, 0, 0].set(True)
    resets = resets.at[0, 1, 1].set(True).at[5, 0, 1].set(True).at[2, 0, 1].set(True)
    return {"lengths": lengths, "mask": mask, "resets": resets}
