"""The two simplest estimators of scikit-learn: a constant, and linear models with a penalty."""

from typing import Any

import numpy as np
import pandas as pd

from edgewise_bench.benchmarks.tabular.estimators._base import Estimator
from edgewise_bench.benchmarks.tabular.estimators._preparation import prepared

_ITERATIONS = 2000


class Constant(Estimator):
    """The mean of the target, or the frequencies of the classes."""

    name = "constant"
    module = "sklearn"
    settings = "the mean of the target; the frequencies of the classes"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyRegressor() if kind == "regression" else DummyClassifier(strategy="prior")


class Linear(Estimator):
    """Ridge and logistic regression, each with the penalty that cross-validation on its training rows chooses."""

    name = "linear"
    module = "sklearn"
    settings = (
        "RidgeCV with 13 penalties from 1e-3 to 1e3, LogisticRegressionCV with its 10, by log loss; gaps filled, "
        "one-hot, scaled"
    )

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.linear_model import LogisticRegressionCV, RidgeCV

        if kind == "regression":
            return prepared(RidgeCV(alphas=np.logspace(-3, 3, 13)), scaled=True)
        return prepared(LogisticRegressionCV(scoring="neg_log_loss", max_iter=_ITERATIONS), scaled=True)
