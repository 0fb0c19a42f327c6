"""A law that was found, and helpers of the ways to find one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import sympy
import torch
from torch import Tensor

from edgewise._typing import Formula, Part
from edgewise.pde import Box

EXACT = 1e-9  # root mean square of what a law leaves, below which nothing but rounding is left
_NEAR = 1e-6  # of a constant: a fraction as near as this replaces it, and is judged
_LARGEST = 100  # denominator of such a fraction
_DRAWN = 61


class Reading(NamedTuple):
    """A formula, whether it is the known law, its error and that of the network before it, and curves to be drawn.

    curves: where, then the known and the learned function in turn.
    """

    formula: str
    exact: bool
    error: float
    network: float
    curves: Sequence[Tensor]
    shape: str = ""
    parameters: int = 0


def rounded(formula: Part) -> Part:
    """Replace decimals by fractions that are very near.

    >>> rounded(sympy.sympify("0.99999999*x + sin(0.33333333*x)"))
    x + sin(x/3)
    """
    near = {value: _fraction(value) for value in formula.atoms(sympy.Float)}
    return formula.xreplace(near)


def _fraction(value: Formula) -> Formula:
    number = float(value)
    simple = Fraction(number).limit_denominator(_LARGEST)
    near = abs(float(simple) - number) < _NEAR * max(1.0, abs(number))
    return sympy.Rational(simple.numerator, simple.denominator) if near else value


def section(box: Box, across: int, held: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return values (n,) of one coordinate over its range, and the points (n, d) with the others held."""
    low, high = (end[across].item() for end in box.ends)
    at = torch.linspace(low, high, _DRAWN, dtype=torch.float64)
    points = torch.tensor(held, dtype=torch.float64).repeat(_DRAWN, 1)
    points[:, across] = at
    return at, points
