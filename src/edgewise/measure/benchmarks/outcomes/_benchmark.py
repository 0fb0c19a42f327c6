"""The outcomes that a search claims on made tables, and how many are wrong."""

from collections.abc import Sequence
from functools import cache
from statistics import median

import numpy as np
import sympy

from edgewise.measure import OURS, Benchmark, Case, Cell, Row, Settings, clock
from edgewise.measure.benchmarks.formulas import is_true, with_free_constants
from edgewise.measure.benchmarks.outcomes._judge import is_wrong
from edgewise.measure.benchmarks.outcomes._made import COUNT, KINDS, made_table
from edgewise.measure.benchmarks.searchers import SEARCHERS, Table
from edgewise.measure.tables import grouped, number

CLAIMS = ("exact", "noise")
"""The outcomes that claim a law."""

_EFFORT = "quick"
_SECONDS, _OVERTIME = 60.0, 300.0
_FEW = 2  # tables under --quick
_SELDOM = 50  # one claim of noise in this many may be wrong
_BOUNDED = 100  # tables from which limits are held to


class Outcomes(Benchmark):
    """What `discover` claims of 200 tables that a seed makes, with the effort "quick" unless another is asked for."""

    name = "outcomes"
    title = f"Claims on {COUNT} made tables, and how many are wrong"
    file = "outcomes.csv"
    columns = (
        "kind", "rows", "inputs", "noise", "outcome", "wrong", "distance", "constants", "seconds", "formula", "truth",
        "status",
    )  # fmt: skip
    parallel = True
    slow = True
    compares = ""
    note = (
        "exact, noise: tables of which that is claimed; wrong: those of them where the formula differs from the truth "
        "by more than the noise explains"
    )

    def cases(self, settings: Settings) -> list[Case]:
        limit, effort = settings.budget or _SECONDS, settings.effort or _EFFORT
        return [
            Case(f"{settings.seed}.{k}, {effort}, {limit:g} s",
                 {"seed": settings.seed, "number": k, "limit": limit, "effort": effort})
            for k in range(_FEW if settings.quick else COUNT)
        ]  # fmt: skip

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        given = case.values
        made, searcher = made_table(given["seed"], given["number"]), SEARCHERS[OURS]
        _warm_up()
        task = Table(made.x, made.y, made.names, given["seed"], given["limit"], given["effort"])
        with clock() as spent:
            found = searcher.find(task)
        noise = float(np.sqrt(np.mean((made.y - made.clean) ** 2)))
        constants = len(with_free_constants(found.formula).free.values)
        with np.errstate(all="ignore"):
            values = found.predict(made.fresh)
            distance = float(np.sqrt(np.mean((values - made.truth) ** 2))) / made.truth.std()
        wrong = ""
        if found.outcome in CLAIMS:
            wrong = is_wrong(found.outcome, values, made.truth, noise, len(made.y), constants)
        return [
            self.row(
                case, kind=made.kind, rows=len(made.y), inputs=len(made.names), noise=noise / made.truth.std(),
                outcome=found.outcome, wrong=wrong, distance=distance if np.isfinite(distance) else "",
                constants=constants, seconds=spent.wall, formula=sympy.sstr(found.formula), truth=made.formula,
            )
        ]  # fmt: skip

    def time_limit(self, case: Case) -> float:
        return 2 * case.values["limit"] + _OVERTIME

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        groups = {kind: group for (kind,), group in grouped(rows, "kind").items()}
        order = [*KINDS, *(kind for kind in groups if kind not in KINDS)]
        lines = [_line(kind or "failed", groups[kind], None) for kind in order if kind in groups]
        head = ["kind", "tables", "exact", "wrong", "noise", "wrong", "approximate", "other", "median s", "slowest"]
        return head, [*lines, _line("all", rows, len(rows) >= _BOUNDED)]


@cache
def _warm_up() -> None:
    """Search once in this process, so that everything is loaded and compiled."""
    SEARCHERS[OURS].warm_up()


def _line(kind: str, rows: Sequence[Row], held: bool | None) -> list[Cell]:
    """Return the counts of some tables; `held` says whether they are held to the limits."""
    cells = [Cell(kind), Cell(str(len(rows)))]
    for claim, seldom in zip(CLAIMS, (0.0, 1 / _SELDOM), strict=True):
        claimed = [row for row in rows if row["outcome"] == claim]
        wrong = sum(is_true(row["wrong"]) for row in claimed)
        cells += [Cell(str(len(claimed))), Cell(str(wrong), wrong <= seldom * len(claimed) if held else None)]
    near = sum(row["outcome"] == "approximate" for row in rows)
    claims = sum(row["outcome"] in CLAIMS for row in rows)
    seconds = [number(row, "seconds") for row in rows if row["seconds"] not in ("", None)]
    times = [f"{of(seconds):.3g}" if seconds else "" for of in (median, max)]
    return [*cells, *map(Cell, (str(near), str(len(rows) - near - claims), *times))]
