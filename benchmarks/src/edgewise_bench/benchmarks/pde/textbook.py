"""Problems of textbooks, each stated once and solved by one call: errors, outcomes and seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgewise import EdgewiseError
from edgewise.pde import march, solve
from edgewise.train import Options
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.pde import references
from edgewise_bench.benchmarks.pde.asked import Asked
from edgewise_bench.benchmarks.pde.asked_lines import LINES
from edgewise_bench.benchmarks.pde.asked_motions import MOTIONS
from edgewise_bench.benchmarks.pde.asked_planes import PLANES
from edgewise_bench.tables import format_number, number

ASKED: dict[str, Callable[[], Asked]] = {own.__name__: own for own in (*LINES, *PLANES, *MOTIONS)}
_QUICK = ("warm_wall",)
_RIGHT, _SECONDS, _GUARD = 1e-5, 20.0, 120.0  # relative error; CPU seconds; after which a call is ended


class Textbook(Benchmark):
    """Boundary value, elliptic and evolution problems with known answers, each solved by one call.

    All were written down before any was solved. Those that failed at first are cases of development since.
    """

    name = "textbook"
    title = "Differential equations of textbooks"
    overtime = 600.0
    columns = ("relative", "estimate", "outcome", "right", "wrong", "seconds", "status")
    parallel = True
    slow = True
    note = (
        "right: an error below 1e-5 after at most 20 s of CPU; where there is none or more than one solution, saying so"
    )

    def cases(self, settings: Settings) -> list[Case]:
        return [Case(name, {"problem": name}) for name in (_QUICK if settings.quick else ASKED)]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        asked = ASKED[case.values["problem"]]()
        problem, found, raised = asked.problem(), None, ""
        with clock() as spent:
            try:
                found = (march if asked.marched else solve)(
                    problem, options=Options(time_limit=_GUARD), **asked.settings
                )
            except (EdgewiseError, ArithmeticError, ValueError) as error:
                raised = type(error).__name__
        own = {"outcome": raised, "right": False, "wrong": False} if found is None else _judged(asked, found)
        return [self.row(case, seconds=spent.process, **{**own, "right": own["right"] and spent.process <= _SECONDS})]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = [
            [Cell(str(row["problem"])), Cell(format_number(number(row, "relative"))), Cell(str(row["outcome"])),
             Cell(format_number(number(row, "seconds"), 3)), Cell(str(row["right"]), str(row["right"]) == "True")]
            for row in rows
        ]  # fmt: skip
        count, wrong = (sum(str(row[name]) == "True" for row in rows) for name in ("right", "wrong"))
        words = [f"{len(rows)} problems", "", f"{wrong} wrong CONVERGED", "", f"{count} right"]
        return ["problem", "error", "outcome", "s", "right"], [*lines, [Cell(word) for word in words]]


def _judged(asked: Asked, found: Any) -> Row:
    """Return the columns of an answer: right, if the solver stands by it and it is; wrong, if it claims success so."""
    error, outcome = asked.error(found), found.outcome.name
    tolerance = asked.settings.get("tolerance", references.UNASKED[asked.marched])
    if asked.none:
        right, wrong = outcome == asked.none, outcome == "CONVERGED"
    else:
        right = error <= _RIGHT and outcome != "UNRESOLVED"
        wrong = outcome == "CONVERGED" and not error <= references.WRONG * tolerance
    relative = {} if asked.none else {"relative": error}
    return {**relative, "estimate": found.error, "outcome": outcome, "right": right, "wrong": wrong}
