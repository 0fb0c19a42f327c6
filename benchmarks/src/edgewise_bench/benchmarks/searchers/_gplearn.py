"""gplearn."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise_bench.benchmarks.searchers._base import Found, Searcher, Table

_EXACT = 1e-12  # relative to the target's standard deviation: error at which the search may end
_LARGEST = 50.0  # argument of exp
_PARAMETERS: dict[str, Any] = {
    "population_size": 1000,
    "tournament_size": 20,
    "init_depth": (2, 6),
    "init_method": "half and half",
    "metric": "mean absolute error",
    "parsimony_coefficient": 0.001,
    "p_crossover": 0.9,
    "p_subtree_mutation": 0.01,
    "p_hoist_mutation": 0.01,
    "p_point_mutation": 0.01,
    "p_point_replace": 0.05,
    "max_samples": 1.0,
    "low_memory": True,
    "n_jobs": 1,
}
_FUNCTIONS: dict[str, Callable[..., Formula]] = {
    "add": sympy.Add,
    "mul": sympy.Mul,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / b,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "exp": sympy.exp,
}


class GPLearn(Searcher):
    """Its estimator, set as in SRBench, with exp among its functions."""

    name = "gplearn"
    module = "gplearn"
    install = "gplearn"
    settings = (
        "SymbolicRegressor as in SRBench: population 1000, tournaments of 20, parsimony 0.001, functions + - * / log "
        "sqrt sin cos, and exp; generations until the time is up or the error is 1e-12 of the spread"
    )

    def find(self, table: Table) -> Found:
        from gplearn.functions import make_function
        from gplearn.genetic import SymbolicRegressor

        began = time.perf_counter()
        exponential = make_function(function=_exp, name="exp", arity=1, wrap=False)
        functions = [exponential if name == "exp" else name for name in _FUNCTIONS]
        enough = _EXACT * float(table.y.std())
        model = SymbolicRegressor(
            **_PARAMETERS, function_set=functions, stopping_criteria=enough, generations=1, warm_start=True,
            random_state=table.seed,
        )  # fmt: skip
        while True:
            started = time.perf_counter()
            model.fit(table.x, table.y)
            now = time.perf_counter()
            if model._program.raw_fitness_ <= enough:
                return Found(_formula(model._program.program, table.names), model.predict, "error")
            if now - began + (now - started) > table.seconds:
                return Found(_formula(model._program.program, table.names), model.predict, "time")
            model.set_params(generations=model.generations + 1)


def _exp(x: Array) -> Array:
    return np.exp(np.minimum(x, _LARGEST))


def _formula(program: Sequence[Any], names: Sequence[str]) -> Formula:
    """Turn a prefix program into a formula, without guards of division, logarithm and root, as in SRBench."""
    stack: list[Formula] = []
    for part in reversed(program):
        if isinstance(part, int | np.integer):
            stack.append(sympy.Symbol(names[int(part)]))
        elif isinstance(part, float | np.floating):
            stack.append(sympy.Float(float(part)))
        else:
            stack.append(_FUNCTIONS[part.name](*(stack.pop() for _ in range(part.arity))))
    return stack[0]
