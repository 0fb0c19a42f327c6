"""What each stage of a search contributes: laws that are not found without it, and the seconds that it saves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from edgewise.discovery import discover
from edgewise.discovery.search import leaving_out
from edgewise_bench import Row, Settings, clock
from edgewise_bench.benchmarks.judging import ROWS
from edgewise_bench.benchmarks.laws import Law, RandomLaw, SmallLaw
from edgewise_bench.benchmarks.studies.study import Figure, Study, share

NOTHING = "nothing"
_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    NOTHING: (),
    "straight from the table": ("straight from the table",),
    "outer operations undone": ("small formulas, outer operations undone",),
    "functions of one variable": ("functions of one variable",),
    "textbook forms": ("textbook forms",),
    "all small formulas": ("all small formulas",),
    "evolution": ("exact formulas by evolution", "formulas by evolution"),
    "symmetries": ("symmetries seen by polynomials, and algebra", "symmetries seen by Gaussian processes"),
    "longer formulas": ("longer formulas",),
    "all that is enumerated": (
        "small formulas, outer operations undone", "all small formulas", "longer formulas",
    ),
}  # fmt: skip
"""What is left out, and the names of its stages."""


def _laws() -> list[str]:
    """Every third law of seed 301, and small formulas: those that the search was developed on."""
    return [f"301.{k}" for k in range(0, 60, 3)] + [f"5.9.2.{k}" for k in range(0, 80, 8)]


class StagesLeftOut(Study):
    """Laws of development, searched without one stage at a time.

    A law is found where 1 - R2 on new rows is below 1e-20. Problems that symmetries reduced are enumerated anyway.
    """

    name = "stages"
    title = "What a search finds without each of its stages"
    columns = ("outcome", "unexplained", "found", "seconds", "formula", "truth", "status")
    by = ("without",)
    figures = (Figure("found", "found", share), Figure("median s", "seconds"), Figure("most s", "seconds", max))
    seeds = 0
    grid: ClassVar = {"without": tuple(_LEFT_OUT), "law": _laws}

    def measured(self, given: Mapping[str, Any], settings: Settings) -> Row:
        exact, few = 1e-20, 1000
        law = _law(given["law"])
        x, y = law.table(few, 0.0, 0)
        with clock() as spent, leaving_out(*_LEFT_OUT[given["without"]]):
            found = discover(x, y, names=law.names, time_limit=settings.budget or 20.0)
        fresh = law.fresh(ROWS, 0)
        truth = law.values(fresh)
        with np.errstate(all="ignore"):
            unexplained = float(np.mean((found.best.predict(fresh) - truth) ** 2) / truth.var())
        return {
            "outcome": found.outcome.name, "unexplained": unexplained, "found": bool(unexplained < exact),
            "seconds": spent.process, "formula": str(found.best.expression), "truth": law.formula,
        }  # fmt: skip


def _law(name: str) -> Law:
    return SmallLaw(name) if name.count(".") > 1 else RandomLaw(name)
