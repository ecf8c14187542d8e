"""Engines: how a cell is run through time."""

from ._associative import Associative as Associative
from ._auto import Auto as Auto
from ._bptt import BPTT as BPTT
from ._engine import Engine as Engine
from ._scan import Scan as Scan
from ._segments import Chunked as Chunked
from ._segments import Truncated as Truncated
from ._unroll import unroll as unroll
