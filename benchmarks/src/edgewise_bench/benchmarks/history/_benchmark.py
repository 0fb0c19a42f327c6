"""Laws of the history of science, looked for in real measurements: is the law on the front, is it the best?"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import sympy

from edgewise.expressions import evaluate
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.benchmarks.history._form import accepted, half_of, has_form
from edgewise_bench.benchmarks.searchers import SEARCHERS, Table
from edgewise_bench.datasets import HistoricalTable, history
from edgewise_bench.tables import grouped, number

_SECONDS, _QUICK, _OVERTIME = 60.0, 10.0, 300.0
_ON_FRONT, _BEST, _LAWS = 9, 6, 10  # laws on the front, and as the best formula, of all: the limits


class History(Benchmark):
    """Each law by each library that keeps to its seconds; of edgewise also whether the law is on the front.

    A formula is the law if it has its form: equal to the accepted law but for the values of constants, exponents that
    are no whole numbers included (`formulas.refitted`, on values of the law).
    """

    name = "history"
    title = "Ten laws of the history of science from real measurements"
    file = "history.csv"
    columns = ("right", "place", "formulas", "ratio", "law", "formula", "outcome", "seconds", "status")
    fresh_process = True
    parallel = True
    slow = True
    compares = "searchers"
    note = (
        "best: the chosen formula has the form of the law; front: another one on edgewise's front has; in brackets its "
        "sum of squares over that of the law"
    )

    def cases(self, settings: Settings) -> list[Case]:
        limit = settings.budget or (_QUICK if settings.quick else _SECONDS)
        effort = f", {settings.effort}" if settings.effort else ""
        laws = [law for half in (False, True) for law in history() if law.held is half][: 1 if settings.quick else None]
        return [
            Case(f"{half_of(law)}, {law.name}: {library}, {limit:g} s{effort * (library == OURS)}",
                 {"half": half_of(law), "name": law.name, "library": library, "limit": limit})
            for library in settings.searchers
            if SEARCHERS[library].timed
            for law in laws
        ]  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        law, searcher = _laws()[case.values["name"]], SEARCHERS[case.values["library"]]
        searcher.warm_up()
        task = Table(law.x, law.y, list(law.names), 0, case.values["limit"], settings.effort)
        with clock() as spent:
            found = searcher.find(task)
        right = [has_form(formula, law) for formula in found.formulas]
        place = right.index(True) if True in right else ""
        with np.errstate(all="ignore"):
            residual = float(np.sum((found.predict(law.x) - law.y) ** 2))
        own = np.sum((evaluate(accepted(law), list(law.names), law.x) - law.y) ** 2)
        return [
            self.row(
                case, right=has_form(found.formula, law), place=place, formulas=len(found.formulas),
                ratio=residual / own if np.isfinite(residual) else "", law=law.formula,
                formula=sympy.sstr(found.formula), outcome=found.outcome, seconds=spent.wall,
            )
        ]  # fmt: skip

    def time_limit(self, case: Case) -> float:
        return 2 * case.values["limit"] + _OVERTIME

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        names = list(dict.fromkeys(str(row["library"]) for row in rows))
        lines = []
        for (name,), group in grouped(rows, "name").items():
            law = _laws()[name]
            cells = [Cell(law.title), Cell(str(law.year)), Cell(half_of(law)), Cell(str(len(law.y)))]
            for library in names:
                cells.append(Cell(_text(next((row for row in group if row["library"] == library), None))))
            lines.append(cells)
        for asked, column, least in (("best", "right", _BEST), ("on the front", "place", _ON_FRONT)):
            own = [_count([row for row in rows if row["library"] == library], column, least) for library in names]
            lines.append([Cell(asked), Cell(""), Cell(""), Cell(""), *own])
        return ["law", "year", "half", "rows", *names], lines


@cache
def _laws() -> dict[str, HistoricalTable]:
    return {law.name: law for law in history()}


def _text(row: Row | None) -> str:
    if row is None or row["status"]:
        return "" if row is None else str(row["status"])
    where = "best" if is_true(row["right"]) else "front" if row["place"] not in ("", None) else "-"
    return f"{where} ({number(row, 'ratio'):.3g})"


def _count(rows: Sequence[Row], column: str, least: int) -> Cell:
    """Return on how many laws the best formula is the law, or one of the front is."""
    if column == "right":
        count = sum(is_true(row["right"]) for row in rows)
    else:
        if not any(int(row["formulas"] or 0) for row in rows):
            return Cell("")
        count = sum(row["place"] not in ("", None) for row in rows)
    held_to = len(rows) == _LAWS and rows[0]["library"] == OURS
    return Cell(f"{count} of {len(rows)}", count >= least if held_to else None)
