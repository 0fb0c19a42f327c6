"""Benchmarks: edgewise beside a perceptron of equal size and the libraries that are installed beside it."""

from __future__ import annotations

from edgewise.benchmark._figure import Cell as Cell
from edgewise.benchmark._figure import Settings as Settings
from edgewise.benchmark._figures import FIGURES as FIGURES
from edgewise.benchmark._formulas import is_true as is_true
from edgewise.benchmark._record import append as append
from edgewise.benchmark._record import clock as clock
from edgewise.benchmark._record import cores as cores
from edgewise.benchmark._record import provenance as provenance
from edgewise.benchmark._record import read as read
from edgewise.benchmark._run import Plan as Plan
from edgewise.benchmark._run import run as run
from edgewise.benchmark.libraries import LIBRARIES as LIBRARIES
from edgewise.benchmark.libraries import PEERS as PEERS
from edgewise.benchmark.searchers import SEARCHERS as SEARCHERS
