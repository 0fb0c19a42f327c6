"""The libraries that learn from tables, one interface for all."""

from edgewise_bench.benchmarks.tabular.estimators._base import Estimator as Estimator
from edgewise_bench.benchmarks.tabular.estimators._ebm import EBM
from edgewise_bench.benchmarks.tabular.estimators._edgewise import Edgewise
from edgewise_bench.benchmarks.tabular.estimators._kanboost import KANBoost
from edgewise_bench.benchmarks.tabular.estimators._mlp import MLP
from edgewise_bench.benchmarks.tabular.estimators._pykan import PyKAN
from edgewise_bench.benchmarks.tabular.estimators._simple import Constant as Constant
from edgewise_bench.benchmarks.tabular.estimators._simple import Linear as Linear
from edgewise_bench.benchmarks.tabular.estimators._trees import Boosting, Forest

ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (Edgewise(), Constant(), Linear(), MLP(), Forest(), Boosting(), PyKAN(), KANBoost(), EBM())
}
"""By name; the slowest last."""
