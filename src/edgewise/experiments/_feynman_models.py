"""The networks that are trained on one dimensionless equation, and the rows that they get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from edgewise._typing import Array
from edgewise.datasets import Equation
from edgewise.experiments._feynman_data import Published
from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._pykan import refined
from edgewise.experiments._values import rmse, values
from edgewise.interpret import prune
from edgewise.nn import KAN, Layout
from edgewise.symbolic import parse
from edgewise.train import FitResult, fit

HUMAN, FOUND, PERCEPTRON, PRUNED = "human", "found", "perceptron", "published pruned"
_FRESH, _TEST_SEED = 5000, 1  # rows of the test
_HELD = 0.1  # of the rows
_SPARSITY, _SLACK = 0.01, 1.1
_PERCEPTRONS = ([5, 5, 5], [20, 20])
_PATIENCE = 1.2  # seconds of each way to train a perceptron
_THEIR_GRIDS, _THEIR_STEPS = (3, 5, 10, 20, 50), 50


class Data(NamedTuple):
    """Rows to train on, of which the last `held` choose, and those of the test."""

    x: Array
    y: Array
    fresh: Array
    truth: Array

    @property
    def held(self) -> int:
        return round(_HELD * len(self.y))

    def error(self, predict: Callable[[Array], Array]) -> float:
        return rmse(predict(self.fresh), self.truth)


class _Scaled(NamedTuple):
    """The same in units that suit networks of all kinds."""

    train: tuple[Array, Array]
    held: tuple[Array, Array]
    test: tuple[Array, Array]
    spread: float

    @classmethod
    def of(cls, data: Data) -> _Scaled:
        low, high, spread = data.x.min(0), data.x.max(0), float(data.y.std())
        few = len(data.y) - data.held

        def scaled(x: Array, y: Array) -> tuple[Array, Array]:
            return 2 * (x - low) / (high - low) - 1, (y - data.y.mean()) / spread

        train, held = scaled(data.x[:few], data.y[:few]), scaled(data.x[few:], data.y[few:])
        return cls(train, held, scaled(data.fresh, data.truth), spread)

    def errors(self, predict: Callable[[Array], Array]) -> dict[str, float]:
        """RMSE on the rows that were held out and on those of the test, in the equation's own units."""
        held, test = (self.spread * rmse(predict(x), y) for x, y in (self.held, self.test))
        return {"held": held, "error": test}


def table_of(equation: Equation, rows: int) -> Data:
    """So many rows for each input of an equation, and fresh ones."""
    x, fresh = equation.sample(rows * len(equation.names), 0), equation.sample(_FRESH, _TEST_SEED)
    return Data(x, _values(equation, x), fresh, _values(equation, fresh))


def _values(equation: Equation, x: Array) -> Array:
    import sympy

    return sympy.lambdify(equation.names, parse(equation.formula, equation.names), "numpy")(*x.T)


def ours(said: Published, data: Data, quick: bool) -> Iterator[dict[str, Any]]:
    """The article's shape, and one found by pruning."""
    grids: Any = [3, 5] if quick else "auto"
    for kind in (HUMAN, FOUND):
        began = time.process_time()
        result = _human(said, data, grids) if kind == HUMAN else _pruned(data, grids)
        spent = time.process_time() - began
        found = {"kind": kind, "shape": str(result.model.widths), "parameters": Layout(result.model).size}
        found |= {"grid": result.history[-1].grid, "held": result.validation_error, "seconds": spent}
        yield {**found, "error": data.error(lambda x, model=result.model: values(model, x))}


def _human(said: Published, data: Data, grids: Any) -> FitResult:
    return fit(KAN(said.designed, seed=0), data.x, data.y, grids=grids)


def _pruned(data: Data, grids: Any) -> FitResult:
    n = data.x.shape[1]
    wide = fit(KAN([n, n + 1, 2, 1], seed=0), data.x, data.y, sparsity=_SPARSITY)
    lean = prune(wide.model, data.x, data.y, slack=_SLACK)
    return fit(lean.model, data.x, data.y, grids=grids)


def perceptrons(said: Published, data: Data, quick: bool) -> Iterator[dict[str, Any]]:
    """Perceptrons of each size, the better of two ways to train it."""
    scaled = _Scaled.of(data)
    x, y = (torch.from_numpy(part) for part in scaled.train)
    for hidden in _PERCEPTRONS:
        sizes = [x.shape[1], *hidden, 1]
        run = trained(
            lambda sizes=sizes: started(sizes, 0),
            lambda module: (module(x)[:, 0] - y).square().mean(),
            0.1 if quick else _PATIENCE,
            judge=lambda module: scaled.errors(lambda x: values(module, x))["held"],
        )
        found = {"kind": PERCEPTRON, "shape": str(sizes), "solver": run.solver, "parameters": size(run.module)}
        yield {**found, "seconds": run.seconds, **scaled.errors(lambda x, module=run.module: values(module, x))}


def theirs(said: Published, data: Data, quick: bool) -> Iterator[dict[str, Any]]:
    """pykan with the article's best pruned shape, a row after each grid."""
    scaled, shape = _Scaled.of(data), said.pruned_shape
    grids, steps = ((3,), 2) if quick else (_THEIR_GRIDS, _THEIR_STEPS)
    for stage in refined(shape, scaled.train, scaled.test, grids, steps):
        found = {"kind": PRUNED, "shape": str(shape), "grid": stage.grid, "parameters": stage.parameters}
        yield {**found, "seconds": stage.seconds, **scaled.errors(stage.predict)}
