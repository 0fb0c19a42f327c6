"""Searches of tables of many shapes: how seconds and R2 change with the numbers of columns and of rows."""

from collections.abc import Sequence

import numpy as np
import sympy

from edgewise._typing import Array
from edgewise_bench import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.searchers import SEARCHERS, Table
from edgewise_bench.benchmarks.tabular import regression_scores
from edgewise_bench.tables import grouped, number

_COLUMNS, _ROWS = (2, 5, 10, 20, 40, 60), (20, 100, 1000, 10_000, 100_000, 1_000_000)
_SECONDS, _QUICK, _OVERTIME = 60.0, 2.0, 600.0
_NEW, _NOISE = 2000, 0.1


class Dimensions(Benchmark):
    """A law of three of the columns and noise, by `discover`: seconds, R2 on new rows without noise, and its columns.

    The columns are uniform from 0 to 2. The law is x_a exp(-x_b) + x_c^2 / 2, without the last term in a table of two
    columns; the noise has a tenth of the law's standard deviation. Its columns are the first, the middle and the last.
    """

    name = "dimensions"
    title = "One law in tables of many shapes: R2 on new rows without noise, and seconds"
    file = "dimensions.csv"
    columns = ("r2", "seconds", "process_seconds", "complexity", "right", "wrong", "formula", "outcome", "status")
    fresh_process = True
    parallel = True
    slow = True
    compares = ""
    note = "R2, seconds; with a star where the formula holds a column that the law has not, or lacks one that it has"

    def cases(self, settings: Settings) -> list[Case]:
        small = ((2, 20), (5, 100))
        shapes = small if settings.quick else tuple((columns, rows) for rows in _ROWS for columns in _COLUMNS)
        limit = settings.budget or (_QUICK if settings.quick else _SECONDS)
        effort = f", {settings.effort}" if settings.effort else ""
        return [
            Case(f"{columns} columns, {rows} rows, {limit:g} s{effort}",
                 {"inputs": columns, "rows": rows, "limit": limit})
            for columns, rows in shapes
        ]  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        fresh = 1  # the seed of new rows
        columns, rows, limit = (case.values[name] for name in ("inputs", "rows", "limit"))
        names = [f"x{k + 1}" for k in range(columns)]
        rng = np.random.default_rng(0)
        x = rng.uniform(0, 2, (rows, columns))
        clean = _law(x)
        y = clean + _NOISE * clean.std() * rng.standard_normal(rows)
        searcher = SEARCHERS[OURS]
        searcher.warm_up()
        with clock() as spent:
            found = searcher.find(Table(x, y, names, 0, limit, settings.effort))
        new = np.random.default_rng(fresh).uniform(0, 2, (_NEW, columns))
        own, true = {str(symbol) for symbol in found.formula.free_symbols}, {names[k] for k in _acting(columns)}
        described = {"formula": sympy.sstr(found.formula), "outcome": found.outcome, "complexity": found.complexity}
        cost = {"seconds": spent.wall, "process_seconds": spent.process}
        with np.errstate(all="ignore"):
            r2 = regression_scores(_law(new), found.predict(new))["r2"]
        return [self.row(case, r2=r2, right=len(own & true), wrong=len(own - true), **cost, **described)]

    def time_limit(self, case: Case) -> float:
        return 2 * case.values["limit"] + _OVERTIME

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
