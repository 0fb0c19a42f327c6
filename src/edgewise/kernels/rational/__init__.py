"""Rational functions with coefficients shared by groups of channels."""
