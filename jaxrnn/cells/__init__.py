"""Cells: what one step computes."""

from ._associative import AssociativeCell as AssociativeCell
from ._associative import LinearCell as LinearCell
from ._cell import Cell as Cell
from ._cell import GatedCell as GatedCell
from ._dense import DenseCell as DenseCell
from ._elman import Elman as Elman
from ._elman import ElmanParams as ElmanParams
from ._functions import from_functions as from_functions
from ._gru import GRU as GRU
from ._gru import GRUParams as GRUParams
from ._gru import ResetBeforeGRU as ResetBeforeGRU
from ._gru import ResetBeforeGRUParams as ResetBeforeGRUParams
from ._leaky import Leaky as Leaky
from ._learned_carry import LearnedCarry as LearnedCarry
from ._learned_carry import LearnedCarryParams as LearnedCarryParams
from ._lru import LRU as LRU
from ._lru import LRUParams as LRUParams
from ._lstm import LSTM as LSTM
from ._lstm import LSTMCarry as LSTMCarry
from ._lstm import LSTMParams as LSTMParams
from ._rule import Automatic as Automatic
from ._rule import Rule as Rule
from ._wrapper import Parted as Parted
from ._wrapper import Wrapper as Wrapper
