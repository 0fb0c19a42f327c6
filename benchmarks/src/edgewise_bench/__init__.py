"""Measurement: benchmarks and experiments, cases run in separate processes, rows in CSV files, tables and pictures."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise_bench._benchmark import Benchmark as Benchmark
    from edgewise_bench._benchmark import Case as Case
    from edgewise_bench._benchmark import Cell as Cell
    from edgewise_bench._benchmark import Row as Row
    from edgewise_bench._benchmark import Settings as Settings
    from edgewise_bench._cost import Quartiles as Quartiles
    from edgewise_bench._cost import clock as clock
    from edgewise_bench._cost import interleaved as interleaved
    from edgewise_bench._cost import peak_memory as peak_memory
    from edgewise_bench._cost import resident_memory as resident_memory
    from edgewise_bench._experiment import MLP as MLP
    from edgewise_bench._experiment import OURS as OURS
    from edgewise_bench._experiment import PYKAN as PYKAN
    from edgewise_bench._experiment import Criterion as Criterion
    from edgewise_bench._experiment import Experiment as Experiment
    from edgewise_bench._experiment import Model as Model
    from edgewise_bench._run import Plan as Plan
    from edgewise_bench._run import Worker as Worker
    from edgewise_bench._run import cores as cores
    from edgewise_bench._run import run as run
    from edgewise_bench._store import append as append
    from edgewise_bench._store import latest as latest
    from edgewise_bench._store import provenance as provenance
    from edgewise_bench._store import read as read

#: module -> its public names, loaded on first use: the command `edgewise` lists ours without loading torch
_LATER = {
    "_benchmark": "Benchmark Case Cell Row Settings",
    "_cost": "Quartiles clock interleaved peak_memory resident_memory",
    "_experiment": "MLP OURS PYKAN Criterion Experiment Model",
    "_run": "Plan Worker cores run",
    "_store": "append latest provenance read",
}
_HOMES = {name: home for home, names in _LATER.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'edgewise_bench' has no attribute {name!r}")
        return getattr(importlib.import_module(f"edgewise_bench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
