"""The libraries that search for formulas, one a file, each with its own recommended settings."""

from edgewise_bench.benchmarks.searchers._base import Found as Found
from edgewise_bench.benchmarks.searchers._base import Predict as Predict
from edgewise_bench.benchmarks.searchers._base import Searcher as Searcher
from edgewise_bench.benchmarks.searchers._base import Table as Table
from edgewise_bench.benchmarks.searchers._edgewise import Edgewise
from edgewise_bench.benchmarks.searchers._edgewise import effort_of as effort_of
from edgewise_bench.benchmarks.searchers._gplearn import GPLearn
from edgewise_bench.benchmarks.searchers._operon import Operon
from edgewise_bench.benchmarks.searchers._operon import OperonForTables as OperonForTables
from edgewise_bench.benchmarks.searchers._pykan import PyKANFormula

SEARCHERS: dict[str, Searcher] = {
    searcher.name: searcher for searcher in (Edgewise(), Operon(), GPLearn(), PyKANFormula())
}
