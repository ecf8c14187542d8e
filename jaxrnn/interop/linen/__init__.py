"""flax.linen: its recurrent modules on jaxrnn's engines, layers both ways, weights both ways."""

from flax.linen import Bidirectional as Bidirectional
from flax.linen import ConvLSTMCell as ConvLSTMCell
from flax.linen import GRUCell as GRUCell
from flax.linen import LSTMCell as LSTMCell
from flax.linen import MGUCell as MGUCell
from flax.linen import OptimizedLSTMCell as OptimizedLSTMCell
from flax.linen import RNNCellBase as RNNCellBase
from flax.linen import SimpleCell as SimpleCell

from .._flax_cells import ResetAfterMGU as ResetAfterMGU
from .._flax_cells import ResetAfterMGUParams as ResetAfterMGUParams
from .._flax_cells import ResidualElman as ResidualElman
from .._flax_cells import TwoBiasConvLSTM as TwoBiasConvLSTM
from .._flax_cells import TwoBiasConvLSTMParams as TwoBiasConvLSTMParams
from ._cell import LinenCell as LinenCell
from ._layer import Layer as Layer
from ._network import network as network
from ._rnn import RNN as RNN
from ._weights import dump as dump
from ._weights import load as load
