"""Least squares of a linearized problem on one even lattice: what is found, what is left, and what is hardly held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from edgewise._jets import Jets
from edgewise._typing import Array
from edgewise.pde._even_lattice import EvenLattice, Known, NotFinite, Rows
from edgewise.pde._problem import Condition

_ROUNDING = 1e-15  # of the largest column
_STEPS, _GAIN = 40, 1e-4
_DAMPED, _MOST = 1e-6, 10.0  # dampings that are tried after none
_NO_DATA, _NO_TERMS = 1e-10, 1e-5  # of an equation's terms, and of all that is right of the rows
_LEAST = 1e-300


class Level(NamedTuple):
    """What least squares on one lattice give.

    weakest: the least |J v| / |v| of functions v, ascending. floor: what may be rounding of it. weak: these functions'
    coefficients, as columns. left: what the squares leave, over the data of the equation. rounding: what may be
    rounding of that. smooth: the part of it that is smooth and inside the domain. fine: as in `Rows`.
    """

    lattice: EvenLattice
    found: Array
    weakest: Array
    floor: float
    weak: Array
    left: float
    rounding: float
    smooth: float
    fine: bool
    settled: bool

    def jets(self, points: Tensor) -> Jets:
        """The solution at points."""
        return self.lattice.jets(points, self.found)


class _Factors:
    """The rows' triangular factor and its singular values, of columns scaled to norm one."""

    def __init__(self, rows: Rows) -> None:
        matrix = rows.matrix @ rows.basis
        norms = np.linalg.norm(matrix, axis=0)
        self.rows, self.norms = rows, np.where(norms > 0, norms, 1.0)
        n = matrix.shape[1]
        both = np.column_stack([matrix / self.norms, rows.right])
        both = np.pad(both, ((0, max(0, n + 1 - len(both))), (0, 0)))  # rows of zeros, where there are few
        whole = np.asarray(np.linalg.qr(both, mode="r"))
        left, self.sizes, self.turned = _svd(whole[:n, :n])
        self.right = left.T @ whole[:n, n]

    def change(self, damping: float = 0.0) -> Array:
        """The change of least squares, with the square of damping times the scaled change added."""
        kept = self.sizes > _ROUNDING * self.sizes[0]
        sizes = self.sizes[kept]
        found = self.turned[kept].T @ (self.right[kept] * sizes / (sizes**2 + damping**2))
        return self.rows.basis @ (found / self.norms)

    def weakest(self) -> tuple[Array, Array]:
        """What functions leave that leave least, ascending; and their coefficients, of size one, as columns."""
        inverse = self.turned.T / np.maximum(self.sizes, _LEAST) / self.norms[:, None]
        _, reached, turned = _svd(self.rows.metric @ inverse)
        weak = self.rows.basis @ (inverse @ turned.T) / np.maximum(reached, _LEAST)
        return 1 / np.maximum(reached, _LEAST), weak


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    try:
        return np.linalg.svd(matrix)
    except np.linalg.LinAlgError:  # of numbers at the end of their range
        raise NotFinite from None


def linear_level(
    lattice: EvenLattice, conditions: Sequence[Condition], constants: Array, known: Known | None = None
) -> Level:  # fmt: skip
    """Solve a linear problem, or one that is linearized about known functions."""
    rows = lattice.rows(known or lattice.zero, constants, conditions)
    factors = _Factors(rows)
    change = factors.change()
    if not rows.data > 0:
        rows = lattice.rows(lambda points: lattice.jets(points, change), constants, conditions)
        rows = rows._replace(right=rows.right + rows.matrix @ change)
    return _judged(lattice, rows, rows.right - rows.matrix @ change, change, factors)


def level_about(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> Level:
    """Linearize about known functions, which are the solution."""
    rows = lattice.rows(known, constants, conditions)
    return _judged(lattice, rows, rows.right, np.zeros(lattice.size), _Factors(rows))


def newton_level(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> Level:
    """Solve a problem by Levenberg-Marquardt steps from known functions."""
    held = np.concatenate([lattice.projected(known)[: lattice.size - len(constants)], constants])

    def at(found: Array) -> Rows | None:
        own = found[lattice.size - len(constants) :]
        try:
            return lattice.rows(lambda points: lattice.jets(points, found), own, conditions)
        except NotFinite:
            return None

    rows, damping = at(held), 0.0
    if rows is None:
        raise NotFinite
    factors = _Factors(rows)
    for _ in range(_STEPS):
        before, trial = _norm(rows.right), None
        while damping <= _MOST:
            change = factors.change(damping)
            trial = at(held + change)
            if trial is not None and _norm(trial.right) < before:
                break
            damping = max(_DAMPED, 10 * damping)
        if trial is None or not _norm(trial.right) < (1 - _GAIN) * before:
            return _judged(lattice, rows, rows.right, held, factors)
        held, rows, damping = held + change, trial, damping / 100 if damping > _DAMPED else 0.0
        factors = _Factors(rows)
    return _judged(lattice, rows, rows.right, held, factors, settled=False)


def _judged(
    lattice: EvenLattice, rows: Rows, left: Array, found: Array, factors: _Factors, *, settled: bool = True
) -> Level:
    """What a solution leaves, over the data of the equation or, without any, over its terms."""
    scale = rows.data if rows.data > _NO_DATA * rows.terms else max(rows.terms, _NO_TERMS * _norm(rows.right))
    scale, rest = max(scale, _LEAST), left[: rows.inside]
    weakest, weak = factors.weakest()
    floor = _ROUNDING * float(np.linalg.norm(rows.matrix, axis=0).max())
    return Level(
        lattice, found, weakest, floor, weak, _norm(left) / scale, floor * float(np.abs(found).max()) / scale,
        lattice.smooth(rest) / max(_norm(left), _LEAST), rows.fine, settled,
    )  # fmt: skip


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
