"""A library that learns from tables: what is asked of it, and how columns are prepared for those that need it."""

# pyright: reportMissingImports=false

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from edgewise._typing import Array
from edgewise_bench.benchmarks.library import ThirdParty
from edgewise_bench.benchmarks.searchers import Searched, Table


def prepared(estimator: Any, scaled: bool) -> Any:
    """Return a pipeline that prepares raw columns for an estimator of numbers.

    Numbers: the median for a gap, and an indicator of gaps; standardized where `scaled`. Categories: the most frequent
    one for a gap, then one indicator each; a category that was not trained on has none.
    """
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    filled = SimpleImputer(strategy="median", add_indicator=True)
    numbers = make_pipeline(filled, StandardScaler()) if scaled else filled
    indicators = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), indicators)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, estimator)


def scaled_target(regressor: Any) -> Any:
    """Return a regressor that learns the standardized target."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


class Estimator(ThirdParty):
    """A library that learns from tables, with the preparation of columns that its own pages recommend.

    space: settings to choose from when estimators are tuned, by name: a list, or a distribution with `rvs`. An
    estimator without any is its own choice in both modes.
    """

    install: ClassVar[str] = '"edgewise-bench[tables]"'

    @abstractmethod
    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        """Return an untrained estimator, with `fit(x, y)`, `predict(x)` and, for classes, `predict_proba(x)`.

        kind: "regression" or "classification". x: the inputs, of which only names and types are used. chosen: settings
        from `space`.
        """

    def space(self, kind: str) -> Mapping[str, Sequence[Any] | Any]:
        return {}

    def interval(self, model: Any, x: pd.DataFrame, level: float) -> tuple[Array, Array] | None:
        """Return the lower and upper ends of prediction intervals of a trained regression, if the library has them."""
        return None

    def find(self, table: Table) -> Searched:
        """Learn a regression from a table of numbers, as libraries that search for formulas do; it keeps no time."""

        def framed(x: Array) -> pd.DataFrame:
            return pd.DataFrame(x, columns=list(table.names))

        model = self.make("regression", framed(table.x), table.seed)
        model.fit(framed(table.x), table.y)
        return Searched(None, lambda x: np.asarray(model.predict(framed(x)), dtype=np.float64))

    def warm_up(self, kind: str = "regression") -> None:
        """Train on a few rows, so that imports and compilation are done before the clock starts."""
        rows = 60
        rng = np.random.default_rng(0)
        x = pd.DataFrame(rng.standard_normal((rows, 2)), columns=["a", "b"])
        y = x["a"].to_numpy() + x["b"].to_numpy() ** 2
        model = self.make(kind, x, 0)
        model.fit(x, np.where(y > np.median(y), "1", "0").astype(object) if kind == "classification" else y)
        model.predict(x)


class Coded:
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
