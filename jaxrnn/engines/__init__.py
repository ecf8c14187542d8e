"""Engines: how a cell is run through time."""

from ._associative import Associative as Associative
from ._auto import Auto as Auto
from ._bptt import BPTT as BPTT
from ._chunkwise import Chunkwise as Chunkwise
from ._engine import Engine as Engine
from ._jacobians import Damped as Damped
from ._jacobians import DiagonalJacobian as DiagonalJacobian
from ._jacobians import FullJacobian as FullJacobian
from ._jacobians import Jacobian as Jacobian
from ._newton import Newton as Newton
from ._newton_report import NewtonReport as NewtonReport
from ._newton_report import newton_report as newton_report
from ._scan import Scan as Scan
from ._segments import Chunked as Chunked
from ._segments import Truncated as Truncated
from ._unroll import unroll as unroll
