"""Operon, by its Python bindings."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import math
import time
from typing import Any, ClassVar

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Part
from edgewise_bench.benchmarks.searchers._base import Found, Predict, Searcher, Table

_DIGITS = 12
# Time alone ends the search.
_ENDLESS: dict[str, Any] = {"n_threads": 1, "generations": 10**9, "max_evaluations": 10**12}
_PARAMETERS: dict[str, Any] = {
    **_ENDLESS,
    "allowed_symbols": "add,sub,mul,div,sin,cos,exp,log,sqrt,pow,constant,variable",
    "offspring_generator": "basic",
    "initialization_method": "btc",
    "objectives": ["r2", "length"],
    "epsilon": 1e-5,
    "optimizer_iterations": 1,
    "reinserter": "keep-best",
    "female_selector": "tournament",
    "male_selector": "tournament",
    "brood_size": 5,
    "population_size": 1000,
    "max_length": 50,
    "model_selection_criterion": "minimum_description_length",
}
_FOR_TABLES: dict[str, Any] = {
    **_ENDLESS,
    "allowed_symbols": "add,sub,mul,aq,constant,variable,sin,exp,logabs,sqrtabs,tanh,square",
    "objectives": ["r2", "length"],
    "max_length": 30,
    "optimizer_iterations": 5,
}


class Operon(Searcher):
    """Its estimator, set as its authors' entry to SRBench sets it, with the longest of their lists of functions."""

    name = "pyoperon"
    module = "pyoperon"
    install = "pyoperon scikit-learn"
    settings = (
        "sklearn.SymbolicRegressor as in the SRBench entry: symbols + - * / sin cos exp log sqrt pow, length 50, "
        "population 1000, NSGA-II on R2 and length, 1 LM iteration, formula by minimum description length with the "
        "uncertainty of a random forest; one search of all the time, no tuning"
    )

    parameters: ClassVar[dict[str, Any]] = _PARAMETERS

    def uncertainty(self, table: Table) -> float:
        """Return the standard deviation of the noise that its choice by description length assumes."""
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(random_state=table.seed).fit(table.x, table.y)
        return float(np.sqrt(np.mean((forest.predict(table.x) - table.y) ** 2)))

    def search(self, table: Table) -> Any:
        """Return a trained estimator."""
        from pyoperon.sklearn import SymbolicRegressor

        began = time.perf_counter()
        uncertainty = self.uncertainty(table)
        left = max(1, math.ceil(table.seconds - (time.perf_counter() - began)))
        model = SymbolicRegressor(
            **self.parameters, uncertainty=[uncertainty], max_time=left, random_state=table.seed + 1
        )
        return model.fit(table.x.copy(), table.y.copy())  # it takes no arrays that cannot be written

    def find(self, table: Table) -> Found:
        model = self.search(table)
        aliases = [f"x{k}" for k in range(len(table.names))]
        text = model.get_model_string(model.model_, _DIGITS, aliases)
        symbols = {sympy.Symbol(a): sympy.Symbol(name) for a, name in zip(aliases, table.names, strict=True)}
        formula: Part = symbolic.parse(text, aliases).xreplace(symbols)
        best = min(model.pareto_front_, key=lambda found: found["mean_squared_error"])
        size, others = model.stats_["model_length"], {"accurate": _values(model, best["tree"])}
        return Found(formula, _values(model, model.model_), "time", complexity=size, others=others)


class OperonForTables(Operon):
    """Its estimator, set for real tables: short formulas of protected functions, and more steps on constants."""

    settings = (
        "sklearn.SymbolicRegressor: symbols + - * aq sin exp log|x| sqrt|x| tanh square, length 30, NSGA-II on R2 and "
        "length, 5 LM iterations, other arguments at their defaults; the formula by minimum description length with "
        "the residual of a linear regression as uncertainty, and the most accurate one"
    )
    parameters: ClassVar[dict[str, Any]] = _FOR_TABLES

    def uncertainty(self, table: Table) -> float:
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(table.x, table.y)
        return float(np.std(table.y - model.predict(table.x))) or 1.0


def _values(model: Any, tree: Any) -> Predict:
    return lambda x: np.asarray(model.evaluate_model(tree, x), dtype=np.float64).reshape(len(x))
