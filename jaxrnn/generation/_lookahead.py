"""`lookahead`: a model that shuns, or seeks, the symbols after which it is uncertain."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check
from .._numerics import best_tilt, exact_entropy, exact_log_softmax, possible
from .._typing import Array, ArrayLike, Carry, Leaf
from ._model import SequenceModel
from ._reading import alphabet, begin, check_kind, check_written, read


def lookahead(model: SequenceModel, weight: Leaf) -> SequenceModel:
    r"""The model that weighs every symbol by how uncertain it would be after it.

        p_a(k | y) = p(k | y) exp(-a H(y, k)) / Z        H(y, k) = H(Y_{t+1} | y_<t, y_t = k)

    `H(y, k)` is the entropy of `model`'s own prediction once it has read `k`; 0 for the symbol that
    ends a sequence. With `a > 0` symbols that lead where the model is uncertain are less likely, so
    that it drifts there less; `a = 0` is the model itself. `fit_lookahead` finds `a` from data.

    A temperature sharpens every prediction, right or not; this one changes nothing where all
    symbols lead to equal uncertainty. Where drift comes from a few symbols that lead astray, it
    lowers drift and cross-entropy together, and the cross-entropy further than the best
    temperature. It may go too far, if the model is over-confident elsewhere: look at the
    `entropy_drift` of what comes out. A temperature costs nothing, while each step of this model
    takes `V + 1` steps of `model`, `V` of them side by side: it is for alphabets of characters
    rather than of words. Where it is the costs that matter, or predictions on data are plainly too
    flat, take the temperature.

    Args:
        model: what writes; its carry is that of the new model.
        weight: `a`, in 1 / nats. It is a leaf, so that `vmap` may go over several.

    Returns:
        A `SequenceModel`, for `entropy_drift`, `sequence_entropy` and all that takes one.

    Raises:
        TypeError: for a model of another kind.
        ValueError: for a step that does not give logits `[V]` and a carry like the one it takes, or
            a weight that is not finite.

    Reference: the one-step lookahead of M. Braverman et al., "Calibration, entropy rates, and
    memory in language models", ICML 2020, arXiv 1906.05664.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def step(carry, symbol):  # after a 1 anything goes, after a 0 mostly a 0
        ...     return carry, jnp.log(jnp.array([[0.8, 0.2], [0.5, 0.5]]))[symbol]
        >>> model = generation.SequenceModel(step, carry=0)
        >>> def rate(model):
        ...     exact = generation.FiniteState(1)
        ...     return generation.entropy_rate(model, 60, exact, burn_in=50).value
        >>> print(f"{rate(model):.3f} {rate(generation.lookahead(model, 2.0)):.3f}")
        0.555 0.466
    """
    check_kind("lookahead", model)
    alphabet("lookahead", (model,))
    if not _check.holds(np.isfinite, _check.numbers("lookahead", "weight", weight)):
        raise ValueError(
            f"lookahead: weight must be finite, got {weight}. An infinite one would leave only the "
            "symbols after which the model is most, or least, certain."
        )
    model = jax.tree.map(jnp.asarray, model)  # an array of numpy cannot be read at a traced symbol
    return SequenceModel(partial(_step, model, weight), model.carry, model.start, model.stop)


def _step(
    model: SequenceModel, weight: Leaf, carry: Carry, symbol: Array
) -> tuple[Carry, Float[Array, " V"]]:
    _check.number("lookahead", weight=weight)
    carry, logits = model.step(carry, symbol)
    log_p = exact_log_softmax(possible("lookahead", "logits", logits, None))
    a = jnp.asarray(weight).astype(log_p.dtype)
    return carry, log_p - a * _uncertainty(model, carry, log_p)


def _uncertainty(
    model: SequenceModel, carry: Carry, log_p: Float[Array, " V"]
) -> Float[Array, " V"]:
    """The entropy of the prediction after each symbol; 0 after an impossible one."""

    def after(symbol: Array, own: Array) -> Array:
        following = read((model,), (carry,), (symbol,), True).log_p
        # What a model predicts after an impossible symbol may be NaN.
        return exact_entropy(jnp.where(own == -jnp.inf, 0, following))

    symbols = jnp.arange(log_p.size, dtype=jnp.int32)
    entropies = jax.vmap(after)(symbols, log_p).astype(log_p.dtype)
    return jnp.where(log_p == -jnp.inf, 0, entropies)


def fit_lookahead(
    model: SequenceModel, symbols: ArrayLike, *, mask: ArrayLike | None = None
) -> Float[Array, ""]:
    r"""The weight `a` at which `lookahead(model, a)` has the least cross-entropy on data.

    In each context the models are an exponential family with parameter `-a` and statistic
    `H(y, k)`, so that the cross-entropy is convex in `a`, and Newton's steps find its minimum:

        CE'(a)  = mean(H(y, y_t) - E_{k ~ p_a} H(y, k))
        CE''(a) = mean(Var_{k ~ p_a} H(y, k)) <= (log V)^2 / 4

    Proven by these two lines: at a finite `a` that is best, the uncertainty that the new model
    expects after its next symbol *equals*, on average over the data's contexts, the one that is
    found after the data's next symbol. The cross-entropy is at least $2 \mu^2 / (\log V)^2$ lower
    than at `a = 0`, where $\mu = |CE'(0)|$ is by how much the two differ at first.

    Not proven: that the entropy of what the new model writes equals its cross-entropy on data.
    That is a theorem for a tilt of whole sequences, $p(y)^{1 + a}$, which cannot be computed beyond
    short ones. Here the identity is one of contexts from *data*; `entropy_drift` shows what comes
    of it in the model's own.

    Args:
        model: what predicts.
        symbols: `Int[T, *batch]`, data that the model was not trained on, read from its `start` on.
        mask: `Bool[T, *batch]`, False at padding, which stands at the end.

    Returns:
        `a`, one number: `inf` or `-inf` where the data's symbols are always those after which
        the model is least or most uncertain, and 0 where all symbols leave it equally uncertain.
        NaN inside `jit` where it would raise for numbers. Time and memory grow with `T * V`, and
        with `V` steps of the model for each of them.

    Raises:
        TypeError: for a model of another kind, symbols that are not integers, a mask not bool.
        ValueError: for symbols out of range, a mask of another shape, no step that counts, or data
            that the model deems impossible.

    Reference: M. Braverman et al., "Calibration, entropy rates, and memory in language models",
    ICML 2020, arXiv 1906.05664, for the idea; the derivation is as above.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import generation
        >>> def step(carry, symbol):  # after a 1 anything goes, after a 0 mostly a 0
        ...     return carry, jnp.log(jnp.array([[0.8, 0.2], [0.5, 0.5]]))[symbol]
        >>> model = generation.SequenceModel(step)
        >>> data = jnp.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        >>> print(f"{generation.fit_lookahead(model, data):.2f}")
        4.25
    """
    check_kind("fit_lookahead", model)
    classes = alphabet("fit_lookahead", (model,))
    symbols, mask = check_written("fit_lookahead", symbols, mask, classes)
    if 0 in symbols.shape:
        raise ValueError(f"fit_lookahead: there are no symbols, got shape {symbols.shape}.")
    rows = [x.reshape(len(symbols), -1).T for x in (symbols, mask)]
    weight = _fit(model, *rows)
    if _check.concrete(weight) and jnp.isnan(weight):
        raise ValueError(
            "fit_lookahead: no weight fits. Either no step counts, the model deems a symbol of the "
            "data impossible, or its logits are NaN."
        )
    return weight


@jax.jit
def _fit(model: SequenceModel, symbols: Array, mask: Array) -> Array:
    (first,), (start,) = begin((model,))

    def of(row: Array) -> tuple[Array, Array]:
        """The predictions of a row's symbols, and the uncertainty after each."""

        def advance(carry: Carry, x: tuple[Array, Array]) -> tuple[Carry, tuple[Array, Array]]:
            symbol, begun = x
            seen = read((model,), (carry,), (symbol,), begun)
            ahead = _uncertainty(model, seen.carries[0], seen.log_p)
            return seen.carries[0], (seen.log_p, ahead)

        before = jnp.concatenate([start[None], row[:-1]])
        return jax.lax.scan(advance, first, (before, jnp.arange(row.size) > 0))[1]

    # Any symbol will do in the padding: no prediction that counts reads it.
    log_p, ahead = jax.vmap(of)(jnp.where(mask, symbols, 0))
    low, high = (edge(ahead, axis=-1, keepdims=True) for edge in (jnp.min, jnp.max))
    # Equal but for rounding: nothing to fit, where any weight would only fit the rounding.
    level = high - low <= 64 * float(np.finfo(ahead.dtype).eps) * high
    return best_tilt(0.0, log_p, jnp.where(level, 0, -ahead), symbols, mask)
