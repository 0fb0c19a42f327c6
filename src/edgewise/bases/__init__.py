"""The functions that edges are made of, and the knots they live on."""

from edgewise.bases._grid import adapted_knots as adapted_knots
from edgewise.bases._grid import refined_knots as refined_knots
from edgewise.bases._grid import spline_range as spline_range
from edgewise.bases._grid import uniform_knots as uniform_knots
from edgewise.bases._residual import RESIDUALS as RESIDUALS
from edgewise.bases._residual import residual as residual
from edgewise.bases._transfer import fit_curves as fit_curves
from edgewise.bases._transfer import transfer as transfer
