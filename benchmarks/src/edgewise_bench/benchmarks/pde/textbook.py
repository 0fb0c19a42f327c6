"""Problems of textbooks, each stated once and solved by one call: errors, outcomes and seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from edgewise import EdgewiseError
from edgewise.pde import march, solve
from edgewise.train import Options
from edgewise_bench import Benchmark, Case, Cell, Row, Settings, clock
from edgewise_bench.benchmarks.pde.asked import Asked
from edgewise_bench.benchmarks.pde.asked_lines import LINES
from edgewise_bench.benchmarks.pde.asked_motions import MOTIONS
from edgewise_bench.benchmarks.pde.asked_planes import PLANES
from edgewise_bench.tables import format_number, number

ASKED: dict[str, Callable[[], Asked]] = {own.__name__: own for own in (*LINES, *PLANES, *MOTIONS)}
_QUICK = ("warm_wall",)
_RIGHT, _SECONDS, _GUARD = 1e-5, 20.0, 120.0  # relative error; CPU seconds; after which a call is ended


class Textbook(Benchmark):
    """Boundary value, elliptic and evolution problems of textbooks with known answers.

    They were written down before any was solved. Those that failed at first are cases of development since.
    """

    name = "textbook"
    title = "Differential equations of textbooks"
    overtime = 600.0
    columns = ("relative", "estimate", "outcome", "right", "wrong", "seconds", "status")
    parallel = True
    slow = True
    note = "relative: error; right: below 1e-5 in at most 20 s, or the word that holds where there is no one solution"

    def cases(self, settings: Settings) -> list[Case]:
        return [Case(name, {"problem": name}) for name in (_QUICK if settings.quick else ASKED)]

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        asked = ASKED[case.values["problem"]]()
        with clock() as spent:
            try:
                options = Options(time_limit=_GUARD)
                found: Any = (march if asked.marched else solve)(asked.problem(), options=options, **asked.settings)
            except (EdgewiseError, ArithmeticError, ValueError) as raised:
                return [self.row(case, outcome=type(raised).__name__, right=False, wrong=False, seconds=spent.process)]
        error, name = asked.error(found), found.outcome.name
        good = name == asked.none if asked.none else error <= _RIGHT and name != "UNRESOLVED"
        claimed = name == "CONVERGED" and not good
        return [
            self.row(
                case, relative="" if math.isnan(error) else error, estimate=found.error, outcome=name,
                right=good and spent.process <= _SECONDS, wrong=claimed, seconds=spent.process,
            )
        ]  # fmt: skip

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        lines = [
            [Cell(str(row["problem"])), Cell(format_number(number(row, "relative"))), Cell(str(row["outcome"])),
             Cell(format_number(number(row, "seconds"), 3)), Cell(str(row["right"]), str(row["right"]) == "True")]
            for row in rows
        ]  # fmt: skip
        count, wrong = (sum(str(row[name]) == "True" for row in rows) for name in ("right", "wrong"))
        words = [f"{len(rows)} problems", "", f"{wrong} wrong CONVERGED", "", f"{count} right"]
        return ["problem", "error", "outcome", "s", "right"], [*lines, [Cell(word) for word in words]]
