"""`fit_scaler` and `Scaler`: numbers of the size that networks learn from, and back."""

import dataclasses
import typing

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._checked import checked
from .._kinds import shown
from .._typing import Array
from ._scaling import Scaling


@typing.final
@dataclasses.dataclass(frozen=True, eq=False)
class Scaler:
    """A center and a scale for each feature, `(x - center) / scale`; `fit_scaler` makes one.

    Arrays of numpy are scaled in float64, and the result is float64: what was float32 comes back
    the same, bit for bit, by `inverse(transform(x)).astype(np.float32)`, and what was float64
    within 2 units in the last place of the larger of `|x|` and `|center|`. Arrays of JAX are scaled
    in their own dtype, traced ones too, so that a forecast may be brought back inside `jit`. A
    spread (a standard deviation, the width of an interval) has no center: multiply it by `scale`.

    Attributes:
        center: `Float64[F]`, of a scaler that was fitted on `[S]` one number, `[]`.
        scale: the same shape; never 0.

    Raises:
        TypeError, ValueError: center or scale are not finite numbers of one shape, or a scale is 0.

    Example:
        >>> import numpy as np
        >>> scaler = Scaler(center=np.array([10.0, 0.0]), scale=np.array([2.0, 5.0]))
        >>> scaled = scaler.transform([[12.0, 5.0], [8.0, 0.0]])
        >>> scaled.tolist(), scaler.inverse(scaled).tolist()
        ([[1.0, 1.0], [-1.0, 0.0]], [[12.0, 5.0], [8.0, 0.0]])
    """

    center: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        for name in ("center", "scale"):
            array = _host.read("Scaler", name, getattr(self, name))
            if np.iscomplexobj(array):
                raise TypeError(f"Scaler: {name} must be real numbers, got {array.dtype}")
            array = array.astype(np.float64)
            if array.ndim > 1 or not np.isfinite(array).all():
                raise ValueError(f"Scaler: {name} must be finite and [F], got {shown(array)}")
            object.__setattr__(self, name, array)
        if self.center.shape != self.scale.shape:
            raise ValueError(
                f"Scaler: center and scale must have one shape, got {self.center.shape} and "
                f"{self.scale.shape}"
            )
        if not self.scale.all():
            raise ValueError("Scaler: a scale of 0 cannot be divided by; fit_scaler says more")

    @typing.overload
    def transform(self, values: jax.Array) -> jax.Array: ...  # type: ignore[overload-overlap]
    @typing.overload
    def transform(self, values: ArrayLike) -> np.ndarray: ...
    def transform(self, values: ArrayLike | jax.Array) -> np.ndarray | Array:
        """`(values - center) / scale`, `[..., F]`; NaN stays NaN.

        Raises:
            TypeError: `values` are no real numbers, or masked ones.
            ValueError: the last axis is not `F`, or the dtype cannot hold center and scale.
        """
        array, center, scale = self._read("transform", values)
        return (array - center) / scale

    @typing.overload
    def inverse(self, values: jax.Array) -> jax.Array: ...  # type: ignore[overload-overlap]
    @typing.overload
    def inverse(self, values: ArrayLike) -> np.ndarray: ...
    def inverse(self, values: ArrayLike | jax.Array) -> np.ndarray | Array:
        """`values * scale + center`, `[..., F]`: undoes `transform`.

        Raises:
            TypeError: `values` are no real numbers, or masked ones.
            ValueError: the last axis is not `F`, or the dtype cannot hold center and scale.
        """
        array, center, scale = self._read("inverse", values)
        return array * scale + center

    def _read(self, method: str, values: object) -> tuple[typing.Any, typing.Any, typing.Any]:
        """Values, center and scale in one dtype."""
        who = f"Scaler.{method}"
        array: typing.Any = _host.array(who, "values", values)
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise TypeError(f"{who}: values must be real numbers, got {array.dtype}")
        if self.center.ndim and (not array.ndim or array.shape[-1] != len(self.center)):
            raise ValueError(
                f"{who}: values must be [..., {len(self.center)}], as what the scaler was fitted "
                f"on, got shape {array.shape}. Of some of the features: Scaler(scaler.center[i], "
                "scaler.scale[i])."
            )
        if not isinstance(array, jax.Array):
            return array.astype(np.float64), self.center, self.scale
        floating = jnp.issubdtype(array.dtype, jnp.floating)
        array = array if floating else array.astype(jnp.zeros(()).dtype)
        info: typing.Any = jnp.finfo(array.dtype)  # type: ignore[no-untyped-call]
        sizes = np.abs(self.scale)
        if np.any((sizes < info.tiny) | (sizes > info.max) | (np.abs(self.center) > info.max)):
            raise ValueError(
                f"{who}: {array.dtype} cannot hold the scaler's center {self.center} and scale "
                f"{self.scale}. Pass an array of numpy, which is scaled in float64."
            )
        shape = array.shape[array.ndim - self.center.ndim :]
        parts = (jnp.asarray(x, array.dtype).reshape(shape) for x in (self.center, self.scale))
        lead = (1,) * (array.ndim - self.center.ndim)
        center, scale = (part.reshape(*lead, *shape) for part in parts)
        return array, center, scale


