"""Stated formulas on odd tables: fitted or refused in one line, and never worse than scipy from the same start."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

import edgewise as ew
from edgewise.expressions import evaluate, parse

FORMS = (
    "a*x", "a + b*x", "a*exp(-k*x)", "a*x/(k + x)", "a*x^n", "a*log(x) + b", "a*sin(w*x + p)", "a/(1 + exp((m - x)/s))",
    "a*b*x", "sqrt(a - x)", "1/(a - x)", "a^x", "abs(x - a)", "a + b*x + c*z", "gaussian(a*x)", "tanh(a*x)*b + c*z",
)  # fmt: skip


def column(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return numbers as they come: of any size, constant, whole, with a gap, far from zero."""
    values = rng.standard_normal(n)
    kinds = (
        values, np.abs(values), values * 10.0 ** rng.integers(-200, 200), np.zeros(n), np.full(n, 7.0),
        np.round(values), np.exp(20 * values), np.where(np.arange(n) == n // 2, np.nan, values),
        np.arange(float(n)), 1e15 + values,
    )  # fmt: skip
    return kinds[rng.integers(len(kinds))]


@fuzz(25)
@given(st.integers(0, 2**31), st.sampled_from(FORMS))
def test_any_table_is_fitted_or_refused_in_one_line(seed: int, form: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    table = {"x": column(rng, n), "z": column(rng, n)}
    given: dict[str, Any] = {
        "loss": rng.choice(["squared", "squared", "huber", "tukey"]),
        "covariance": rng.choice(["classical", "heteroscedastic", "autocorrelated"]),
        "bounds": {"a": tuple(sorted(rng.standard_normal(2)))} if rng.uniform() < 0.2 and "a" in form else None,
        "weights": np.abs(column(rng, n)) if rng.uniform() < 0.2 else None,
    }
    try:
        fit = ew.fit_formula(form, table, column(rng, n), **given)
    except ew.InputError as error:
        assert "\n" not in str(error)
        return
    assert fit.outcome.name in str(fit) and fit.latex()
    values, low, high = fit.predict(table, 0.9)
    known = np.isfinite(values) & np.isfinite(low)
    assert (low[known] <= values[known]).all() and (values[known] <= high[known]).all()


@fuzz(15)
@given(st.integers(0, 2**31), st.sampled_from(("a*exp(-k*x)", "a*x/(k + x)", "a/(1 + exp((m - x)/s))", "a + b*x")))
def test_no_fit_is_worse_than_scipys_from_the_truth(seed: int, text: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 5, 30)
    names = sorted({str(symbol) for symbol in parse(text).free_symbols} - {"x"})
    truth, form = rng.uniform(0.5, 3, len(names)), parse(text, ["x", *names])

    def function(at: np.ndarray, *constants: float) -> np.ndarray:
        return evaluate(form, ["x", *names], np.column_stack([at, np.tile(constants, (len(at), 1))]))

    y = function(x, *truth) + 0.05 * rng.standard_normal(30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reference = curve_fit(function, x, y, truth, maxfev=5000)[0]
        except (RuntimeError, ValueError):
            return
    fit = ew.fit_formula(text, {"x": x}, y)
    square = float(fit.residuals @ fit.residuals)
    assert square <= float(np.sum((y - function(x, *reference)) ** 2)) * (1 + 1e-6)
