"""Orders drawn from a seed, the same in every version of numpy."""

import functools

import numpy as np


# The order of an epoch serves all its batches; several datasets may be read in turn.
@functools.lru_cache(maxsize=8)
def permutation(seed: int, size: int, *path: int) -> np.ndarray:
    """The numbers below `size` in an order of their own for each seed and path, such as an epoch.

    numpy promises that seed sequences and the raw bits stay the same between versions; it does not
    promise that of `Generator.permutation`.
    """
    bits = np.random.PCG64(np.random.SeedSequence(int(seed), spawn_key=path))
    return np.argsort(bits.random_raw(size), kind="stable")
