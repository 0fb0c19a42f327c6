"""The libraries that learn from tables, one interface for all."""

# pyright: reportMissingImports=false

import importlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise_bench import OURS
from edgewise_bench.baselines import default_dtype, silenced
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


class Edgewise(Estimator):
    """KANRegressor and KANClassifier, which take categories and gaps as they are."""

    name = OURS
    module = "edgewise.estimators"
    install = "edgewise"

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


class Constant(Estimator):
    """The mean of the target, or the frequencies of the classes."""

    name = "constant"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyRegressor() if kind == "regression" else DummyClassifier(strategy="prior")


class Linear(Estimator):
    """Ridge and logistic regression, each with the penalty that cross-validation on its training rows chooses.

    Of 13 penalties from 1e-3 to 1e3, and of scikit-learn's 10 by log loss.
    """

    name = "linear"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        iterations = 2000
        from sklearn.linear_model import LogisticRegressionCV, RidgeCV

        if kind == "regression":
            return prepared(RidgeCV(alphas=np.logspace(-3, 3, 13)), scaled=True)
        return prepared(LogisticRegressionCV(scoring="neg_log_loss", max_iter=iterations), scaled=True)


class MLP(Estimator):
    """One hidden layer of 100 ReLU trained by Adam, unless it is tuned."""

    name = "mlp"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        if kind == "regression":
            return scaled_target(prepared(MLPRegressor(random_state=seed, **chosen), scaled=True))
        return prepared(MLPClassifier(random_state=seed, **chosen), scaled=True)

    def space(self, kind: str) -> Mapping[str, Any]:
        from scipy.stats import loguniform

        return {
            "hidden_layer_sizes": [(50,), (100,), (200,), (100, 100)], "alpha": loguniform(1e-6, 1.0),
            "learning_rate_init": loguniform(1e-4, 1e-2), "early_stopping": [True, False],
        }  # fmt: skip


class Forest(Estimator):
    """A random forest."""

    name = "forest"
    module = "sklearn"

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


class PyKAN(Estimator):
    """Its network [n, 5, outputs] in speed mode, grid 5, 50 steps of L-BFGS, as in its notebooks."""

    name = "pykan"
    module = "kan"
    install = "pykan"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        return _Network(kind == "classification", seed)


class _Network:
    """pykan's network, with `fit`, `predict` and `predict_proba`."""

    def __init__(self, classifies: bool, seed: int) -> None:
        self._classifies, self._seed = classifies, seed
        self._columns: Any = prepared("passthrough", scaled=True)
        self._center, self._scale = 0.0, 1.0

    def fit(self, x: pd.DataFrame, y: Array) -> None:
        inputs = torch.from_numpy(np.asarray(self._columns.fit_transform(x), dtype=np.float64))
        if self._classifies:
            self.classes_, codes = np.unique(y.astype(str), return_inverse=True)
            labels, outputs, loss = torch.from_numpy(codes), len(self.classes_), torch.nn.CrossEntropyLoss()
        else:
            self._center, self._scale = float(y.mean()), float(y.std())
            labels, outputs, loss = torch.from_numpy((y - self._center) / self._scale)[:, None], 1, None
        self._train(inputs, labels, outputs, loss)

    def predict(self, x: pd.DataFrame) -> Array:
        outputs = self._outputs(x).numpy()
        if self._classifies:
            return self.classes_[outputs.argmax(1)]
        return self._center + self._scale * outputs[:, 0]

    def predict_proba(self, x: pd.DataFrame) -> Array:
        return self._outputs(x).softmax(1).numpy()

    def _train(self, inputs: Tensor, labels: Tensor, outputs: int, loss: Callable | None) -> None:
        hidden, grid, degree, steps = 5, 5, 3, 50
        from kan import KAN

        rows = {"train_input": inputs, "train_label": labels, "test_input": inputs[:1], "test_label": labels[:1]}
        with default_dtype(torch.float64), silenced():
            widths = [inputs.shape[1], hidden, outputs]
            self._model = KAN(width=widths, grid=grid, k=degree, seed=self._seed, auto_save=False).speed()
            self._model.fit(rows, opt="LBFGS", steps=steps, loss_fn=loss)

    def _outputs(self, x: pd.DataFrame) -> Tensor:
        with torch.no_grad(), default_dtype(torch.float64):
            return self._model(torch.from_numpy(np.asarray(self._columns.transform(x), dtype=np.float64)))


class KANBoost(Estimator):
    """Its default arguments, with the rows held out that its early stopping needs."""

    name = "kanboost"
    module = "kanboost"
    install = "kanboost"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        held_out = 0.1  # of the rows, on which it stops early
        from kanboost import KANBoostClassifier, KANBoostRegressor

        texts = list(x.select_dtypes(exclude="number").columns)
        shared = {"categorical_cols": texts, "validation_fraction": held_out, "random_state": seed, "device": "cpu"}
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


ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (Edgewise(), Constant(), Linear(), MLP(), Forest(), Boosting(), PyKAN(), KANBoost(), EBM())
}
"""By name; the slowest last."""
