"""Networks: from sequence to sequence."""

from ._dropout import Dropout as Dropout
from ._dropout import VariationalDropout as VariationalDropout
from ._layer import Layer as Layer
from ._layer import Memoryless as Memoryless
from ._pointwise import Activation as Activation
from ._pointwise import Dense as Dense
from ._pointwise import DenseParams as DenseParams
from ._pointwise import Embedding as Embedding
from ._pointwise import LayerNorm as LayerNorm
from ._pointwise import LayerNormParams as LayerNormParams
from ._pooling import LastPool as LastPool
from ._pooling import MaxPool as MaxPool
from ._pooling import MeanPool as MeanPool
from ._pooling import Pool as Pool
from ._recurrent import Bidirectional as Bidirectional
from ._recurrent import Directions as Directions
from ._recurrent import Recurrent as Recurrent
from ._stack import Stack as Stack
from ._stack import stack as stack
from ._transitions import Transitions as Transitions
from ._transitions import TransitionsParams as TransitionsParams
from ._wrapper import Residual as Residual
from ._wrapper import Wrapper as Wrapper
