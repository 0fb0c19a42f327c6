"""Whether a formula has the form of the truth, where that is known at a few measured rows only."""

from collections.abc import Sequence

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Array, Part
from edgewise.expressions import evaluate
from edgewise.measure.benchmarks.formulas._judge import refitted

_POINTS = 500  # between the least and the greatest input, that a form is fitted to


def with_parameters(formula: str, names: Sequence[str], parameters: Sequence[float]) -> Part:
    """Return a formula of names and of b1, b2, ... with these parameters.

    >>> with_parameters("b1*v + b2", ["v"], [2.0, 0.5])
    2.0*v + 0.5
    """
    symbols = [f"b{k + 1}" for k in range(len(parameters))]
    parsed: Part = symbolic.parse(formula, [*names, *symbols])
    return parsed.xreplace(dict(zip(map(sympy.Symbol, symbols), map(sympy.Float, parameters), strict=True)))


def of_form(formula: Part, truth: Part, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula is the truth between the rows x (n, n_in) but for the values of its constants.

    >>> v, rows = sympy.Symbol("v"), np.array([[1.0], [4.0]])
    >>> of_form(14.0 / v, 2.0 / v, ["v"], rows), of_form(14.0 / v + v, 2.0 / v, ["v"], rows)
    (True, False)
    """
    between = np.random.default_rng(0).permutation(np.linspace(x.min(0), x.max(0), _POINTS))  # half is fitted to
    values = evaluate(truth, list(names), between)
    return bool(formula.free_symbols) and refitted(formula, truth, list(names), between, values).right
