"""Smooth curves through noisy trajectories: penalized splines whose smoothness the rows decide."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh

from edgewise._typing import Array
from edgewise.dynamics._measured import Measured

_DEGREE, _PENALIZED = 5, 3  # degree of the splines, and the derivative that is penalized
_MOST = 400  # splines of a piece
_LONGEST = 800  # rows of a piece
_POWERS = np.linspace(-18.0, 6.0, 97)  # log10 of lambda


@dataclass(frozen=True)
class Curve:
    """The states of a trajectory as functions of time: a spline on each piece [a, b)."""

    ends: Array
    splines: tuple[BSpline, ...]

    def at(self, times: Array, order: int = 0) -> Array:
        """Return the states (n, d), or their derivatives, at times (n,)."""
        which = np.clip(np.searchsorted(self.ends, times, side="right"), 0, len(self.splines) - 1)
        out = np.empty((len(times), self.splines[0].c.shape[1]))
        for k, spline in enumerate(self.splines):
            here = which == k
            if here.any():
                out[here] = spline(times[here], nu=order)
        return out


def smooth(data: Measured) -> tuple[list[Curve], Array]:
    """Return a curve for each trajectory, and the standard deviation (d,) of what the curves leave.

    Splines of degree 5 with a penalty on the third derivative, whose weight minimizes the generalized cross-validation
    score, for each state and each piece of at most 800 rows.

    Source: Craven and Wahba, Smoothing noisy data with spline functions (1979).
    """
    curves, squares, freedom = [], np.zeros(data.n_observed), np.zeros(data.n_observed)
    for rows in data.pieces():
        t, y = data.times[rows], data.values[rows]
        cuts = np.linspace(0, len(t), int(np.ceil(len(t) / _LONGEST)) + 1).astype(int)
        splines = []
        for a, b in pairwise(cuts):
            low, high = max(a - 20, 0), min(b + 20, len(t))
            spline, left, free = _piece(t[low:high], y[low:high])
            splines.append(spline)
            squares += left
            freedom += free
        curves.append(Curve(t[cuts[1:-1]], tuple(splines)))
    return curves, np.sqrt(squares / np.maximum(freedom, 1.0))


def _piece(t: Array, y: Array) -> tuple[BSpline, Array, Array]:
    """Return the spline of one piece, the squares that it leaves (d,), and their degrees of freedom (d,)."""
    span = t[-1] - t[0]
    u = (t - t[0]) / span
    count = min(len(u), _MOST) - 2
    inner = np.quantile(u, np.linspace(0, 1, max(count, 2)))
    knots = np.concatenate([np.full(_DEGREE, 0.0), inner, np.full(_DEGREE, 1.0)])
    design = BSpline.design_matrix(u, knots, _DEGREE).toarray()
    gram = design.T @ design
    rough = _roughness(knots, design.shape[1])
    rough *= np.trace(gram) / np.trace(rough)
    ridge = 1e-11 * np.trace(gram) / len(gram)
    values, vectors = eigh(rough, gram + 1e-9 * rough + ridge * np.eye(len(gram)))
    values = np.maximum(values, 0.0)
    turned = design @ vectors
    cross = turned.T @ y
    norms = np.einsum("nk,nk->k", turned, turned)
    coefficients = np.empty((len(vectors), y.shape[1]))
    left, free = np.empty(y.shape[1]), np.empty(y.shape[1])
    for j in range(y.shape[1]):
        best = np.inf
        for power in _POWERS:
            shrink = 1 / (1 + 10.0**power * values)
            used = float(norms @ shrink)
            if len(u) - used < 0.15 * len(u):
                continue
            rest = y[:, j] - turned @ (shrink * cross[:, j])
            square = float(rest @ rest)
            score = square / (len(u) - 1.2 * min(used, 0.8 * len(u))) ** 2
            if score < best:
                best, left[j], free[j] = score, square, len(u) - used
                coefficients[:, j] = vectors @ (shrink * cross[:, j])
    return BSpline(knots * span + t[0], coefficients, _DEGREE), left, free


def _roughness(knots: Array, count: int) -> Array:
    """Return the integrals of products of third derivatives of the splines."""
    cells = np.unique(knots)
    points, weights = np.polynomial.legendre.leggauss(_DEGREE - _PENALIZED + 1)
    widths = np.diff(cells)
    at = (cells[:-1, None] + widths[:, None] * (points + 1) / 2).ravel()
    sizes = (widths[:, None] * weights / 2).ravel()
    third = BSpline(knots, np.eye(count), _DEGREE)(at, nu=_PENALIZED)
    return (third * sizes[:, None]).T @ third
