"""Where searches start: supports from regression on integrals, and frequencies of forcing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise.dynamics._library import Library, polynomials
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import beam, integrals, solved
from edgewise.dynamics._search import FLOOR
from edgewise.dynamics._smooth import Curve
from edgewise.dynamics._system import System
from edgewise.dynamics._terms import TIME, Terms

_WINDOWS = (0.25, 0.5, 1.0, 3.0)  # of the rows between two turning points
_MOST_TERMS = 8
_FREQUENCIES = 1500
_KEPT = 6  # supports of an equation whose terms stay in the library


@dataclass(frozen=True)
class Ground:
    """What all searches share: the rows, smooth curves through them, and rows between two turning points."""

    data: Measured
    curves: list[Curve]
    turn: float

    @classmethod
    def of(cls, data: Measured, curves: list[Curve]) -> Ground:
        """Return it for trajectories, whose turning points are counted."""
        gaps = []
        for curve, rows in zip(curves, data.pieces(), strict=True):
            signs = np.sign(curve.at(data.times[rows], 1))
            turns = np.abs(np.diff(signs, axis=0)).sum(axis=0) / 2
            gaps += [(rows.stop - rows.start) / (1 + count) for count in turns]
        return cls(data, curves, float(np.median(gaps)))

    @property
    def windows(self) -> list[int]:
        """The lengths of the stretches of regressions, in rows."""
        most = max(rows.stop - rows.start for rows in self.data.pieces())
        return sorted({int(np.clip(round(self.turn * f), min(6, most), most)) for f in _WINDOWS})

    @property
    def stretch(self) -> int:
        """The length of the stretches of fits, in rows."""
        return int(np.clip(round(self.turn / 2), 6, 30))


def supports(ground: Ground, library: Library) -> tuple[Library, list[System]]:
    """Return systems from regressions on integrals in stretches of several lengths, the best support of each equation.

    Of a library with constants within terms, only terms of good supports are kept.
    """
    data, found = ground.data, []
    n, d = data.values.shape
    penalties = np.log(n * d) + np.array(library.costs)
    for length in ground.windows:
        sums = integrals(data, ground.curves, library.terms, library.inner_values, length)
        ranked = [
            beam(sums.design, sums.targets[:, j], penalties, FLOOR * data.deviation[j], _MOST_TERMS) for j in range(d)
        ]
        best = [each[0][1] for each in ranked]
        found.append((best, [solved(sums.design, sums.targets[:, j], best[j]) for j in range(d)], ranked))
    kept = [*range(len(library.terms))]
    if len(library.inner) > 2:
        plain = [k for k, e in enumerate(library.expressions) if not e.free_symbols.intersection(library.inner)]
        chosen = {k for _, _, ranked in found for each in ranked for _, support in each[:_KEPT] for k in support}
        kept = sorted({*plain, *chosen})
        library = library.only(kept)
    systems = []
    for best, coefficients, _ in found:
        mask = np.zeros((d, len(kept)), bool)
        for j, support in enumerate(best):
            mask[j, [kept.index(k) for k in support]] = True
        values = np.array(coefficients)[:, kept]
        systems.append(System(library.terms, mask, np.where(mask, values, 0.0), library.inner_values, data.order))
    return library, systems


def frequencies(ground: Ground, degree: int, most: int = 1) -> list[float]:
    """Return angular frequencies at which time itself drives the states, beyond what polynomials of them explain."""
    data = ground.data
    span = min(data.times[rows.stop - 1] - data.times[rows.start] for rows in data.pieces())
    step = float(np.median(np.diff(data.times)[np.diff(data.times) > 0]))
    grid = np.arange(np.pi / (4 * span), np.pi / (3 * step), np.pi / (4 * span))[4:_FREQUENCIES]
    length = ground.windows[-1]
    library = polynomials(data.n_observed * data.order, degree)
    omega = sympy.Symbol("omega", positive=True)
    waves = Terms([sympy.cos(omega * TIME), sympy.sin(omega * TIME)], library.n_states, [omega])
    sums = integrals(data, ground.curves, library.terms, library.inner_values, length)
    if not np.isfinite(sums.design).all():
        return []
    scale = np.sqrt(np.einsum("nk,nk->k", sums.design, sums.design)) + 1e-300
    u, s, _ = np.linalg.svd(sums.design / scale, full_matrices=False)
    q = u[:, s > 1e-9 * s[0]]
    left = sums.targets - q @ (q.T @ sums.targets)
    n, d = data.values.shape
    total = (left**2).sum(axis=0)
    floor = n * (FLOOR * data.deviation) ** 2
    gains = np.zeros((len(grid), d))
    for k, w in enumerate(grid):
        wave = integrals(data, ground.curves, waves, np.array([w]), length).design
        wave = wave - q @ (q.T @ wave)
        own = np.linalg.qr(wave)[0]
        gains[k] = n * np.log((total + floor) / (np.maximum(total - ((own.T @ left) ** 2).sum(axis=0), 0) + floor))
    best = gains.max(axis=1)
    order = np.argsort(-best)[:most]
    return [float(grid[k]) for k in order if best[k] > 30 + 2 * np.log(len(grid))]


def scales(data: Measured, curves: list[Curve]) -> Array:
    """Return the typical size of each state."""
    values = data.values
    if data.order == 2:
        rates = np.concatenate([c.at(data.times[rows], 1) for c, rows in zip(curves, data.pieces(), strict=True)])
        values = np.concatenate([values, rates], axis=1)
    return np.median(np.abs(values), axis=0)
