"""The MLP of scikit-learn."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edgewise_bench.benchmarks.tabular.estimators._base import Estimator
from edgewise_bench.benchmarks.tabular.estimators._preparation import prepared, scaled_target


class MLP(Estimator):
    """One hidden layer of 100 ReLU trained by Adam, unless it is tuned."""

    name = "mlp"
    module = "sklearn"
    settings = "MLP of scikit-learn with its default arguments; gaps filled, one-hot, inputs and target scaled"

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
