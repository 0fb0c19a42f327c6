"""Benchmarks: edgewise compared with an MLP of equal size and with the other libraries installed here."""

from edgewise.measure import Benchmark
from edgewise.measure.benchmarks._accuracy import Accuracy
from edgewise.measure.benchmarks._calls import Calls
from edgewise.measure.benchmarks._certified import Certified
from edgewise.measure.benchmarks._classification import Classification
from edgewise.measure.benchmarks._comparison import Layers, Steps
from edgewise.measure.benchmarks._dimensions import Dimensions
from edgewise.measure.benchmarks._peaks import Peaks
from edgewise.measure.benchmarks._routes import Routes
from edgewise.measure.benchmarks._second_order import SecondOrder
from edgewise.measure.benchmarks.claims import Claims
from edgewise.measure.benchmarks.formulas import Feynman, Irrelevant, PhysicalScales, Random, Strogatz
from edgewise.measure.benchmarks.history import History
from edgewise.measure.benchmarks.libraries import BASELINES as BASELINES
from edgewise.measure.benchmarks.libraries import LIBRARIES as LIBRARIES
from edgewise.measure.benchmarks.pde import Equations
from edgewise.measure.benchmarks.real import REGRESSORS as REGRESSORS
from edgewise.measure.benchmarks.real import Tables
from edgewise.measure.benchmarks.searchers import SEARCHERS as SEARCHERS
from edgewise.measure.benchmarks.tabular import ESTIMATORS as ESTIMATORS
from edgewise.measure.benchmarks.tabular import Tabular

_QUICK = (Layers, Calls, Steps, Peaks, SecondOrder, Accuracy, Classification, Routes)
_FORMULAS = (Feynman, Irrelevant, Strogatz, Random, Certified, PhysicalScales, Dimensions, History, Claims)
_EQUATIONS = (Equations,)
BENCHMARKS: dict[str, Benchmark] = {kind.name: kind() for kind in (*_QUICK, Tabular, Tables, *_FORMULAS, *_EQUATIONS)}
"""Every benchmark by its name."""
