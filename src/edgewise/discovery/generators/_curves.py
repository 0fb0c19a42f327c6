"""Curves of one column that measurements often follow, with constants fitted."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.generators._peaks import peaks
from edgewise.discovery.generators._quotients import quotients
from edgewise.discovery.generators._waves import waves
from edgewise.discovery.knowledge import Sketch
from edgewise.formulas.expressions import FitData, read_formula

_ROWS = 200  # that constants are found on; all rows fit them once more
_EACH = 2.5  # rows for each constant, at least
_COLUMNS = 3  # of several, whose curves are tried: those of the largest correlation of ranks
_PLAIN = (
    "A*exp(B*x)", "A*log(x) + B", "A/x + B", "A*sqrt(x) + B", "A*x**2 + B", "A*x**2 + B*x + C",
    "A*exp(B*x) + C", "A*x**B + C", "A*x/(B + x)", "A*(1 - exp(-B*x))",
)  # fmt: skip
_ALONE = (
    "A/(x + B)", "A/(x + B)**2", "A*(x + B)**C", "(A + B*x)/(1 + C*x)", "A*exp(B/(x + C))", "A/(1 + exp(B - C*x))",
    "A/(1 + exp(B - C*x))**D", "A*exp(-((x - B)/C)**2)", "A*exp(-((x - B)/C)**2) + D", "A/(1 + ((x - B)/C)**2)",
    "A*x**B*exp(-C*x)", "A*exp(-B*x)/(1 + C*x)", "A*(1 - (1 + B*x)**(-C))", "A*tanh(B*(x - C)) + D",
    "A*exp(-B*x) + C*exp(-D*x)", "A + B*exp(-C*x) + D*exp(-F*x)",
    "A*exp(-B*x) + C*exp(-D*x) + F*exp(-G*x)", "A*x**B/(C + x**B)",
    "A*x/(B + x + C*x**2)", "A*exp(-B*x)*cos(C*x + D)",
)  # fmt: skip
"""Also for tables of one column: growth and decay, saturation, peaks. Power laws are tried before."""


def curves(names: tuple[str, ...], x: Array, y: Array, weight: Array, seed: int = 0) -> Iterator[Formula]:
    """Yield curves of each column alone, of one column more kinds, with constants fitted from many starts.

    x: (n, n_columns). y: (n,). weight: (n,) multiplies residuals. Of several columns, three are tried.
    """
    shapes = (*_PLAIN, *_ALONE) if len(names) == 1 else _PLAIN
    if len(names) == 1:
        data = FitData.of(names, x, y, weight)
        yield from quotients(data)
        yield from waves(data)
        yield from peaks(data)
    some = np.sort(np.random.default_rng(seed).permutation(len(y))[:_ROWS])
    for i in _most_monotone(x, y):
        few = FitData.of(["x"], x[some][:, [i]], y[some], weight[some])
        every = FitData.of(["x"], x[:, [i]], y, weight)
        for shape in shapes:
            if _EACH * len(_sketch(shape).constants) > len(y):
                continue
            with np.errstate(all="ignore"):
                found = _sketch(shape).fitted(few, seed)
                best = found[0].fit(every) if found else None
            if best is not None and np.isfinite(best.error):
                curve: Part = best.expression
                yield curve.xreplace({sympy.Symbol("x"): sympy.Symbol(names[i])})


@cache
def _sketch(shape: str) -> Sketch:
    formula, constants = read_formula(shape, ["x"], "A curve")
    return Sketch(formula, constants, (None,) * len(constants))


def _most_monotone(x: Array, y: Array) -> list[int]:
    """Return the columns that are tried, by their correlation of ranks with the target."""
    ranks = np.argsort(np.argsort(np.column_stack([x, y]), axis=0), axis=0).astype(float)
    ranks -= ranks.mean(0)
    size = np.abs(ranks[:, :-1].T @ ranks[:, -1])
    return np.argsort(-size, kind="stable")[:_COLUMNS].tolist()
