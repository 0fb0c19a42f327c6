"""The networks that are trained on one dimensionless equation, and the rows that they get."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from edgewise._typing import Array
from edgewise.datasets import Equation
from edgewise.experiments._feynman_data import OWN, PUBLISHED
from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._pykan import refined
from edgewise.experiments._scaled import Scaled, scaled
from edgewise.experiments._values import values
from edgewise.interpret import prune
from edgewise.nn import KAN, Layout
from edgewise.symbolic import parse
from edgewise.train import FitResult, Options, fit

HUMAN, FOUND, PERCEPTRON, PRUNED = "human", "found", "perceptron", "published pruned"
_OTHER = 5000  # rows to choose by, and as many to test on
_OWN = Options(test=0)  # rows to test on are made
_SPARSITY, _SLACK, _SEARCH = 0.01, 1.1, Options(restarts=4, test=0)
_PERCEPTRONS = (([5, 5, 5], 0.8), ([20, 20], 1.6))  # hidden nodes, seconds of each way to train them
_THEIR_GRIDS, _THEIR_STEPS = (3, 5, 10, 20, 50), 50


def data_of(equation: Equation, rows: int) -> Scaled:
    """So many rows of an equation to train on, as many to choose by, and those of the test."""
    inputs = [equation.sample(count, seed) for seed, count in enumerate((rows, _OTHER, _OTHER))]
    tables = [(x, _values(equation, x)) for x in inputs]
    low, high = ([getattr(v, end) for v in equation.variables] for end in ("low", "high"))
    return scaled(tables, low, high, tables[0][1])


def _values(equation: Equation, x: Array) -> Array:
    import sympy

    return sympy.lambdify(equation.names, parse(equation.formula, equation.names), "numpy")(*x.T)


def ours(item: str, data: Scaled, quick: bool) -> Iterator[dict[str, Any]]:
    """A shape that people made, and one found by pruning."""
    grids: Any = [3, 5] if quick else "auto"
    shape = OWN.get(item, PUBLISHED[item].designed)
    for kind in (HUMAN, FOUND):
        began = time.process_time()
        result = (
            fit(KAN(shape, seed=0), *data.train, grids=grids, options=_OWN) if kind == HUMAN else _pruned(data, grids)
        )
        spent, model = time.process_time() - began, result.model
        found = {"kind": kind, "shape": str(model.widths), "parameters": Layout(model).size, "seconds": spent}
        yield {**found, "grid": result.history[-1].grid, **data.errors(lambda x, model=model: values(model, x))}


def _pruned(data: Scaled, grids: Any) -> FitResult:
    n = data.train[0].shape[1]
    wide = fit(KAN([n, n + 1, 2, 1], seed=0), *data.train, sparsity=_SPARSITY, options=_SEARCH)
    lean = prune(wide.model, *data.train, slack=_SLACK)
    return fit(lean.model, *data.train, grids=grids, options=_OWN)


def perceptrons(item: str, data: Scaled, quick: bool) -> Iterator[dict[str, Any]]:
    """Perceptrons of each size, the better of two ways to train it."""
    x, y = (torch.from_numpy(part) for part in data.train)
    for hidden, patience in _PERCEPTRONS:
        sizes = [x.shape[1], *hidden, 1]
        run = trained(
            lambda sizes=sizes: started(sizes, 0),
            lambda module: (module(x)[:, 0] - y).square().mean(),
            0.1 if quick else patience,
            judge=lambda module: data.errors(lambda x: values(module, x))["held"],
        )
        found = {"kind": PERCEPTRON, "shape": str(sizes), "solver": run.solver, "parameters": size(run.module)}
        yield {**found, "seconds": run.seconds, **data.errors(lambda x, module=run.module: values(module, x))}


def theirs(item: str, data: Scaled, quick: bool) -> Iterator[dict[str, Any]]:
    """pykan with the article's best pruned shape, a row after each grid."""
    shape = PUBLISHED[item].pruned_shape
    grids, steps = ((3,), 2) if quick else (_THEIR_GRIDS, _THEIR_STEPS)
    for stage in refined(shape, data.train, data.test, grids, steps):
        found = {"kind": PRUNED, "shape": str(shape), "grid": stage.grid, "parameters": stage.parameters}
        yield {**found, "seconds": stage.seconds, **data.errors(stage.predict)}
