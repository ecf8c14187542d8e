"""Entropies and divergences of what a model predicts: functions of logits, in nats."""

from ._counts import BiasCorrection as BiasCorrection
from ._counts import ChaoShen as ChaoShen
from ._counts import Grassberger as Grassberger
from ._counts import MillerMadow as MillerMadow
from ._counts import plugin_entropy as plugin_entropy
from ._divergence import cross_entropy as cross_entropy
from ._divergence import js_divergence as js_divergence
from ._divergence import kl_divergence as kl_divergence
from ._ensemble import Uncertainty as Uncertainty
from ._ensemble import ensemble_uncertainty as ensemble_uncertainty
from ._entropy import binary_entropy as binary_entropy
from ._entropy import entropy as entropy
from ._entropy import varentropy as varentropy
from ._gaussian import gaussian_entropy as gaussian_entropy
from ._joint import conditional_entropy as conditional_entropy
from ._joint import mutual_information as mutual_information
from ._joint import total_correlation as total_correlation
from ._lagged import lagged_mutual_information as lagged_mutual_information
from ._orders import min_entropy as min_entropy
from ._orders import renyi_entropy as renyi_entropy
from ._orders import tsallis_entropy as tsallis_entropy
from ._softmax import log_softmax as log_softmax
from ._surprisal import surprisal as surprisal
from ._units import to_bits as to_bits
