"""The networks that are trained on one dimensionless equation, and the rows that they get."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edgewise._typing import Array
from edgewise.datasets import Equation, dimensionless
from edgewise.interpret import prune
from edgewise.measure import Case, Settings
from edgewise.measure.baselines import pykan_stages
from edgewise.measure.experiments._dataset import Scaled, scaled
from edgewise.measure.experiments.feynman._published import OWN, PUBLISHED
from edgewise.nn import KAN, Layout
from edgewise.symbolic import parse
from edgewise.train import FitResult, Options, fit

HUMAN, FOUND = "human", "found"
_ROWS, _QUICK = 1000, 120
_MORE = {"I.9.18": 2000, "I.29.16": 2000, "I.30.3": 2000}  # rows of equations that overfit 1000
_OTHER = 5000  # validation rows, and as many test rows
_OWN = Options(test=0)  # test rows are drawn separately
_SPARSITY, _SLACK, _SEARCH = 0.01, 1.1, Options(restarts=4, test=0)
_MLPS = (([5, 5, 5], 0.8), ([20, 20], 1.6))  # hidden nodes, seconds of each of two solvers
_PYKAN_GRIDS, _PYKAN_STEPS = (3, 5, 10, 20, 50), 50


def _data(case: Case, settings: Settings) -> Scaled:
    equation = next(equation for equation in dimensionless() if equation.name == case.values["item"])
    count = _QUICK if settings.quick else _MORE.get(equation.name, _ROWS)
    inputs = [equation.sample(count, seed) for seed, count in enumerate((count, _OTHER, _OTHER))]
    tables = [(x, _values(equation, x)) for x in inputs]
    low, high = ([getattr(v, end) for v in equation.variables] for end in ("low", "high"))
    return scaled(tables, low, high, tables[0][1])


def _values(equation: Equation, x: Array) -> Array:
    from edgewise.expressions import evaluate

    return evaluate(parse(equation.formula, equation.names), equation.names, x)


def edgewise(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    """Train a shape designed by people, and one found by pruning."""
    item, data, grids = case.values["item"], _data(case, settings), [3, 5] if settings.quick else "auto"
    for kind in (HUMAN, FOUND):
        began = time.process_time()
        start = KAN(OWN.get(item, PUBLISHED[item].designed), seed=0)
        result = fit(start, *data.train, grids=grids, options=_OWN) if kind == HUMAN else _pruned(data, grids)
        spent, model = time.process_time() - began, result.model
        found = {"kind": kind, "shape": str(model.widths), "parameters": Layout(model).size, "seconds": spent}
        yield {**found, "grid": result.history[-1].grid, **data.errors_of(model)}


def _pruned(data: Scaled, grids: Any) -> FitResult:
    n = data.train[0].shape[1]
    wide = fit(KAN([n, n + 1, 2, 1], seed=0), *data.train, sparsity=_SPARSITY, options=_SEARCH)
    lean = prune(wide.model, *data.train, slack=_SLACK)
    return fit(lean.model, *data.train, grids=grids, options=_OWN)


def mlps(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    """Train MLPs of each size, each by the better of two solvers."""
    data = _data(case, settings)
    for hidden, seconds in _MLPS:
        yield {"kind": "MLP", **data.train_mlp(hidden, 0.1 if settings.quick else seconds)}


def pykan(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    """Train pykan with the article's best pruned shape; a row after each grid."""
    shape, data = PUBLISHED[case.values["item"]].pruned_shape, _data(case, settings)
    grids, steps = ((3,), 2) if settings.quick else (_PYKAN_GRIDS, _PYKAN_STEPS)
    for stage in pykan_stages(shape, data.train, data.test, grids, steps):
        yield {"kind": "published pruned", "shape": str(shape), **stage.columns(), **data.errors(stage.predict)}
