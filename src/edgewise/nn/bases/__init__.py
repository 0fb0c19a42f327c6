"""The functions that edges are made of, and the ranges they live on."""

from edgewise.nn.bases._base_function import BASE_FUNCTIONS as BASE_FUNCTIONS
from edgewise.nn.bases._base_function import BaseName as BaseName
from edgewise.nn.bases._base_function import base_function as base_function
from edgewise.nn.bases._basis import Basis as Basis
from edgewise.nn.bases._bspline import HIGHEST_DEGREE as HIGHEST_DEGREE
from edgewise.nn.bases._bspline import BSpline as BSpline
from edgewise.nn.bases._chebyshev import Chebyshev as Chebyshev
from edgewise.nn.bases._fourier import Fourier as Fourier
from edgewise.nn.bases._grid import adapted_knots as adapted_knots
from edgewise.nn.bases._grid import joined_rows as joined_rows
from edgewise.nn.bases._grid import refined_knots as refined_knots
from edgewise.nn.bases._grid import spline_range as spline_range
from edgewise.nn.bases._grid import uniform_knots as uniform_knots
from edgewise.nn.bases._least_squares import least_squares as least_squares
from edgewise.nn.bases._rational import ACTIVATIONS as ACTIVATIONS
from edgewise.nn.bases._rational import ActivationName as ActivationName
from edgewise.nn.bases._rational import rational_start as rational_start
from edgewise.nn.bases._rbf import RBF as RBF
from edgewise.nn.bases._table import BASES as BASES
from edgewise.nn.bases._table import BasisName as BasisName
from edgewise.nn.bases._table import named as named
from edgewise.nn.bases._table import register as register
from edgewise.nn.bases._transfer import fit_curves as fit_curves
from edgewise.nn.bases._transfer import transfer as transfer
