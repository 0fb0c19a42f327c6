"""The libraries that search for formulas, one a file, each with its own recommended settings."""

from __future__ import annotations

from edgewise.benchmark.searchers._base import Found as Found
from edgewise.benchmark.searchers._base import Searcher as Searcher
from edgewise.benchmark.searchers._base import Table as Table
from edgewise.benchmark.searchers._edgewise import Edgewise as Edgewise

SEARCHERS: dict[str, Searcher] = {searcher.name: searcher for searcher in (Edgewise(),)}