@checked
def fit_scaler(scaling: Scaling, train: ArrayLike, *, constant: float | None = None) -> Scaler:
    """Fit a scaler on the training part, so that nothing is known of what is held out.

    Every feature, along the last axis, has a center and a scale of its own; `[S]` is one feature.
    NaN is missing and counts for nothing. Of several series, either all together give one scaler,
    `fit_scaler(scaling, np.concatenate(series))`, or each gives its own,
    `[fit_scaler(scaling, one) for one in series]`, where they differ in level.

    Args:
        scaling: `Standardize()`, `MinMax()`, `Robust()`, or one of your own.
        train: `[S]` or `[..., F]`, the training part alone: `series[split.train]`.
        constant: the scale of a feature that has none, because it is always the same (1 is what
            scikit-learn takes); such a feature is an error if this is not given.

    Raises:
        TypeError: `scaling` is none, or `train` holds no real numbers or masked ones.
        ValueError: `train` is empty, has an infinite value, or a feature without any number, one
            without a scale, or one too wide for float64; the message names the feature. `constant`
            is not above 0.

    Example:
        >>> import numpy as np
        >>> from jaxrnn.data import MinMax, time_split
        >>> series = np.array([[1.0, 200.0], [3.0, 100.0], [5.0, 300.0], [99.0, 0.0]])
        >>> split = time_split(len(series), test=1)
        >>> scaler = fit_scaler(MinMax(), series[split.train])
        >>> scaler.transform(series[split.train]).tolist()
        [[0.0, 0.5], [0.5, 0.0], [1.0, 1.0]]
        >>> scaler.inverse([0.5, 0.5]).tolist()
        [3.0, 200.0]
    """
    who = "fit_scaler"
    _check.kind(who, "scaling", scaling, Scaling, "Such as `Standardize()`.")
    values = _host.read(who, "train", train)
    if not (jnp.issubdtype(values.dtype, jnp.floating) or values.dtype.kind in "iu"):
        raise TypeError(f"{who}: train must be real numbers, got {values.dtype}")
    if values.ndim == 0 or values.size == 0:
        raise ValueError(f"{who}: train must be [S] or [..., F] and not empty, got {values.shape}")
    if constant is not None and not 0 < constant < np.inf:
        raise ValueError(f"{who}: constant must be above 0, got {constant}")
    columns = values.astype(np.float64).reshape(-1, 1 if values.ndim == 1 else values.shape[-1])
    if np.isinf(columns).any():
        row, feature = map(int, np.argwhere(np.isinf(columns))[0])
        raise ValueError(
            f"{who}: train is infinite at row {row}, {_name(values, feature)}. Put NaN there, "
            "which counts for nothing."
        )
    empty = np.flatnonzero(np.isnan(columns).all(axis=0))
    if len(empty):
        raise ValueError(
            f"{who}: {_name(values, empty[0])} of train has no number, only NaN. Leave it out."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = map(np.asarray, scaling.fit(columns))
    wanted = (columns.shape[1],)
    if center.shape != wanted or scale.shape != wanted or not np.isfinite([center, scale]).all():
        raise ValueError(
            f"{who}: center and scale of {shown(scaling)} must be finite and {wanted}, got center "
            f"{center} and scale {scale}. Values near the largest float64 are too large to square."
        )
    # A mean of equal numbers may differ from them by rounding, and so has a spread.
    same = np.nanmax(columns, axis=0) == np.nanmin(columns, axis=0)
    without = np.flatnonzero(same | (scale == 0))
    if len(without) and constant is None:
        feature = without[0]
        alike = np.nanmax(columns[:, feature]) == np.nanmin(columns[:, feature])
        most = "all" if alike else "most"
        more = f" (and {len(without) - 1} more)" if len(without) > 1 else ""
        raise ValueError(
            f"{who}: {_name(values, feature)}{more} has no scale: {most} of its values are "
            f"{center[feature] if not alike else np.nanmax(columns[:, feature])}. Leave it out, or "
            "keep it with a scale of 1: constant=1.0."
        )
    center = np.where(same, np.nanmax(columns, axis=0), center) if len(without) else center
    scale = scale.copy()
    scale[without] = constant
    shape = values.shape[-1:] if values.ndim > 1 else ()
    return Scaler(center.reshape(shape), scale.reshape(shape))


def _name(values: np.ndarray, feature: int) -> str:
    return "the series" if values.ndim == 1 else f"feature {feature}"
