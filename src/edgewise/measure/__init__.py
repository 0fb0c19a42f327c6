"""Measurement: benchmarks and experiments, cases run in separate processes, rows in CSV files, tables and pictures."""

from edgewise.measure._benchmark import Benchmark as Benchmark
from edgewise.measure._benchmark import Case as Case
from edgewise.measure._benchmark import Cell as Cell
from edgewise.measure._benchmark import Row as Row
from edgewise.measure._benchmark import Settings as Settings
from edgewise.measure._cost import Quartiles as Quartiles
from edgewise.measure._cost import clock as clock
from edgewise.measure._cost import interleaved as interleaved
from edgewise.measure._cost import peak_memory as peak_memory
from edgewise.measure._cost import resident_memory as resident_memory
from edgewise.measure._experiment import MLP as MLP
from edgewise.measure._experiment import OURS as OURS
from edgewise.measure._experiment import PYKAN as PYKAN
from edgewise.measure._experiment import Criterion as Criterion
from edgewise.measure._experiment import Experiment as Experiment
from edgewise.measure._experiment import Model as Model
from edgewise.measure._run import Plan as Plan
from edgewise.measure._run import run as run
from edgewise.measure._store import append as append
from edgewise.measure._store import latest as latest
from edgewise.measure._store import provenance as provenance
from edgewise.measure._store import read as read
from edgewise.measure._worker import Worker as Worker
from edgewise.measure._worker import cores as cores
