"""Testing: the laws that this library keeps, for what you make yourself."""

from ._cells import check_cell as check_cell
from ._cells import exact_engines as exact_engines
from ._law import BrokenLaws as BrokenLaws
from ._law import Law as Law
from ._law import LawReport as LawReport
from ._law import LawResult as LawResult
from ._layers import check_layer as check_layer
from ._list import laws as laws
from ._metrics import check_metric as check_metric
from ._objectives import check_objective as check_objective
from ._replay import check_replay as check_replay
from ._rollout import Rollout as Rollout
