"""Whether a formula has the form of the truth, where that is known at a few measured rows only."""

from collections.abc import Sequence

import numpy as np
import sympy

from edgewise import symbolic
from edgewise._typing import Array, Part
from edgewise.expressions import evaluate
from edgewise_bench.benchmarks.formulas._judge import refitted

_ONE = sympy.Float(1 + 1e-7)
_POINTS = 500  # between the least and the greatest input, that a form is fitted to


def with_parameters(formula: str, names: Sequence[str], parameters: Sequence[float]) -> Part:
    """Return a formula of names and of b1, b2, ... with these parameters.

    >>> with_parameters("b1*v + b2", ["v"], [2.0, 0.5])
    2.0*v + 0.5
    """
    symbols = [f"b{k + 1}" for k in range(len(parameters))]
    parsed: Part = symbolic.parse(formula, [*names, *symbols])
    return parsed.xreplace(dict(zip(map(sympy.Symbol, symbols), map(sympy.Float, parameters), strict=True)))


def with_ones(formula: Part) -> Part:
    """Return a formula with a number at every term of a sum and every argument, where it is one too.

    >>> str(with_ones(sympy.exp(sympy.Symbol("v")))) != "exp(v)"
    True
    """
    if formula.is_Atom:
        return formula
    parts = [with_ones(part) for part in formula.args]
    return formula.func(*(part * _ONE for part in parts) if formula.is_Add or formula.is_Function else parts)


def is_right(formula: Part, truth: Part, names: Sequence[str], x: Array, y: Array) -> bool:
    """Return whether a formula is the truth but for the values of constants, those that are one included.

    x: (n, n_in), in any order. y: (n,), the truth without noise. Half of the rows are fitted to.
    """
    return any(refitted(each, truth, list(names), x, y).right for each in (formula, with_ones(formula)))


def of_form(formula: Part, truth: Part, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula is the truth between the rows x (n, n_in) but for the values of its constants.

    >>> v, rows = sympy.Symbol("v"), np.array([[1.0], [4.0]])
    >>> of_form(14.0 / v, 2.0 / v, ["v"], rows), of_form(14.0 / v + v, 2.0 / v, ["v"], rows)
    (True, False)
    """
    between = np.random.default_rng(0).permutation(np.linspace(x.min(0), x.max(0), _POINTS))  # half is fitted to
    values = evaluate(truth, list(names), between)
    return bool(formula.free_symbols) and is_right(formula, truth, names, between, values)
