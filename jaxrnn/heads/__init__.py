"""What a network's outputs say about its targets, as a distribution: loss, samples, intervals."""

from ._bernoulli import Bernoulli as Bernoulli
from ._categorical import Categorical as Categorical
from ._gaussian import Gaussian as Gaussian
from ._head import NLL as NLL
from ._head import Head as Head
from ._head import Interval as Interval
from ._mixture import Mixture as Mixture
from ._negative_binomial import NegativeBinomial as NegativeBinomial
from ._quantile import Pinball as Pinball
from ._quantile import Quantile as Quantile
from ._student_t import StudentT as StudentT
