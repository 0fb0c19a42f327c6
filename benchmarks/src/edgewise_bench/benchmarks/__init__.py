"""Benchmarks: edgewise compared with an MLP of equal size and with the other libraries installed here."""

from edgewise_bench import Benchmark
from edgewise_bench.benchmarks._accuracy import Accuracy
from edgewise_bench.benchmarks._calls import Calls
from edgewise_bench.benchmarks._classification import Classification
from edgewise_bench.benchmarks._dimensions import Dimensions
from edgewise_bench.benchmarks._layers import Layers, Peaks, Steps
from edgewise_bench.benchmarks._second_order import Routes, SecondOrder
from edgewise_bench.benchmarks.claims import Claims
from edgewise_bench.benchmarks.formulas import Feynman, Irrelevant, PhysicalScales, Random, Strogatz, Targets
from edgewise_bench.benchmarks.libraries import BASELINES as BASELINES
from edgewise_bench.benchmarks.libraries import LIBRARIES as LIBRARIES
from edgewise_bench.benchmarks.measured import Certified, History
from edgewise_bench.benchmarks.pde import Equations
from edgewise_bench.benchmarks.searchers import SEARCHERS as SEARCHERS
from edgewise_bench.benchmarks.studies import STUDIES
from edgewise_bench.benchmarks.tabular import ESTIMATORS as ESTIMATORS
from edgewise_bench.benchmarks.tabular import REGRESSORS as REGRESSORS
from edgewise_bench.benchmarks.tabular import Tables, Tabular

_QUICK = (Layers, Calls, Steps, Peaks, SecondOrder, Accuracy, Classification, Routes)
_FORMULAS = (Targets, Feynman, Irrelevant, Strogatz, Random, Certified, PhysicalScales, Dimensions, History, Claims)
_KINDS = (*_QUICK, Tabular, Tables, *_FORMULAS, Equations, *STUDIES)
BENCHMARKS: dict[str, Benchmark] = {kind.name: kind() for kind in _KINDS}
"""Every benchmark by its name."""
