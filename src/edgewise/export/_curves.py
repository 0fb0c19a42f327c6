"""Edges that are no symbolic function, as tables of polynomials."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from edgewise.nn import KANLayer

_DEGREE = 12  # of the pieces that follow a basis which is not made of polynomials between knots
_ROUNDING = 16 * np.finfo(float).eps  # of the sum of the functions' sizes: no closer are they known
_HALVINGS = 12  # of the range: finer, a curve is taken as it is


Values = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # points -> values, sums of the functions' sizes


@dataclass(frozen=True)
class Curve:
    """One edge: sum_k pieces[m][k] (x - middle)^k on the cell from knots[m] to knots[m + 1].

    `slopes` are those at the first and the last knot, with which a curve continues beyond them.
    """

    name: str
    knots: list[float]
    pieces: list[list[float]]
    slopes: tuple[float, float]


def curve_of(layer: KANLayer, name: str, j: int, i: int) -> Curve:
    """Return the table of an edge: a spline's Taylor series in the middle of each cell, which is the spline itself.

    Functions of another basis are interpolated at Chebyshev points, in cells halved until that is exact to rounding.
    """
    basis, knots = layer.basis, layer.knots.detach().double()[i : i + 1]
    breaks = basis.breakpoints(knots)[0]
    weights = layer.coefficients[j, i].detach().double()

    def functions(x: Tensor, order: int) -> Tensor:
        return basis.evaluate(x.unsqueeze(-1), knots, len(weights), order)[:, 0] * weights

    lo, hi = functions(breaks[[0, -1]], 1).sum(-1).tolist()
    if basis.degree is not None:
        middle = (breaks[:-1] + breaks[1:]) / 2
        series = [functions(middle, k).sum(-1) / math.factorial(k) for k in range(basis.degree + 1)]
        return Curve(name, breaks.tolist(), torch.stack(series, dim=1).tolist(), (lo, hi))

    def value_and_size(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = functions(torch.from_numpy(x), 0)
        return parts.sum(-1).numpy(), parts.abs().sum(-1).numpy()

    cells = [(a, b, _HALVINGS) for a, b in reversed(list(pairwise(breaks.tolist())))]
    ends, pieces = [cells[-1][0]], []
    while cells:
        a, b, left = cells.pop()
        piece = _interpolated(value_and_size, a, b, exact=left > 0)
        if piece is None:
            cells += [((a + b) / 2, b, left - 1), (a, (a + b) / 2, left - 1)]
        else:
            pieces.append(piece)
            ends.append(b)
    degree = max(len(piece) for piece in pieces)
    return Curve(name, ends, [piece + [0.0] * (degree - len(piece)) for piece in pieces], (lo, hi))


def _interpolated(value_and_size: Values, a: float, b: float, *, exact: bool) -> list[float] | None:
    """Return the coefficients of x - (a + b)/2 on a cell; None where they should be exact and are not."""
    half = (b - a) / 2
    sites = chebyshev.chebpts1(2 * _DEGREE + 2)
    values, sizes = value_and_size((a + b) / 2 + half * sites)
    rounding = _ROUNDING * float(sizes.max())
    series = chebyshev.chebfit(sites, values, _DEGREE)
    kept = np.flatnonzero(np.abs(series) > rounding / 8)
    powers = chebyshev.cheb2poly(series[: kept[-1] + 1 if len(kept) else 1])
    errors = np.abs(np.polynomial.polynomial.polyval(sites, powers) - values)
    if exact and errors.max() > rounding:
        return None
    return (powers / half ** np.arange(len(powers))).tolist()
