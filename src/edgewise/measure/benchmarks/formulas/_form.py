"""Whether a formula has the form of the truth, where that is known at a few measured rows only."""

from collections.abc import Sequence

import numpy as np

from edgewise._typing import Array, Part
from edgewise.expressions import evaluate
from edgewise.measure.benchmarks.formulas._judge import refitted

_POINTS = 500  # between the least and the greatest input, that a form is fitted to


def of_form(formula: Part, truth: Part, names: Sequence[str], x: Array) -> bool:
    """Return whether a formula is the truth between the rows x (n, n_in) but for the values of its constants.

    >>> import sympy
    >>> v, rows = sympy.Symbol("v"), np.array([[1.0], [4.0]])
    >>> of_form(14.0 / v, 2.0 / v, ["v"], rows), of_form(14.0 / v + v, 2.0 / v, ["v"], rows)
    (True, False)
    """
    between = np.random.default_rng(0).permutation(np.linspace(x.min(0), x.max(0), _POINTS))  # half is fitted to
    values = evaluate(truth, list(names), between)
    return bool(formula.free_symbols) and refitted(formula, truth, list(names), between, values).right
