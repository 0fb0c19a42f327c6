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
_STEPS, _SHORTEST, _GAIN = 30, 1e-3, 1e-4
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


def _least(rows: Rows) -> tuple[Array, Array, Array]:
    """The change of least squares; what the weakest functions leave, ascending; and these, of size one, as columns."""
    matrix = rows.matrix @ rows.basis
    norms = np.linalg.norm(matrix, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    n = matrix.shape[1]
    whole = np.linalg.qr(np.column_stack([matrix / norms, rows.right]), mode="r")
    one, sizes, two = np.linalg.svd(whole[:n, :n])
    kept = sizes > _ROUNDING * sizes[0]
    change = two[kept].T @ ((one.T @ whole[:n, n])[kept] / sizes[kept])
    inverse = two.T / np.maximum(sizes, _LEAST) / norms[:, None]
    _, reached, turned = np.linalg.svd(rows.metric @ inverse)
    weak = rows.basis @ (inverse @ turned.T) / reached
    return rows.basis @ (change / norms), 1 / np.maximum(reached, _LEAST), weak


def linear_level(lattice: EvenLattice, conditions: Sequence[Condition], constants: Array) -> Level:
    """Solve a linear problem."""
    rows = lattice.rows(lattice.zero, constants, conditions)
    change, weakest, weak = _least(rows)
    if not rows.data > 0:
        rows = lattice.rows(lambda points: lattice.jets(points, change), constants, conditions)
        rows = rows._replace(right=rows.right + rows.matrix @ change)
    return _judged(lattice, rows, rows.right - rows.matrix @ change, change, weakest, weak)


def level_about(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> Level:
    """Linearize about known functions, which are the solution."""
    rows = lattice.rows(known, constants, conditions)
    _, weakest, weak = _least(rows)
    return _judged(lattice, rows, rows.right, np.zeros(lattice.size), weakest, weak)


def newton_level(lattice: EvenLattice, conditions: Sequence[Condition], known: Known, constants: Array) -> Level:
    """Solve a problem by Gauss-Newton steps from known functions, halved while the squares rise."""
    held = np.concatenate([lattice.projected(known)[: lattice.size - len(constants)], constants])

    def at(found: Array) -> Rows | None:
        own = found[lattice.size - len(constants) :]
        try:
            return lattice.rows(lambda points: lattice.jets(points, found), own, conditions)
        except NotFinite:
            return None

    rows, settled = at(held), False
    if rows is None:
        raise NotFinite
    for _ in range(_STEPS):
        change, _, _ = _least(rows)
        before, share, trial = _norm(rows.right), 2.0, None
        while share > _SHORTEST and (trial is None or not _norm(trial.right) < before):
            share /= 2
            trial = at(held + share * change)
        if trial is None or not _norm(trial.right) < (1 - _GAIN) * before:
            settled = True
            break
        held, rows = held + share * change, trial
    _, weakest, weak = _least(rows)
    return _judged(lattice, rows, rows.right, held, weakest, weak, settled)


def _judged(
    lattice: EvenLattice, rows: Rows, left: Array, found: Array, weakest: Array, weak: Array, settled: bool = True
) -> Level:  # fmt: skip
    """What a solution leaves, over the data of the equation or, without any, over its terms."""
    scale = rows.data if rows.data > _NO_DATA * rows.terms else max(rows.terms, _NO_TERMS * _norm(rows.right))
    scale, rest = max(scale, _LEAST), left[: rows.inside]
    floor = _ROUNDING * float(np.linalg.norm(rows.matrix, axis=0).max())
    return Level(
        lattice, found, weakest, floor, weak, _norm(left) / scale, floor * float(np.abs(found).max()) / scale,
        lattice.smooth(rest) / max(_norm(left), _LEAST), rows.fine, settled,
    )  # fmt: skip


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
