"""edgewise itself."""

from edgewise.discovery import discover
from edgewise.measure.benchmarks.searchers._base import Found, Searcher, Table


class Edgewise(Searcher):
    """`discover` with its default arguments."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = "discover with default arguments but seed and time_limit"

    def find(self, table: Table) -> Found:
        found = discover(table.x, table.y, names=table.names, seed=table.seed, time_limit=table.seconds)
        return Found(found.best.sympy(), found.best.predict, found.outcome.name.lower().replace("_", " "), found.noise)
