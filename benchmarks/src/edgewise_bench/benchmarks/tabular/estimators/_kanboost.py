"""KANBoost, which boosts small KANs."""

# pyright: reportMissingImports=false

from typing import Any

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.tabular.estimators._base import Estimator

_HELD_OUT = 0.1  # of the rows, on which it stops early


class KANBoost(Estimator):
    """Its default arguments, with the rows held out that its early stopping needs."""

    name = "kanboost"
    module = "kanboost"
    install = "kanboost"
    settings = "KANBoost with its default arguments, a tenth of the rows held out; categories and gaps as they are"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from kanboost import KANBoostClassifier, KANBoostRegressor

        texts = list(x.select_dtypes(exclude="number").columns)
        shared = {"categorical_cols": texts, "validation_fraction": _HELD_OUT, "random_state": seed, "device": "cpu"}
        if kind == "regression":
            return KANBoostRegressor(**shared, **chosen)
        return _Coded(KANBoostClassifier(**shared, **chosen))


class _Coded:
    """A classifier that is given the numbers of the classes, which are all that it takes."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, x: pd.DataFrame, y: Array) -> None:
        self.classes_, codes = np.unique(y.astype(str), return_inverse=True)
        self._model.fit(x, codes.astype(np.float64))

    def predict(self, x: pd.DataFrame) -> Array:
        return self.classes_[self.predict_proba(x).argmax(1)]

    def predict_proba(self, x: pd.DataFrame) -> Array:
        return self._model.predict_proba(x)
