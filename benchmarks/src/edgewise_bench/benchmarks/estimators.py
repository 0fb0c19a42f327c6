"""The libraries that learn from tables, one interface for all."""

# pyright: reportMissingImports=false

import importlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise_bench import OURS
from edgewise_bench.baselines import default_dtype, silenced
from edgewise_bench.benchmarks.boosters import EBM, Boosting, CatBoost, LightGBM, XGBoost
from edgewise_bench.benchmarks.estimator import Coded, Estimator, prepared, scaled_target


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


class Lasso(Estimator):
    """Linear and logistic regression with an L1 penalty, which cross-validation on its training rows chooses."""

    name = "lasso"
    module = "sklearn"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        iterations, penalties, folds = 20_000, 6, 3
        from sklearn.linear_model import LassoCV, LogisticRegressionCV

        if kind == "regression":
            return prepared(LassoCV(max_iter=iterations), scaled=True)
        penalty: Any = {"l1_ratios": (1.0,), "solver": "saga", "Cs": penalties, "tol": 1e-3, "random_state": seed}
        logistic = LogisticRegressionCV(scoring="neg_log_loss", cv=folds, **penalty)
        return prepared(logistic, scaled=True)


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


class RealMLP(Estimator):
    """Pytabkit's network with its tuned defaults; the median for a gap in numbers, a word for one in texts."""

    name = "realmlp"
    module = "pytabkit"
    install = "pytabkit"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer

        made = RealMLP_TD_Regressor if kind == "regression" else RealMLP_TD_Classifier
        medians = x.select_dtypes("number").median().fillna(0.0)

        def whole(rows: pd.DataFrame) -> pd.DataFrame:
            texts = dict.fromkeys(rows.select_dtypes(exclude="number"), "gap")
            return rows.fillna({**medians, **texts}).astype(dict.fromkeys(texts, "category"))

        model = made(device="cpu", random_state=seed, n_threads=1, **chosen)
        return make_pipeline(FunctionTransformer(whole), model)


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
        return Coded(KANBoostClassifier(**shared, **chosen))


ESTIMATORS: dict[str, Estimator] = {
    made.name: made()
    for made in (
        *(Edgewise, Constant, Linear, Lasso, MLP, Forest),
        *(Boosting, LightGBM, XGBoost, CatBoost),
        *(PyKAN, KANBoost, RealMLP, EBM),
    )
}
"""By name; the slowest last."""
