"""Regressions of targets on one, two or three formulas of a dictionary, from their inner products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.enumeration._dictionary import Pool

_TINY = 1e-6


class Hit(NamedTuple):
    """Formulas of a dictionary by place, and the share of a target's variance that they leave, as it seems."""

    error: float
    places: tuple[int, ...]


class Scan:
    """A dictionary without what a base explains, as unit vectors; no two are alike.

    `unit` (m, n) are the formulas; `turn` (m, n) the directions in which their inner constants move them, orthogonal to
    them, 0 without one: with both, a regression finds the constant to first order.
    """

    def __init__(self, pool: Pool, base: Array) -> None:
        self.base = np.linalg.qr(_units(base).T)[0]
        size = np.sqrt(np.einsum("ij,ij->i", pool.values, pool.values))
        values = self.rest(pool.values / size[:, None])
        norm = np.sqrt(np.einsum("ij,ij->i", values, values))
        index = np.flatnonzero(norm > _TINY)
        values = values[index] / norm[index, None]
        marks = values @ np.random.default_rng(1).standard_normal((values.shape[1], 2))
        marks *= np.sign(marks[:, :1])
        first = np.unique(np.round(marks * 1e7).astype(np.int64).view("i8,i8").ravel(), return_index=True)[1]
        first.sort()
        self.pool, self.unit = pool.take(index[first]), np.ascontiguousarray(values[first])
        self.turn = self._turns()

    def _turns(self) -> Array:
        """Return the directions in which inner constants move the formulas."""
        slopes = self.pool.slopes
        size = np.sqrt(np.einsum("ij,ij->i", slopes, slopes))
        moved = np.flatnonzero((size > 0) & np.isfinite(size))
        turn = np.zeros_like(self.unit)
        if len(moved):
            rest = self.rest(slopes[moved] / size[moved, None])
            unit = self.unit[moved]
            for _ in range(2):
                rest -= np.einsum("ij,ij->i", rest, unit)[:, None] * unit
            norm = np.sqrt(np.einsum("ij,ij->i", rest, rest))
            turn[moved] = np.where(norm[:, None] > _TINY, rest / np.maximum(norm, _TINY)[:, None], 0.0)
        return turn

    def rest(self, rows: Array) -> Array:
        """Return rows (k, n) without what the base explains."""
        for _ in range(2):
            rows = rows - (rows @ self.base) @ self.base.T
        return rows

    def singles(self, targets: Array, most: int, tied: Array | None = None) -> Iterator[list[Hit]]:
        """Yield for each target (k, n) the formulas that explain most of it, with the base.

        tied: (k, n), a column for each target that joins the base.
        """
        block = 64
        for k in range(0, len(targets), block):
            yield from self._singles(targets[k : k + block], most, None if tied is None else tied[k : k + block])

    def _singles(self, targets: Array, most: int, tied: Array | None) -> Iterator[list[Hit]]:
        z = self.rest(_standard(targets))
        left = np.einsum("ij,ij->i", z, z)
        along, turned = self.unit @ z.T, self.turn @ z.T
        if tied is not None:
            e = self.rest(_units(tied))
            e /= np.maximum(np.sqrt(np.einsum("ij,ij->i", e, e)), 1e-5)[:, None]
            explained = np.einsum("ij,ij->i", e, z)
            left = np.maximum(left - explained**2, 0.0)
            s, t = self.unit @ e.T, self.turn @ e.T
            kept = 1 - s**2
            scale = np.where(kept > 1e-8, 1 / np.sqrt(np.maximum(kept, 1e-8)), 0.0)
            along = (along - s * explained) * scale
            cross = -s * t * scale
            size = 1 - t**2 - cross**2
            turned = (turned - t * explained - cross * along) * np.where(
                size > 1e-6, 1 / np.sqrt(np.maximum(size, 1e-6)), 0.0
            )
        gains = along**2 + np.minimum(turned**2, along**2)  # a constant far from its grid tells nothing to first order
        for k, total in enumerate(left):
            yield [Hit(float(total), ())] + [
                Hit(max(float(total - gains[i, k]), 0.0), (int(i),)) for i in largest(gains[:, k], most)
            ]

    def _first(self, plain: int, moved: int) -> Array:
        """Return the places of the first formulas without an inner constant, and of the first with one."""
        constant = np.einsum("ij,ij->i", self.turn, self.turn) > 0
        return np.sort(np.concatenate([np.flatnonzero(~constant)[:plain], np.flatnonzero(constant)[:moved]]))

    def pairs(self, targets: Array, m: int, most: int, tied: Array | None = None) -> Iterator[list[Hit]]:
        """Yield for each target the pairs of the first m formulas that explain most of it, with the base.

        Inner constants take part to first order: of a pair, up to four directions are regressed on.
        """
        block = 96
        index = self._first(m, m // 3)
        m = len(index)
        if m < 2:
            yield from ([] for _ in targets)
            return
        z = self.rest(_standard(targets))
        left = np.einsum("ij,ij->i", z, z)
        unit, turn = self.unit[index], self.turn[index]
        if tied is not None:
            e = self.rest(_units(tied))
            e /= np.maximum(np.sqrt(np.einsum("ij,ij->i", e, e)), 1e-5)[:, None]
            z -= np.einsum("ij,ij->i", e, z)[:, None] * e
            left = np.einsum("ij,ij->i", z, z)
        along, turned = unit @ z.T, turn @ z.T
        best, partner = np.zeros((len(z), m)), np.zeros((len(z), m), np.int64)
        for start in range(0, m - 1, block):
            rows = slice(start, min(start + block, m - 1))
            later = np.arange(start, m)[None, :] > np.arange(rows.start, rows.stop)[:, None]
            uu, uv = unit[rows] @ unit[start:].T, unit[rows] @ turn[start:].T
            vu, vv = turn[rows] @ unit[start:].T, turn[rows] @ turn[start:].T
            first, cross, second = 1 - uu * uu - vu * vu, -(uu * uv + vu * vv), 1 - uv * uv - vv * vv
            first = np.where(later & (first > _TINY), first, np.inf)
            second -= cross * cross / first
            second = np.where(second > _TINY, second, np.inf)
            for k in range(len(z)):
                own, moved = along[rows, k][:, None], turned[rows, k][:, None]
                r = along[start:, k] - uu * own - vu * moved
                s = turned[start:, k] - uv * own - vv * moved - cross * r / first
                gain = r * r / first + s * s / second
                place = gain.argmax(axis=1)
                partner[k, rows] = start + place
                best[k, rows] = gain[np.arange(len(place)), place] + (own * own + moved * moved)[:, 0]
        for k, total in enumerate(left):
            yield [
                Hit(max(float(total - best[k, i]), 0.0), (int(index[i]), int(index[partner[k, i]])))
                for i in largest(best[k], most)
            ]

    def triples(self, targets: Array, m: int, most: int) -> Iterator[list[Hit]]:
        """Yield for each target the triples of the first m formulas that explain most of it, with the base."""
        index = self._first(m, 0)
        m, unit = len(index), self.unit[index]
        if m < 3:
            yield from ([] for _ in targets)
            return
        z = self.rest(_standard(targets))
        left = np.einsum("ij,ij->i", z, z)
        gram, along = unit @ unit.T, unit @ z.T
        best = np.zeros((len(z), m))
        others = np.zeros((len(z), m, 2), np.int64)
        for i in range(m - 2):
            rest = slice(i + 1, m)
            kept = 1 - gram[rest, i] ** 2
            scale = np.where(kept > _TINY, 1 / np.sqrt(np.maximum(kept, _TINY)), 0.0)
            c = (gram[rest, rest] - np.outer(gram[rest, i], gram[rest, i])) * scale[:, None] * scale
            inverse = 1 - c * c
            inverse = np.where(inverse > _TINY, 1 / np.maximum(inverse, _TINY), 0.0)
            for k in range(len(z)):
                r = (along[rest, k] - gram[rest, i] * along[i, k]) * scale
                gain = (r[None, :] - c * r[:, None]) ** 2 * inverse + (r * r)[:, None]
                place = int(gain.argmax())
                a, b = divmod(place, gain.shape[1])
                best[k, i], others[k, i] = gain[a, b] + along[i, k] ** 2, (i + 1 + a, i + 1 + b)
        for k, total in enumerate(left):
            yield [
                Hit(max(float(total - best[k, i]), 0.0), (int(index[i]), *map(int, index[others[k, i]])))
                for i in largest(best[k], most) if others[k, i, 0]
            ]  # fmt: skip

    def error(self, target: Array, columns: list[Array]) -> float:
        """Return the share of a target's variance that base and columns leave, to rounding."""
        z = _standard(target[None])[0]
        q = np.linalg.qr(np.column_stack([self.base, *(c / np.linalg.norm(c) for c in columns)]))[0]
        for _ in range(2):
            z = z - q @ (q.T @ z)
        return float(z @ z)


def correlated(pool: Pool, targets: Array, few: int = 3) -> list[list[tuple[float, int]]]:
    """Return for each target (k, n) the formulas of a pool that a line connects it with best: what it leaves, place."""
    if not len(pool):
        return [[] for _ in targets]
    values = pool.values - pool.values.mean(axis=1, keepdims=True)
    size = np.sqrt(np.einsum("ij,ij->i", values, values))
    size = np.where(np.isfinite(size) & (size > 1e-100) & (size < 1e100), size, np.inf)
    shares = ((_standard(targets) @ np.nan_to_num(values, posinf=0.0, neginf=0.0).T) / size) ** 2
    return [[(max(1 - float(row[i]), 0.0), int(i)) for i in largest(row, few)] for row in shares]


def _units(rows: Array) -> Array:
    return rows / np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]


def _standard(rows: Array) -> Array:
    """Return rows without their means, as unit vectors."""
    return _units(rows - rows.mean(axis=1, keepdims=True))


def largest(values: Array, most: int) -> Array:
    """Return the places of the largest values, the largest first."""
    index = np.argpartition(values, -most)[-most:] if len(values) > most else np.arange(len(values))
    return index[np.argsort(-values[index], kind="stable")]
