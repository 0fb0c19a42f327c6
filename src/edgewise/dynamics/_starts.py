"""Where searches start: supports from regression on integrals, and frequencies of forcing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._selection import solved
from edgewise._typing import Array, Formula
from edgewise.dynamics._library import TIME, Library, Terms, polynomials, saturations, state_symbols
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import Curve, arguments, beam, integrals
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._system import System

_LEVELS = np.geomspace(0.03, 30.0, 25)  # of the constant of a quotient, over the state's size


@dataclass(frozen=True)
class Ground:
    """What all searches share: the rows, smooth curves through them, and rows between two turning points.

    `floor` is the part of a state's standard deviation below which errors count as none.
    """

    data: Measured
    curves: list[Curve]
    turn: float
    floor: float = SETTINGS.exact

    @classmethod
    def of(cls, data: Measured, curves: list[Curve]) -> Ground:
        """Return it for trajectories, whose turning points are counted."""
        gaps = []
        for curve, rows in zip(curves, data.pieces(), strict=True):
            signs = np.sign(curve.at(data.times[rows], 1))
            turns = np.abs(np.diff(signs, axis=0)).sum(axis=0) / 2
            gaps += [(rows.stop - rows.start) / (1 + count) for count in turns]
        return cls(data, curves, float(np.median(gaps)))

    def states(self) -> tuple[Array, Array]:
        """Return the states of the smooth curves and the inputs (n, m) at the rows, and their times (n,)."""
        times = [self.data.times[rows] for rows in self.data.pieces()]
        parts = [arguments(self.data, curve, t) for curve, t in zip(self.curves, times, strict=True)]
        return np.concatenate(parts), np.concatenate(times)

    @property
    def windows(self) -> list[int]:
        """The lengths of the stretches of regressions, in rows."""
        most = max(rows.stop - rows.start for rows in self.data.pieces())
        return sorted({int(np.clip(round(self.turn * f), min(6, most), most)) for f in SETTINGS.windows})

    @property
    def stretch(self) -> int:
        """The length of the stretches of fits, in rows."""
        return int(np.clip(round(self.turn / 2), 6, 30))


def supports(ground: Ground, library: Library) -> tuple[Library, list[System]]:
    """Return systems from regressions on integrals in stretches of several lengths, the best support of each equation.

    Where a constant is beyond its bounds, the best ones without that term follow. Of a library with constants within
    terms, only terms of good supports are kept.
    """
    best_supports = 6  # supports of an equation whose terms stay in the library
    most_terms = 8
    data, found = ground.data, []
    d = data.n_observed
    penalties = np.log(data.size) + data.prior.costs(library, d)
    for length in ground.windows:
        sums = integrals(data, ground.curves, library.terms, library.inner_values, length)
        costs, beyond = penalties.copy(), [(0, 0, 0.0)]
        while beyond:
            ranked = [
                beam(sums.design, sums.targets[:, j], costs[j], ground.floor * data.deviation[j], most_terms)
                for j in range(d)
            ]
            best = [each[0][1] for each in ranked]
            values = np.array([solved(sums.design, sums.targets[:, j], best[j]) for j in range(d)])
            found.append((best, values, ranked))
            beyond = data.prior.beyond(library.expressions, values != 0, values)
            costs[[j for j, _, _ in beyond], [k for _, k, _ in beyond]] = np.inf
    kept = [*range(len(library.terms))]
    if len(library.inner) > 2:
        plain = [k for k, e in enumerate(library.expressions) if not e.free_symbols.intersection(library.inner)]
        chosen = {
            k for _, _, ranked in found for each in ranked for _, support in each[:best_supports] for k in support
        }
        kept = sorted({*plain, *chosen})
        library = library.only(kept)
    systems = []
    for best, coefficients, _ in found:
        mask = np.zeros((d, len(kept)), bool)
        for j, support in enumerate(best):
            mask[j, [kept.index(k) for k in support]] = True
        values = np.where(mask, coefficients[:, kept], 0.0)
        systems.append(System(library.terms, mask, values, library.inner_values, *data.surroundings))
    return library, systems


def frequencies(ground: Ground, degree: int, most: int = 1) -> list[float]:
    """Return angular frequencies at which time itself drives the states, beyond what polynomials of them explain."""
    data, known = ground.data, _Known.of(ground, degree)
    if known is None:
        return []
    grid = _grid(data)
    omega = sympy.Symbol("omega", positive=True)
    waves = Terms([sympy.cos(omega * TIME), sympy.sin(omega * TIME)], data.n_arguments, [omega])
    best = np.array([known.gains(waves, w).max() for w in grid])
    order = np.argsort(-best, kind="stable")[:most]
    return [float(grid[k]) for k in order if best[k] > SETTINGS.gain + 2 * np.log(len(grid))]


def _grid(data: Measured) -> Array:
    """Return angular frequencies, from one period in a trajectory to six rows in a period."""
    most = 1500
    span = min(float(data.times[rows.stop - 1] - data.times[rows.start]) for rows in data.pieces())
    step = float(np.median(np.diff(data.times)[np.diff(data.times) > 0]))
    return np.arange(2 * np.pi / span, np.pi / (3 * step), np.pi / (4 * span))[:most]


def saturating(ground: Ground, degree: int) -> Library | None:
    """Return the quotients that explain the most of each equation beyond polynomials, and the polynomials."""
    quotients = 2  # of each equation
    data, known = ground.data, _Known.of(ground, degree)
    if known is None:
        return None
    n_states, sizes = data.n_arguments, np.median(np.abs(ground.states()[0]), axis=0)
    found: list[list[tuple[float, float, Formula, sympy.Symbol]]] = [[] for _ in range(data.n_observed)]
    for j, quotient, level in saturations(n_states):
        term = Terms([quotient], n_states, [level])
        grid = sizes[j] * _LEVELS
        gains = np.array([known.gains(term, k) for k in grid])
        for each, column in zip(found, gains.T, strict=True):
            each.append((float(column.max()), float(grid[int(column.argmax())]), quotient, level))
    chosen: dict[sympy.Symbol, tuple[Formula, float]] = {}
    for each in found:
        for gain, value, quotient, level in sorted(each, key=lambda row: -row[0])[:quotients]:
            if gain > SETTINGS.gain:
                chosen.setdefault(level, (quotient, value))
    expressions, values = tuple(q for q, _ in chosen.values()), tuple(v for _, v in chosen.values())
    new = Library(n_states, expressions, (8.0,) * len(chosen), tuple(chosen), values)
    return polynomials(n_states, degree) + new if chosen else None


def started(ground: Ground, library: Library) -> Library:
    """Return a library whose inner constants begin with the value that explains the most, where a term has only one."""
    known, sizes = _Known.of(ground, 0), np.median(np.abs(ground.states()[0]), axis=0)
    values = dict(zip(library.inner, library.values, strict=True))
    if known is None:
        return library
    z = state_symbols(library.n_states)
    for term in library.expressions:
        own = [w for w in library.inner if w in term.free_symbols]
        size = max((float(sizes[k]) for k, s in enumerate(z) if s in term.free_symbols), default=1.0) or 1.0
        if len(own) == 1:
            grid = np.concatenate([size * _LEVELS, _LEVELS / size])
            grid = _grid(ground.data) if TIME in term.free_symbols and len(_grid(ground.data)) else grid
            made = Terms([term], library.n_states, own)
            gains = [known.gains(made, float(value)).max() for value in grid]
            values[own[0]] = float(grid[int(np.argmax(gains))])
    return replace(library, values=tuple(values[w] for w in library.inner))


@dataclass(frozen=True)
class _Known:
    """What polynomials leave of the integrals: a basis (N, r) of what they explain, and the rest (N, d)."""

    ground: Ground
    length: int
    basis: Array
    rest: Array

    @classmethod
    def of(cls, ground: Ground, degree: int) -> _Known | None:
        length = ground.windows[-2] if len(ground.windows) > 1 else ground.windows[0]
        library = polynomials(ground.data.n_arguments, degree)
        sums = integrals(ground.data, ground.curves, library.terms, library.inner_values, length)
        if not np.isfinite(sums.design).all():
            return None
        scale = np.sqrt(np.einsum("nk,nk->k", sums.design, sums.design)) + 1e-300
        u, s, _ = np.linalg.svd(sums.design / scale, full_matrices=False)
        basis = u[:, s > 1e-9 * s[0]]
        return cls(ground, length, basis, sums.targets - basis @ (basis.T @ sums.targets))

    def gains(self, terms: Terms, value: float) -> Array:
        """Return how much n log(mean square) falls (d,) with more terms, whose constant has a value."""
        data = self.ground.data
        wave = integrals(data, self.ground.curves, terms, np.array([value]), self.length).design
        if not np.isfinite(wave).all():
            return np.zeros(data.n_observed)
        own = np.linalg.qr(wave - self.basis @ (self.basis.T @ wave))[0]
        total = (self.rest**2).sum(axis=0)
        floor = len(data.times) * (self.ground.floor * data.deviation) ** 2
        left = np.maximum(total - ((own.T @ self.rest) ** 2).sum(axis=0), 0)
        return len(data.times) * np.log((total + floor) / (left + floor))
