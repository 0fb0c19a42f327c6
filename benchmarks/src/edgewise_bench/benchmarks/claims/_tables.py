"""Claims of `discover` on made tables."""

from functools import cache
from typing import Any

import numpy as np
import sympy

from edgewise import symbolic
from edgewise.discovery import Discovery, discover
from edgewise_bench import OURS, Case, Settings, clock
from edgewise_bench.benchmarks.claims._judge import is_wrong
from edgewise_bench.benchmarks.claims._made import COUNT, MadeTable, made_table
from edgewise_bench.benchmarks.claims._part import part_of
from edgewise_bench.benchmarks.formulas import is_right, with_free_constants
from edgewise_bench.benchmarks.searchers import SEARCHERS, effort_of

CLAIMS = ("exact", "noise")
"""The outcomes that claim a law."""

_EFFORT, _SECONDS = "quick", 60.0
_FEW = 2  # tables under --quick
# kinds whose formula is the truth; counts are of a positive law of the same form
_LAWS = ("exact", "additive", "relative", "outliers", "serial", "periodic", "subjects", "few")


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
    made = made_table(given["seed"], given["number"])
    _warm_up()
    with clock() as spent:
        found = discover(
            made.x,
            made.y,
            names=made.names,
            seed=given["seed"],
            time_limit=given["limit"],
            **effort_of(given["effort"]),
        )
    noise, size = float(np.sqrt(np.mean((made.y - made.clean) ** 2))), float(made.truth.std()) or 1.0
    best, said = found.best.sympy(), found.outcome.name.lower().replace("_", " ")
    constants = len(with_free_constants(best).free.values)
    with np.errstate(all="ignore"):
        values = found.best.predict(made.fresh)
        distance = float(np.sqrt(np.mean((values - made.truth) ** 2))) / size
    right: bool | str = ""
    if said in CLAIMS:
        right = not is_wrong(said, values, made.truth, noise, made.independent, constants)
    return {
        "kind": made.kind, "said": said, "right": right, "form": sympy.sstr(best),
        "truth": made.formula, "seconds": spent.wall, "rows": len(made.y), "inputs": len(made.names),
        "noise": noise / size, "distance": distance if np.isfinite(distance) else "",
        "constants": constants, "best": found.candidates.index(found.best), "weights": list(map(float, found.weights)),
        "leads": found.evidence.leads if found.evidence else [],
        "others": found.evidence.others if found.evidence else [], "of_form": _of_form(made, found),
    }  # fmt: skip


def _of_form(made: MadeTable, found: Discovery) -> list[bool]:
    """Return for each formula of the front whether it is the law but for the values of constants; [] without a law."""
    if made.kind not in _LAWS:
        return []
    truth = symbolic.parse(made.formula, made.names)
    return [is_right(each.sympy(), truth, made.names, made.fresh, made.truth) for each in found]


@cache
def _warm_up() -> None:
    """Search once in this process, so that everything is loaded and compiled."""
    SEARCHERS[OURS].warm_up()
