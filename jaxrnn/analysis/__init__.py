"""What a network does: its training, its predictions, and its gradients through time."""

from ._fixed_points import FixedPoints as FixedPoints
from ._fixed_points import fixed_points as fixed_points
from ._gradients import carry_gradients as carry_gradients
from ._gradients import gradient_norms as gradient_norms
from ._gradients import plot_gradient_norms as plot_gradient_norms
from ._jacobians import LyapunovSpectrum as LyapunovSpectrum
from ._jacobians import lyapunov_spectrum as lyapunov_spectrum
from ._jacobians import step_jacobians as step_jacobians
from ._jacobians import step_singular_values as step_singular_values
from ._plots import plot_history as plot_history
from ._plots import plot_run as plot_run
from ._plots import plot_surprisal as plot_surprisal
from ._reliability import plot_reliability as plot_reliability
from ._saturation import Saturation as Saturation
from ._saturation import gate_saturation as gate_saturation
from ._sweep_plot import plot_sweep as plot_sweep
from ._temperature import fit_temperature as fit_temperature
