"""`Mixture`: a weighted sum of distributions."""

from typing import Any

import jax
import jax.numpy as jnp

from .. import _check
from .._numerics import exact_log_softmax, exact_logsumexp, exact_softmax, expectation
from .._typing import Array, Key
from ._head import Head
from ._invert import invert


class Mixture(Head):
    r"""A mixture of distributions of one kind, for each coordinate: a mixture density network.

        theta    = (w, theta_1, ..., theta_K), with K logits w
        p(y)     = sum_k softmax(w)_k p_k(y)
        CRPS     = sum_k w_k E|X_k - y| - 1/2 sum_jk w_j w_k E|X_j - X_k|

    Any head of scalars can be the component, one of your own and another mixture too. A component
    whose logit is `-inf` is impossible: it takes no part in values or gradients. Quantiles are
    found by bisection among all numbers of the type, and differentiated implicitly. The entropy has
    no closed form; the CRPS has one where the component gives `absolute_difference_at`.

    Components that are alike at the start stay alike: they are told apart by the random kernel of
    the layer before.

    Shapes: outputs `[T, *batch, dim * components * (1 + component.parameters)]`, targets those of
    the component.

    Attributes:
        component: the kind of every component, with the size of its targets.
        components: how many there are, K.

    Raises:
        TypeError: for outputs or targets that the component does not read.
        ValueError: for shapes that do not fit, and targets that the component does not support.

    Reference: C. Bishop (1994), Mixture density networks, technical report NCRG/94/004

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import heads
        >>> head = heads.Mixture(heads.Gaussian(floor=0.1), 2)
        >>> outputs = jnp.array([[0.0, 0.0, -3.0, 0.0, 3.0, 0.0]])
        >>> print(head.size, head.mean(outputs), head.variance(outputs).round(2))
        6 [[0.]] [[9.63]]
        >>> print(head.quantile(outputs, jnp.array([0.25, 0.75])).round(2))
        [[[-3.  3.]]]
    """

    component: Head
    components: int = jax.tree.static()

    def __post_init__(self) -> None:
        _check.sizes("Mixture", components=self.components)

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Whether targets are integers."""
        return self.component.discrete

    @property
    def support(self) -> str:  # type: ignore[override]
        """What targets may be, in words."""
        return self.component.support

    @property
    def parameters(self) -> int:
        return self.components * (1 + self.component.parameters)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return self.component.target_shape

    def supports(self, y: Any) -> Any:
        return self.component.supports(y)

    def log_prob_at(self, theta: Array, y: Array) -> Array:
        w, each = self._parts(theta)
        values = self.component.log_prob_at(each, _wide(y, w))
        return exact_logsumexp(exact_log_softmax(w) + jnp.where(w == -jnp.inf, 0, values))

    def mean_at(self, theta: Array) -> Array:
        w, each = self._parts(theta)
        return expectation(exact_softmax(w), self.component.mean_at(each))

    def variance_at(self, theta: Array) -> Array:
        w, each = self._parts(theta)
        p, means = exact_softmax(w), self.component.mean_at(each)
        deviations = means - expectation(p, means)[..., None]
        return expectation(p, self.component.variance_at(each) + deviations**2)

    def sample_at(self, key: Key, theta: Array) -> Array:
        w, each = self._parts(theta)
        keys = jax.random.split(key)
        chosen = jax.random.categorical(keys[0], w, axis=-1)[..., None, None]
        row = jnp.take_along_axis(each, chosen, axis=-2)[..., 0, :]
        return self.component.sample_at(keys[1], row)

    def cdf_at(self, theta: Array, y: Array) -> Array:
        w, each = self._parts(theta)
        return expectation(exact_softmax(w), self.component.cdf_at(each, _wide(y, w)))

    def quantile_at(self, theta: Array, levels: Array) -> Array:
        return invert(self, theta, levels)

    def absolute_error_at(self, theta: Array, y: Array) -> Array:
        w, each = self._parts(theta)
        return expectation(exact_softmax(w), self.component.absolute_error_at(each, _wide(y, w)))

    def absolute_difference_at(self, theta: Array, other: Array) -> Array:
        (w, each), (v, others) = self._parts(theta), self._parts(other)
        shape = (*w.shape, v.shape[-1], each.shape[-1])
        left = jnp.broadcast_to(each[..., :, None, :], shape)
        right = jnp.broadcast_to(others[..., None, :, :], shape)
        q = jnp.broadcast_to(exact_softmax(v)[..., None, :], shape[:-1])
        rows = expectation(q, self.component.absolute_difference_at(left, right))
        return expectation(exact_softmax(w), rows)

    def _parts(self, theta: Array) -> tuple[Array, Array]:
        """Logits `[..., K]`, and the numbers of the components `[..., K, parameters]`."""
        w, rest = theta[..., : self.components], theta[..., self.components :]
        return w, rest.reshape(*w.shape, self.component.parameters)


def _wide(y: Array, w: Array) -> Array:
    """A target for each component."""
    return jnp.broadcast_to(y[..., None], w.shape)
