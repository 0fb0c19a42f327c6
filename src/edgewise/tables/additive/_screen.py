"""Score tests on residuals: which pairs interact, and whether a curve of the sum is missing."""

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaincc, gammaln

from edgewise.tables.additive._curve import Curve
from edgewise.tables.additive._design import Design, Pair
from edgewise.tables.additive._reml import Matrix, Vector, batched_inner, eigen
from edgewise.tables.additive._tuning import TUNING


def rank_pairs(
    design: Design, features: Sequence[Matrix], residual: Vector, variance: float, pairs: Sequence[Pair]
) -> list[tuple[float, Pair]]:
    """Return the pairs with the evidence -log p that the residual depends on their product, strongest first.

    The statistic is the gain of a small tensor basis, u' (A + 0.02 n)^-1 u / sigma^2, against a scaled chi-square.
    """
    parts = {k: _small(design, features, k) for k in {number for pair in pairs for number in pair}}
    partners: dict[tuple[int, int], list[int]] = {}
    for first, second in pairs:
        if parts[first].shape[1] and parts[second].shape[1]:
            partners.setdefault((first, parts[second].shape[1]), []).append(second)
    found = []
    for (first, _), seconds in partners.items():
        together = np.stack([parts[second] for second in seconds])
        evidence = _evidence(parts[first], together, residual, variance)
        found += [(float(e), (first, second)) for e, second in zip(evidence, seconds, strict=True)]
    return sorted(found, reverse=True)


def _small(design: Design, features: Sequence[Matrix], number: int) -> Matrix:
    """Return the few functions of an input that the test uses."""
    functions, levels, least = 3, 8, 5  # of a curve; of a category, and the least rows of each
    values = features[number]
    if isinstance(design.inputs[number], Curve):
        return values[:, :functions]
    counts = values.sum(0)
    common = np.argsort(-counts, kind="stable")[:levels]
    common = common[(counts[common] >= least) & (counts[common] <= len(values) - least)]
    return values[:, common] - values[:, common].mean(0)


def _evidence(a: Matrix, others: Matrix, residual: Vector, variance: float) -> Vector:
    """Return -log p of the products of one input's functions (n, m) with those of each other input (J, n, k)."""
    n, ridge = len(residual), 0.02
    tensor = (a[None, :, :, None] * others[:, :, None, :]).reshape(len(others), n, -1)
    tensor -= tensor.mean(1, keepdims=True)
    score = residual @ tensor
    values, vectors = eigen(batched_inner(tensor))
    real = values > 1e-8 * n
    values = np.where(real, values, 0.0)
    share = values / (values + ridge * n)
    projected = np.einsum("jab,ja->jb", vectors, score)
    gain = np.where(real, projected**2 / (values + ridge * n), 0.0).sum(1) / variance
    mean, spread = share.sum(1), 2 * (share**2).sum(1)
    degrees = np.where(spread > 0, 2 * mean**2 / np.maximum(spread, 1e-300), 1.0)
    return -_log_tail(gain * degrees / np.maximum(mean, 1e-9), degrees)


def _log_tail(x: Vector, degrees: Vector) -> Vector:
    """Return the logarithm of the chance that a chi-square is above x, by its asymptote where that is below 1e-300."""
    half, shape = x / 2, degrees / 2
    tail = gammaincc(shape, half)
    beyond = -half + (shape - 1) * np.log(np.maximum(half, 1e-300)) - gammaln(shape)
    return np.where(tail > 1e-300, np.log(np.maximum(tail, 1e-300)), beyond)


def tukey(eta: Vector, residual: Vector, variance: float) -> tuple[float, float]:
    """Return the p-value of Tukey's test, whether the residual depends on the square and cube of the fitted sum, and
    which share of its variance they explain.

    Source: Tukey, One degree of freedom for non-additivity (1949).
    """
    u = (eta - eta.mean()) / (eta.std() or 1.0)
    powers, known = np.column_stack([u**2, u**3]), np.column_stack([np.ones(len(u)), u])
    powers = powers - known @ np.linalg.lstsq(known, powers, rcond=None)[0]
    score = powers.T @ residual
    statistic = score @ np.linalg.pinv(powers.T @ powers) @ score / variance
    return float(gammaincc(1.0, statistic / 2)), float(statistic) / len(residual)


def columns_with_value_effects(
    design: Design, x: Matrix, residual: Vector, variance: float
) -> list[tuple[int, int]]:  # fmt: skip
    """Return the numeric columns whose single values, repeated over rows, have effects that their curves miss, and how
    many values each has."""
    found, fewest, most = [], 11, 500  # distinct values
    for part in design.inputs:
        if not isinstance(part, Curve) or part.is_line:
            continue
        seen = np.isfinite(x[:, part.column])
        values, place, counts = np.unique(x[seen, part.column], return_inverse=True, return_counts=True)
        if not fewest <= len(values) <= min(most, seen.sum() / 3):
            continue
        sums = np.bincount(place, residual[seen])
        if gammaincc(len(values) / 2, float((sums**2 / counts).sum()) / variance / 2) < TUNING.value_chance:
            found.append((part.column, len(values)))
    return found
