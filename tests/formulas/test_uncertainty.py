"""Standard errors, profile intervals and bands of fitted constants, against linear regression and by simulation."""

import math

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.expressions import FitData, Uncertainty, fit_constants

X, T = sympy.symbols("x t")


def fitted(formula: sympy.Expr, names: list[str], x: np.ndarray, y: np.ndarray) -> Uncertainty:
    return Uncertainty.of(fit_constants(formula, FitData.of(names, x, y)).expression, names, x, y)


def test_a_line_has_the_errors_of_linear_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (30, 1))
    y = 2 * x[:, 0] + 1 + 0.1 * rng.standard_normal(30)
    found = fitted(1.9 * X + 1.1, ["x"], x, y)
    design = np.column_stack([x, np.ones(30)])
    solution, square = np.linalg.lstsq(design, y, rcond=None)[:2]
    covariance = np.linalg.inv(design.T @ design) * float(square[0]) / 28
    by_value = sorted((c.value, c.error) for c in found.constants)
    expected = sorted(zip(solution, np.sqrt(np.diag(covariance)), strict=True))
    assert np.allclose(by_value, expected, rtol=1e-6)
    new = np.array([[0.3], [2.0]])
    band = np.sqrt(np.einsum("ij,jk,ik->i", np.column_stack([new, [1, 1]]), covariance, np.column_stack([new, [1, 1]])))
    assert np.allclose(found.deviation(new), band)
    low, high = found.profile(0, 0.9)
    half = found.quantile(0.9) * found.constants[0].error
    assert (high - low) / 2 == pytest.approx(half, rel=1e-4)  # of a linear model the profile is that interval


def test_intervals_cover_the_constants() -> None:
    rng, hits = np.random.default_rng(1), []
    for _ in range(150):
        x = rng.uniform(0, 3, (25, 1))
        y = 3 * np.exp(-1.3 * x[:, 0]) + 0.05 * rng.standard_normal(25)
        found = fitted(3.0 * sympy.exp(-1.3 * T), ["t"], x, y)
        truth = sorted([3.0, -1.3])
        for constant, true in zip(sorted(found.constants, key=lambda c: c.value), truth, strict=True):
            hits.append(abs(constant.value - true) < found.quantile(0.95) * constant.error)
    assert 0.91 < np.mean(hits) < 0.985


def test_known_errors_of_measurements_replace_the_residual() -> None:
    x = np.linspace(0, 1, 20)[:, None]
    y = 2 * x[:, 0] + 0.3 * np.sin(50 * x[:, 0])
    formula = fit_constants(2.0 * X, FitData.of(["x"], x, y)).expression
    errors = [
        Uncertainty.of(formula, ["x"], x, y, np.full(20, 1 / size), sigma=True).constants[0].error for size in (1, 2)
    ]
    assert errors[1] == pytest.approx(2 * errors[0])
    assert errors[0] == pytest.approx(1 / math.sqrt(float((x**2).sum())))


def test_a_constant_that_no_row_determines_is_told() -> None:
    x = np.linspace(0, 1, 10)[:, None]
    found = Uncertainty.of(sympy.Float(2.0) * sympy.exp(sympy.Float(0.5) + 0 * X) * X, ["x"], x, 2 * x[:, 0])
    assert found.freedom == 10 - len(found.constants)
    few = Uncertainty.of(1.5 * X + 0.5, ["x"], x[:2], 2 * x[:2, 0])
    assert all(math.isinf(c.error) for c in few.constants)
    assert "undetermined" in str(few.constants[0])
    assert few.profile(0) == (-math.inf, math.inf)


def test_shortened_constants_stay_within_their_errors() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(1, 2, (40, 1))
    y = 281428.0 * x[:, 0] ** 2 + 100 * rng.standard_normal(40)
    found = fitted(2.8e5 * X**2, ["x"], x, y)
    short = found.shortened().atoms(sympy.Float)
    (constant,) = found.constants
    assert abs(float(next(iter(short))) - constant.value) <= 0.1 * constant.error + 1e-9
    assert len(str(float(next(iter(short))))) < 10


def test_exotic_constants_are_not_read_into_noise() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 2, (60, 1))
    y = 140.81 * x[:, 0] + 0.5 * rng.standard_normal(60)  # 715 sqrt(pi) / 9 is 140.81
    found = ew.discover(x, y, names=["x"])
    assert not found.best.expression.has(sympy.pi)


def test_bad_coverage_is_refused() -> None:
    x = np.linspace(0, 1, 10)[:, None]
    found = Uncertainty.of(2.0 * X, ["x"], x, 2 * x[:, 0] + 0.1)
    for bad in (0, 1, "0.9", float("nan")):
        with pytest.raises(ew.InputError, match="coverage"):
            found.quantile(bad)  # type: ignore[arg-type]
    with pytest.raises(ew.InputError, match="number 1"):
        found.profile(1)
