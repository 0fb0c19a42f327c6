"""Explainable boosting machines, of interpret."""

# pyright: reportMissingImports=false

import importlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from edgewise_bench.benchmarks.tabular.estimators._base import Estimator


class EBM(Estimator):
    """A sum of curves of one and two columns, made by boosting; categories and gaps as they are."""

    name = "ebm"
    module = "interpret"
    settings = "ExplainableBoosting with its default arguments, one process; categories and gaps as they are"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

        made = ExplainableBoostingRegressor if kind == "regression" else ExplainableBoostingClassifier
        return made(random_state=seed, n_jobs=1, **chosen)

    def warm_up(self, kind: str) -> None:
        """Import only: a fit takes seconds on any number of rows."""
        importlib.import_module("interpret.glassbox")

    def space(self, kind: str) -> Mapping[str, Any]:
        return {
            "learning_rate": [0.005, 0.01, 0.015, 0.02, 0.04], "interactions": [0, "1x", "3x", "5x"],
            "max_leaves": [2, 3], "smoothing_rounds": [0, 75, 200, 500], "min_samples_leaf": [2, 4, 10, 20],
        }  # fmt: skip
