"""Tensors in, tensors out: the numerical operations under every basis."""

from edgewise.kernels.bspline import bspline_basis as bspline_basis
