"""Tasks: what a recurrent network is held against."""

from ._channels import binary_symmetric as binary_symmetric
from ._channels import channel as channel
from ._channels import erasure as erasure
from ._entropies import Bounds as Bounds
from ._entropies import best_accuracy as best_accuracy
from ._entropies import block_entropies as block_entropies
from ._entropies import entropy_rate_bounds as entropy_rate_bounds
from ._entropies import excess_entropy as excess_entropy
from ._entropies import is_epsilon_machine as is_epsilon_machine
from ._entropies import mutual_information as mutual_information
from ._entropies import statistical_complexity as statistical_complexity
from ._hmm import HMM as HMM
from ._ngram import NGram as NGram
from ._processes import coin as coin
from ._processes import even as even
from ._processes import golden_mean as golden_mean
from ._processes import hidden_markov as hidden_markov
from ._processes import iid as iid
from ._processes import markov as markov
from ._processes import mess3 as mess3
from ._processes import periodic as periodic
from ._processes import rrxor as rrxor
from ._processes import sns as sns
from ._source import Filtered as Filtered
from ._source import Source as Source
