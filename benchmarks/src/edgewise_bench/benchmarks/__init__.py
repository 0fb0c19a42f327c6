"""Benchmarks: edgewise compared with an MLP of equal size and with the other libraries installed here."""

from edgewise._errors import InputError, unknown
from edgewise._plugins import add, offered
from edgewise_bench import Benchmark
from edgewise_bench.benchmarks.claims import Claims
from edgewise_bench.benchmarks.formula_tables import Tables
from edgewise_bench.benchmarks.formulas import Feynman, Irrelevant, PhysicalScales, Random, Small, Strogatz, Targets
from edgewise_bench.benchmarks.layers import Calls, Layers, Peaks, Steps
from edgewise_bench.benchmarks.measured import Certified, Dimensions, History
from edgewise_bench.benchmarks.pde import Equations
from edgewise_bench.benchmarks.pde.courses import Systems
from edgewise_bench.benchmarks.pde.textbook import Textbook
from edgewise_bench.benchmarks.second_order import Routes, SecondOrder
from edgewise_bench.benchmarks.studies import STUDIES
from edgewise_bench.benchmarks.tabular import Tabular
from edgewise_bench.benchmarks.training import Accuracy, Classification

_QUICK = (Layers, Calls, Steps, Peaks, SecondOrder, Accuracy, Classification, Routes)
_FORMULAS = (
    Targets,
    Feynman,
    Irrelevant,
    Strogatz,
    Random,
    Small,
    Certified,
    PhysicalScales,
    Dimensions,
    History,
    Claims,
)
_KINDS = (*_QUICK, Tabular, Tables, *_FORMULAS, Equations, Systems, Textbook, *STUDIES)
BENCHMARKS: dict[str, Benchmark] = {kind.name: kind() for kind in _KINDS}
"""Every benchmark by its name."""


def named(name: str) -> Benchmark:
    """Return the benchmark of a name: one of `BENCHMARKS`, or one that an installed distribution offers."""
    if name not in BENCHMARKS:
        add("benchmarks", BENCHMARKS, _register, name)
    if name not in BENCHMARKS:
        raise unknown("benchmark", name, [*BENCHMARKS, *offered("benchmarks")])
    return BENCHMARKS[name]


def _register(benchmark: object) -> None:
    if not isinstance(benchmark, Benchmark):
        raise InputError("it is no object of a class derived from edgewise_bench.Benchmark")
    BENCHMARKS[benchmark.name] = benchmark
