"""edgewise as an entry to SRBench: `est`, `model(est, X)`, `complexity(est)`, `hyper_params`, `eval_kwargs`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import sympy
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

import edgewise as ew


class EdgewiseRegressor(RegressorMixin, BaseEstimator):
    """`edgewise.discover` behind scikit-learn's interface; columns of a DataFrame give the names.

    max_time: seconds that a fit may take. random_state: a whole number.
    """

    def __init__(self, max_time: float = 3600.0, random_state: int | None = 0) -> None:
        self.max_time = max_time
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        share = 0.95  # of the time allowed: the rest is for what comes after the search
        rows, values = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        names = [f"x_{k}" for k in range(rows.shape[1])]
        self.discovery_ = ew.discover(
            rows, values, names=names, seed=self.random_state or 0, time_limit=share * self.max_time
        )
        return self

    def predict(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.discovery_.best.predict(validate_data(self, X, reset=False, dtype=np.float64))

    def expression(self, names: list[str]) -> sympy.Expr:
        """The best formula, its inputs under these names."""
        check_is_fitted(self)
        own = (sympy.Symbol(f"x_{k}") for k in range(self.n_features_in_))
        return self.discovery_.best.sympy().xreplace(dict(zip(own, map(sympy.Symbol, names), strict=True)))


est = EdgewiseRegressor()


def model(est: EdgewiseRegressor, X: Any = None) -> str:
    """The formula as text that sympy reads, in the names of the columns of X (x_0, x_1, ... where it has none)."""
    columns = getattr(X, "columns", None)
    columns = getattr(est, "feature_names_in_", None) if columns is None else columns
    names = [f"x_{k}" for k in range(est.n_features_in_)] if columns is None else [str(name) for name in columns]
    return sympy.sstr(est.expression(names), full_prec=True)


def complexity(est: EdgewiseRegressor) -> int:
    """The size of the formula as SRBench counts it: the nodes of sympy's tree."""
    check_is_fitted(est)
    return sum(1 for _ in sympy.preorder_traversal(est.discovery_.best.sympy()))


hyper_params: list[dict[str, Any]] = [{}]
"""No settings are tried."""

eval_kwargs = {"scale_x": False, "scale_y": False, "test_params": {"max_time": 10.0}}
