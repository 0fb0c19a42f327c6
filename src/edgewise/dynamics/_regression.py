"""Sparse regression on the integrals of terms along smoothed trajectories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._shooting import Stretches
from edgewise.dynamics._smooth import Curve
from edgewise.dynamics._terms import Terms

_WIDTH = 24  # supports of each size that are kept
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
    n = len(target)
    scale = np.sqrt(np.einsum("nk,nk->k", design, design))
    usable = np.flatnonzero(np.isfinite(scale) & (scale > 1e-12 * max(float(np.nanmax(scale)), 1e-300)))
    a = design[:, usable] / scale[usable]
    gram, cross, total = a.T @ a + 1e-12 * np.eye(len(usable)), a.T @ target, float(target @ target)
    own = penalties[usable]

    def scores(supports: Array) -> Array:
        g = gram[supports[:, :, None], supports[:, None, :]]
        c = cross[supports]
        left = total - np.einsum("sk,sk->s", c, np.linalg.solve(g, c[:, :, None])[:, :, 0])
        return n * np.log(np.maximum(left, 0) / n + floor**2) + own[supports].sum(axis=1)

    found: dict[tuple[int, ...], float] = {(): n * float(np.log(total / n + floor**2))}
    kept = [()]
    for size in range(1, min(most, len(usable)) + 1):
        grown = sorted({tuple(sorted((*s, k))) for s in kept for k in range(len(usable)) if k not in s})
        if not grown:
            break
        values = scores(np.array(grown).reshape(-1, size))
        order = np.argsort(values, kind="stable")[:_WIDTH]
        kept = [grown[i] for i in order]
        found.update({grown[i]: float(values[i]) for i in order})
    whole = list(range(len(usable)))
    while len(whole) > 1:
        trials = np.array([[k for k in whole if k != drop] for drop in whole])
        values = scores(trials)
        best = int(np.argmin(values))
        whole.pop(best)
        found.setdefault(tuple(whole), float(values[best]))
    ranked = sorted(found.items(), key=lambda item: item[1])
    return [(score, tuple(int(usable[k]) for k in support)) for support, score in ranked]


def solved(design: Array, target: Array, support: tuple[int, ...]) -> Array:
    """Return the coefficients of a support, zero elsewhere."""
    out = np.zeros(design.shape[1])
    if support:
        a = design[:, list(support)]
        scale = np.sqrt(np.einsum("nk,nk->k", a, a)) + 1e-300
        out[list(support)] = np.linalg.lstsq(a / scale, target, rcond=1e-12)[0] / scale
    return out
