"""What a network's outputs say about its targets, as a distribution: loss, samples, intervals."""

from ._gaussian import Gaussian as Gaussian
from ._head import NLL as NLL
from ._head import Head as Head
from ._head import Interval as Interval
