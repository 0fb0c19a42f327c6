"""The functions that edges are made of, and the ranges they live on."""

from edgewise.bases._base_function import BASE_FUNCTIONS as BASE_FUNCTIONS
from edgewise.bases._base_function import BaseName as BaseName
from edgewise.bases._base_function import base_function as base_function
from edgewise.bases._basis import Basis as Basis
from edgewise.bases._bspline import HIGHEST_DEGREE as HIGHEST_DEGREE
from edgewise.bases._bspline import BSpline as BSpline
from edgewise.bases._chebyshev import Chebyshev as Chebyshev
from edgewise.bases._fourier import Fourier as Fourier
from edgewise.bases._grid import adapted_knots as adapted_knots
from edgewise.bases._grid import joined_rows as joined_rows
from edgewise.bases._grid import refined_knots as refined_knots
from edgewise.bases._grid import spline_range as spline_range
from edgewise.bases._grid import uniform_knots as uniform_knots
from edgewise.bases._least_squares import least_squares as least_squares
from edgewise.bases._rational import ACTIVATIONS as ACTIVATIONS
from edgewise.bases._rational import ActivationName as ActivationName
from edgewise.bases._rational import rational_start as rational_start
from edgewise.bases._rbf import RBF as RBF
from edgewise.bases._table import BASES as BASES
from edgewise.bases._table import BasisName as BasisName
from edgewise.bases._table import named as named
from edgewise.bases._table import register as register
from edgewise.bases._transfer import fit_curves as fit_curves
from edgewise.bases._transfer import transfer as transfer
