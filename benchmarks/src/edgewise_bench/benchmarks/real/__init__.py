"""Formulas and other regressions on real tables of numbers."""

from edgewise_bench.benchmarks.real._benchmark import SPLITS as SPLITS
from edgewise_bench.benchmarks.real._benchmark import Tables as Tables
from edgewise_bench.benchmarks.real._numbers import REAL_TABLES as REAL_TABLES
from edgewise_bench.benchmarks.real._numbers import half_of as half_of
from edgewise_bench.benchmarks.real._numbers import numbers as numbers
from edgewise_bench.benchmarks.real._regressors import REGRESSORS as REGRESSORS
from edgewise_bench.benchmarks.real._regressors import Learned as Learned
from edgewise_bench.benchmarks.real._regressors import learned as learned
