"""Estimators, and searches for formulas, on real tables that public packages ship."""

from edgewise_bench.benchmarks.tabular._estimators import ESTIMATORS as ESTIMATORS
from edgewise_bench.benchmarks.tabular._estimators import Constant as Constant
from edgewise_bench.benchmarks.tabular._estimators import Estimator as Estimator
from edgewise_bench.benchmarks.tabular._estimators import Linear as Linear
from edgewise_bench.benchmarks.tabular._formulas import REGRESSORS as REGRESSORS
from edgewise_bench.benchmarks.tabular._formulas import Tables as Tables
from edgewise_bench.benchmarks.tabular._formulas import learned as learned
from edgewise_bench.benchmarks.tabular._scores import SPLITS as SPLITS
from edgewise_bench.benchmarks.tabular._scores import calibration_error as calibration_error
from edgewise_bench.benchmarks.tabular._scores import classification_scores as classification_scores
from edgewise_bench.benchmarks.tabular._scores import folds as folds
from edgewise_bench.benchmarks.tabular._scores import interval_scores as interval_scores
from edgewise_bench.benchmarks.tabular._scores import regression_scores as regression_scores
from edgewise_bench.benchmarks.tabular._tables import REAL_TABLES as REAL_TABLES
from edgewise_bench.benchmarks.tabular._tables import TABLES as TABLES
from edgewise_bench.benchmarks.tabular._tables import Table as Table
from edgewise_bench.benchmarks.tabular._tables import columns as columns
from edgewise_bench.benchmarks.tabular._tables import halves as halves
from edgewise_bench.benchmarks.tabular._tables import missing_packages as missing_packages
from edgewise_bench.benchmarks.tabular._tables import numbers as numbers
from edgewise_bench.benchmarks.tabular._tables import read_frame as read_frame
from edgewise_bench.benchmarks.tabular._tabular import Result as Result
from edgewise_bench.benchmarks.tabular._tabular import Tabular as Tabular
