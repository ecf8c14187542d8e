"""Entropy of a distribution that is known by counts alone."""

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma
from jaxtyping import Float

from .. import _check
from .._config import Config
from .._typing import Array, ArrayLike


class BiasCorrection(Config):
    """What makes a better entropy of counts than `plugin_entropy` does by itself.

    Called as `(counts) -> nats` with whole numbers `[..., V]`, not all 0 in a row.
    """

    @abc.abstractmethod
    def __call__(self, counts: Float[Array, "*steps V"]) -> Float[Array, "*steps"]:
        """The corrected entropy, in nats."""


class MillerMadow(BiasCorrection):
    """The plug-in entropy and the first term of its bias, `(observed - 1) / 2N`.

    `observed` is the number of symbols that were seen at all, `N` that of the draws.

    Reference: G. Miller, "Note on the bias of information estimates", 1955.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import MillerMadow, plugin_entropy
        >>> print(f"{plugin_entropy(jnp.array([7, 2, 1]), correction=MillerMadow()):.4f}")
        0.9018
    """

    def __call__(self, counts: Float[Array, "*steps V"]) -> Float[Array, "*steps"]:
        observed = jnp.sum(counts > 0, axis=-1, dtype=counts.dtype)
        return _of_frequencies(counts) + (observed - 1) / (2 * jnp.sum(counts, axis=-1))


class Grassberger(BiasCorrection):
    r"""$\psi(N) - \frac1N \sum_k n_k G(n_k)$, whose bias falls off fast as symbols recur.

    $G(n) = \psi(n) + \frac{(-1)^n}{2} (\psi(\frac{n + 1}{2}) - \psi(\frac n2))$ takes the place of
    $\log n$, with `psi` the digamma function, and by Schürmann $\psi(N)$ that of $\log N$, which is
    for a number of draws that is random itself.

    Reference: P. Grassberger, "Entropy estimates from insufficient samplings",
    https://arxiv.org/abs/physics/0307138; T. Schürmann, "Bias analysis in entropy estimation",
    https://arxiv.org/abs/cond-mat/0403192

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import Grassberger, plugin_entropy
        >>> print(f"{plugin_entropy(jnp.array([7, 2, 1]), correction=Grassberger()):.4f}")
        0.9754
    """

    def __call__(self, counts: Float[Array, "*steps V"]) -> Float[Array, "*steps"]:
        n = jnp.where(counts > 0, counts, 1)
        sign = 1 - 2 * (n % 2)
        g = digamma(n) + sign / 2 * (digamma((n + 1) / 2) - digamma(n / 2))
        total = jnp.sum(counts, axis=-1)
        return digamma(total) - jnp.sum(counts * g, axis=-1) / total


class ChaoShen(BiasCorrection):
    r"""The plug-in entropy with the symbols that were not seen allowed for.

    By Good and Turing the symbols seen have the probability `C = 1 - singletons / N` together; with
    $p_k = C n_k / N$ the estimate is $-\sum_k p_k \log p_k / (1 - (1 - p_k)^N)$, each term divided
    by how likely its symbol is seen at all. For few draws of many symbols. Where each draw is a new
    symbol, one fewer counts as a singleton.

    Reference: A. Chao & T.-J. Shen, "Nonparametric estimation of Shannon's index of diversity when
    there are unseen species in sample", 2003, https://doi.org/10.1023/A:1026096204727

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.information import ChaoShen, plugin_entropy
        >>> print(f"{plugin_entropy(jnp.array([7, 2, 1]), correction=ChaoShen()):.4f}")
        1.0039
    """

    def __call__(self, counts: Float[Array, "*steps V"]) -> Float[Array, "*steps"]:
        total = jnp.sum(counts, axis=-1, keepdims=True)
        singletons = jnp.sum(counts == 1, axis=-1, keepdims=True, dtype=counts.dtype)
        singletons = jnp.where(singletons == total, total - 1, singletons)
        p = (1 - singletons / total) * counts / total
        seen = -jnp.expm1(total * jnp.log1p(-p))
        seen, log_p = (jnp.where(counts > 0, x, 1) for x in (seen, jnp.log(p)))
        return -jnp.sum(p * log_p / seen, axis=-1)


def plugin_entropy(
    counts: ArrayLike, *, correction: BiasCorrection | None = None
) -> Float[Array, "*steps"]:
    r"""Entropy of the distribution that symbols were drawn from, by how often each came, in nats.

    Plugged into the entropy are the frequencies $n_k / N$, for which the counts are the likeliest.
    The mean of that is too small, by about `(V - 1) / 2N`. What corrects it: `MillerMadow`,
    `Grassberger`, `ChaoShen`.

    Args:
        counts: integers `[..., V]`, how often each symbol was drawn.
        correction: what is used in the place of the frequencies' entropy.

    Returns:
        `[...]`, of the default floating type. Inside `jit`, where counts cannot be read, a row of
        zeros gives NaN.

    Raises:
        TypeError: for counts that are not integers, or a correction that is none.
        ValueError: for a missing axis of symbols, negative counts, or a row of zeros.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.information import ChaoShen, plugin_entropy
        >>> draws = jax.random.randint(jax.random.key(0), (100,), 0, 100)  # of entropy log(100)
        >>> counts = jnp.bincount(draws, length=100)
        >>> estimates = plugin_entropy(counts), plugin_entropy(counts, correction=ChaoShen())
        >>> print(f"{estimates[0]:.2f} {estimates[1]:.2f} {jnp.log(100):.2f}")
        4.01 4.61 4.61
    """
    check_correction("plugin_entropy", correction)
    array = _check.numbers("plugin_entropy", "counts", counts)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(
            f"plugin_entropy: counts must be integers, got {_check.describe(array)}. Of "
            "probabilities `p` the entropy is `entropy(jnp.log(p))`."
        )
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(
            "plugin_entropy: counts must be [..., V], one for each symbol, got "
            f"{_check.describe(array)}."
        )
    if _check.concrete(counts):
        seen = np.asarray(counts)
        if (seen < 0).any() or not seen.any(axis=-1).all():
            raise ValueError(
                "plugin_entropy: counts must not be negative, nor those of a row all 0, got "
                f"{seen.min()} as the least and {seen.sum(axis=-1).min()} as the least sum."
            )
    return corrected(array.astype(jnp.result_type(float)), correction)


@jax.jit
def corrected(counts: Array, correction: BiasCorrection | None) -> Array:
    """The entropy of counts `[..., V]`, whole numbers of a floating type."""
    return _of_frequencies(counts) if correction is None else correction(counts)


def check_correction(who: str, correction: BiasCorrection | None) -> None:
    """Raise unless it is a correction or None."""
    if not (correction is None or isinstance(correction, BiasCorrection)):
        raise TypeError(
            f"{who}: correction must be a `BiasCorrection` such as `MillerMadow()`, or None, got "
            f"{correction!r}."
        )


def _of_frequencies(counts: Array) -> Array:
    total = jnp.sum(counts, axis=-1, keepdims=True)
    others = (total - counts) / jnp.where(counts > 0, counts, 1)  # whole numbers: no digit is lost
    return jnp.sum(counts * jnp.log1p(others) / total, axis=-1)
