"""Smooth curves through noisy trajectories, and sparse regression on the integrals of terms along them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
    """The states of a trajectory as functions of time: splines on each piece [a, b)."""

    ends: Array
    splines: tuple[tuple[BSpline, ...], ...]

    def at(self, times: Array, order: int = 0) -> Array:
        """Return the states (n, d), or their derivatives, at times (n,)."""
        which = np.clip(np.searchsorted(self.ends, times, side="right"), 0, len(self.splines) - 1)
        out = np.empty((len(times), len(self.splines[0])))
        for k, splines in enumerate(self.splines):
            here = which == k
            if here.any():
                out[here] = np.stack([spline(times[here], nu=order) for spline in splines], axis=1)
        return out


def arguments(data: Measured, curve: Curve, times: Array) -> Array:
    """Return the states of a curve and the inputs, what terms are functions of (n, m), at times (n,)."""
    states = [curve.at(times, k) for k in range(data.order)]
    return np.concatenate([*states, data.inputs.at(times).T], axis=1)


def smooth(data: Measured) -> tuple[list[Curve], Array]:
    """Return a curve for each trajectory, and the standard deviation (d,) of what the curves leave.

    Splines of degree 5 with a penalty on the third derivative, whose weight minimizes the generalized cross-validation
    score, for each state and each piece of at most 800 rows; for all short trajectories together.

    Source: Craven and Wahba, Smoothing noisy data with spline functions (1979).
    """
    longest, few = 800, 20  # rows of a piece, and of a trajectory that is short
    pieces: list[list[list[_Piece]]] = []  # of each trajectory, its pieces, and its states
    ends = []
    for rows in data.pieces():
        t, y, spread = data.times[rows], data.values[rows], data.spread[rows]
        cuts = np.linspace(0, len(t), int(np.ceil(len(t) / longest)) + 1).astype(int)
        bounds = [(max(a - 20, 0), min(b + 20, len(t))) for a, b in pairwise(cuts)]
        pieces.append([_pieces(t[a:b], y[a:b], spread[a:b]) for a, b in bounds])
        ends.append(t[cuts[1:-1]])
    squares, freedom = np.zeros(data.n_observed), np.zeros(data.n_observed)
    is_short = [rows.stop - rows.start < few for rows in data.pieces()]
    short = [own[0] for own, few_rows in zip(pieces, is_short, strict=True) if few_rows]
    curves = []
    for end, parts, few_rows in zip(ends, pieces, is_short, strict=True):
        splines = []
        for part in parts:
            splines.append([])
            for j, piece in enumerate(part):
                alike = [own[j] for own in short] if few_rows else [piece]
                power = _POWERS[int(np.argmin(sum(each.scores for each in alike)))]
                spline, left, free = piece.at(float(power))
                splines[-1].append(spline)
                squares[j], freedom[j] = squares[j] + left, freedom[j] + free
        curves.append(Curve(end, tuple(map(tuple, splines))))
    return curves, np.sqrt(squares / np.maximum(freedom, 1.0))


def spread_of(data: Measured, curves: list[Curve], noise: Array) -> Array:
    """Return the noise (n, d) of each value over that of its state: in proportion to the value where rows say so.

    The logarithm of the likelihood of what curves leave, twice, must be higher by eight than with equal noise.
    """
    lead, clean = 8.0, 1e-4  # in units of twice the log-likelihood; of a deviation, noise that is none
    least = 0.03  # of the root mean square of values: those below it have the noise of such ones
    at = np.concatenate([curve.at(data.times[rows]) for curve, rows in zip(curves, data.pieces(), strict=True)])
    out = np.ones(data.values.shape)
    for j, seen in enumerate(data.seen.T):
        left, size = (data.values - at)[seen, j], np.abs(at[:, j])
        grown = np.sqrt(size**2 + least**2 * (size**2).mean())
        grown /= np.sqrt((grown[seen] ** 2).mean())
        own = grown[seen]
        gain = np.log((left**2).mean() / ((left / own) ** 2).mean()) - 2 * np.log(own).mean()
        gain *= (left**2).sum() / max(noise[j] ** 2, 1e-300)  # by the rows that curves leave free
        if gain > lead and noise[j] > clean * data.deviation[j]:
            out[:, j] = grown
    return out


@dataclass(frozen=True)
class _Basis:
    """Splines in coordinates in which smoothing is a division: values `turned` (n, K) at rows, and `weights` (K,)."""

    knots: Array
    vectors: Array
    turned: Array
    weights: Array

    @classmethod
    def of(cls, times: Array, known: Array, spread: Array) -> _Basis:
        """Return it for the span of all times, with knots at those in which a state was measured, over the noise."""
        most = 400  # splines of a piece
        span, first = times[-1] - times[0], times[0]
        u = (times[known] - first) / span
        inner = np.quantile(u, np.linspace(0, 1, max(min(len(u), most) - 2, 2)))[1:-1]
        knots = np.concatenate([np.full(_DEGREE + 1, 0.0), inner, np.full(_DEGREE + 1, 1.0)])
        design = BSpline.design_matrix(u, knots, _DEGREE).toarray() / spread[known][:, None]
        gram = design.T @ design
        rough = _roughness(knots, design.shape[1])
        rough *= np.trace(gram) / np.trace(rough)
        ridge = 1e-11 * np.trace(gram) / len(gram)
        values, vectors = eigh(rough, gram + 1e-9 * rough + ridge * np.eye(len(gram)))
        return cls(knots * span + first, vectors, design @ vectors, np.maximum(values, 0.0))

    @cached_property
    def norms(self) -> Array:
        return np.einsum("nk,nk->k", self.turned, self.turned)


@dataclass(frozen=True)
class _Piece:
    """Rows (n,) of one state over the noise, and the splines that smooth them."""

    basis: _Basis
    rows: Array

    @cached_property
    def scores(self) -> Array:
        """The logarithm of the generalized cross-validation score for each weight, infinite with too few rows free."""
        out, n = np.full(len(_POWERS), np.inf), len(self.rows)
        for k, power in enumerate(_POWERS):
            _, left, free = self._smoothed(float(power))
            if free >= 0.15 * n:
                out[k] = np.log(left + 1e-300) - 2 * np.log(n - 1.2 * min(n - free, 0.8 * n))
        return out if np.isfinite(out).any() else -_POWERS

    def _smoothed(self, power: float) -> tuple[Array, float, float]:
        shrink = 1 / (1 + 10.0**power * self.basis.weights)
        coefficients = shrink * self._cross
        rest = self.rows - self.basis.turned @ coefficients
        return coefficients, float(rest @ rest), len(self.rows) - float(self.basis.norms @ shrink)

    @cached_property
    def _cross(self) -> Array:
        return self.basis.turned.T @ self.rows

    def at(self, power: float) -> tuple[BSpline, float, float]:
        """Return the spline of a weight, the squares that it leaves, and their degrees of freedom."""
        coefficients, left, free = self._smoothed(power)
        return BSpline(self.basis.knots, self.basis.vectors @ coefficients, _DEGREE), left, max(free, 0.0)


def _pieces(times: Array, rows: Array, spread: Array) -> list[_Piece]:
    """Return the piece of each state (n, d): those measured at the same times with the same noise share splines."""
    made: dict[bytes, _Basis] = {}
    out = []
    for column, own in zip(rows.T, spread.T, strict=True):
        known = ~np.isnan(column)
        key = known.tobytes() + own.tobytes()
        if key not in made:
            made[key] = _Basis.of(times, known, own)
        out.append(_Piece(made[key], (column / own)[known]))
    return out


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
        design[rows] = _along(data, curve, data.times[rows], terms, inner)
    at_rows = [curve.at(data.times[rows]) for curve, rows in zip(curves, data.pieces(), strict=True)]
    targets = np.where(data.seen, data.values, np.concatenate(at_rows))
    fixed = data.prior.fixed
    if fixed is not None:
        for curve, rows in zip(curves, data.pieces(), strict=True):
            known = _along(data, curve, data.times[rows], fixed.terms, np.empty(0))
            targets[rows] -= known @ fixed.coefficients.T
    if np.isfinite(design).all():
        for piece in Stretches.of(data, length).rows:
            rows = piece[piece >= 0]
            t = data.times[rows] - data.times[rows[0]]
            basis = np.stack([np.ones(len(t)), t][: data.order], axis=1)
            q = np.linalg.qr(basis)[0]
            design[rows] -= q @ (q.T @ design[rows])
            targets[rows] -= q @ (q.T @ targets[rows])
    return Integrals(design, targets)


def _along(data: Measured, curve: Curve, times: Array, terms: Terms, inner: Array) -> Array:
    h = np.diff(times)
    at = (times[:-1, None] + h[:, None] * (_POINTS + 1) / 2).ravel()
    z = arguments(data, curve, at)
    with np.errstate(all="ignore"):
        values = terms.values(z.T, at, inner).reshape(len(terms), len(h), len(_POINTS))
    once = np.zeros((len(times), len(terms)))
    once[1:] = np.cumsum((values @ _SIZES) * h / 2, axis=1).T
    if data.order == 1:
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
