"""`RNN`: flax's module, its cells run by jaxrnn's engines."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ...engines import Auto, Engine
from .._flax_run import ready, run
from ._cells import arrays, counterpart, style


class RNN(nnx.RNN):
    """`flax.nnx.RNN`, with the same arguments, parameters and results, run by an engine.

    Put it in the place of `flax.nnx.RNN`; a checkpoint loads as it is. What depends on the inputs
    alone is then computed for all steps at once, and so are the gradients of the weights.

    The engine runs flax's own cells: `SimpleCell`, `LSTMCell`, `OptimizedLSTMCell` and `GRUCell`
    with gates that are the logistic function and tanh. Everything else is run by `flax.nnx.RNN`
    itself, as if it had never been replaced: cells of one's own and subclasses of flax's, cells
    whose matrices were replaced (by LoRA, say), parameters that differ from step to step
    (`state_axes`), other activations, and types that an engine would compute differently.

    As in flax, outputs past `seq_lengths` are not zeroed: the cell runs on into the padding. Three
    things differ. A sequence of length 0 returns the carry that it started from; flax returns the
    one after the padding. `seq_lengths` work with any number of batch axes; in flax with one. In
    half precision the state is kept in float32 and rounded when it is returned, where flax rounds
    it at every step. `unroll` has no effect where an engine runs.

    Args:
        cell: a cell of flax.
        engine: how the cell is run: `engines.Chunked(engines.BPTT(), 100)` for less memory.
        options: those of `flax.nnx.RNN`.

    Example:
        >>> import jax.numpy as jnp
        >>> from flax.nnx import Rngs
        >>> from jaxrnn.interop import nnx
        >>> rnn = nnx.RNN(nnx.LSTMCell(3, 4, rngs=Rngs(0)), return_carry=True)
        >>> (c, h), ys = rnn(jnp.ones((2, 7, 3)), seq_lengths=jnp.array([7, 5]))
        >>> ys.shape, bool((h[1] == ys[1, 4]).all())
        ((2, 7, 4), True)
    """

    def __init__(self, cell: Any, *, engine: Engine[Any] = Auto(), **options: Any) -> None:  # noqa: B008
        super().__init__(cell, **options)
        self.engine = engine

    def __call__(
        self,
        inputs: jax.Array,
        *,
        initial_carry: Any = None,
        seq_lengths: Any = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        keep_order: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | None = None,
    ) -> Any:
        """What `flax.nnx.RNN.__call__` returns for the same arguments."""
        inputs = jnp.asarray(inputs)
        time_major = self.time_major if time_major is None else time_major
        time_axis = 0 if time_major else inputs.ndim - 2
        options: dict[str, Any] = {
            "return_carry": self.return_carry if return_carry is None else return_carry,
            "reverse": self.reverse if reverse is None else reverse,
            "keep_order": self.keep_order if keep_order is None else keep_order,
            "seq_lengths": seq_lengths,
        }
        found, carry = None, initial_carry
        module: Any = self.cell
        cell = counterpart(module) if inputs.ndim > 1 and self._shared else None
        if cell is not None:
            step = inputs.shape[:time_axis] + inputs.shape[time_axis + 1 :]
            if carry is None:
                rngs = self.rngs if rngs is None else rngs
                carry = module.initialize_carry(
                    step, rngs.carry.fork() if isinstance(rngs, nnx.Rngs) else rngs
                )
            names = style(lambda _: type(module) is nnx.OptimizedLSTMCell)
            found = ready(names, cell, arrays(module), carry, inputs, step[:-1], module.dtype)
        if found is None:
            given = {"initial_carry": carry, "time_major": time_major, "rngs": rngs}
            return super().__call__(inputs, **given, **options)
        return run(found, inputs, engine=self.engine, time_axis=time_axis, **options)

    @property
    def _shared(self) -> bool:
        """Whether all steps have the same parameters."""
        axes = self.state_axes.values()
        return all(axis is None or axis is nnx.Carry for axis in axes)
