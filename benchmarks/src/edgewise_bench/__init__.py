"""Measurement: benchmarks and experiments, cases run in separate processes, rows in CSV files, tables and pictures.

Nothing here loads torch or numpy: the command `edgewise` lists the commands of this distribution.
"""

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
