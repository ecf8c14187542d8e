"""`dump`: a network as an ONNX model."""

from typing import Any

import jax
import numpy as np

from ..._checked import checked
from ..._typing import Params
from ...cells import Cell
from ...networks import Layer, Recurrent
from .._weights import compare
from ._graph import IR, OPSET, WHO, Graph, Value, after
from ._layers import write
from ._model import library


@checked
def dump(
    network: Layer | Cell, params: Params, *, lengths: bool = True, carry: bool = False
) -> Any:
    """A whole network, with its parameters, as an `onnx.ModelProto` that any ONNX runtime runs.

    The model reads `xs`, `[T, B, features]` or symbols `[T, B]` of int32, and `lengths`, `[B]` of
    int32, for any T and B; it gives `ys`, the outputs of `network.apply(params, xs,
    lengths=lengths)` to within rounding, padding and all: what the padding holds affects nothing.
    It computes without randomness, so dropout is nothing, and from the network's initial carry.

    Weights are arrays with the names of `load`: `1.W`, `1.R` and `1.B` of the second layer of a
    stack, `2.kernel` and `2.bias` of the third. Operators are those of version 17.

    Where a runtime differs: a symbol out of range is an error or another symbol's vector there, and
    NaN here. Numbers of attributes (`epsilon`, `alpha`, `clip`) are float32 in the format, also in
    a model of float64.

    Args:
        network: layers that ONNX has operators for: `Embedding`, `Recurrent` and `Bidirectional` of
            `Elman`, `GRU`, `ResetBeforeGRU`, `LSTM`, `PeepholeLSTM`, `CoupledLSTM` and the cells
            of `interop.onnx`, also with a `LearnedCarry`, dropout or constraints around them;
            `Dense`, `LayerNorm`, `Activation`, `Dropout`, `VariationalDropout`, pooling, and
            `stack`, `Residual`, `Repeated`, `Parallel` and `Tied` of these. A cell is taken as
            `Recurrent(cell)`.
        params: its parameters, all of one floating type.
        lengths: whether the model has the input `lengths`; without it, every step counts, and no
            mask is computed.
        carry: whether states go in and out, to read a stream piece by piece: each recurrent layer
            has the inputs `1.hidden` and, of an LSTM, `1.cell`, `[B, H]`, and outputs of the same
            names with `.next`. The first ones are `network.carry(params, (B,))`, mostly zeros.

    Raises:
        TypeError: a layer, a cell or a function that ONNX has no operator for, with a list of those
            that it has; parameters of several types, or traced ones.
        ValueError: parameters of another network.
        ImportError: onnx is not installed.

    Example:
        >>> import jax
        >>> from jaxrnn import cells, networks
        >>> from jaxrnn.interop import onnx
        >>> network = networks.stack(
        ...     networks.Embedding(20, 8),
        ...     networks.Bidirectional(cells.LSTM(8, 16), cells.LSTM(8, 16)),
        ...     networks.MeanPool(),
        ...     networks.Dense(32, 2))
        >>> model = onnx.dump(network, network.init(jax.random.key(0)))
        >>> [given.name for given in model.graph.input]
        ['xs', 'lengths']
        >>> [node.op_type for node in model.graph.node if node.op_type in ("LSTM", "MatMul")]
        ['LSTM', 'MatMul']
    """
    layer = Recurrent(network) if isinstance(network, Cell) else network
    dtype = _dtype(layer, params)
    graph = Graph(dtype, "lengths" if lengths else None, carries=carry)
    symbols = layer.input_shape == ()
    start = graph.read(Value("xs"), "", features=not symbols)
    ys = write(layer, params, start, graph, "")
    graph.nodes.append(library().helper.make_node("Identity", [ys.name], ["ys"], name="ys"))
    model = _model(layer, graph, dtype, lengths=lengths)
    library().checker.check_model(model, full_check=True)
    return model


def _dtype(layer: Layer, params: Params) -> Any:
    """The one type of the parameters, after a look whether they are those of the layer."""
    leaves = jax.tree.leaves_with_path(params)
    given = {jax.tree_util.keystr(path): leaf for path, leaf in leaves}
    if any(isinstance(leaf, jax.core.Tracer) for leaf in given.values()):
        raise TypeError(f"{WHO}: params are being traced. Call it outside of jit, grad and vmap.")
    like = jax.tree.leaves_with_path(jax.eval_shape(layer.init, jax.random.key(0)))
    compare(WHO, given, {jax.tree_util.keystr(path): leaf.shape for path, leaf in like})
    kinds = {np.dtype(leaf.dtype) for leaf in given.values()}
    if len(kinds) > 1:
        raise TypeError(
            f"{WHO}: parameters must be of one type, got {', '.join(sorted(map(str, kinds)))}"
        )
    kind = kinds.pop() if kinds else np.dtype(np.float32)
    if kind not in (np.float16, np.float32, np.float64):
        raise TypeError(
            f"{WHO}: parameters must be float16, float32 or float64, got {kind}. ONNX's recurrent "
            f"operators have no other types in version {OPSET}: cast the tree."
        )
    return kind


def _model(layer: Layer, graph: Graph, dtype: Any, *, lengths: bool) -> Any:
    onnx = library()
    helper, integers = onnx.helper, onnx.TensorProto.INT32
    kind = helper.np_dtype_to_tensor_dtype(dtype)

    def info(name: str, shape: Any, lead: tuple[str, ...], kind: Any) -> Any:
        features = (None,) if shape is None else shape
        return helper.make_tensor_value_info(name, kind, [*lead, *features])

    xs = info("xs", layer.input_shape, ("T", "B"), kind if layer.input_shape != () else integers)
    ys = info("ys", layer.output_shape, ("B",) if layer.pools else ("T", "B"), kind)
    sizes = [helper.make_tensor_value_info("lengths", integers, ["B"])] if lengths else []
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    states = list((graph.carries or {}).items())
    before = [info(name, (size,), ("B",), kind) for name, size in states]
    following = [info(after(name), (size,), ("B",), kind) for name, size in states]
    inputs, outputs = [xs, *sizes, *before], [ys, *following]
    body = helper.make_graph(graph.nodes, "network", inputs, outputs, arrays)
    return helper.make_model(
        body,
        producer_name="jaxrnn",
        ir_version=IR,
        opset_imports=[helper.make_operatorsetid("", OPSET)],
    )
