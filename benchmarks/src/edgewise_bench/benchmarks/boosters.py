"""Libraries that boost trees and curves on tables, with the preparation of columns that their own pages recommend."""

# pyright: reportMissingImports=false

import importlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.estimator import Coded, Estimator


class Boosting(Estimator):
    """Gradient boosting on histograms, which takes categories and gaps as they are."""

    name = "boosting"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        made = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
        model = made(categorical_features="from_dtype", random_state=seed, **chosen)
        return _after(_categorical, model)

    def space(self, kind: str) -> Mapping[str, Any]:
        from scipy.stats import loguniform

        return {
            "learning_rate": loguniform(0.01, 0.3), "max_iter": [100, 200, 400, 800], "max_leaf_nodes": [7, 15, 31, 63],
            "min_samples_leaf": [5, 10, 20, 50], "l2_regularization": loguniform(1e-6, 10.0),
        }  # fmt: skip


def _categorical(x: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with texts as categories."""
    return x.astype(dict.fromkeys(x.select_dtypes(exclude="number"), "category"))


def _filled(x: pd.DataFrame) -> pd.DataFrame:
    """Return the columns with a word for gaps in texts."""
    return x.fillna(dict.fromkeys(x.select_dtypes(exclude="number"), "gap"))


def _after(change: Any, model: Any) -> Any:
    """Return a pipeline that changes the columns for a model."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(change), model)


class CatBoost(Estimator):
    """Symmetric trees on categories as they are; gaps in these are a level of their own."""

    name = "catboost"
    module = "catboost"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from catboost import CatBoostClassifier, CatBoostRegressor

        texts = list(x.select_dtypes(exclude="number"))
        made = CatBoostRegressor if kind == "regression" else CatBoostClassifier
        quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1}
        return _after(_filled, made(cat_features=texts, random_seed=seed, **quiet, **chosen))


class LightGBM(Estimator):
    """Trees that grow leaf by leaf; categories and gaps as they are."""

    name = "lightgbm"
    module = "lightgbm"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from lightgbm import LGBMClassifier, LGBMRegressor

        made = LGBMRegressor if kind == "regression" else LGBMClassifier
        return _after(_categorical, made(random_state=seed, n_jobs=1, verbose=-1, **chosen))


class XGBoost(Estimator):
    """Trees that grow level by level; categories and gaps as they are."""

    name = "xgboost"
    module = "xgboost"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from xgboost import XGBClassifier, XGBRegressor

        shared = {"enable_categorical": True, "random_state": seed, "n_jobs": 1, **chosen}
        if kind == "regression":
            return _Known(XGBRegressor(**shared))
        return Coded(_Known(XGBClassifier(**shared)))


class _Known:
    """A model for which levels that it was not trained on are gaps."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, x: pd.DataFrame, y: Array) -> None:
        self._types = {name: x[name].astype("category").dtype for name in x.select_dtypes(exclude="number")}
        self._model.fit(x.astype(self._types), y)

    def predict(self, x: pd.DataFrame) -> Array:
        return self._model.predict(x.astype(self._types))

    def predict_proba(self, x: pd.DataFrame) -> Array:
        return self._model.predict_proba(x.astype(self._types))


class EBM(Estimator):
    """A sum of curves of one and two columns, made by boosting; categories and gaps as they are."""

    name = "ebm"
    module = "interpret"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

        made = ExplainableBoostingRegressor if kind == "regression" else ExplainableBoostingClassifier
        return made(random_state=seed, n_jobs=1, **chosen)

    def warm_up(self, kind: str = "regression") -> None:
        """Import only: a fit takes seconds on any number of rows."""
        importlib.import_module("interpret.glassbox")

    def space(self, kind: str) -> Mapping[str, Any]:
        return {
            "learning_rate": [0.005, 0.01, 0.015, 0.02, 0.04], "interactions": [0, "1x", "3x", "5x"],
            "max_leaves": [2, 3], "smoothing_rounds": [0, 75, 200, 500], "min_samples_leaf": [2, 4, 10, 20],
        }  # fmt: skip
