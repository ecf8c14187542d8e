"""Training: three pure functions, and the loop for people."""

from ._arguments import Batches as Batches
from ._carry import Carried as Carried
from ._carry import CarryPolicy as CarryPolicy
from ._carry import Fresh as Fresh
from ._checkpoints import Checkpoints as Checkpoints
from ._checkpoints import Saved as Saved
from ._early_stopping import EarlyStopping as EarlyStopping
from ._early_stopping import Standing as Standing
from ._fit import Result as Result
from ._fit import fit as fit
from ._fit_readout import fit_readout as fit_readout
from ._loop import Event as Event
from ._members import Fastest as Fastest
from ._members import Members as Members
from ._members import OneByOne as OneByOne
from ._members import Vmapped as Vmapped
from ._predict import predict as predict
from ._progress import Progress as Progress
from ._state import Evaluation as Evaluation
from ._state import Report as Report
from ._state import TrainState as TrainState
from ._sweep import sweep as sweep
from ._swept import Sweep as Sweep
from ._swept import join as join
from ._tensorboard import TensorBoard as TensorBoard
from ._trainer import Trainer as Trainer
