"""Classes by Gauss-Newton steps, beside the perceptron trained by Adam."""

from __future__ import annotations

import importlib.util
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from types import ModuleType

from edgewise.benchmark._figure import Case, Cell, Figure, Row, Settings

_SCRIPT = Path(__file__).parents[3] / "benchmarks" / "classification.py"
_COLUMNS = ("library", "parameters", "seed", "accuracy", "seconds")


class Classification(Figure):
    """Accuracy on held-out rows and seconds of training, by a script of the repository: `benchmarks/classification.py`.

    The script has `TABLES`, a sequence of names, and `measure(table, quick)`, which returns a row for each library
    ("edgewise", "mlp") and seed, with the columns library, parameters, seed, accuracy and seconds.
    """

    name = "classification"
    title = "Classes: accuracy and seconds, medians over the seeds"
    file = "classification.csv"
    fresh = True

    def cases(self, settings: Settings) -> list[Case]:
        """None outside the repository."""
        if not _SCRIPT.exists():
            return []
        return [Case(name, {"table": name}) for name in _script().TABLES]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        rows = _script().measure(case.values["table"], settings.quick)
        return [self._row(case, **{name: row[name] for name in _COLUMNS}) for row in rows]

    def failed(self, case: Case, settings: Settings, reason: str) -> list[Row]:
        return [self._row(case, status=reason)]

    @staticmethod
    def _row(case: Case, **found: object) -> Row:
        return {"case": case.label, **case.values, **dict.fromkeys((*_COLUMNS, "status"), ""), **found}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            groups[row["table"]][row["library"]].append(row)
        head = ["table", "edgewise", "MLP", "edgewise s", "MLP s"]
        return head, [_line(name, group) for name, group in groups.items()]


def _line(name: str, group: dict[str, list[Row]]) -> list[Cell]:
    if not {"edgewise", "mlp"} <= set(group):
        status = next((row["status"] for rows in group.values() for row in rows if row["status"]), "not measured")
        return [Cell(name), Cell(str(status)), Cell(""), Cell(""), Cell("")]
    (right, seconds), (their_right, their_seconds) = (
        [median(float(row[key]) for row in group[library]) for key in ("accuracy", "seconds")]
        for library in ("edgewise", "mlp")
    )
    return [
        Cell(name),
        Cell(f"{right:.4g}", right >= their_right),
        Cell(f"{their_right:.4g}"),
        Cell(f"{seconds:.3g}", seconds < their_seconds),
        Cell(f"{their_seconds:.3g}"),
    ]


def _script() -> ModuleType:
    """The script and what it imports from its folder."""
    sys.path.insert(0, str(_SCRIPT.parent))
    try:
        spec = importlib.util.spec_from_file_location("classification", _SCRIPT)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(_SCRIPT.parent))
