"""Sums of waves of one column, by their peaks in a periodogram."""

from collections.abc import Iterator

import numpy as np
import sympy

from edgewise._typing import Array, Formula
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate

_WAVES = 3
_EACH = 3  # rows for each constant, at least
_FINER = 5  # frequencies for each that the rows resolve
_MOST = 10_000  # frequencies
_PARTS = 50  # in which their powers are computed
_ROWS = 1000  # that the frequencies are found on


def waves(data: FitData) -> Iterator[Formula]:
    """Yield a mean with one wave, then with more, of a table of one column: y = m + sum A_k cos(w_k x + c_k).

    Each wave starts at the peak of the periodogram of what the ones before leave, and all constants are fitted
    together. Frequencies stay below the Nyquist frequency of the median step between rows, so that of aliases the
    lowest is found.

    Source: Lomb, Least-squares frequency analysis of unequally spaced data (1976).
    """
    column, symbol = data.columns[0], sympy.Symbol(data.names[0])
    steps = np.diff(np.unique(column))
    if not len(steps):
        return
    width = float(np.ptp(column))
    count = min(int(_FINER * width / (2 * float(np.median(steps)))), _MOST)
    frequencies = 2 * np.pi / width / _FINER * np.arange(1, count + 1)
    some = np.arange(data.n) if data.n <= _ROWS else np.random.default_rng(0).permutation(data.n)[:_ROWS]
    mean = sympy.Dummy("m")
    form = FreeFormula(mean, (mean,), (float(np.average(data.y, weights=data.weight**2)),))
    for _ in range(_WAVES):
        if _EACH * (len(form.values) + 3) > data.n or not count:
            return
        left = (data.y - evaluate(form.expression, data.names, column[:, None]))[some]
        number, amplitude, phase = _peak(column[some], left, data.weight[some] ** 2, frequencies)
        own = tuple(sympy.Dummy(name) for name in ("A", "w", "c"))
        wave = own[0] * sympy.cos(own[1] * symbol + own[2])
        values = (*form.values, amplitude, number, phase)
        form = FreeFormula(form.template + wave, (*form.symbols, *own), values).fit(data)
        if not np.isfinite(form.error):
            return
        yield form.expression


def _peak(column: Array, y: Array, weights: Array, frequencies: Array) -> tuple[float, float, float]:
    """Return the frequency of the wave around a mean that leaves least, its amplitude and phase."""
    share = weights / weights.sum()
    power = np.concatenate([_power(column, y, share, part) for part in np.array_split(frequencies, _PARTS)])
    best = float(frequencies[int(np.argmax(power))])
    waved = np.column_stack([np.cos(best * column), np.sin(best * column), np.ones(len(y))])
    root = np.sqrt(weights)
    a, b, _ = np.linalg.lstsq(root[:, None] * waved, root * y, rcond=None)[0]
    return best, float(np.hypot(a, b)), float(np.arctan2(-b, a))


def _power(column: Array, y: Array, share: Array, frequencies: Array) -> Array:
    """Return the part of the variance of y that a wave of each frequency explains; share (n,): weights of the rows."""
    cosine, sine = np.cos(frequencies[:, None] * column), np.sin(frequencies[:, None] * column)
    cosine -= (cosine @ share)[:, None]
    sine -= (sine @ share)[:, None]
    centered = share * (y - y @ share)
    own, other, both = cosine**2 @ share, sine**2 @ share, (cosine * sine) @ share
    a, b = cosine @ centered, sine @ centered
    with np.errstate(all="ignore"):
        return np.nan_to_num((other * a**2 - 2 * both * a * b + own * b**2) / (own * other - both**2))
