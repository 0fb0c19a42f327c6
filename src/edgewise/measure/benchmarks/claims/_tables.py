"""Claims of `discover` on made tables."""

from functools import cache
from typing import Any

import numpy as np
import sympy

from edgewise.measure import OURS, Case, Settings, clock
from edgewise.measure.benchmarks.claims._judge import is_wrong
from edgewise.measure.benchmarks.claims._made import COUNT, made_table
from edgewise.measure.benchmarks.claims._part import part_of
from edgewise.measure.benchmarks.formulas import with_free_constants
from edgewise.measure.benchmarks.searchers import SEARCHERS, Table

CLAIMS = ("exact", "noise")
"""The outcomes that claim a law."""

_EFFORT, _SECONDS = "quick", 60.0
_FEW = 2  # tables under --quick


def cases(settings: Settings) -> list[Case]:
    """List the tables of a seed."""
    limit, effort, seed = settings.budget or _SECONDS, settings.effort or _EFFORT, settings.seed
    part = part_of(settings)
    return [
        Case(f"tables {seed}.{k}, {effort}, {limit:g} s",
             {"family": "tables", "part": part, "seed": seed, "number": k, "limit": limit, "effort": effort})
        for k in range(_FEW if settings.quick else COUNT)
    ]  # fmt: skip


def measure(case: Case) -> dict[str, Any]:
    """Search one table, and compare what is claimed with the truth."""
    given = case.values
    made, searcher = made_table(given["seed"], given["number"]), SEARCHERS[OURS]
    _warm_up()
    with clock() as spent:
        found = searcher.find(Table(made.x, made.y, made.names, given["seed"], given["limit"], given["effort"]))
    noise, size = float(np.sqrt(np.mean((made.y - made.clean) ** 2))), float(made.truth.std()) or 1.0
    constants = len(with_free_constants(found.formula).free.values)
    with np.errstate(all="ignore"):
        values = found.predict(made.fresh)
        distance = float(np.sqrt(np.mean((values - made.truth) ** 2))) / size
    right: bool | str = ""
    if found.outcome in CLAIMS:
        right = not is_wrong(found.outcome, values, made.truth, noise, made.independent, constants)
    return {
        "kind": made.kind, "said": found.outcome, "right": right, "form": sympy.sstr(found.formula),
        "truth": made.formula, "seconds": spent.wall, "rows": len(made.y), "inputs": len(made.names),
        "noise": noise / size, "distance": distance if np.isfinite(distance) else "",
        "constants": constants,
    }  # fmt: skip


@cache
def _warm_up() -> None:
    """Search once in this process, so that everything is loaded and compiled."""
    SEARCHERS[OURS].warm_up()
