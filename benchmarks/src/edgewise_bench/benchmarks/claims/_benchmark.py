"""What edgewise claims, and how often it is true: on made tables, trajectories and equations, and on real tables."""

import json
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

from edgewise_bench import Benchmark, Case, Cell, Row, Settings
from edgewise_bench.benchmarks.claims import _equations, _real, _tables, _trajectories
from edgewise_bench.benchmarks.formulas import is_true
from edgewise_bench.tables import grouped, number


class _Family(NamedTuple):
    """Cases of one kind: how they are listed and measured."""

    cases: Callable[[Settings], list[Case]]
    measure: Callable[[Case], dict[str, Any]]


_FAMILIES = {
    "tables": _Family(_tables.cases, _tables.measure),
    "trajectories": _Family(_trajectories.cases, _trajectories.measure),
    "equations": _Family(_equations.cases, _equations.measure),
    "real": _Family(_real.cases, _real.measure),
}
_SELDOM = {"exact": 200, "noise": 50, "floor": 50, "converged": 200}
"""How many claims of a word there are for one that may be wrong."""
_COLUMNS = ("kind", "said", "right", "form", "truth", "seconds")


class Claims(Benchmark):
    """What is claimed, by effort "quick" unless another is asked for, and whether it is so."""

    name = "claims"
    title = "What is claimed, and how much of it is true"
    file = "claims.csv"
    columns = ("family", "part", *_COLUMNS, "detail", "status")
    parallel = True
    slow = True
    compares = ""
    note = "said: how the case ended; judged: cases in which that is a claim; wrong: claims that are not so"

    def cases(self, settings: Settings) -> list[Case]:
        return [case for family in _FAMILIES.values() for case in family.cases(settings)]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        found = _FAMILIES[case.values["family"]].measure(case)
        own = {key: found.pop(key, "") for key in (*_COLUMNS, "status")}
        return [self.row(case, **own, detail=json.dumps(found, default=float))]

    def row(self, case: Case, **found: Any) -> Row:
        """Return a row; of a case's values the family and the part are shown, since others differ by family."""
        known = {"family": case.values["family"], "part": case.values["part"]}
        return {"case": case.label, **dict.fromkeys(self.columns, ""), **known, **found}

    def time_limit(self, case: Case) -> float:
        overtime = 300.0
        return 2 * case.values.get("limit", 0.0) + overtime

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["family", "part", "said", "cases", "judged", "wrong", "median s"]
        groups = grouped(rows, "family", "part", "said")
        return head, [_line(key[0], key[1], key[2], group) for key, group in groups.items()]


def _line(family: str, part: str, said: str, rows: Sequence[Row]) -> list[Cell]:
    """Return how often a word is said, and how often wrongly, with its limit."""
    bounded = 50  # cases from which limits are held to
    judged = [row for row in rows if row["right"] not in ("", None)]
    wrong, seldom = sum(not is_true(row["right"]) for row in judged), _SELDOM.get(said)
    held = None if seldom is None or len(judged) < bounded else wrong * seldom <= len(judged)
    seconds = [number(row, "seconds") for row in rows if row["seconds"] not in ("", None)]
    time = f"{median(seconds):.3g}" if seconds else ""
    counts = Cell(str(len(rows))), Cell(str(len(judged)) if judged else ""), Cell(str(wrong) if judged else "", held)
    return [Cell(family), Cell(part), Cell(said or "failed"), *counts, Cell(time)]
