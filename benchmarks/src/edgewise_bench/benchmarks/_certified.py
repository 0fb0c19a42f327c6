"""NIST's nonlinear regressions as tables whose formula is not known: the sum of squares that a search reaches."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import sympy

from edgewise._typing import Formula
from edgewise.expressions import evaluate, free_numbers
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.formulas import of_form, with_parameters
from edgewise_bench.benchmarks.searchers import SEARCHERS, Table
from edgewise_bench.datasets import CertifiedFit, nist
from edgewise_bench.tables import grouped, number

_SECONDS, _OVERTIME = 10.0, 300.0
_CLOSE, _LEAN = 1.1, 1.01  # times the certified sum of squares
_QUICK = ("Misra1a",)


class Certified(Benchmark):
    """Each problem by each library that keeps to its seconds: residual sum of squares and number of constants.

    No search is told the formula. The ratio compares its sum of squares with that of NIST's formula at its certified
    parameters, on the same rows; a formula with more constants may be below one.
    """

    name = "nist"
    title = "NIST's nonlinear regressions: sum of squares over the certified one, and constants"
    file = "nist.csv"
    columns = ("residual", "constants", "lean", "place", "formulas", "seconds", "formula", "outcome", "status")
    fresh_process = True
    parallel = True
    slow = True
    compares = "searchers"
    note = (
        f"sum of squares over the certified one, constants in brackets; last: problems where it is at most {_CLOSE:g}; "
        "where a formula of the front has at most 1 % more with as few constants; where one has NIST's form"
    )

    def cases(self, settings: Settings) -> list[Case]:
        limit = settings.budget or _SECONDS
        problems = _QUICK if settings.quick else tuple(_problems())
        return [
            Case(f"{name}: {library}, {limit:g} s", {"problem": name, "library": library, "limit": limit})
            for library in settings.searchers
            if SEARCHERS[library].timed
            for name in problems
        ]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        problem, searcher = _problems()[case.values["problem"]], SEARCHERS[case.values["library"]]
        searcher.warm_up()
        task = Table(problem.x, problem.y, list(problem.names), 0, case.values["limit"], settings.effort)
        with clock() as spent:
            found = searcher.find(task)
        with np.errstate(all="ignore"):
            residual = float(np.sum((found.predict(problem.x) - problem.y) ** 2))
        constants = free_numbers(found.formula)
        least = [
            _ratio(formula, problem) for formula in found.formulas if free_numbers(formula) <= len(problem.parameters)
        ]
        truth = with_parameters(problem.formula, problem.names, problem.parameters)
        right = [of_form(formula, truth, problem.names, problem.x) for formula in found.formulas]
        shown = {"lean": min(least, default=""), "place": right.index(True) if True in right else ""}
        described = {"formula": sympy.sstr(found.formula), "outcome": found.outcome, "seconds": spent.wall}
        return [
            self.row(
                case,
                residual=residual if np.isfinite(residual) else "",
                constants=constants,
                formulas=len(found.formulas),
                **shown,
                **described,
            )
        ]

    def time_limit(self, case: Case) -> float:
        return 2 * case.values["limit"] + _OVERTIME

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        names = list(dict.fromkeys(str(row["library"]) for row in rows))
        lines, close = [], dict.fromkeys(names, 0)
        problems = grouped(rows, "problem")
        for (name,), group in problems.items():
            truth = _problems()[name]
            cells = [Cell(name), Cell(truth.level), Cell(str(len(truth.y))), Cell(str(len(truth.parameters)))]
            for library in names:
                row = next((row for row in group if row["library"] == library), None)
                ratio = number(row, "residual") / truth.residual
                close[library] += ratio <= _CLOSE
                cells.append(Cell(f"{ratio:.3g} ({row['constants']})" if row and ratio < np.inf else _reason(row)))
            lines.append(cells)
        for what, counts in (
            (f"at most {_CLOSE:g}", close), ("within 1 %, as few", _counts(rows, _is_lean)),
            ("form on the front", _counts(rows, lambda row: row.get("place", "") != "")),
        ):  # fmt: skip
            own = [Cell(f"{counts.get(library, 0)} of {len(problems)}") for library in names]
            lines.append([Cell(what), Cell(""), Cell(""), Cell(""), *own])
        return ["problem", "level", "rows", "constants", *names], lines


@cache
def _problems() -> dict[str, CertifiedFit]:
    return {problem.name: problem for problem in nist()}


def _ratio(formula: Formula, problem: CertifiedFit) -> float:
    """Return the sum of squares of a formula over the certified one, infinite where it is undefined."""
    with np.errstate(all="ignore"):
        residual = float(np.sum((evaluate(formula, list(problem.names), problem.x) - problem.y) ** 2))
    return residual / problem.residual if np.isfinite(residual) else np.inf


def _is_lean(row: Row) -> bool:
    return row.get("lean", "") != "" and number(row, "lean") <= _LEAN


def _counts(rows: Sequence[Row], holds: Callable[[Row], bool]) -> Counter[str]:
    """Return on how many problems something holds for each library."""
    return Counter(str(row["library"]) for row in rows if not row["status"] and holds(row))


def _reason(row: Row | None) -> str:
    return "" if row is None else str(row["status"]) or "failed"
