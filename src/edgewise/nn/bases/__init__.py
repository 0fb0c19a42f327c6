"""The functions that edges are made of, and the ranges they live on."""

from edgewise.nn.bases._activations import ACTIVATIONS as ACTIVATIONS
from edgewise.nn.bases._activations import BASE_FUNCTIONS as BASE_FUNCTIONS
from edgewise.nn.bases._activations import ActivationName as ActivationName
from edgewise.nn.bases._activations import BaseName as BaseName
from edgewise.nn.bases._activations import base_function as base_function
from edgewise.nn.bases._activations import rational_start as rational_start
from edgewise.nn.bases._bases import BASES as BASES
from edgewise.nn.bases._bases import HIGHEST_DEGREE as HIGHEST_DEGREE
from edgewise.nn.bases._bases import RBF as RBF
from edgewise.nn.bases._bases import BasisName as BasisName
from edgewise.nn.bases._bases import BSpline as BSpline
from edgewise.nn.bases._bases import Chebyshev as Chebyshev
from edgewise.nn.bases._bases import Fourier as Fourier
from edgewise.nn.bases._bases import named as named
from edgewise.nn.bases._bases import register as register
from edgewise.nn.bases._basis import Basis as Basis
from edgewise.nn.bases._basis import adapted_knots as adapted_knots
from edgewise.nn.bases._basis import fit_curves as fit_curves
from edgewise.nn.bases._basis import joined_rows as joined_rows
from edgewise.nn.bases._basis import least_squares as least_squares
from edgewise.nn.bases._basis import refined_knots as refined_knots
from edgewise.nn.bases._basis import spline_range as spline_range
from edgewise.nn.bases._basis import transfer as transfer
from edgewise.nn.bases._basis import uniform_knots as uniform_knots
