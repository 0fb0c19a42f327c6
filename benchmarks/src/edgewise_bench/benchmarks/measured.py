"""Formulas behind tables: laws of the history of science, NIST's regressions, and one law in many shapes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.expressions import evaluate, free_numbers
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.benchmarks.judging import of_form, with_parameters
from edgewise_bench.benchmarks.real_tables import regression_scores
from edgewise_bench.benchmarks.searchers import SEARCHERS, Searched, Table
from edgewise_bench.datasets import CertifiedFit, HistoricalTable, history, nist
from edgewise_bench.tables import grouped, number

MeasuredTable = CertifiedFit | HistoricalTable
"""Rows, and a formula with parameters b1, b2, ... at their least squares."""


def accepted(table: MeasuredTable) -> Part:
    """Return the accepted formula of a table with its parameters by least squares.

    >>> accepted(next(law for law in history() if law.name == "boyle"))
    1406.90404/V
    """
    return with_parameters(table.formula, table.names, table.parameters)


def has_form(formula: Part, table: MeasuredTable) -> bool:
    """Return whether a formula is the accepted one but for the values of its constants.

    >>> boyle, v = next(law for law in history() if law.name == "boyle"), sympy.Symbol("V")
    >>> has_form(1400.0 / v, boyle), has_form(1400.0 / v + 0.1 * v, boyle)
    (True, False)
    """
    return of_form(formula, accepted(table), table.names, table.x)


def half_of(law: HistoricalTable) -> str:
    """Return the half that a law belongs to.

    >>> [half_of(law) for law in history()].count("held")
    5
    """
    return "held" if law.held else "development"


class Measured(Benchmark):
    """Each table by each library that keeps to its seconds, in a separate process; no search is told the formula."""

    fresh_process = True
    parallel = True
    slow = True
    compares = "searchers"
    overtime = 300.0
    key: ClassVar[str]
    """The column that names the table."""

    @abstractmethod
    def tables(self) -> dict[str, Any]:
        """Return the tables by name."""

    @abstractmethod
    def judged(self, table: Any, found: Searched, right: Sequence[bool], residual: float) -> Row:
        """Return the columns of a row.

        right: which formulas of the front have the accepted form. residual: the sum of squares of the chosen one.
        """

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        table, searcher = self.tables()[case.values[self.key]], SEARCHERS[case.values["library"]]
        searcher.warm_up()
        task = Table(table.x, table.y, list(table.names), 0, case.values["limit"], settings.effort)
        with clock() as spent:
            found = searcher.find(task)
        right = [has_form(formula, table) for formula in found.formulas]
        with np.errstate(all="ignore"):
            residual = float(np.sum((found.predict(table.x) - table.y) ** 2))
        shared = {"place": right.index(True) if True in right else "", "formulas": len(found.formulas)}
        described = {"formula": sympy.sstr(found.formula), "outcome": found.outcome, "seconds": spent.wall}
        return [self.row(case, **shared, **described, **self.judged(table, found, right, residual))]

    def lines(
        self, rows: Sequence[Row], about: Callable[[Any], Sequence[str]], text: Callable[[Any, Row], str],
        counts: Sequence[tuple[str, Callable[[Sequence[Row], int], Cell]]],
    ) -> tuple[list[str], list[list[Cell]]]:  # fmt: skip
        """Return the libraries and a line for each table, then one for each count of tables by library."""
        names = list(dict.fromkeys(str(row["library"]) for row in rows))
        groups, lines = grouped(rows, self.key), []
        for (name,), group in groups.items():
            table, own = self.tables()[name], {str(row["library"]): row for row in reversed(group)}
            cells = [
                Cell("" if library not in own else str(own[library]["status"]) or text(table, own[library]))
                for library in names
            ]
            lines.append([*map(Cell, about(table)), *cells])
        for what, count in counts:
            by_library = [[row for row in rows if row["library"] == library] for library in names]
            lines.append([Cell(what), *[Cell("")] * 3, *(count(own, len(groups)) for own in by_library)])
        return names, lines


class History(Measured):
    """Ten laws of the history of science; of edgewise also whether the law is on the front.

    A formula is the law if it has its form: equal to the accepted law but for the values of constants, exponents that
    are no whole numbers included (`formulas.refitted`, on values of the law).
    """

    name = "history"
    title = "Ten laws of the history of science from real measurements"
    key = "name"
    columns = ("right", "place", "formulas", "ratio", "law", "formula", "outcome", "seconds", "status")
    note = (
        "best: the chosen formula has the form of the law; front: another one on edgewise's front has; in brackets its "
        "sum of squares over that of the law"
    )
    least: ClassVar[dict[str, int]] = {"best": 6, "on the front": 9}
    """Laws of all ten: the limits."""

    def tables(self) -> dict[str, HistoricalTable]:
        return _tables(history)

    def cases(self, settings: Settings) -> list[Case]:
        limit = settings.budget or (10.0 if settings.quick else 60.0)
        effort = f", {settings.effort}" if settings.effort else ""
        laws = sorted(self.tables().values(), key=lambda law: law.held)[: 1 if settings.quick else None]
        return [
            Case(f"{half_of(law)}, {law.name}: {library}, {limit:g} s{effort * (library == OURS)}",
                 {"half": half_of(law), "name": law.name, "library": library, "limit": limit})
            for library in settings.searchers
            if SEARCHERS[library].timed
            for law in laws
        ]  # fmt: skip

    def judged(self, table: HistoricalTable, found: Searched, right: Sequence[bool], residual: float) -> Row:
        own = np.sum((evaluate(accepted(table), list(table.names), table.x) - table.y) ** 2)
        ratio = residual / own if np.isfinite(residual) else ""
        return {"right": has_form(found.formula, table), "ratio": ratio, "law": table.formula}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        def text(law: HistoricalTable, row: Row) -> str:
            where = "best" if is_true(row["right"]) else "front" if row["place"] not in ("", None) else "-"
            return f"{where} ({number(row, 'ratio'):.3g})"

        def counted(what: str, rows: Sequence[Row]) -> Cell:
            if what == "best":
                count = sum(is_true(row["right"]) for row in rows)
            elif any(int(row["formulas"] or 0) for row in rows):
                count = sum(row["place"] not in ("", None) for row in rows)
            else:
                return Cell("")
            full = len(rows) == len(self.tables()) and rows[0]["library"] == OURS
            return Cell(f"{count} of {len(rows)}", count >= self.least[what] if full else None)

        counts = [(what, lambda own, _, what=what: counted(what, own)) for what in self.least]
        about = lambda law: (law.title, str(law.year), half_of(law), str(len(law.y)))  # noqa: E731
        names, lines = self.lines(rows, about, text, counts)
        return ["law", "year", "half", "rows", *names], lines


class Certified(Measured):
    """NIST's nonlinear regressions: residual sum of squares and number of constants.

    The ratio compares the sum of squares with that of NIST's formula at its certified parameters, on the same rows; a
    formula with more constants may be below one.
    """

    name = "nist"
    title = "NIST's nonlinear regressions: sum of squares over the certified one, and constants"
    key = "problem"
    columns = ("residual", "constants", "lean", "place", "formulas", "seconds", "formula", "outcome", "status")
    close: ClassVar[float] = 1.1
    """Times the certified sum of squares."""
    lean: ClassVar[float] = 1.01
    """The same of a formula with as few constants."""
    note = (
        f"sum of squares over the certified one, constants in brackets; last: problems where it is at most {close:g}; "
        "where a formula of the front has at most 1 % more with as few constants; where one has NIST's form"
    )

    def tables(self) -> dict[str, CertifiedFit]:
        return _tables(nist)

    def cases(self, settings: Settings) -> list[Case]:
        limit, problems = settings.budget or 10.0, ("Misra1a",) if settings.quick else tuple(self.tables())
        return [
            Case(f"{name}: {library}, {limit:g} s", {"problem": name, "library": library, "limit": limit})
            for library in settings.searchers
            if SEARCHERS[library].timed
            for name in problems
        ]

    def judged(self, table: CertifiedFit, found: Searched, right: Sequence[bool], residual: float) -> Row:
        few = [formula for formula in found.formulas if free_numbers(formula) <= len(table.parameters)]
        return {
            "residual": residual if np.isfinite(residual) else "",
            "constants": free_numbers(found.formula),
            "lean": min((_ratio(formula, table) for formula in few), default=""),
        }

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        def text(problem: CertifiedFit, row: Row) -> str:
            ratio = number(row, "residual") / problem.residual
            return f"{ratio:.3g} ({row['constants']})" if ratio < np.inf else "failed"

        def near(row: Row) -> bool:
            return number(row, "residual") <= self.close * self.tables()[row["problem"]].residual

        def counting(holds: Callable[[Row], bool]) -> Callable[[Sequence[Row], int], Cell]:
            return lambda own, all_of_them: Cell(
                f"{sum(not row['status'] and holds(row) for row in own)} of {all_of_them}"
            )

        counts = [
            (f"at most {self.close:g}", counting(near)),
            ("within 1 %, as few", counting(lambda row: number(row, "lean") <= self.lean)),
            ("form on the front", counting(lambda row: row.get("place", "") != "")),
        ]
        about = lambda fit: (fit.name, fit.level, str(len(fit.y)), str(len(fit.parameters)))  # noqa: E731
        names, lines = self.lines(rows, about, text, counts)
        return ["problem", "level", "rows", "constants", *names], lines


@cache
def _tables(of: Callable[[], list[Any]]) -> dict[str, Any]:
    return {table.name: table for table in of()}


def _ratio(formula: Formula, problem: CertifiedFit) -> float:
    """Return the sum of squares of a formula over the certified one, infinite where it is undefined."""
    with np.errstate(all="ignore"):
        residual = float(np.sum((evaluate(formula, list(problem.names), problem.x) - problem.y) ** 2))
    return residual / problem.residual if np.isfinite(residual) else np.inf


class Dimensions(Benchmark):
    """A law of three of the columns and noise, by `discover`: seconds, R2 on new rows without noise, and its columns.

    The columns are uniform from 0 to 2. The law is x_a exp(-x_b) + x_c^2 / 2, without the last term in a table of two
    columns; the noise has a tenth of the law's standard deviation. Its columns are the first, the middle and the last.
    """

    name = "dimensions"
    title = "One law in tables of many shapes: R2 on new rows without noise, and seconds"
    overtime = 600.0
    columns = ("r2", "seconds", "process_seconds", "complexity", "right", "wrong", "formula", "outcome", "status")
    fresh_process = True
    parallel = True
    slow = True
    compares = ""
    note = "R2, seconds; with a star where the formula holds a column that the law has not, or lacks one that it has"

    def cases(self, settings: Settings) -> list[Case]:
        column_counts, row_counts = (2, 5, 10, 20, 40, 60), (20, 100, 1000, 10_000, 100_000, 1_000_000)
        seconds, quick = 60.0, 2.0
        small = ((2, 20), (5, 100))
        shapes = small if settings.quick else tuple((columns, rows) for rows in row_counts for columns in column_counts)
        limit = settings.budget or (quick if settings.quick else seconds)
        effort = f", {settings.effort}" if settings.effort else ""
        return [
            Case(f"{columns} columns, {rows} rows, {limit:g} s{effort}",
                 {"inputs": columns, "rows": rows, "limit": limit})
            for columns, rows in shapes
        ]  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        new_count, noise_share = 2000, 0.1
        fresh = 1  # the seed of new rows
        columns, rows, limit = (case.values[name] for name in ("inputs", "rows", "limit"))
        names = [f"x{k + 1}" for k in range(columns)]
        rng = np.random.default_rng(0)
        x = rng.uniform(0, 2, (rows, columns))
        clean = _law(x)
        y = clean + noise_share * clean.std() * rng.standard_normal(rows)
        searcher = SEARCHERS[OURS]
        searcher.warm_up()
        with clock() as spent:
            found = searcher.find(Table(x, y, names, 0, limit, settings.effort))
        new = np.random.default_rng(fresh).uniform(0, 2, (new_count, columns))
        own, true = {str(symbol) for symbol in found.formula.free_symbols}, {names[k] for k in _acting(columns)}
        described = {"formula": sympy.sstr(found.formula), "outcome": found.outcome, "complexity": found.complexity}
        cost = {"seconds": spent.wall, "process_seconds": spent.process}
        with np.errstate(all="ignore"):
            r2 = regression_scores(_law(new), found.predict(new))["r2"]
        return [self.row(case, r2=r2, right=len(own & true), wrong=len(own - true), **cost, **described)]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        sizes = sorted({int(row["rows"]) for row in rows})
        lines = [
            [Cell(columns), *(Cell(_text(group, size)) for size in sizes)]
            for (columns,), group in grouped(rows, "inputs").items()
        ]
        return ["columns", *(f"{size} rows" for size in sizes)], lines


def _acting(columns: int) -> list[int]:
    """Return the places of the columns of the law.

    >>> _acting(2), _acting(5)
    ([0, 1], [0, 2, 4])
    """
    return sorted({0, columns // 2, columns - 1})


def _law(x: Array) -> Array:
    a, b, *others = (x[:, k] for k in _acting(x.shape[1]))
    return a * np.exp(-b) + sum(c**2 / 2 for c in others)


def _text(rows: Sequence[Row], size: int) -> str:
    row = next((row for row in rows if int(row["rows"]) == size), None)
    if row is None or row["status"]:
        return "" if row is None else str(row["status"])
    missed = int(row["wrong"]) or int(row["right"]) < len(_acting(int(row["inputs"])))
    return f"{number(row, 'r2'):.3f}{' *' if missed else ''}, {number(row, 'seconds'):.2g} s"
