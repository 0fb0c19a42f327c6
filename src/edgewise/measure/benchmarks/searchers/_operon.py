"""Operon, by its Python bindings."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import math
import time
from typing import Any

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Part
from edgewise.measure.benchmarks.searchers._base import Found, Searcher, Table

_DIGITS = 12
_PARAMETERS: dict[str, Any] = {
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
    "n_threads": 1,
    # Time alone ends the search.
    "generations": 10**9,
    "max_evaluations": 10**12,
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

    def find(self, table: Table) -> Found:
        from pyoperon.sklearn import SymbolicRegressor
        from sklearn.ensemble import RandomForestRegressor

        began = time.perf_counter()
        forest = RandomForestRegressor(random_state=table.seed).fit(table.x, table.y)
        uncertainty = float(np.sqrt(np.mean((forest.predict(table.x) - table.y) ** 2)))
        left = max(1, math.ceil(table.seconds - (time.perf_counter() - began)))
        model = SymbolicRegressor(**_PARAMETERS, uncertainty=[uncertainty], max_time=left, random_state=table.seed + 1)
        model.fit(table.x, table.y)
        aliases = [f"x{k}" for k in range(len(table.names))]
        text = model.get_model_string(model.model_, _DIGITS, aliases)
        symbols = {sympy.Symbol(a): sympy.Symbol(name) for a, name in zip(aliases, table.names, strict=True)}
        formula: Part = symbolic.parse(text, aliases).xreplace(symbols)
        return Found(formula, lambda x: np.asarray(model.predict(x), dtype=np.float64), "time")
