"""`fit_temperature`: the temperature at which predictions are as sure as they are right."""

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .. import _check
from .._checked import checked
from .._numerics import best_tilt, check_labels, check_steps, possible
from .._typing import Array, ArrayLike


@checked
def fit_temperature(
    logits: ArrayLike, labels: ArrayLike, *, where: ArrayLike | None = None
) -> Float[Array, ""]:
    r"""The `T` at which `softmax(logits / T)` gives the labels the least mean surprisal.

    With $\beta = 1 / T$ and $p_k \propto e^{\beta z_k}$ the mean surprisal is convex:

        NLL'(beta) = mean(E_p z - z_y)        NLL''(beta) = mean(Var_p z) >= 0

    so that Newton's steps in `beta` find its one minimum. There `mean(z_y) = mean(E_p z)`, and the
    mean surprisal of the labels *equals* the mean entropy of the predictions: on average the model
    is as sure as it is right. Fit it on data that the model was not trained on. `T > 1` says that
    the model was over-confident. No prediction's order of classes changes, and so no accuracy does.

    To write with it, `generate(..., sampler=generation.Temperature(T))`; to predict with it, divide
    the logits by it. Another number for each position, or class of examples, comes from `vmap`.
    Forward-mode derivatives pass through; reverse mode does not.

    Two data sets have no finite minimum. Where every label has its row's largest logit, the surer
    the better: `T` is 0, whose sampler is `generation.Greedy()`. Where the logits tell nothing
    about the labels, or the contrary, the best is to be uniform: `T` is `inf`. Where no row has two
    different possible logits, every `T` is the same, and it is 1.

    Args:
        logits: `[*steps, V]`, classes last; a class of logit `-inf` is impossible at any `T`.
        labels: integers `[*steps]` in `[0, V)`.
        where: `Bool[*steps]`, False at steps that do not count, such as padding.

    Returns:
        `T`, one number, at least float32. Inside `jit`, where numbers cannot be read, it is NaN
        where the errors below would be raised, and a label out of range does not count.

    Raises:
        TypeError: for logits that are not real floating numbers, labels that are not integers, or
            a `where` that is not bool.
        ValueError: for shapes that differ, labels out of range, no step that counts, an observed
            class that is impossible, or logits that are NaN.

    Reference: C. Guo, G. Pleiss, Y. Sun & K. Weinberger, "On calibration of modern neural
    networks", ICML 2017, arXiv 1706.04599.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import analysis, generation, information
        >>> logits = jnp.log(jnp.array([0.8, 0.2])) * jnp.ones((5, 1))   # sure at 80 %
        >>> labels = jnp.array([0, 0, 0, 1, 1])                          # right at 60 %
        >>> t = analysis.fit_temperature(logits, labels)
        >>> print(f"{t:.4f}")
        3.4190
        >>> print(f"{information.surprisal(logits / t, labels).mean():.4f}",
        ...       f"{information.entropy(logits / t).mean():.4f}")
        0.6730 0.6730
        >>> sampler = generation.Temperature(t)
    """
    z = possible("fit_temperature", "logits", logits, None)
    if 0 in z.shape:
        raise ValueError(f"fit_temperature: there are no steps, got logits {z.shape}.")
    counted = check_steps("fit_temperature", where, z.shape[:-1])
    t = _fit(z, check_labels("fit_temperature", labels, z.shape, where), counted)
    if _check.concrete(t) and jnp.isnan(t):
        raise ValueError(
            "fit_temperature: no temperature fits. Either no step counts, a label has the logit "
            "-inf, which is impossible at every temperature, or logits are NaN or inf."
        )
    return t


@jax.jit
def _fit(
    z: Float[Array, "*steps V"], labels: Int[Array, "*steps"], where: Bool[Array, "*steps"]
) -> Float[Array, ""]:
    # Less the largest, which changes nothing, so that large logits keep their differences.
    top = jnp.max(z, axis=-1, keepdims=True)
    alike = jnp.where(z == -jnp.inf, -jnp.inf, 0).astype(z.dtype)
    beta = best_tilt(1.0, alike, z - top, labels, where)
    return jnp.where(beta <= 0, jnp.inf, 1 / jnp.where(beta <= 0, 1, beta))
