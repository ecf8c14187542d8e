"""How good a model is, how stable, and why it says what it says."""

from ._components import Components as Components
from ._components import principal_components as principal_components
from ._integrated_gradients import Attribution as Attribution
from ._integrated_gradients import integrated_gradients as integrated_gradients
from ._occlusion import occlusion as occlusion
from ._probe import Probe as Probe
from ._probe import linear_probe as linear_probe
from ._randomization import Randomized as Randomized
from ._randomization import parameter_randomization as parameter_randomization
from ._saliency import temporal_saliency as temporal_saliency
from ._states import hidden_states as hidden_states
