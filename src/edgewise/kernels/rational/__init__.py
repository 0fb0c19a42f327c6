"""Rational functions with coefficients shared by groups of channels."""

from edgewise.kernels.rational._op import rational as rational
from edgewise.kernels.rational.cpu import RationalFamily as RationalFamily
