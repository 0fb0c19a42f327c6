"""Tensors in, tensors out: the numerical operations under every basis."""

from edgewise.kernels._backend import Backend as Backend
from edgewise.kernels._backend import Family as Family
from edgewise.kernels._backend import Sizes as Sizes
from edgewise.kernels._dispatch import BackendName as BackendName
from edgewise.kernels._dispatch import Choice as Choice
from edgewise.kernels._dispatch import Operation as Operation
from edgewise.kernels._dispatch import Route as Route
from edgewise.kernels._dispatch import clear_dispatch_cache as clear_dispatch_cache
from edgewise.kernels._dispatch import explain as explain
from edgewise.kernels._dispatch import forced as forced
from edgewise.kernels._dispatch import prepare as prepare
from edgewise.kernels._dispatch import vjp_coefficients as vjp_coefficients
from edgewise.kernels._dispatch import vjp_inputs as vjp_inputs
from edgewise.kernels._ops import contract as contract
from edgewise.kernels._ops import evaluate_basis as evaluate_basis
from edgewise.kernels.bspline import BSplineFamily as BSplineFamily
from edgewise.kernels.chebyshev import ChebyshevFamily as ChebyshevFamily
from edgewise.kernels.fourier import FourierFamily as FourierFamily
from edgewise.kernels.gauss_newton import Factor as Factor
from edgewise.kernels.gauss_newton import factor_for as factor_for
from edgewise.kernels.rational import RationalFamily as RationalFamily
from edgewise.kernels.rational import rational as rational
from edgewise.kernels.rbf import RBFFamily as RBFFamily
from edgewise.kernels.runtime._memo import cached_on as cached_on
from edgewise.kernels.runtime._memo import is_eager as is_eager
from edgewise.kernels.runtime._threads import one_thread as one_thread
