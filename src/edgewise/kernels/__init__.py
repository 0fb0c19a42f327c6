"""Tensors in, tensors out: the numerical operations under every basis."""

from edgewise.kernels._threads import one_thread as one_thread
from edgewise.kernels.bspline import bspline_basis as bspline_basis
