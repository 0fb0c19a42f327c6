"""Random smooth functions whose structure is known by construction, to set thresholds on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Truth = Callable[[str, Sequence[int]], bool]
Case = tuple[np.ndarray, np.ndarray, Truth]

_ROWS = 1000
_CASES = 6
_WAVES = 12


def random_functions() -> dict[str, list[Case]]:
    """Cases by name: without structure, a sum or a product of two groups, a function of a difference."""
    return {
        "none": [_none(seed) for seed in range(_CASES)],
        "sum": [_two_groups(seed, "additive") for seed in range(_CASES)],
        "product": [_two_groups(seed, "multiplicative") for seed in range(_CASES)],
        "difference": [_difference(seed) for seed in range(_CASES)],
    }


def _smooth(rng: np.random.Generator, m: int) -> Callable[[np.ndarray], np.ndarray]:
    """A sum of random waves in m columns of spread 1: every column acts on how every other does."""
    frequency, phase = 0.7 * rng.standard_normal((m, _WAVES)), rng.uniform(0, 2 * np.pi, _WAVES)
    weight = rng.standard_normal(_WAVES) / np.sqrt(_WAVES)
    return lambda x: np.cos(x @ frequency + phase) @ weight


def _table(rng: np.random.Generator, m: int) -> np.ndarray:
    return rng.uniform(-1.7, 1.7, (_ROWS, m))


def _none(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    m = 2 + seed % 3
    x = _table(rng, m)
    return x, _smooth(rng, m)(x), lambda kind, columns: False


def _two_groups(seed: int, kind: str) -> Case:
    """g(first two columns) with h(the others)."""
    rng = np.random.default_rng(100 + seed)
    m = 3 + seed % 2
    x = _table(rng, m)
    g, h = _smooth(rng, 2)(x[:, :2]), _smooth(rng, m - 2)(x[:, 2:])
    y = g + h if kind == "additive" else (g + 2.5) * (h + 2.5)
    groups = [{0, 1}, set(range(2, m))]

    def truth(asked: str, columns: Sequence[int]) -> bool:
        if asked == "separable":
            # One of the groups, or with one group whole the other one's only column, which is everything.
            return set(columns) in groups
        return asked == kind and set(columns) in groups

    return x, y, truth


def _difference(seed: int) -> Case:
    """F(x1 - a x2, the others)."""
    rng = np.random.default_rng(200 + seed)
    m = 3 + seed % 2
    x = _table(rng, m)
    slope = rng.uniform(0.5, 1.5)
    joined = np.column_stack([x[:, 0] - slope * x[:, 1], x[:, 2:]])
    return (
        x,
        _smooth(rng, m - 1)(joined),
        lambda kind, columns: kind in ("translation", "separable") and set(columns) == {0, 1},
    )
