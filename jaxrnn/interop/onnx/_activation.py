"""The activation functions of ONNX's recurrent operators."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ... import _check
from ..._config import Config
from ..._typing import Array, Leaf


class _Kind(NamedTuple):
    """A function `(x, *numbers)`, and its numbers, alpha and beta, where a file leaves them out.

    None stands for a number that has no default.
    """

    function: Callable[..., Array]
    defaults: tuple[float | None, ...] = ()


def _affine(x: Array, alpha: Leaf, beta: Leaf) -> Array:
    return jnp.asarray(alpha * x + beta)


def _scaled_tanh(x: Array, alpha: Leaf, beta: Leaf) -> Array:
    return jnp.asarray(alpha * jnp.tanh(beta * x))


def _hard_sigmoid(x: Array, alpha: Leaf, beta: Leaf) -> Array:
    return jnp.clip(alpha * x + beta, 0, 1)


def _leaky_relu(x: Array, alpha: Leaf) -> Array:
    return jnp.where(x >= 0, x, alpha * x)


def _thresholded_relu(x: Array, alpha: Leaf) -> Array:
    return jnp.where(x >= alpha, x, 0)


def _elu(x: Array, alpha: Leaf) -> Array:
    return jnp.where(x >= 0, x, alpha * jnp.expm1(jnp.minimum(x, 0)))


KINDS = {
    "Relu": _Kind(jax.nn.relu),
    "Tanh": _Kind(jnp.tanh),
    "Sigmoid": _Kind(jax.nn.sigmoid),
    "Affine": _Kind(_affine, (None, None)),
    "LeakyRelu": _Kind(_leaky_relu, (0.01,)),
    "ThresholdedRelu": _Kind(_thresholded_relu, (1.0,)),
    "ScaledTanh": _Kind(_scaled_tanh, (None, None)),
    "HardSigmoid": _Kind(_hard_sigmoid, (0.2, 0.5)),
    "Elu": _Kind(_elu, (1.0,)),
    "Softsign": _Kind(jax.nn.soft_sign),
    "Softplus": _Kind(jax.nn.softplus),
}


class Activation(Config):
    """An activation function by its name in ONNX's recurrent operators, with its numbers.

    | name | function | alpha, beta by default |
    |---|---|---|
    | `Relu`, `Tanh`, `Sigmoid`, `Softsign`, `Softplus` | as everywhere | none |
    | `Affine` | `alpha * x + beta` | must be given |
    | `ScaledTanh` | `alpha * tanh(beta * x)` | must be given |
    | `HardSigmoid` | `min(max(alpha * x + beta, 0), 1)` | 0.2, 0.5 |
    | `LeakyRelu` | `x` if `x >= 0` else `alpha * x` | 0.01 |
    | `ThresholdedRelu` | `x` if `x >= alpha` else 0 | 1 |
    | `Elu` | `x` if `x >= 0` else `alpha * (exp(x) - 1)` | 1 |

    Args:
        name: one of these.
        alpha: its first number; None for the default, or where it has none.
        beta: its second number, likewise.

    Raises:
        ValueError: another name, a number that the function does not have, or one that it needs.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn.interop.onnx import Activation
        >>> Activation("LeakyRelu", 0.1)(jnp.array([-1.0, 2.0]))
        Array([-0.1,  2. ], dtype=float32)
    """

    name: str = jax.tree.static()
    alpha: Leaf | None = None
    beta: Leaf | None = None

    def __post_init__(self) -> None:
        """Check the name and its numbers."""
        if self.name not in KINDS:
            raise ValueError(
                f"Activation: name must be one of {', '.join(KINDS)}, got {self.name!r}"
            )
        defaults = KINDS[self.name].defaults
        for index, number in enumerate(("alpha", "beta")):
            value = getattr(self, number)
            if index >= len(defaults) and value is not None:
                raise ValueError(f"Activation: {self.name} has no {number}, got {value!r}")
            if index < len(defaults) and value is None:
                if defaults[index] is None:
                    raise ValueError(f"Activation: {self.name} needs {number}; it has no default")
                object.__setattr__(self, number, defaults[index])

    def __call__(self, x: Array) -> Array:
        """The function of every element."""
        function, defaults = KINDS[self.name]
        names = ("alpha", "beta")[: len(defaults)]
        numbers = {name: getattr(self, name) for name in names}
        _check.number("Activation", **numbers)
        return function(x, **{name: jnp.asarray(n).astype(x.dtype) for name, n in numbers.items()})


SIGMOID, TANH = Activation("Sigmoid"), Activation("Tanh")

# jax.nn.hard_sigmoid is that of PyTorch, whose slope is 1/6.
_OF_FUNCTIONS: dict[Callable[..., Array], Activation] = {
    **{kind.function: Activation(name) for name, kind in KINDS.items() if not kind.defaults},
    jax.nn.leaky_relu: Activation("LeakyRelu"),
    jax.nn.elu: Activation("Elu"),
    jax.nn.hard_sigmoid: Activation("HardSigmoid", 1 / 6, 0.5),
}


def of_function(function: Callable[[Array], Array]) -> Activation | None:
    """The activation that is this function of JAX, if there is one."""
    if isinstance(function, Activation):
        return function
    try:
        return _OF_FUNCTIONS.get(function)
    except TypeError:  # it has no hash
        return None


def plain(activation: Activation) -> Callable[[Array], Array] | None:
    """The function of JAX that this is, where it has no numbers."""
    kind = KINDS[activation.name]
    return None if kind.defaults else kind.function


def read_activations(
    who: str, names: Sequence[str], alphas: Sequence[float], betas: Sequence[float]
) -> tuple[Activation, ...]:
    """Activations as a node lists them: each that has an alpha takes the next one, as for beta.

    Raises:
        ValueError: an unknown name, or numbers that no activation takes. (Some tools write one
            number for every activation, whether it has one or not, which means something else.)
    """
    known = {name.lower(): name for name in KINDS}
    unknown = [name for name in names if name.lower() not in known]
    if unknown:
        raise ValueError(f"{who}: unknown activations {unknown}; known are {', '.join(KINDS)}")
    listed = [known[name.lower()] for name in names]
    for number, values, index in (("alpha", alphas, 0), ("beta", betas, 1)):
        takers = [name for name in listed if len(KINDS[name].defaults) > index]
        if len(values) > len(takers):
            raise ValueError(
                f"{who}: activation_{number} has {len(values)} numbers, of which its activations "
                f"{', '.join(listed)} take {len(takers)}"
            )
    taken = [_numbers(listed, alphas, 0), _numbers(listed, betas, 1)]
    try:
        return tuple(map(Activation, listed, *taken))
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from error


def _numbers(names: Sequence[str], values: Iterable[float], index: int) -> list[float | None]:
    left = iter(values)
    return [next(left, None) if len(KINDS[name].defaults) > index else None for name in names]


def write_activations(activations: Sequence[Activation]) -> dict[str, list[object]]:
    """The attributes of a node, such that `read_activations` gives these back."""
    takers = [(a, KINDS[a.name].defaults) for a in activations]
    return {
        "activations": [a.name for a in activations],
        "activation_alpha": [float(a.alpha) for a, d in takers if len(d) > 0],  # type: ignore[arg-type]
        "activation_beta": [float(a.beta) for a, d in takers if len(d) > 1],  # type: ignore[arg-type]
    }
