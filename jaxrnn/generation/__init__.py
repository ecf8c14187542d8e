"""What writes sequences: drawing them, and their entropies."""

from ._drift import EntropyDrift as EntropyDrift
from ._drift import entropy_drift as entropy_drift
from ._estimators import ControlVariate as ControlVariate
from ._estimators import MonteCarlo as MonteCarlo
from ._estimators import RaoBlackwell as RaoBlackwell
from ._expectations import Enumeration as Enumeration
from ._expectations import Estimate as Estimate
from ._expectations import Expectation as Expectation
from ._expectations import FiniteState as FiniteState
from ._generate import Generated as Generated
from ._generate import generate as generate
from ._lookahead import fit_lookahead as fit_lookahead
from ._lookahead import lookahead as lookahead
from ._memory import memory_profile as memory_profile
from ._model import SequenceModel as SequenceModel
from ._samplers import Greedy as Greedy
from ._samplers import Nucleus as Nucleus
from ._samplers import Sampler as Sampler
from ._samplers import Temperature as Temperature
from ._samplers import TopK as TopK
from ._sequence import entropy_rate as entropy_rate
from ._sequence import sequence_entropy as sequence_entropy
from ._sequence import sequence_kl as sequence_kl
from ._surrogate import Surrogate as Surrogate
from ._surrogate import entropy_surrogate as entropy_surrogate
