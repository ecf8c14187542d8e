"""Testing: the laws that this library keeps, for what you make yourself."""

from ._cells import check_cell as check_cell
from ._cells import exact_engines as exact_engines
from ._law import BrokenLaws as BrokenLaws
from ._law import Law as Law
from ._law import LawReport as LawReport
from ._law import LawResult as LawResult
from ._list import laws as laws
