"""Benchmarks: edgewise beside a perceptron of equal size and the libraries that are installed beside it."""

from __future__ import annotations

from edgewise.benchmark._figures import FIGURES as FIGURES
from edgewise.benchmark._formulas import is_true as is_true
from edgewise.benchmark.libraries import LIBRARIES as LIBRARIES
from edgewise.benchmark.libraries import PEERS as PEERS
from edgewise.benchmark.searchers import SEARCHERS as SEARCHERS
