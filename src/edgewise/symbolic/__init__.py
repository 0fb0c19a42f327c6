"""From a network to a formula and back: curves read as functions, edges snapped, constants rounded, text parsed."""

from edgewise.nn import spline_functions as spline_functions
from edgewise.symbolic._candidates import candidates as candidates
from edgewise.symbolic._compile import network_of as network_of
from edgewise.symbolic._complexity import network_complexity as network_complexity
from edgewise.symbolic._conditions import Condition as Condition
from edgewise.symbolic._curve import CurveFit as CurveFit
from edgewise.symbolic._curve import fit_curve as fit_curve
from edgewise.symbolic._curve import rank_curves as rank_curves
from edgewise.symbolic._domain import Domain as Domain
from edgewise.symbolic._domain import domain as domain
from edgewise.symbolic._front import Front as Front
from edgewise.symbolic._front import Written as Written
from edgewise.symbolic._front import front as front
from edgewise.symbolic._gauge import canonical as canonical
from edgewise.symbolic._parse import parse as parse
from edgewise.symbolic._reading import Candidate as Candidate
from edgewise.symbolic._rounding import rounded as rounded
from edgewise.symbolic._snap import Snapped as Snapped
from edgewise.symbolic._snap import SnapResult as SnapResult
from edgewise.symbolic._snap import snap as snap
from edgewise.symbolic._units import consistent as consistent
from edgewise.symbolic._units import dimension as dimension
from edgewise.symbolic._units import unit_problem as unit_problem
