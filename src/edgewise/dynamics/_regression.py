"""Smooth curves through noisy trajectories, and sparse regression on the integrals of terms along them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh

from edgewise._selection import DEPENDENT, Orthogonal, Support, grow, rises
from edgewise._typing import Array
from edgewise.dynamics._library import Terms
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._shooting import Stretches

_DEGREE, _PENALIZED = 5, 3  # degree of the splines, and the derivative that is penalized
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
    longest = 800  # rows of a piece
    curves, squares, freedom = [], np.zeros(data.n_observed), np.zeros(data.n_observed)
    for rows in data.pieces():
        t, y = data.times[rows], data.values[rows]
        cuts = np.linspace(0, len(t), int(np.ceil(len(t) / longest)) + 1).astype(int)
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
    most = 400  # splines of a piece
    span = t[-1] - t[0]
    u = (t - t[0]) / span
    count = min(len(u), most) - 2
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


_POINTS, _SIZES = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True)
class Integrals:
    """x_j(t) = start + sum_k c_k I_k(t) in each stretch, without what starts explain: design (N, K), targets (N, d)."""

    design: Array
    targets: Array


def integrals(data: Measured, curves: list[Curve], terms: Terms, inner: Array, length: int) -> Integrals:
    """Return the integrals of terms along curves, twice with order 2, in stretches of about `length` rows."""
    design = np.empty((len(data.times), len(terms)))
    for curve, rows in zip(curves, data.pieces(), strict=True):
        design[rows] = _along(curve, data.times[rows], terms, inner, data.order)
    targets = data.values.copy()
    if np.isfinite(design).all():
        for piece in Stretches.of(data, length).rows:
            rows = piece[piece >= 0]
            t = data.times[rows] - data.times[rows[0]]
            basis = np.stack([np.ones(len(t)), t][: data.order], axis=1)
            q = np.linalg.qr(basis)[0]
            design[rows] -= q @ (q.T @ design[rows])
            targets[rows] -= q @ (q.T @ targets[rows])
    return Integrals(design, targets)


def _along(curve: Curve, times: Array, terms: Terms, inner: Array, order: int) -> Array:
    h = np.diff(times)
    at = (times[:-1, None] + h[:, None] * (_POINTS + 1) / 2).ravel()
    z = curve.at(at) if order == 1 else np.concatenate([curve.at(at), curve.at(at, 1)], axis=1)
    with np.errstate(all="ignore"):
        values = terms.values(z.T, at, inner).reshape(len(terms), len(h), len(_POINTS))
    once = np.zeros((len(times), len(terms)))
    once[1:] = np.cumsum((values @ _SIZES) * h / 2, axis=1).T
    if order == 1:
        return once
    left = 1 - (_POINTS + 1) / 2
    twice = np.zeros_like(once)
    own = ((values * left) @ _SIZES).T * (h**2 / 2)[:, None]
    twice[1:] = np.cumsum(own + h[:, None] * once[:-1], axis=0)
    return twice


def beam(
    design: Array, target: Array, penalties: Array, floor: float, most: int
) -> list[tuple[float, tuple[int, ...]]]:
    """Return supports and their scores, best first: n log(mean square + floor^2) plus the penalties of the terms.

    The best 24 supports of each size grow by one term; short of that, terms of the full fit are dropped one by one.
    """
    width = 24  # supports of each size that are kept
    n = len(target)
    usable, start = Orthogonal.reduced(design, target)
    own = penalties[usable]

    def score(left: Array) -> Array:
        return n * np.log(np.maximum(left, 0) / n + floor**2)

    def scores(support: Support) -> Array:
        rest = start.without(support)
        return np.where(rest.squares < DEPENDENT, np.inf, score(rest.left()) + own + own[list(support)].sum())

    ranked: dict[Support, float] = {(): float(score(target @ target))}
    for level in grow(scores, min(most, len(usable)), lambda _: width):
        ranked |= {support: value for value, support in level[:width]}
    gram, moment = start.columns @ start.columns.T, start.columns @ start.residual
    whole = np.arange(len(usable))
    while len(whole) > 1:
        left = np.sum(start.without(tuple(whole.tolist())).residual ** 2) + rises(gram, moment, whole)
        values = score(left) + own[whole].sum() - own[whole]
        best = int(np.argmin(values))
        whole = np.delete(whole, best)
        ranked.setdefault(tuple(whole.tolist()), float(values[best]))
    order = sorted(ranked, key=lambda support: ranked[support])
    return [(ranked[support], tuple(int(usable[k]) for k in support)) for support in order]
