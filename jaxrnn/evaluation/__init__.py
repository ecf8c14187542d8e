"""How good a model is, how stable, and why it says what it says."""

from ._auroc import auroc as auroc
from ._average import Average as Average
from ._average import Macro as Macro
from ._average import Micro as Micro
from ._average import PerClass as PerClass
from ._average import Weighted as Weighted
from ._components import Components as Components
from ._components import principal_components as principal_components
from ._confusion import confusion_matrix as confusion_matrix
from ._f_scores import balanced_accuracy as balanced_accuracy
from ._f_scores import f1 as f1
from ._f_scores import precision as precision
from ._f_scores import recall as recall
from ._integrated_gradients import Attribution as Attribution
from ._integrated_gradients import integrated_gradients as integrated_gradients
from ._occlusion import occlusion as occlusion
from ._probe import Probe as Probe
from ._probe import linear_probe as linear_probe
from ._randomization import Randomized as Randomized
from ._randomization import parameter_randomization as parameter_randomization
from ._saliency import temporal_saliency as temporal_saliency
from ._states import hidden_states as hidden_states
from ._top_k import top_k as top_k
