"""edgewise itself."""

import time
from typing import Any

from edgewise.discovery import discover
from edgewise_bench.benchmarks.searchers._base import Found, Searcher, Table


class Edgewise(Searcher):
    """`discover` with its default arguments."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = "discover with default arguments but seed and time_limit"

    def find(self, table: Table) -> Found:
        began, shown = time.perf_counter(), []

        def progress(_: str, __: float, best: str | None) -> None:
            if best and not shown:
                shown.append(time.perf_counter() - began)

        found: Any = discover(
            table.x, table.y, names=table.names, seed=table.seed, time_limit=table.seconds, progress=progress,
            **effort_of(table.effort),
        )  # fmt: skip
        ceiling = getattr(found, "ceiling", None)
        return Found(
            found.best.sympy(), found.best.predict, found.outcome.name.lower().replace("_", " "), found.noise,
            found.best.complexity, shown[0] if shown else time.perf_counter() - began,
            [candidate.predict for candidate in found], {"ceiling": ceiling.predict} if ceiling else {},
            [candidate.sympy() for candidate in found],
        )  # fmt: skip


def effort_of(text: str) -> dict[str, Any]:
    """Return the argument of `discover`: none for an empty text, a whole number, or a word.

    >>> effort_of("3000"), effort_of("quick"), effort_of("")
    ({'effort': 3000}, {'effort': 'quick'}, {})
    """
    return {"effort": int(text) if text.isdecimal() else text} if text else {}
