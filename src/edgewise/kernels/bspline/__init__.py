"""B-spline basis functions and their derivatives."""

from edgewise.kernels.bspline._autograd import bspline_basis as bspline_basis
