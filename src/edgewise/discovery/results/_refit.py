"""Constants of formulas fitted to all rows of a large table, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from edgewise._typing import Array
from edgewise.discovery.judging import Candidate
from edgewise.discovery.results._front import JUDGED
from edgewise.discovery.results._result import Discovery
from edgewise.discovery.tables import EXACT, Table
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate


def fitted_to_all(found: Discovery, late: Callable[[], bool]) -> Discovery:
    """Return a discovery whose fitted constants are those of all rows, where the search took a sample of them.

    The best formula comes first, the others follow until `late()`.
    """
    most = 40  # constants
    if len(found.y) <= JUDGED or found.logarithmic:
        return found
    weight = np.ones(len(found.y)) if found.weight is None else found.weight
    table = Table(found.names, found.x, found.y, weight, found.target)
    again: dict[int, Candidate] = {}
    for candidate in sorted(found.candidates, key=lambda each: each is not found.best):
        if 0 < candidate.fitted <= most and candidate.error >= EXACT and not late():
            again[id(candidate)] = _refitted(candidate, table)
    said = (
        f"The search took up to {JUDGED} rows; the constants of {len(again)} formulas are fitted to all {len(table)}."
    )
    return replace(
        found, candidates=[again.get(id(each), each) for each in found.candidates],
        best=again.get(id(found.best), found.best), stages=[*found.stages, said],
        settings={**found.settings, "rows fitted": len(table)},
    )  # fmt: skip


def _refitted(candidate: Candidate, table: Table) -> Candidate:
    """Return a formula after some Gauss-Newton steps on all rows, if they lower its error."""
    steps = 3
    free = FreeFormula.of(candidate.expression)
    spread = _spread(table)
    best, least = candidate.expression, _error(candidate, table, spread)
    for _ in range(steps):
        step, small = _step(free, table)
        if step is None:
            break
        free = replace(free, values=tuple(float(v) for v in np.array(free.values) + step))
        error = _error(replace(candidate, expression=free.expression), table, spread)
        if not error <= least:
            break
        best, least = free.expression, error
        if small:
            break
    return replace(candidate, expression=best, error=least)


def _blocks(table: Table) -> Iterator[slice]:
    block = 50_000  # rows
    return (slice(start, start + block) for start in range(0, len(table), block))


def _step(free: FreeFormula, table: Table) -> tuple[Array | None, bool]:
    """Return a Gauss-Newton step of the constants, and whether it is small beside their standard errors."""
    enough = 1e-3  # standard errors: a step that is no longer taken
    count = len(free.values)
    normal, slope, total = np.zeros((count, count)), np.zeros(count), 0.0
    scales = np.ones(count)
    for part in _blocks(table):
        columns = tuple(np.ascontiguousarray(column) for column in table.x[part].T)
        data = FitData(table.names, columns, table.y[part], table.weight[part])
        scales, jacobian = free.relative_jacobian(data)
        residual = data.weight * (data.y - evaluate(free.expression, table.names, table.x[part]))
        normal += jacobian.T @ jacobian
        slope += jacobian.T @ residual
        total += float(residual @ residual)
    if not (np.isfinite(normal).all() and np.isfinite(slope).all()):
        return None, True
    step = np.linalg.lstsq(normal, slope, rcond=1e-13)[0]
    gain = float(slope @ step)  # of the sum of squares, in units of its variance per constant
    return step * scales, gain <= enough**2 * total / len(table)


def _spread(table: Table) -> float:
    mean = np.average(table.y, weights=table.weight**2)
    return float(np.sqrt(np.mean((table.weight * (table.y - mean)) ** 2)))


def _error(candidate: Candidate, table: Table, spread: float) -> float:
    total = 0.0
    for part in _blocks(table):
        values = evaluate(candidate.expression, candidate.names, table.x[part])
        with np.errstate(all="ignore"):
            total += float(np.sum((table.weight[part] * (values - table.y[part])) ** 2))
    return float(np.sqrt(total / len(table))) / spread if np.isfinite(total) else np.inf
