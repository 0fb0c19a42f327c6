"""Peaks of one column on a background, added one by one."""

from collections.abc import Iterator

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate

_PEAKS = 3
_EACH = 2.5  # rows for each constant, at least
_ROWS = 400  # that peaks are looked for on
_CENTERS, _WIDTHS = 60, 12  # that are tried for each peak


def peaks(data: FitData) -> Iterator[Formula]:
    """Yield y = background + sum A_k exp(-((x - m_k) / s_k)^2) for a table of one column.

    The background is a constant, a line or an exponential; one peak on a constant is left to `curves`. Each peak starts
    where one of 60 centers and 12 widths leaves least of the residual, and all constants are fitted together.
    """
    symbol = sympy.Symbol(data.names[0])
    for start in _backgrounds(symbol, data):
        form = start
        for count in range(1, _PEAKS + 1):
            if _EACH * (len(form.values) + 3) > data.n:
                break
            height, center, width = (sympy.Dummy(name) for name in "Ams")
            peak = height * sympy.exp(-(((symbol - center) / width) ** 2))
            values = (*form.values, *_best_peak(form, data))
            form = FreeFormula(form.template + peak, (*form.symbols, height, center, width), values).fit(data)
            if not np.isfinite(form.error):
                break
            if count > 1 or len(start.values) > 1:
                yield form.expression


def _backgrounds(symbol: sympy.Symbol, data: FitData) -> Iterator[FreeFormula]:
    """Yield a constant, a line and exponentials, fitted to the table."""
    a, b = sympy.Dummy("a"), sympy.Dummy("b")
    rate = 1 / (float(np.ptp(data.columns[0])) or 1.0)
    level = float(np.median(data.y))
    yield FreeFormula(a, (a,), (level,)).fit(data)
    yield FreeFormula(a + b * symbol, (a, b), (level, 0.0)).fit(data)
    for sign in (-1.0, 1.0):
        form = FreeFormula(a * sympy.exp(b * symbol), (a, b), (level or 1.0, sign * rate)).fit(data)
        if np.isfinite(form.error) and form.values[1] * sign > 0:
            yield form


def _best_peak(form: FreeFormula, data: FitData) -> Array:
    """Return height, center and width of the peak that leaves least of the residual, of those that are tried."""
    some = np.arange(data.n) if data.n <= _ROWS else np.random.default_rng(0).permutation(data.n)[:_ROWS]
    column, w = data.columns[0][some], data.weight[some]
    left = w * (data.y[some] - evaluate(form.expression, data.names, column[:, None]))
    spread = float(np.ptp(column)) or 1.0
    centers = np.linspace(column.min(), column.max(), _CENTERS)[:, None, None]
    widths = spread * np.geomspace(0.01, 0.6, _WIDTHS)[:, None]
    shapes = w * np.exp(-(((column - centers) / widths) ** 2))
    gains, sizes = shapes @ left, np.maximum((shapes**2).sum(-1), 1e-300)
    k, j = np.unravel_index(int(np.argmax(gains**2 / sizes)), gains.shape)
    return np.array([gains[k, j] / sizes[k, j], centers[k, 0, 0], widths[j, 0]])
