"""The estimators of scikit-learn that are made of trees: a random forest, and boosting on histograms."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edgewise_bench.benchmarks.tabular.estimators._base import Estimator
from edgewise_bench.benchmarks.tabular.estimators._preparation import prepared


class Forest(Estimator):
    """A random forest."""

    name = "forest"
    module = "sklearn"
    settings = "RandomForest with its default arguments; gaps filled, one-hot"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        made = RandomForestRegressor if kind == "regression" else RandomForestClassifier
        return prepared(made(random_state=seed, **chosen), scaled=False)

    def space(self, kind: str) -> Mapping[str, Any]:
        return {"max_features": ["sqrt", 0.3, 0.5, 0.7, 1.0], "min_samples_leaf": [1, 2, 5, 10, 20],
                "n_estimators": [300]}  # fmt: skip


class Boosting(Estimator):
    """Gradient boosting on histograms, which takes categories and gaps as they are."""

    name = "boosting"
    module = "sklearn"
    settings = "HistGradientBoosting with its default arguments; categories and gaps as they are"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        made = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
        model = made(categorical_features="from_dtype", random_state=seed, **chosen)
        return make_pipeline(FunctionTransformer(_categorical), model)

    def space(self, kind: str) -> Mapping[str, Any]:
        from scipy.stats import loguniform

        return {
            "learning_rate": loguniform(0.01, 0.3), "max_iter": [100, 200, 400, 800], "max_leaf_nodes": [7, 15, 31, 63],
            "min_samples_leaf": [5, 10, 20, 50], "l2_regularization": loguniform(1e-6, 10.0),
        }  # fmt: skip


def _categorical(x: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with texts as categories."""
    return x.astype(dict.fromkeys(x.select_dtypes(exclude="number"), "category"))
