"""Formulas: the named functions, expressions of sympy, and expressions as compiled programs."""
