"""Estimators on real tables that public packages ship."""

from edgewise_bench.benchmarks.tabular._benchmark import SPLITS as SPLITS
from edgewise_bench.benchmarks.tabular._benchmark import Tabular as Tabular
from edgewise_bench.benchmarks.tabular._reading import INSTALL as INSTALL
from edgewise_bench.benchmarks.tabular._reading import columns as columns
from edgewise_bench.benchmarks.tabular._reading import missing_packages as missing_packages
from edgewise_bench.benchmarks.tabular._reading import read_frame as read_frame
from edgewise_bench.benchmarks.tabular._scores import calibration_error as calibration_error
from edgewise_bench.benchmarks.tabular._scores import classification_scores as classification_scores
from edgewise_bench.benchmarks.tabular._scores import interval_scores as interval_scores
from edgewise_bench.benchmarks.tabular._scores import regression_scores as regression_scores
from edgewise_bench.benchmarks.tabular._search import folds as folds
from edgewise_bench.benchmarks.tabular._summary import Result as Result
from edgewise_bench.benchmarks.tabular._tables import TABLES as TABLES
from edgewise_bench.benchmarks.tabular._tables import Half as Half
from edgewise_bench.benchmarks.tabular._tables import Table as Table
from edgewise_bench.benchmarks.tabular._tables import halves as halves
from edgewise_bench.benchmarks.tabular.estimators import ESTIMATORS as ESTIMATORS
from edgewise_bench.benchmarks.tabular.estimators import Constant as Constant
from edgewise_bench.benchmarks.tabular.estimators import Estimator as Estimator
from edgewise_bench.benchmarks.tabular.estimators import Linear as Linear
