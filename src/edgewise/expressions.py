"""Formulas as sympy expressions, without a network: grammar, values, constants, simplification, units."""

from edgewise.formulas.expressions import *  # noqa: F403
