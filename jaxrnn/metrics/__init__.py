"""What is reported: monoids of pure functions, made of one another."""

from ._as_cell import as_cell as as_cell
from ._as_optax import as_optax as as_optax
from ._bootstrapped import Bootstrap as Bootstrap
from ._bootstrapped import bootstrapped as bootstrapped
from ._combine import collect as collect
from ._combine import map_inputs as map_inputs
from ._combine import map_value as map_value
from ._combine import masked as masked
from ._compensated import Compensated as Compensated
from ._compensated import two_sum as two_sum
from ._ema import ema as ema
from ._grouped import grouped as grouped
from ._mean import Mean as Mean
from ._mean import MeanState as MeanState
from ._metric import Metric as Metric
from ._per_step import per_step as per_step
from ._ready import accuracy as accuracy
from ._ready import bits_per_token as bits_per_token
from ._ready import entropy as entropy
from ._ready import nll as nll
from ._ready import perplexity as perplexity
from ._weights import weighted as weighted
from ._windowed import windowed as windowed
