"""Gradients through time: how much of a loss reaches the carry of each step."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .. import _check, _host
from .._checked import checked
from .._numerics import drop, select, within
from .._typing import Array, ArrayLike, ArrayOrList, Carry, Inputs, Params
from ._stepping import Stepping, carry_of, led

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    Axes = Any


@checked
def carry_gradients(
    model: Stepping,
    params: Params,
    xs: Inputs,
    loss: Callable[[Any], Any],
    carry: Carry | None = None,
    *,
    lengths: ArrayOrList | None = None,
) -> Carry:
    r"""The gradient of a loss with respect to the carry that each step starts from.

        g_t = dL / dh_{t-1} = sum_{s >= t} (J_{s-1} ... J_t)^T dL/dy_s dy_s/dh_{s-1},
        J_t = dh_t / dh_{t-1}

    What back-propagation through time passes from step to step. Where it shrinks by a factor each
    step the gradient vanishes, and what is far back cannot be learnt; where it grows it explodes.

    Args:
        model: a cell, or a layer that streams.
        params: its parameters.
        xs: `[T, *batch, ...]`.
        loss: from the outputs `[T, *batch, ...]` to a scalar: `lambda ys: ys[-1].sum()`.
        carry: what the first step starts from; the model's initial carry where `None`.
        lengths: `Int[*batch]`, how many leading steps count. The carry is held after them and their
            outputs are zero.

    Returns:
        A tree like the carry with a leading axis of time: at `t`, the gradient with respect to the
        carry *before* step `t`, through that step and all later ones.

    Raises:
        TypeError: a model without steps, a carry or a loss without derivatives.
        ValueError: no step, a loss that is no scalar, lengths out of range.

    Reference: S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", TU München 1991;
    R. Pascanu, T. Mikolov & Y. Bengio, ICML 2013.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.LSTM(2, 4)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((9, 3, 2))
        >>> analysis.carry_gradients(cell, params, xs, lambda ys: ys[-1].sum()).cell.shape
        (9, 3, 4)
    """
    who = "carry_gradients"
    xs, batch = led(who, model, xs)
    length = jax.tree.leaves(xs)[0].shape[0]
    mask = None
    if lengths is not None:
        lengths = np.asarray(lengths) if isinstance(lengths, list | tuple) else lengths
        _check.lengths(who, "lengths", lengths, (length, *batch))
        mask = within(jnp.asarray(lengths), length)
        xs = drop(~mask, xs)  # whose derivative would be NaN where it holds any
    carry = carry_of(who, model, params, batch, carry)

    def run(nudges: Carry) -> Array:
        def body(carry: Carry, now: Any) -> tuple[Carry, Any]:
            x, nudge, counts = now
            carry = jax.tree.map(jnp.add, carry, nudge)
            after, y = model.step(params, carry, x)
            if counts is None:
                return after, y
            return select(counts, after, carry), select(counts, y, jax.tree.map(jnp.zeros_like, y))

        value = loss(jax.lax.scan(body, carry, (xs, nudges, mask))[1])
        if jnp.shape(value) != ():
            raise ValueError(f"{who}: loss must give a scalar, got {_check.describe(value)}")
        if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
            raise TypeError(f"{who}: loss must be a real number, got {_check.describe(value)}")
        return value

    nudges = jax.tree.map(lambda leaf: jnp.zeros((length, *leaf.shape), leaf.dtype), carry)
    return jax.grad(run)(nudges)


@checked
def gradient_norms(
    model: Stepping,
    params: Params,
    xs: Inputs,
    loss: Callable[[Any], Any],
    carry: Carry | None = None,
    *,
    lengths: ArrayOrList | None = None,
) -> Float[Array, "T *batch"]:
    r"""The norm of `carry_gradients` at each step, over all parts of the carry.

    For a loss that reads the last output alone, the entry `t` of a sequence of `T` steps is what is
    left of the gradient `T - t` steps back. Arguments and errors are those of `carry_gradients`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import analysis, cells
        >>> cell = cells.Elman(2, 4)
        >>> params, xs = cell.init(jax.random.key(0)), jnp.ones((50, 2))
        >>> norms = analysis.gradient_norms(cell, params, xs, lambda ys: ys[-1].sum())
        >>> bool(norms[0] < 1e-3 * norms[-1])  # fifty steps back it has vanished
        True
    """
    gradients = carry_gradients(model, params, xs, loss, carry, lengths=lengths)
    _, batch = led("gradient_norms", model, xs)
    axes = 1 + len(batch)

    def squares(leaf: Array) -> Array:
        return jnp.sum(leaf**2, axis=tuple(range(axes, leaf.ndim)))

    # Relative to the largest entry: the squares of what has vanished would be 0.
    leaves = jax.tree.leaves(gradients)  # of which the scale, which cancels, needs no derivative
    sizes = [jnp.max(jnp.abs(leaf), axis=tuple(range(axes, leaf.ndim))) for leaf in leaves]
    largest = jnp.max(jnp.stack(sizes), axis=0)
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), jax.lax.stop_gradient(largest), 1)
    scaled = [leaf / scale.reshape(*scale.shape, *(1,) * (leaf.ndim - axes)) for leaf in leaves]
    total = sum(map(squares, scaled), start=jnp.zeros((), scale.dtype))
    none = total == 0  # whose root has no derivative
    return jnp.where(none, 0, scale * jnp.sqrt(jnp.where(none, 1, total)))


@checked
def plot_gradient_norms(norms: Mapping[str, ArrayLike], *, axes: "Axes | None" = None) -> "Axes":
    """Draw how much of the gradient of the last step's loss is left, by how far back.

    Args:
        norms: for each name, norms `[T]`, or `[T, *batch]`, of which the mean logarithm is drawn
            with the range over the batch.
        axes: where to draw; axes of a new figure, where not given.

    Returns:
        The axes; `axes.figure.savefig(path)` writes them.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: nothing to draw.

    Example:
        >>> import numpy as np
        >>> from jaxrnn import analysis
        >>> axes = analysis.plot_gradient_norms({"halved each step": 0.5 ** np.arange(20)[::-1]})
        >>> axes.get_yscale()
        'log'
    """
    if not norms:
        raise ValueError("plot_gradient_norms: norms holds no curve")
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure((6, 4), layout="constrained").subplots()
    for name, values in norms.items():
        curve = _host.read("plot_gradient_norms", f"norms[{name!r}]", values).astype(float)
        if curve.ndim == 0 or not curve.size:
            raise ValueError(
                f"plot_gradient_norms: {name!r} must be [T, *batch], got {curve.shape}"
            )
        curve = curve.reshape(len(curve), -1)[::-1]
        lags = np.arange(1, len(curve) + 1)
        with np.errstate(divide="ignore"):
            middle = np.exp(np.log(curve).mean(1))
        (line,) = axes.plot(lags, np.where(middle > 0, middle, np.nan), label=name)
        axes.fill_between(lags, curve.min(1), curve.max(1), color=line.get_color(), alpha=0.15)
    axes.set(yscale="log", xlabel="steps back", ylabel="norm of the gradient")
    axes.legend(frameon=False)
    return axes
