"""`CausalConv`: every step reads the last few inputs, and streams."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .. import _check
from .._dtypes import at_least_float32
from .._numerics import add, dot, drop, select
from .._typing import Array, Batch, Key
from ._layer import Layer
from ._multi_head import numbered


class CausalConvParams(NamedTuple):
    """Parameters of `CausalConv`; `kernel[0]` is for the step itself, `kernel[1]` for the last."""

    kernel: Float[Array, "W J O"]
    bias: Float[Array, " O"] | None


class CausalConv(Layer):
    """A convolution over time that reads a step and those just before it.

        y_t = sum_w x_{t-w} @ kernel[w] + bias        w = 0 .. width - 1

    By default every feature is convolved alone (depthwise); with `groups=1` all are mixed. Steps
    that are masked do not count as steps: the window reaches over them. What lies before the first
    step, or before a reset, is zero. The carry holds the inputs of the last `width - 1` steps, so
    that streaming equals the whole.

    Shapes: x `[T, *batch, inputs]`, y `[T, *batch, outputs]`, carry `[*batch, width - 1, inputs]`.

    Args:
        inputs: features of x.
        width: how many steps a step reads, itself included.
        outputs: features of y; as many as of x by default.
        groups: into how many groups features are divided, of which each is mixed by itself: as many
            as there are inputs by default, 1 for a full convolution.
        use_bias: whether there is a bias.

    Raises:
        ValueError: for features that the groups cannot share equally.

    Reference: depthwise before a linear recurrence: D. Fu et al., "Hungry hungry hippos", ICLR
    2023; full, with gates: J. Bradbury et al., "Quasi-recurrent neural networks", ICLR 2017.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn import networks
        >>> layer = networks.CausalConv(1, width=2, use_bias=False)
        >>> params = networks.CausalConvParams(jnp.array([[[1.0]], [[10.0]]]), None)
        >>> carry, ys = layer.apply(params, jnp.array([[1.0], [2.0], [3.0]]))
        >>> print(ys[:, 0], layer.step(params, carry, jnp.array([4.0]))[1])
        [ 1. 12. 23.] [34.]
    """

    inputs: int = jax.tree.static()
    width: int = jax.tree.static()
    outputs: int | None = jax.tree.static(default=None)
    groups: int | None = jax.tree.static(default=None)
    use_bias: bool = jax.tree.static(default=True)

    def __post_init__(self) -> None:
        """Check the sizes."""
        _check.sizes(
            "CausalConv",
            inputs=self.inputs,
            width=self.width,
            outputs=self._outputs,
            groups=self._groups,
        )
        if self.inputs % self._groups or self._outputs % self._groups:
            raise ValueError(
                f"CausalConv: inputs and outputs must be multiples of groups, got {self.inputs}, "
                f"{self._outputs} and {self._groups}"
            )

    @property
    def _outputs(self) -> int:
        return self.inputs if self.outputs is None else self.outputs

    @property
    def _groups(self) -> int:
        return self.inputs if self.groups is None else self.groups

    def init(self, key: Key) -> CausalConvParams:
        """Gaussian, of variance 1 by the number of inputs that an output reads; no bias."""
        own = self.inputs // self._groups
        kernel = jax.random.normal(key, (self.width, own, self._outputs))
        bias = jnp.zeros(self._outputs) if self.use_bias else None
        return CausalConvParams(kernel / jnp.sqrt(self.width * own), bias)

    def carry(self, params: CausalConvParams, batch: Batch = ()) -> Float[Array, "*batch W I"]:
        """Zeros."""
        kind = at_least_float32(params.kernel.dtype)
        return jnp.zeros((*batch, self.width - 1, self.inputs), kind)

    def run(
        self,
        params: CausalConvParams,
        xs: Float[Array, "T ..."],
        carry: Float[Array, "..."],
        *,
        key: Key | None,
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Float[Array, "..."], Float[Array, "T ..."]]:
        one: Any = self._one
        for _ in xs.shape[1:-1]:
            one = jax.vmap(one, (None, 1, 0, 1, 1), (0, 1))
        carry, ys = one(params, xs, carry, mask, resets)
        return carry, ys if mask is None else drop(~mask, ys)

    def _one(
        self,
        params: CausalConvParams,
        xs: Float[Array, "T I"],
        carry: Float[Array, "W I"],
        mask: Array | None,
        resets: Array | None,
    ) -> tuple[Float[Array, "W I"], Float[Array, "T O"]]:
        """One sequence: what counts is moved to the front, and the outputs back."""
        steps, reach = xs.shape[0], self.width - 1
        sequence = numbered(resets, steps)
        count: Any = steps
        if mask is not None:
            order = jnp.argsort(~mask, stable=True)
            xs, sequence, count = xs[order], sequence[order], mask.sum(dtype=jnp.int32)
        stored = jnp.concatenate([carry.astype(xs.dtype), xs])
        whose = jnp.concatenate([jnp.zeros(reach, jnp.int32), sequence])

        def of_sequence(number: Array, first: Any, size: Any) -> Array:
            """Stored steps, where they belong to that sequence."""
            part = jax.lax.dynamic_slice_in_dim(stored, first, size)
            if resets is None:
                return part
            same = jax.lax.dynamic_slice_in_dim(whose, first, size) == number
            return select(same, part, jnp.zeros_like(part))

        taps = [of_sequence(sequence, reach - lag, steps) for lag in range(self.width)]
        ys = sum(self._mixed(tap, k) for tap, k in zip(taps, params.kernel, strict=True))
        ys = ys if params.bias is None else add(ys, params.bias)
        ys = ys.astype(params.kernel.dtype)
        if mask is not None:
            ys = ys[jnp.maximum(jnp.cumsum(mask, dtype=jnp.int32) - 1, 0)]
        latest = jnp.zeros((), jnp.int32) if resets is None else resets.sum(dtype=jnp.int32)
        return of_sequence(latest, count, reach).astype(carry.dtype), ys

    def _mixed(self, x: Float[Array, "T I"], kernel: Float[Array, "J O"]) -> Any:
        """`x @ kernel`, group by group."""
        groups = self._groups
        if groups == 1:
            return dot(x, kernel)
        kind = at_least_float32(kernel.dtype)
        x = x.reshape(x.shape[0], groups, self.inputs // groups)
        kernel = kernel.reshape(self.inputs // groups, groups, self._outputs // groups)
        if self.inputs == groups:
            y = x.astype(kind) * kernel.astype(kind)
        else:
            y = jnp.einsum("tgi,igo->tgo", x, kernel, preferred_element_type=kind)
        return y.reshape(x.shape[0], self._outputs)

    @property
    def input_shape(self) -> tuple[int]:
        return (self.inputs,)

    @property
    def output_shape(self) -> tuple[int]:
        return (self._outputs,)
