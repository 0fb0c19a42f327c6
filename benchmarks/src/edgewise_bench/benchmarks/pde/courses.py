"""Forty systems of ordinary differential equations: errors, estimates and seconds beside scipy's best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from edgewise.pde import solve
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.pde.extended import trusted
from edgewise_bench.benchmarks.pde.systems import SYSTEMS, System
from edgewise_bench.tables import format_number, number

SCIPY = "scipy"
_QUICK = ("logistic",)
_TIMES = 401
_TOLERANCE = 1e-12  # of edgewise; DOP853 and Radau have their tightest sensible ones
_KNOWN = {"pollution": 1e-15, "e5": 1e-14, "ring-modulator": 1e-14}  # steps of the reference agree to 1e-17 elsewhere
_SCALES = {"e5": 1e-24}  # of the smallest component, where scipy's absolute tolerance is not 1e-15
_CLOSE, _SLOW = 5.0, 10.0  # estimates within this factor; seconds over scipy's


class Systems(Benchmark):
    """Initial value problems of the literature by `pde.solve`, and by DOP853 or, of stiff ones, Radau.

    The error is the largest of the unknowns' relative ones, in L2 at 401 times, against a reference in extended
    precision.
    """

    name = "systems"
    title = "Forty systems of ordinary differential equations"
    overtime = 3600.0
    columns = ("solver", "relative", "estimate", "outcome", "seconds", "status")
    parallel = True
    slow = True
    note = "relative: error; ratio: of the estimated error to the true one; s: CPU seconds on one core"

    def cases(self, settings: Settings) -> list[Case]:
        names = [own.name for own in SYSTEMS if not settings.quick or own.name in _QUICK]
        return [Case(name, {"problem": name}) for name in names]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        name = case.values["problem"]
        system = next(own.system for own in SYSTEMS if own.name == name)
        times = np.linspace(0, system.end, _TIMES)
        true = trusted(system, times, _KNOWN.get(name, 1e-17))
        solve(SYSTEMS[0].system.problem(torch))  # what the first call takes is not the problem's
        with clock() as spent:
            found = solve(system.problem(torch), tolerance=_TOLERANCE)
        values = found(torch.from_numpy(times)[:, None]).reshape(_TIMES, -1).numpy()[:, : true.shape[1]]
        ours = {"estimate": found.error if math.isfinite(found.error) else "", "outcome": found.outcome.name}
        other, seconds = _by_scipy(system, times, _SCALES.get(name, 1e-15))
        return [
            self.row(case, solver=OURS, relative=_error(values, true), seconds=spent.process, **ours),
            self.row(case, solver=SCIPY, relative=_error(other, true), seconds=seconds),
        ]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = []
        for name in dict.fromkeys(row["problem"] for row in rows):
            own, other = ([row for row in rows if row["problem"] == name and row["solver"] == who][-1:]
                          for who in (OURS, SCIPY))  # fmt: skip
            if own and other:
                lines.append(_line(str(name), own[0], other[0]))
        head = ["system", "error", "ratio", "outcome", "s", "scipy's error", "scipy's s"]
        return head, lines


def _by_scipy(system: System, times: Any, absolute: float) -> tuple[Any, float]:
    method, relative = ("Radau", 1e-12) if system.stiff else ("DOP853", 1e-13)
    slope = lambda t, y: list(system.slope(np, t, *y))  # noqa: E731
    with np.errstate(all="ignore"), clock() as spent:
        found = solve_ivp(slope, (0, system.end), system.start, method, times, rtol=relative, atol=absolute)
    return (found.y.T if found.success else np.full((len(times), len(system.start)), np.nan)), spent.process


def _error(values: Any, true: Any) -> float:
    off = np.sqrt(((values - true) ** 2).sum(0) / (true**2).sum(0)).max()
    return float(off) if np.isfinite(off) else math.inf


def _line(name: str, own: Row, other: Row) -> list[Cell]:
    error, theirs = number(own, "relative"), number(other, "relative")
    seconds, limit = number(own, "seconds"), _SLOW * number(other, "seconds")
    ratio = number(own, "estimate") / max(error, 1e-300)
    return [
        Cell(name),
        Cell(format_number(error), error <= theirs),
        Cell(format_number(ratio), 1 / _CLOSE <= ratio <= _CLOSE),
        Cell(str(own["outcome"])),
        Cell(format_number(seconds, 3), seconds <= limit),
        Cell(format_number(theirs)),
        Cell(format_number(limit / _SLOW, 3)),
    ]
