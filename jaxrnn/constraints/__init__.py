"""Constraints: what a parameter is kept to, by the free numbers that stand in its place."""

from ._constraint import Constraint as Constraint
from ._constraint import Held as Held
from ._constraint import trainable as trainable
from ._frozen import Frozen as Frozen
from ._low_rank import LowRank as LowRank
from ._low_rank import LowRankParams as LowRankParams
from ._nodes import constrained as constrained
from ._nodes import resolved as resolved
from ._orthogonal import Cayley as Cayley
from ._orthogonal import CayleyParams as CayleyParams
from ._orthogonal import Householder as Householder
from ._orthogonal import HouseholderParams as HouseholderParams
from ._orthogonal import Orthogonal as Orthogonal
from ._signed import Signed as Signed
from ._signed import SignedParams as SignedParams
from ._sparse import Masked as Masked
from ._sparse import MaskedParams as MaskedParams
from ._sparse import Sparse as Sparse
from ._sparse import SparseParams as SparseParams
from ._spectral import SpectrallyBounded as SpectrallyBounded
from ._spectral import SpectrallyBoundedParams as SpectrallyBoundedParams
from ._summed import Summed as Summed
from ._summed import SummedParams as SummedParams
from ._weight_norm import WeightNormalised as WeightNormalised
from ._weight_norm import WeightNormalisedParams as WeightNormalisedParams
