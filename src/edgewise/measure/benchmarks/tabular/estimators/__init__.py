"""The libraries that learn from tables, one interface for all."""

from edgewise.measure.benchmarks.tabular.estimators._base import Estimator as Estimator
from edgewise.measure.benchmarks.tabular.estimators._ebm import EBM
from edgewise.measure.benchmarks.tabular.estimators._edgewise import Edgewise
from edgewise.measure.benchmarks.tabular.estimators._kanboost import KANBoost
from edgewise.measure.benchmarks.tabular.estimators._mlp import MLP
from edgewise.measure.benchmarks.tabular.estimators._pykan import PyKAN
from edgewise.measure.benchmarks.tabular.estimators._simple import Constant as Constant
from edgewise.measure.benchmarks.tabular.estimators._simple import Linear as Linear
from edgewise.measure.benchmarks.tabular.estimators._trees import Boosting, Forest

ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (Edgewise(), Constant(), Linear(), MLP(), Forest(), Boosting(), PyKAN(), KANBoost(), EBM())
}
"""By name; the slowest last."""
