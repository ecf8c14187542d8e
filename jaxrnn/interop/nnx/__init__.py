"""flax.nnx: its recurrent modules on jaxrnn's engines, layers both ways, weights both ways."""

from flax.nnx import Bidirectional as Bidirectional
from flax.nnx import GRUCell as GRUCell
from flax.nnx import LSTMCell as LSTMCell
from flax.nnx import OptimizedLSTMCell as OptimizedLSTMCell
from flax.nnx import RNNCellBase as RNNCellBase
from flax.nnx import SimpleCell as SimpleCell

from .._flax_cells import ResidualElman as ResidualElman
from ._cell import NnxCell as NnxCell
from ._layer import Layer as Layer
from ._network import network as network
from ._rnn import RNN as RNN
from ._weights import dump as dump
from ._weights import load as load
