"""Gaussian radial functions and their derivatives."""
