"""Curves of one column that measurements often follow: peaks, waves, quotients, and others with constants fitted."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part
from edgewise.discovery.knowledge import Sketch
from edgewise.formulas.expressions import FitData, FreeFormula, evaluate, read_formula
from edgewise.formulas.functions import Shape, shapes

_EACH = 2.5  # rows for each constant, at least


def peaks(data: FitData) -> Iterator[Formula]:
    """Yield y = background + sum A_k exp(-((x - m_k) / s_k)^2) for a table of one column.

    The background is a constant, a line or an exponential; one peak on a constant is left to `curves`. Each peak starts
    where one of 60 centers and 12 widths leaves least of the residual, and all constants are fitted together.
    """
    most = 3
    symbol = sympy.Symbol(data.names[0])
    for start in _backgrounds(symbol, data):
        form = start
        for count in range(1, most + 1):
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
    peak_rows = 400  # that peaks are looked for on
    n_centers, n_widths = 60, 12  # that are tried for each peak
    some = np.arange(data.n) if data.n <= peak_rows else np.random.default_rng(0).permutation(data.n)[:peak_rows]
    column, w = data.columns[0][some], data.weight[some]
    left = w * (data.y[some] - evaluate(form.expression, data.names, column[:, None]))
    spread = float(np.ptp(column)) or 1.0
    centers = np.linspace(column.min(), column.max(), n_centers)[:, None, None]
    widths = spread * np.geomspace(0.01, 0.6, n_widths)[:, None]
    shapes = w * np.exp(-(((column - centers) / widths) ** 2))
    gains, sizes = shapes @ left, np.maximum((shapes**2).sum(-1), 1e-300)
    k, j = np.unravel_index(int(np.argmax(gains**2 / sizes)), gains.shape)
    return np.array([gains[k, j] / sizes[k, j], centers[k, 0, 0], widths[j, 0]])


def waves(data: FitData) -> Iterator[Formula]:
    """Yield a mean with one wave, then with more, of a table of one column: y = m + sum A_k cos(w_k x + c_k).

    Each wave starts at the peak of the periodogram of what the ones before leave, and all constants are fitted
    together. Frequencies stay below the Nyquist frequency of the median step between rows, so that of aliases the
    lowest is found.

    Source: Lomb, Least-squares frequency analysis of unequally spaced data (1976).
    """
    n_waves = 3
    each_of_waves = 3  # rows for each constant, at least
    finer = 5  # frequencies for each that the rows resolve
    n_most = 10_000  # frequencies
    wave_rows = 1000  # that the frequencies are found on
    column, symbol = data.columns[0], sympy.Symbol(data.names[0])
    steps = np.diff(np.unique(column))
    if not len(steps):
        return
    width = float(np.ptp(column))
    count = min(int(finer * width / (2 * float(np.median(steps)))), n_most)
    frequencies = 2 * np.pi / width / finer * np.arange(1, count + 1)
    some = np.arange(data.n) if data.n <= wave_rows else np.random.default_rng(0).permutation(data.n)[:wave_rows]
    mean = sympy.Dummy("m")
    form = FreeFormula(mean, (mean,), (float(np.average(data.y, weights=data.weight**2)),))
    for _ in range(n_waves):
        if each_of_waves * (len(form.values) + 3) > data.n or not count:
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
    n_parts = 50  # in which their powers are computed
    share = weights / weights.sum()
    power = np.concatenate([_power(column, y, share, part) for part in np.array_split(frequencies, n_parts)])
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


def quotients(data: FitData) -> Iterator[Formula]:
    """Yield P(x) / Q(x) with Q(0) = 1 for degrees up to 3, fitted to a table of one column.

    Each starts from linear fits of P - (Q - 1) y to y, with weights 1 / Q of the fit before, and from the best quotient
    of lower degrees.

    Source: Sanathanan and Koerner, Transfer function synthesis as a ratio of two complex polynomials (1963).
    """
    degrees = ((2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3))
    scale = float(np.abs(data.columns[0]).max()) or 1.0
    powers = np.vander(data.columns[0] / scale, 4, increasing=True)
    lower: tuple[Array, Array] | None = None
    for above, below in degrees:
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
    rounds = 20
    pole = 1e-3  # of the denominator at 0
    top, bottom = powers[:, : above + 1], powers[:, 1 : below + 1]
    q, least, found = np.ones(data.n), np.inf, None
    for _ in range(rounds):
        w = data.weight / np.maximum(np.abs(q), pole)
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


def curves(names: tuple[str, ...], x: Array, y: Array, weight: Array, seed: int = 0) -> Iterator[Formula]:
    """Yield curves of each column alone, of one column more kinds, with constants fitted from many starts.

    x: (n, n_columns). y: (n,). weight: (n,) multiplies residuals. Of several columns, three are tried.
    """
    n_rows = 200  # that constants are found on; all rows fit them once more
    tried = [(shape, form) for shape in shapes("curves") for form in shape.curves]
    if len(names) == 1:
        data = FitData.of(names, x, y, weight)
        yield from quotients(data)
        yield from waves(data)
        yield from peaks(data)
    some = np.sort(np.random.default_rng(seed).permutation(len(y))[:n_rows])
    for i in _most_monotone(x, y):
        few = FitData.of(["x"], x[some][:, [i]], y[some], weight[some])
        every = FitData.of(["x"], x[:, [i]], y, weight)
        for shape, form in tried:
            sketch = _sketch(shape, form)
            if _EACH * len(sketch.constants) > len(y):
                continue
            with np.errstate(all="ignore"):
                found = sketch.fitted(few, seed)
                best = found[0].fit(every) if found else None
            if best is not None and np.isfinite(best.error):
                curve: Part = best.expression
                yield curve.xreplace({sympy.Symbol("x"): sympy.Symbol(names[i])})


@cache
def _sketch(shape: Shape, form: str) -> Sketch:
    """Return a form of a shape of the table, with its constants."""
    if shape.function is None:
        formula, constants = read_formula(form.format(f"({shape.formula})"), ["x"], "A curve")
    else:
        outer, outside = read_formula(form.format("u"), ["u"], "A curve")
        argument, inside = read_formula("B*(x - C)", ["x"], "A curve")
        formula = outer.xreplace({sympy.Symbol("u"): shape.function.sympy(argument)})
        constants = tuple(sorted({*outside, *inside}, key=str))
    return Sketch(formula, constants, (None,) * len(constants))


def _most_monotone(x: Array, y: Array) -> list[int]:
    """Return the columns that are tried, by their correlation of ranks with the target."""
    n_columns = 3  # of several, whose curves are tried: those of the largest correlation of ranks
    ranks = np.argsort(np.argsort(np.column_stack([x, y]), axis=0), axis=0).astype(float)
    ranks -= ranks.mean(0)
    size = np.abs(ranks[:, :-1].T @ ranks[:, -1])
    return np.argsort(-size, kind="stable")[:n_columns].tolist()
