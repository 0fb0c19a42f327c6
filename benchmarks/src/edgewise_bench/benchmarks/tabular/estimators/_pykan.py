"""pykan, the library of the article that introduced these networks."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from edgewise._typing import Array
from edgewise_bench.baselines import default_dtype, silenced
from edgewise_bench.benchmarks.tabular.estimators._base import Estimator
from edgewise_bench.benchmarks.tabular.estimators._preparation import prepared

_HIDDEN, _GRID, _DEGREE, _STEPS = 5, 5, 3, 50


class PyKAN(Estimator):
    """Its network with five hidden nodes, trained as in its notebooks."""

    name = "pykan"
    module = "kan"
    install = "pykan"
    settings = (
        "KAN [n, 5, outputs] in speed mode, grid 5, 50 steps of L-BFGS, as in its notebooks; gaps filled, one-hot, "
        "inputs and target scaled"
    )

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
        from kan import KAN

        rows = {"train_input": inputs, "train_label": labels, "test_input": inputs[:1], "test_label": labels[:1]}
        with default_dtype(torch.float64), silenced():
            widths = [inputs.shape[1], _HIDDEN, outputs]
            self._model = KAN(width=widths, grid=_GRID, k=_DEGREE, seed=self._seed, auto_save=False).speed()
            self._model.fit(rows, opt="LBFGS", steps=_STEPS, loss_fn=loss)

    def _outputs(self, x: pd.DataFrame) -> Tensor:
        with torch.no_grad(), default_dtype(torch.float64):
            return self._model(torch.from_numpy(np.asarray(self._columns.transform(x), dtype=np.float64)))
