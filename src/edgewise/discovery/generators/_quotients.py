"""Rational functions of one column without poles among its rows."""

from collections.abc import Iterator

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import FitData, FreeFormula

_DEGREES = ((2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3))
_EACH = 2.5  # rows for each constant, at least
_ROUNDS = 20
_POLE = 1e-3  # of the denominator at 0


def quotients(data: FitData) -> Iterator[Formula]:
    """Yield P(x) / Q(x) with Q(0) = 1 for degrees up to 3, fitted to a table of one column.

    Each starts from linear fits of P - (Q - 1) y to y, with weights 1 / Q of the fit before, and from the best quotient
    of lower degrees.

    Source: Sanathanan and Koerner, Transfer function synthesis as a ratio of two complex polynomials (1963).
    """
    scale = float(np.abs(data.columns[0]).max()) or 1.0
    powers = np.vander(data.columns[0] / scale, 4, increasing=True)
    lower: tuple[Array, Array] | None = None
    for above, below in _DEGREES:
        if _EACH * (above + below + 1) > data.n:
            continue
        starts = [_linearized(powers, data, above, below)]
        if lower is not None and len(lower[0]) <= above + 1 and len(lower[1]) <= below:
            parts = zip(lower, (above + 1, below), strict=True)
            starts.append(np.concatenate([np.pad(part, (0, size - len(part))) for part, size in parts]))
        forms = [_quotient(data.names[0], scale, start, above).fit(data) for start in starts if start is not None]
        best = min(forms, key=lambda form: form.error, default=None)
        if best is not None and np.isfinite(best.error):
            lower = np.array(best.values[: above + 1]), np.array(best.values[above + 1 :])
            yield best.expression


def _linearized(powers: Array, data: FitData, above: int, below: int) -> Array | None:
    """Return the constants of the best of some linear fits whose denominator has no zero; None if all have one."""
    top, bottom = powers[:, : above + 1], powers[:, 1 : below + 1]
    q, least, found = np.ones(data.n), np.inf, None
    for _ in range(_ROUNDS):
        w = data.weight / np.maximum(np.abs(q), _POLE)
        matrix = w[:, None] * np.hstack([top, -data.y[:, None] * bottom])
        numbers = np.linalg.lstsq(matrix, w * data.y, rcond=None)[0]
        q = 1 + bottom @ numbers[above + 1 :]
        error = data.error(top @ numbers[: above + 1] / q) if q.min() > 0 else np.inf
        if error < least:
            least, found = error, numbers
    return found


def _quotient(name: str, scale: float, numbers: Array, above: int) -> FreeFormula:
    """Return the quotient with these constants, of the column over its scale."""
    z = sympy.Symbol(name) / sympy.Float(scale, 17)
    symbols = [sympy.Dummy(f"c{k}") for k in range(len(numbers))]
    divided = sum((c * z**k for k, c in enumerate(symbols[: above + 1])), sympy.Integer(0))
    divisor = sum((c * z**k for k, c in enumerate(symbols[above + 1 :], 1)), sympy.Integer(1))
    return FreeFormula(divided / divisor, tuple(symbols), tuple(map(float, numbers)))
