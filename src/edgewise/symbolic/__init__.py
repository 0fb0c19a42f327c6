"""From a network to a formula: curves read as functions, edges snapped, constants rounded."""

from edgewise.symbolic._compile import network_of as network_of
from edgewise.symbolic._curve import CurveFit as CurveFit
from edgewise.symbolic._curve import fit_curve as fit_curve
from edgewise.symbolic._curve import rank_curves as rank_curves
from edgewise.symbolic._snap import Snapped as Snapped
from edgewise.symbolic._snap import SnapResult as SnapResult
from edgewise.symbolic._snap import snap as snap
