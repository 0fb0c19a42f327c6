"""Constants of SymbolicClassifier are those of maximum likelihood, whether rows repeat, are weighted, or differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgewise.estimators import SymbolicClassifier

#: ages in years, girls of each age, and those of them who have reached menarche
#: Source: Finney, Probit Analysis (1971), after Milicer and Szczotka (1966): `menarche` of R's package MASS
AGES = [9.21, 10.21, 10.58, 10.83, 11.08, 11.33, 11.58, 11.83, 12.08, 12.33, 12.58, 12.83, 13.08, 13.33, 13.58, 13.83,
        14.08, 14.33, 14.58, 14.83, 15.08, 15.33, 15.58, 15.83, 17.58]  # fmt: skip
GIRLS = [376, 200, 93, 120, 90, 88, 105, 111, 100, 93, 100, 108, 99, 106, 105, 117, 98, 97, 120, 102, 122, 111, 94, 114,
         1049]  # fmt: skip
REACHED = [0, 0, 0, 2, 2, 5, 10, 17, 16, 29, 39, 51, 47, 67, 81, 88, 79, 90, 113, 95, 117, 107, 92, 112, 1049]


def newton(x: Any, y: Any, weights: Any) -> Any:
    """Intercept and slope of the highest likelihood, by Newton's method."""
    design, found = np.column_stack([np.ones(len(x)), x - np.mean(x)]), np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ found))
        curvature = design.T @ (design * (weights * p * (1 - p))[:, None])
        found = found + np.linalg.solve(curvature, design.T @ (weights * (y - p)))
    return np.array([found[0] - found[1] * np.mean(x), found[1]])


def line(model: SymbolicClassifier) -> Any:
    (symbol,) = model.expression_.free_symbols
    return np.array([float(model.expression_.subs(symbol, 0)), float(model.expression_.diff(symbol))])


@pytest.mark.slow
def test_repeated_ages_have_the_published_slope() -> None:
    x = np.repeat(AGES, GIRLS)[:, None]
    y = np.concatenate([[1] * m + [0] * (t - m) for t, m in zip(GIRLS, REACHED, strict=True)])
    model = SymbolicClassifier(effort="direct").fit(x, y)
    np.testing.assert_allclose(line(model), [-21.2264, 1.63197], rtol=1e-4)
    ages, counts = np.tile(AGES, 2)[:, None], np.concatenate([REACHED, np.subtract(GIRLS, REACHED)])
    weighted = SymbolicClassifier(effort="direct").fit(ages, np.repeat([1, 0], len(AGES)), sample_weight=counts)
    np.testing.assert_allclose(line(weighted), line(model), rtol=1e-8)


@pytest.mark.slow
def test_made_rows_have_the_constants_of_newtons_method() -> None:
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(0, 1.5, 1500) * 2) / 2
    y = (rng.logistic(size=1500) < 1.7 * x - 0.5).astype(int)
    weights = rng.uniform(0.5, 1.5, 1500)
    model = SymbolicClassifier(effort="direct").fit(x[:, None], y, sample_weight=weights)
    np.testing.assert_allclose(line(model), newton(x, y, weights), rtol=1e-4)


@pytest.mark.slow
def test_probabilities_are_neither_zero_nor_one() -> None:
    x = np.linspace(-1, 1, 60)[:, None]
    model = SymbolicClassifier(effort="direct").fit(x, (x[:, 0] > 0).astype(int))
    found = model.predict_proba([[-1e6], [0.0], [1e6]])
    assert ((found > 0) & (found < 1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(model.predict_log_proba([[-1e6], [1e6]]), np.log(found[[0, 2]]), rtol=1e-9)
