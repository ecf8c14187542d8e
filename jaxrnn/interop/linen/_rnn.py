"""`RNN`: flax's module, its cells run by jaxrnn's engines."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import meta
from flax.core.scope import in_filter

from ...engines import Auto, Engine
from .._flax_run import Ready, ready, run
from .._flax_weights import flat
from ._cells import STYLE, counterpart


class RNN(nn.RNN):
    """`flax.linen.RNN`, with the same arguments, parameters and results, run by an engine.

    Put it in the place of `flax.linen.RNN`; a checkpoint loads as it is. What depends on the inputs
    alone is then computed for all steps at once, and so are the gradients of the weights.

    The engine runs flax's own cells: `SimpleCell`, `LSTMCell`, `OptimizedLSTMCell`, `GRUCell`,
    `MGUCell` and `ConvLSTMCell` (gates that are the logistic function and tanh; convolutions of
    stride 1 with padding `"SAME"`), with parameters that all steps share. Everything else is run by
    `flax.linen.RNN` itself, as if it had never been replaced: cells of one's own and subclasses of
    flax's, `variable_axes`, other activations, and types that an engine would compute differently.

    As in flax, outputs past `seq_lengths` are not zeroed: the cell runs on into the padding. Three
    things differ. A sequence of length 0 returns the carry that it started from; flax returns the
    one after the padding. `seq_lengths` work with any number of batch axes; in flax with one. In
    half precision the state is kept in float32 and rounded when it is returned, where flax rounds
    it at every step. `unroll` has no effect where an engine runs.

    Attributes:
        engine: how the cell is run: `engines.Chunked(engines.BPTT(), 100)` for less memory.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxrnn.interop import linen
        >>> rnn = linen.RNN(linen.LSTMCell(4), return_carry=True)
        >>> xs = jnp.ones((2, 7, 3))
        >>> variables = rnn.init(jax.random.key(0), xs)
        >>> (c, h), ys = rnn.apply(variables, xs, seq_lengths=jnp.array([7, 5]))
        >>> ys.shape, bool((h[1] == ys[1, 4]).all())
        ((2, 7, 4), True)
    """

    engine: Engine[Any] = Auto()

    def __call__(
        self,
        inputs: jax.Array,
        *,
        initial_carry: Any = None,
        init_key: Any = None,
        seq_lengths: Any = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        keep_order: bool | None = None,
    ) -> Any:
        """What `flax.linen.RNN.__call__` returns for the same arguments."""
        inputs = jnp.asarray(inputs)
        features = self.cell.num_feature_axes
        time_major = self.time_major if time_major is None else time_major
        time_axis = 0 if time_major else inputs.ndim - features - 1
        options: dict[str, Any] = {
            "return_carry": self.return_carry if return_carry is None else return_carry,
            "reverse": self.reverse if reverse is None else reverse,
            "keep_order": self.keep_order if keep_order is None else keep_order,
            "seq_lengths": seq_lengths,
        }
        found = None
        if inputs.ndim > features and inputs.shape[time_axis]:
            found = self._ready(inputs, time_axis, initial_carry, init_key)
        if found is None:
            options |= {"initial_carry": initial_carry, "init_key": init_key}
            return super().__call__(inputs, time_major=time_major, **options)
        return run(found, inputs, engine=self.engine, time_axis=time_axis, **options)

    def _ready(self, inputs: jax.Array, time_axis: int, carry: Any, key: Any) -> Ready | None:
        """What an engine runs; None where flax has to run it."""
        features = self.cell.num_feature_axes
        cell = counterpart(self.cell, inputs.shape[-features:])
        shared = in_filter(self.variable_broadcast, "params") and not self.variable_axes
        if cell is None or not shared:
            return None
        step = inputs.shape[:time_axis] + inputs.shape[time_axis + 1 :]
        if carry is None:
            carry = self.cell.initialize_carry(jax.random.key(0) if key is None else key, step)
        if self.is_initializing():
            self.cell(carry, jnp.take(inputs, 0, time_axis))  # makes the parameters
        arrays = flat(meta.unbox(self.cell.variables.get("params", {})))
        return ready(STYLE, cell, arrays, carry, inputs, step[:-features], self.cell.dtype)
