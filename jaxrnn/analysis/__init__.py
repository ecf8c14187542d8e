"""What a network does: pictures of its training and of its predictions, and its calibration."""

from ._plots import plot_history as plot_history
from ._plots import plot_run as plot_run
from ._plots import plot_surprisal as plot_surprisal
from ._reliability import plot_reliability as plot_reliability
from ._temperature import fit_temperature as fit_temperature
