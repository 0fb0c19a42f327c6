"""Standard errors for rows of unequal, autocorrelated and clustered errors: other formulas for them, and simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from scipy.linalg import toeplitz
from scipy.stats import t as student

import edgewise as ew
from edgewise.expressions import Covariance, FitData, FreeFormula, Uncertainty

RNG = np.random.default_rng(5)
X = np.sort(RNG.uniform(0, 3, 120))
DESIGN = np.column_stack([np.ones(120), X])


def line(noise: np.ndarray, **options: Any) -> ew.regression.FormulaFit:
    return ew.fit_formula("a + b*x", {"x": X}, 1 + 2 * X + noise, **options)


def autoregression(rho: float, count: int, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(count)
    noise[0] /= np.sqrt(1 - rho**2)
    for k in range(1, count):
        noise[k] += rho * noise[k - 1]
    return noise


def test_hc3_is_its_formula() -> None:
    fit = line(RNG.normal(0, 0.1 + X), covariance="heteroscedastic")
    bread = np.linalg.inv(DESIGN.T @ DESIGN)
    leverage = np.einsum("ij,jk,ik->i", DESIGN, bread, DESIGN)
    scores = DESIGN * (fit.residuals / (1 - leverage))[:, None]
    assert np.allclose(fit.covariance, bread @ scores.T @ scores @ bread, rtol=1e-6)


def test_clusters_are_the_jackknife_without_each_of_them() -> None:
    """CR3 is the jackknife about the estimate of all rows, times (G - 1) / G."""
    groups = np.repeat(np.arange(12), 10)
    noise = RNG.standard_normal(12)[groups] + RNG.standard_normal(120)
    fit = line(noise, groups=groups)
    y = 1 + 2 * X + noise
    left = [np.linalg.lstsq(DESIGN[groups != g], y[groups != g], rcond=None)[0] for g in range(12)]
    moved = np.array(left) - np.array([fit.values["a"], fit.values["b"]])
    assert np.allclose(fit.covariance, 11 / 12 * moved.T @ moved, rtol=1e-6)
    assert list(fit.uncertainty.freedoms) == [11, 11]
    assert fit.uncertainty.kind == "clustered" and "within groups" in str(fit)
    labels = np.array([f"g{g}" for g in groups], dtype=object)
    assert line(noise, groups=labels).constants == fit.constants


def test_an_autoregression_is_found_and_used() -> None:
    noise = autoregression(0.8, 2000, np.random.default_rng(2))
    x = np.linspace(0, 3, 2000)
    design = np.column_stack([np.ones(2000), x])
    fit = ew.fit_formula("a + b*x", {"x": x}, 1 + 2 * x + noise, covariance="autocorrelated")
    bread = np.linalg.inv(design.T @ design)
    truth = bread @ design.T @ toeplitz(0.8 ** np.arange(2000) / 0.36) @ design @ bread
    errors = np.sqrt(np.diag(truth))
    assert [c.error for c in fit.constants.values()] == pytest.approx(errors, rel=0.3)
    assert (fit.uncertainty.freedoms < 300).all()  # of 1998: long memory leaves few independent rows
    assert fit.interval("b")[1] - fit.values["b"] > 2.5 * fit.residual_error * np.sqrt(bread[1, 1]) * 1.96


def test_independent_rows_keep_their_errors() -> None:
    noise = RNG.normal(0, 0.1, 120)
    classical = line(noise)
    for kind in ("heteroscedastic", "autocorrelated"):
        other = line(noise, covariance=kind)
        for name, constant in other.constants.items():
            assert constant.error == pytest.approx(classical.constants[name].error, rel=0.35)


def test_profile_intervals_scale_with_the_standard_errors() -> None:
    fit = line(RNG.normal(0, 0.1 + X), covariance="heteroscedastic")
    low, high = fit.interval("b")
    half = fit.uncertainty.quantile(0.95, 1) * fit.constants["b"].error
    assert (high - low) / 2 == pytest.approx(half, rel=1e-4)  # a line's profile is its t interval


def test_the_same_covariance_serves_formulas_that_were_found() -> None:
    groups = np.repeat(np.arange(12), 10)
    noise = RNG.standard_normal(12)[groups] + RNG.standard_normal(120)
    y = 1 + 2 * X + noise
    free = FreeFormula.of(1.1 + 1.9 * sympy.Symbol("x")).fit(FitData.of(["x"], X[:, None], y))
    found = Uncertainty.of(free.expression, ["x"], X[:, None], y, kind="clustered", groups=groups)
    fit = line(noise, groups=groups)
    assert sorted(c.error for c in found.constants) == pytest.approx(
        sorted(c.error for c in fit.constants.values()), rel=1e-6
    )


@pytest.mark.parametrize(
    ("kind", "rows"), [("heteroscedastic", 100), ("autocorrelated", 100), ("clustered", 100), ("classical", 100)]
)
def test_intervals_cover_the_constants(kind: Any, rows: int) -> None:
    """Up to 200 lines of two constants each; `edgewise bench coverage` has more and other formulas."""
    rng, hits, plain = np.random.default_rng(11), [], []
    for _ in range(60 if kind == "autocorrelated" else 200):
        x = np.sort(rng.uniform(0, 3, rows))
        jacobian, groups = np.column_stack([np.ones(rows), x]), np.repeat(np.arange(rows // 10), 10)
        noise = rng.standard_normal(rows)
        if kind == "heteroscedastic":
            noise *= 0.1 + np.abs(x - 1.5) * 2
        elif kind == "autocorrelated":
            noise = autoregression(0.8, rows, rng)
        elif kind == "clustered":
            noise += rng.standard_normal(rows // 10)[groups]
        constants = np.linalg.lstsq(jacobian, noise, rcond=None)[0]
        residual = noise - jacobian @ constants
        unit = float(np.sqrt(residual @ residual / (rows - 2)))
        pairs: tuple[tuple[Any, list[Any]], ...] = ((kind, hits), ("classical", plain))
        for which, into in pairs:
            found = Covariance.of(which, jacobian, residual, unit, groups)
            into.append(np.abs(constants) <= student.ppf(0.975, found.freedom) * np.sqrt(np.diag(found.matrix)))
    assert 0.905 <= np.mean(hits) <= 0.99
    if kind != "classical":
        assert np.mean(plain) < np.mean(hits) - 0.05
