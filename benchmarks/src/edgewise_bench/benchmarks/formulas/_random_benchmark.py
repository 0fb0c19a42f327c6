"""Random laws found from tables."""

from collections.abc import Sequence
from statistics import median
from typing import ClassVar

import numpy as np

from edgewise._typing import Array
from edgewise_bench import OURS, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.formulas._benchmarks import Formulas, is_true
from edgewise_bench.benchmarks.formulas._laws import Law
from edgewise_bench.benchmarks.formulas._random import RandomLaw
from edgewise_bench.benchmarks.searchers import SEARCHERS
from edgewise_bench.tables import grouped, number

COUNT = 100
_SECONDS = 10.0
_EXACT, _NEAR = 1e-20, 1e-12
_BOUNDED = 40  # laws from which limits are held to


class Random(Formulas):
    """Laws that are made up by a seed, by libraries that all have the same seconds.

    The column `unexplained` is 1 - R2 on new rows of the law without noise, computed without a difference.
    """

    name = "random"
    title = f"{COUNT} random laws of one to four variables, found from 1000 rows"
    file = "random.csv"
    columns = (*Formulas.columns, "unexplained")
    noises = (0.0, 0.01)
    seeds = 1
    quick = ("1.1",)
    limits: ClassVar = {(f"{_EXACT:g}", 0.0): 85.0, (f"{_NEAR:g}", 0.0): 93.0, ("R2 .99", 0.0): 98.0}
    note = (
        "percent of the laws where 1 - R2 on new rows without noise is below 1e-20 and 1e-12, or R2 above 0.99 and "
        "0.9; form: right but for the values of constants; size: those of 1e-12 with at most twice the truth's "
        "operations and three, with noise those of the right form"
    )

    def laws(self) -> list[str]:
        return _names(1)

    def asked(self, settings: Settings) -> Sequence[str]:
        return self.quick if settings.quick else _names(settings.seed)

    def law(self, name: str) -> Law:
        return RandomLaw(name)

    def scores(self, predicted: Array, y: Array) -> Row:
        with np.errstate(all="ignore"):
            unexplained = float(np.mean((predicted - y) ** 2) / y.var())
        return {"unexplained": unexplained if np.isfinite(unexplained) else ""}

    def prepare(self, case: Case, rows: Sequence[Row]) -> Case:
        """Give every library the same seconds."""
        limit = case.values["limit"] or _SECONDS
        return Case(case.label, {**case.values, "limit": limit})

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        groups = grouped([{**row, "noise": float(row["noise"])} for row in rows], "noise", "library")
        order = sorted(groups, key=lambda key: (float(key[0]), list(SEARCHERS).index(key[1])))
        lines = [self._figures(float(noise), library, groups[noise, library]) for noise, library in order]
        shares = [*_SHARES, "form", "size"]
        return ["library", "noise", "laws", *shares, "operations", "median s", "slowest"], lines

    def _figures(self, noise: float, library: str, rows: Sequence[Row]) -> list[Cell]:
        held = library == OURS and len(rows) >= _BOUNDED
        cells = [Cell(library), Cell(f"{noise:g}"), Cell(str(len(rows)))]
        for name, most in _SHARES.items():
            share = 100 * sum(number(row, "unexplained") < most for row in rows) / len(rows)
            limit = self.limits.get((name, noise)) if held else None
            cells.append(Cell(f"{share:.1f}", None if limit is None else share >= limit))
        cells.append(Cell(f"{100 * sum(is_true(row['form']) for row in rows) / len(rows):.1f}"))
        right = [row for row in rows if (is_true(row["form"]) if noise else number(row, "unexplained") < _NEAR)]
        cells.append(Cell(f"{100 * sum(is_true(row['within']) for row in right) / len(right):.1f}" if right else ""))
        known = [row for row in rows if row["seconds"] not in ("", None)]
        seconds, sizes = ([number(row, key) for row in known] for key in ("seconds", "size"))
        figures = (sizes, median, "g"), (seconds, median, ".3g"), (seconds, max, ".3g")
        return [*cells, *(Cell(format(of(values), how) if values else "") for values, of, how in figures)]


_SHARES = {f"{_EXACT:g}": _EXACT, f"{_NEAR:g}": _NEAR, "R2 .99": 1e-2, "R2 .9": 1e-1}
"""By its name, the 1 - R2 below which a law counts."""


def _names(seed: int) -> list[str]:
    return [f"{seed}.{k}" for k in range(COUNT)]
