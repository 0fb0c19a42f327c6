"""Refit the constants of a formula to machine precision; the door to all that joins formulas and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise._typing import Array, Formula
from edgewise.discovery._complexity import complexity as complexity
from edgewise.discovery._complexity import simplify_light as simplify_light
from edgewise.discovery._fitting import Polished as Polished
from edgewise.discovery._fitting import finished, fit, freed, prepare
from edgewise.discovery._fitting import split_constants as split_constants
from edgewise.discovery._rounding import fix_gauge as fix_gauge
from edgewise.discovery._rounding import round_constants as round_constants
from edgewise.discovery._tape import evaluate as evaluate


def polish(
    expr: Formula,
    names: Sequence[str],
    x: Array,
    y: Array,
    weight: Array | None = None,
    *,
    steps: int = 80,
) -> Polished:
    """Fit all Float constants of a formula by weighted least squares, from their present values.

    error = rms of weight (f(x) - y) / weighted standard deviation of y

    Right forms on exact data end at 1e-14 to 1e-16. Rows with a nan are left out; points where the formula is
    undefined at first are used as soon as it is defined there, and the error is inf if one is left at the
    end.

    Args:
        expr: the formula; its symbols are among the names.
        names: the column names.
        x: the table (N, len(names)).
        y: the target (N,).
        weight: what residuals are multiplied by (N,).
        steps: the largest number of accepted and rejected steps.

    Example:
        >>> import numpy as np
        >>> import sympy
        >>> x = np.linspace(0.1, 2, 50)
        >>> formula = 1.1 * sympy.exp(-1.9 * sympy.Symbol("t"))
        >>> polish(formula, ["t"], x[:, None], np.exp(-2 * x)).error < 1e-14
        True

    Source: Levenberg (1944), Marquardt (1963); steps from a QR and a singular value decomposition of the
    scaled Jacobian, so that the condition is not squared.
    """
    data = prepare(names, x, y, weight)
    return finished(fit(freed(expr), data, steps=steps), data)
