"""Score tests on residuals: which pairs interact, and whether a curve of the sum is missing."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from edgewise.additive._curve import Curve
from edgewise.additive._design import Design, Pair
from edgewise.additive._inner import Matrix, Vector

_FUNCTIONS, _LEVELS, _ROWS = 3, 8, 5  # functions of a curve; levels of a category, each with so many rows
_RIDGE = 0.02
_VALUES = (11, 500)  # numbers of distinct values whose single effects are tested
_SURE = 1e-4


def rank_pairs(
    design: Design, features: Sequence[Matrix], residual: Vector, variance: float, pairs: Sequence[Pair]
) -> list[tuple[float, Pair]]:
    """Return the pairs with the evidence -log p that the residual depends on their product, strongest first.

    The statistic is the gain of a small tensor basis, u' (A + 0.02 n)^-1 u / sigma^2, against a scaled chi-square.
    """
    parts = {k: _small(design, features, k) for k in {number for pair in pairs for number in pair}}
    found = []
    for first, second in pairs:
        a, b = parts[first], parts[second]
        if a.shape[1] and b.shape[1]:
            found.append((_evidence(a, b, residual, variance), (first, second)))
    return sorted(found, reverse=True)


def _small(design: Design, features: Sequence[Matrix], number: int) -> Matrix:
    """Return the few functions of an input that the test uses."""
    values = features[number]
    if isinstance(design.inputs[number], Curve):
        return values[:, :_FUNCTIONS]
    counts = values.sum(0)
    common = np.argsort(-counts, kind="stable")[:_LEVELS]
    common = common[(counts[common] >= _ROWS) & (counts[common] <= len(values) - _ROWS)]
    return values[:, common] - values[:, common].mean(0)


def _evidence(a: Matrix, b: Matrix, residual: Vector, variance: float) -> float:
    n = len(residual)
    tensor = (a[:, :, None] * b[:, None, :]).reshape(n, -1)
    tensor = tensor - tensor.mean(0)
    score = tensor.T @ residual
    values, vectors = np.linalg.eigh(tensor.T @ tensor)
    real = values > 1e-8 * n
    values = values[real]
    share = values / (values + _RIDGE * n)
    gain = float((((vectors.T @ score)[real]) ** 2 / (values + _RIDGE * n)).sum()) / variance
    mean, spread = float(share.sum()), 2 * float((share**2).sum())
    degrees = 2 * mean**2 / spread if spread > 0 else 1.0
    return -float(chi2.logsf(gain * degrees / max(mean, 1e-9), degrees))


def tukey(eta: Vector, residual: Vector, variance: float) -> float:
    """Return the p-value of Tukey's test: whether the residual depends on the square and cube of the fitted sum.

    Source: Tukey, One degree of freedom for non-additivity (1949).
    """
    u = (eta - eta.mean()) / (eta.std() or 1.0)
    powers, known = np.column_stack([u**2, u**3]), np.column_stack([np.ones(len(u)), u])
    powers = powers - known @ np.linalg.lstsq(known, powers, rcond=None)[0]
    score = powers.T @ residual
    statistic = score @ np.linalg.pinv(powers.T @ powers) @ score / variance
    return float(chi2.sf(statistic, 2))


def columns_with_value_effects(design: Design, x: Matrix, residual: Vector, variance: float) -> list[int]:
    """Return the numeric columns whose single values, repeated over rows, have effects that their curves miss."""
    found = []
    for part in design.inputs:
        if not isinstance(part, Curve):
            continue
        seen = np.isfinite(x[:, part.column])
        values, place, counts = np.unique(x[seen, part.column], return_inverse=True, return_counts=True)
        if not _VALUES[0] <= len(values) <= min(_VALUES[1], seen.sum() / 3):
            continue
        sums = np.bincount(place, residual[seen])
        if chi2.sf(float((sums**2 / counts).sum()) / variance, len(values)) < _SURE:
            found.append(part.column)
    return found
