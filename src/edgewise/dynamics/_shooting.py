"""Multiple shooting: short stretches integrated side by side, then chained to long ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._system import System

#: Dormand and Prince's method of order 5: nodes, coefficients, weights
_NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1])
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
_WEIGHTS = np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84])


@dataclass(frozen=True)
class Stretches:
    """The rows of trajectories in stretches of equal length.

    times (S, L + 1): those of the rows of a stretch, then the first of the next stretch; the last one is repeated where
    a stretch has fewer. rows (S, L) are numbers of rows, -1 where there is none. `follows` (S,) says which stretches
    continue the one before.
    """

    times: Array
    rows: Array
    follows: Array

    @classmethod
    def of(cls, data: Measured, length: int) -> Stretches:
        """Return stretches of about `length` rows."""
        parts: list[tuple[int, int, int]] = []
        for piece in data.pieces():
            count = max(1, round((piece.stop - piece.start) / length))
            cuts = np.linspace(piece.start, piece.stop, count + 1).astype(int)
            parts += [(int(a), int(b), piece.start) for a, b in pairwise(cuts)]
        longest = max(b - a for a, b, _ in parts)
        times, rows = np.empty((len(parts), longest + 1)), np.full((len(parts), longest), -1)
        follows = np.array([a > start for a, _, start in parts])
        for s, (a, b, _) in enumerate(parts):
            rows[s, : b - a] = np.arange(a, b)
            times[s, : b - a] = data.times[a:b]
            last = s + 1 == len(parts) or not follows[s + 1]
            times[s, b - a :] = data.times[b - 1] if last else data.times[b]
        return cls(times, rows, follows)

    def groups(self, size: int) -> list[Array]:
        """Return chains of up to `size` stretches, each within one trajectory."""
        out: list[list[int]] = []
        for s, follows in enumerate(self.follows):
            if follows and out and len(out[-1]) < size:
                out[-1].append(s)
            else:
                out.append([s])
        return [np.array(group) for group in out]


def integrate(system: System, start: Array, times: Array, substeps: int, *, slopes: bool = False) -> Array:
    """Return states (S, L, m) at times (S, L), from `start` (S, m); with `slopes` (S, L, m, 1 + m + P).

    Then the last axis holds the state, its derivatives by the start, and by the parameters.
    """
    m = start.shape[1]
    if slopes:
        y = np.zeros((len(start), m, 1 + m + system.n_parameters))
        y[:, :, 0] = start
        y[:, np.arange(m), 1 + np.arange(m)] = 1.0
    else:
        y = start
    out = np.empty((len(start), times.shape[1], *y.shape[1:]))
    out[:, 0] = y
    with np.errstate(all="ignore"):
        for k in range(times.shape[1] - 1):
            step = (times[:, k + 1] - times[:, k]) / substeps
            for r in range(substeps):
                y = _step(system, y, times[:, k] + r * step, step)
            out[:, k + 1] = y
    return out


def _step(system: System, y: Array, t: Array, step: Array) -> Array:
    wide = step.reshape(-1, *[1] * (y.ndim - 1))
    found: list[Array] = []
    for node, row in zip(_NODES, _STAGES, strict=True):
        at = y
        if row:
            at = y + wide * sum(a * k for a, k in zip(row, found, strict=True) if a)
        found.append(_rates(system, at, t + node * step))
    return y + wide * sum(b * k for b, k in zip(_WEIGHTS, found, strict=True) if b)


def _rates(system: System, y: Array, t: Array) -> Array:
    if y.ndim == 2:
        return system.rates(y, t)
    rates, by_state, by_parameter = system.slopes(y[:, :, 0], t)
    out = by_state @ y
    out[:, :, 0] = rates
    m = system.n_states
    out[:, :, 1 + m :] += by_parameter
    return out


class Linear(NamedTuple):
    """Residuals (N, d) over the noise, zero where nothing was measured, and their negative derivatives (N, d, P).

    What the start of chains explains is taken out of `rest` (N d,) and `by` (N d, P).
    """

    residuals: Array
    gaps: float
    rest: Array
    by: Array
    moves: list[tuple[Array, Array, Array, Array, Array]]


def linearize(
    system: System, nodes: Array, data: Measured, at: Stretches, size: int, noise: Array, substeps: int
) -> Linear:
    """Return the residuals near the states `nodes` (S, m) at the beginnings of stretches, chains of `size` each."""
    d, m = data.n_observed, system.n_states
    full = integrate(system, nodes, at.times, substeps, slopes=True)
    states, ends = full[:, :-1], full[:, -1]
    seen, rows = at.rows >= 0, np.where(at.rows >= 0, at.rows, 0)
    known = seen[:, :, None] & data.seen[rows]
    each = noise * data.spread[rows]
    residuals = np.where(known, data.values[rows] - states[:, :, :d, 0], 0.0) / each
    by = states[:, :, :d, 1:] / each[:, :, :, None] * known[:, :, :, None]
    rest, kept, moves, gap = [], [], [], 0.0
    for group in at.groups(size):
        a, b, c = np.eye(m), np.zeros((m, system.n_parameters)), np.zeros(m)
        pieces = []
        for n, s in enumerate(group):
            if n > 0:
                before = group[n - 1]
                jump = ends[before, :, 0] - nodes[s]
                phi, psi = ends[before, :, 1 : 1 + m], ends[before, :, 1 + m :]
                a, b, c = phi @ a, phi @ b + psi, phi @ c + jump
                gap += float(np.sum((jump[:d] / noise) ** 2))
            z, p = by[s][:, :, :m], by[s][:, :, m:]
            pieces.append((residuals[s] - z @ c, z @ a, p + z @ b))
            moves.append((s, group[0], a, b, c))
        r = np.concatenate([piece[0] for piece in pieces]).ravel()
        za = np.concatenate([piece[1] for piece in pieces]).reshape(len(r), m)
        pb = np.concatenate([piece[2] for piece in pieces]).reshape(len(r), -1)
        q, inverse = _orthogonal(za)
        moves.append((group[0], inverse, q.T @ r, q.T @ pb, np.empty(0)))
        rest.append(r - q @ (q.T @ r))
        kept.append(pb - q @ (q.T @ pb))
    return Linear(residuals[seen], gap, np.concatenate(rest), np.concatenate(kept), moves)


def _orthogonal(z: Array) -> tuple[Array, Array]:
    """Return an orthonormal basis q of the columns, and the matrix that turns q's coefficients into theirs."""
    scale = np.sqrt(np.einsum("nk,nk->k", z, z)) + 1e-300
    u, s, vt = np.linalg.svd(z / scale, full_matrices=False)
    keep = s > 1e-10 * s[0]
    return u[:, keep], (vt[keep].T / s[keep]) / scale[:, None]
