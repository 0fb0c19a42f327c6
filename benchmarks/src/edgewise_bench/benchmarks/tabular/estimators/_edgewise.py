"""The estimators of edgewise."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pandas as pd

from edgewise._typing import Array
from edgewise_bench import OURS
from edgewise_bench.benchmarks.tabular.estimators._base import Estimator


class Edgewise(Estimator):
    """KANRegressor and KANClassifier, which take categories and gaps as they are."""

    name = OURS
    module = "edgewise.estimators"
    install = "edgewise"
    settings = "KANRegressor and KANClassifier with their default arguments; categories and gaps as they are"

    @classmethod
    def installed(cls) -> bool:
        return find_spec(cls.module) is not None and find_spec("sklearn") is not None

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        estimators = importlib.import_module(self.module)
        made = estimators.KANRegressor if kind == "regression" else estimators.KANClassifier
        return made(random_state=seed, **chosen)

    def space(self, kind: str) -> Mapping[str, Any]:
        return {"products": ["auto", 0, 4, 16, 32], "select": ["average", "best", "simplest"]}

    def interval(self, model: Any, x: pd.DataFrame, level: float) -> tuple[Array, Array]:
        low, high = model.predict_interval(x, level).T
        return low, high
