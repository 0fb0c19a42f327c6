"""One Adam step of a small network."""

from __future__ import annotations

import numpy as np

from edgewise.measure import Case, Row, Settings
from edgewise.measure.benchmarks._comparison import Comparison
from edgewise.measure.benchmarks.libraries import LIBRARIES

_LIMIT = 2.0
_ROWS, _FEW = 1000, 32


class Steps(Comparison):
    """A full training step with Adam: loss, gradients, update."""

    name = "steps"
    title = "One Adam step of a network on all rows, float64"
    file = "steps.csv"

    def cases(self, settings: Settings) -> list[Case]:
        rows = _FEW if settings.quick else _ROWS
        return [Case(f"[2, 5, 1], G = 5, {rows} rows", {"network": "[2, 5, 1]", "grid": 5, "rows": rows})]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        x = np.random.default_rng(0).uniform(-1, 1, (case.values["rows"], 2))
        y = np.exp(np.sin(np.pi * x[:, :1]) + x[:, 1:] ** 2)
        return self.compare(case, settings, lambda name: LIBRARIES[name].step([2, 5, 1], 5, x, y), {})

    def limit(self, row: Row) -> float | None:
        return _LIMIT if int(row["rows"]) == _ROWS else None

    def lead(self, row: Row, library: str) -> float | None:
        return 1.0 if int(row["rows"]) == _ROWS else None
