"""Chebyshev polynomials and their derivatives."""
