"""Eigenvalues that diagonal state space models start from, of pairs of conjugate numbers."""

import functools

import numpy as np
from jaxtyping import Complex

from .. import _check
from .._checked import checked
from .._names import named


@named
@checked
def hippo_n(size: int) -> Complex[np.ndarray, " P"]:
    """Eigenvalues of HiPPO-N, the normal part of the matrix HiPPO-LegS; also called S4D-LegS.

    HiPPO-LegS keeps the coefficients of the whole past in Legendre polynomials. A term of rank one
    added, it is normal: -1/2 times the identity, and a skew-symmetric matrix. So the real part of
    every eigenvalue is -1/2.

    Args:
        size: how many eigenvalues there are, an even number, as they come in conjugate pairs.

    Returns:
        `Complex[size // 2]` of NumPy: those with a positive imaginary part, from small to large.

    Raises:
        ValueError: for a size that is odd, or below 2.

    Reference: A. Gu, A. Gupta, K. Goel & C. Ré, "On the parameterization and initialization of
    diagonal state space models", NeurIPS 2022 (arXiv 2206.11893).

    Example:
        >>> from jaxrnn import cells
        >>> print(cells.hippo_n(4).round(3))
        [-0.5+0.557j -0.5+4.603j]
    """
    return hippo_basis(size)[0].copy()


@named
@checked
def s4d_lin(size: int) -> Complex[np.ndarray, " P"]:
    """Eigenvalues `-1/2 + i pi n` of S4D-Lin: nearly those of a Fourier basis.

    Args:
        size: how many eigenvalues there are, an even number, as they come in conjugate pairs.

    Returns:
        `Complex[size // 2]` of NumPy, for n = 0, 1, ...

    Raises:
        ValueError: for a size that is odd, or below 2.

    Reference: as for `hippo_n`.

    Example:
        >>> from jaxrnn import cells
        >>> print(cells.s4d_lin(4).round(3))
        [-0.5+0.j    -0.5+3.142j]
    """
    return -0.5 + 1j * np.pi * np.arange(pairs("s4d_lin", size=size))


@named
@checked
def s4d_inv(size: int) -> Complex[np.ndarray, " P"]:
    """Eigenvalues `-1/2 + i size / pi * (size / (2 n + 1) - 1)` of S4D-Inv, near those of HiPPO-N.

    Args:
        size: how many eigenvalues there are, an even number, as they come in conjugate pairs.

    Returns:
        `Complex[size // 2]` of NumPy, for n = 0, 1, ...

    Raises:
        ValueError: for a size that is odd, or below 2.

    Reference: as for `hippo_n`.

    Example:
        >>> from jaxrnn import cells
        >>> print(cells.s4d_inv(4).round(3))
        [-0.5+3.82j  -0.5+0.424j]
    """
    n = np.arange(pairs("s4d_inv", size=size))
    return -0.5 + 1j * size / np.pi * (size / (2 * n + 1) - 1)


@functools.lru_cache(8)
def hippo_basis(size: int) -> tuple[Complex[np.ndarray, " P"], Complex[np.ndarray, "N P"]]:
    """The eigenvalues of `hippo_n`, and their eigenvectors of length 1 as columns."""
    half = pairs("hippo_n", size=size)
    root = np.sqrt(np.arange(size) + 0.5)
    n = np.arange(size)
    skew = -np.outer(root, root) * np.sign(n[:, None] - n[None])
    frequencies, vectors = np.linalg.eigh(-1j * skew)  # from the lowest to the highest
    return -0.5 + 1j * frequencies[half:], vectors[:, half:]


def pairs(who: str, **size: int) -> int:
    """Half of an even size, or raise."""
    ((name, value),) = size.items()
    _check.integers(who, 2, **size)
    if value % 2:
        raise ValueError(
            f"{who}: {name} must be even, as conjugate pairs of numbers share it, got {value}"
        )
    return value // 2
