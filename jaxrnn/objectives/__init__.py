"""What is minimised: one value a step, weighted by what is valid, composable by arithmetic."""

from ._accuracy import Accuracy as Accuracy
from ._class_weighted import ClassWeighted as ClassWeighted
from ._crf import CRF as CRF
from ._cross_entropy import CrossEntropy as CrossEntropy
from ._ctc import CTC as CTC
from ._ctc import Transcript as Transcript
from ._entropy import ConfidencePenalty as ConfidencePenalty
from ._entropy import Entropy as Entropy
from ._entropy_temperature import EntropyTemperature as EntropyTemperature
from ._entropy_temperature import EntropyTemperatureState as EntropyTemperatureState
from ._focal import FocalCrossEntropy as FocalCrossEntropy
from ._folded import reduce_folded as reduce_folded
from ._ignore_index import IgnoreIndex as IgnoreIndex
from ._ignore_infinite import IgnoreInfinite as IgnoreInfinite
from ._multi_label_cross_entropy import MultiLabelCrossEntropy as MultiLabelCrossEntropy
from ._objective import Function as Function
from ._objective import Objective as Objective
from ._objective import ObjectiveLike as ObjectiveLike
from ._objective import Scaled as Scaled
from ._objective import Sum as Sum
from ._objective import as_objective as as_objective
from ._reduce import Weighted as Weighted
from ._reduce import reduce as reduce
from ._reduce import score as score
from ._squared_error import SquaredError as SquaredError
from ._z_loss import ZLoss as ZLoss
