"""`fit_formula` by likelihoods: values beyond limits, events of trials, errors in x, correlated rows.

Figures of others are typed with their source; the rest is compared with the explicit likelihood or least squares.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

import edgewise as ew
from edgewise.regression import FormulaFit

LINE = "a + b*x"
LOGISTIC = "1/(1 + exp(-(a + b*x)))"

TOBIN = {
    "durable": [0, 0.7, 0, 0, 0, 0, 0, 3.7, 0, 3, 10.4, 0, 0, 0, 1.5, 0, 0, 3.5, 6.1, 0],
    "age": [57.7, 50.9, 48.5, 41.7, 47.7, 59.8, 44.3, 45.1, 51.7, 50, 46.8, 58, 58.9, 40, 34.1, 39.9, 33.4, 48.1, 46.6,
            53.1],
    "quant": [236, 283, 207, 220, 238, 216, 284, 221, 275, 269, 207, 249, 246, 277, 231, 219, 240, 266, 214, 251],
}  # fmt: skip
"""Tobin's table, as R's package survival has it."""

AGES = [9.21, 10.21, *(10.58 + 0.25 * k for k in range(22)), 17.58]
GIRLS = [376, 200, 93, 120, 90, 88, 105, 111, 100, 93, 100, 108, 99, 106, 105, 117, 98, 97, 120, 102, 122, 111, 94, 114,
         1049]  # fmt: skip
MENARCHE = [0, 0, 0, 2, 2, 5, 10, 17, 16, 29, 39, 51, 47, 67, 81, 88, 79, 90, 113, 95, 117, 107, 92, 112, 1049]
"""Milicer and Szczotka (1966), as R's package MASS has it."""

PEARSON = {
    "x": np.array([0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4]),
    "y": np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5]),
    "sx": np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1]) ** -0.5,
    "sy": np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500]) ** -0.5,
}
"""Pearson's table with York's weights (York, Least-squares fitting of a straight line, 1966)."""

ODRPACK = (
    np.array([0, 0, 5, 7, 7.5, 10, 16, 26, 30, 34, 34.5, 100]),
    np.array([1265, 1263.6, 1258, 1254, 1253, 1249.8, 1237, 1218, 1220.6, 1213.8, 1215.5, 1212]),
)
"""The first example of the user's guide of ODRPACK (Boggs, Byrd, Rogers and Schnabel, NISTIR 4834, 1992)."""


def numbers(fit: FormulaFit) -> dict[str, tuple[float, float]]:
    return {name: (constant.value, constant.error) for name, constant in fit.constants.items()}


def agree(fit: FormulaFit, expected: dict[str, tuple[float, float]], digits: float = 2e-4) -> None:
    assert fit.outcome.name == "CONVERGED", fit
    for name, pair in numbers(fit).items():
        np.testing.assert_allclose(pair, expected[name], rtol=digits, err_msg=name)


def made(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 4, n))
    return x, 1 + 2 * x + rng.standard_normal(n)


# what others publish


def test_tobins_table_gives_what_survreg_prints() -> None:
    """survreg(Surv(durable, durable > 0, type = "left") ~ age + quant, dist = "gaussian"), R's documentation."""
    fit = ew.fit_formula("a + b*age + c*quant", pd.DataFrame(TOBIN), ew.Censored("durable", below=0))
    agree(fit, {"a": (15.14487, 16.07945), "b": (-0.12906, 0.21858), "c": (-0.04554, 0.05825)}, 2e-4)
    assert abs(fit.log_likelihood + 28.9) < 0.05
    assert "13 below a limit" in str(fit) and "Standard deviation 5.573" in str(fit)  # log(scale) 1.7179


def test_menarche_gives_what_glm_prints() -> None:
    """glm(cbind(Menarche, Total - Menarche) ~ Age, binomial), Venables and Ripley (2002), 7.2."""
    table = pd.DataFrame({"x": AGES, "girls": GIRLS, "events": MENARCHE})
    fit = ew.fit_formula(LOGISTIC, table, "events", trials="girls")
    agree(fit, {"a": (-21.22639, 0.77068), "b": (1.63197, 0.05895)})
    assert round(fit.aic, 1) == 114.8
    assert "Deviance 26.7 with 23 degrees of freedom" in str(fit)


def test_pearsons_table_gives_yorks_line() -> None:
    """Slope and intercept: York (1966); standard errors times the root of chi-squared per degree of freedom."""
    fit = ew.fit_formula(LINE, {"x": PEARSON["x"]}, PEARSON["y"], sigma=PEARSON["sy"], sigma_x=PEARSON["sx"])
    agree(fit, {"a": (5.47991, 0.35925), "b": (-0.480533, 0.07062)})


def test_odrpacks_example_has_the_digits_of_its_guide() -> None:
    x, y = ODRPACK
    errors = np.where((x == 0) | (x == 100), 0.0, 1.0)
    fit = ew.fit_formula("a + b*(exp(c*x) - 1)**2", {"x": x}, y, sigma=np.ones(12), sigma_x={"x": errors})
    agree(fit, {"a": (1264.65481, 1.0349), "b": (-54.01841, 1.584), "c": (-0.0878497122, 0.0063322)}, 5e-5)


@pytest.mark.parametrize("absolute", [False, True])
def test_errors_in_two_inputs_give_what_scipy_odr_gives(absolute: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odr = pytest.importorskip("scipy.odr")  # deprecated in recent versions
    rng = np.random.default_rng(3)
    x, t = rng.uniform(0, 3, (2, 50))
    y = 2 * np.exp(-0.7 * x) + 0.5 * t + 0.1 * rng.standard_normal(50)
    table = {"x": x + 0.1 * rng.standard_normal(50), "t": t + 0.2 * rng.standard_normal(50)}
    data = odr.RealData(np.array([*table.values()]), y, np.array([[0.1], [0.2]]) * np.ones(50), 0.1)
    model = odr.Model(lambda c, z: c[0] * np.exp(c[1] * z[0]) + c[2] * z[1])
    theirs = odr.ODR(data, model, [1.0, -1.0, 1.0], sstol=1e-14, partol=1e-14).run()
    fit = ew.fit_formula(
        "a*exp(b*x) + c*t", table, y, sigma=np.full(50, 0.1), sigma_x={"x": 0.1, "t": 0.2}, absolute_sigma=absolute
    )
    errors = theirs.sd_beta / (np.sqrt(theirs.res_var) if absolute else 1)
    agree(fit, dict(zip("abc", zip(theirs.beta, errors, strict=True), strict=True)), 2e-5)


# the explicit likelihood


def test_intervals_and_both_limits_give_the_maximum_of_the_explicit_likelihood() -> None:
    x, y = made()
    low, high = np.where(np.arange(60) % 3 == 0, np.floor(y), y), np.where(np.arange(60) % 3 == 0, np.floor(y) + 1, y)
    fit = ew.fit_formula(LINE, {"x": x}, ew.Censored(low, below=2, above=8, upper=high))
    under, over = high <= 2, low >= 8
    low, high = np.where(under, -np.inf, np.where(over, 8, low)), np.where(over, np.inf, np.where(under, 2, high))

    def loss(p: np.ndarray) -> float:
        f, s = p[0] + p[1] * x, np.exp(p[2])
        inside = norm.cdf((high - f) / s) - norm.cdf((low - f) / s)
        return -float(np.where(low == high, norm.logpdf(low, f, s), np.log(np.maximum(inside, 1e-300))).sum())

    found = minimize(loss, [1, 2, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    np.testing.assert_allclose([*fit.values.values()], found.x[:2], rtol=1e-6)
    np.testing.assert_allclose(fit.log_likelihood, -found.fun, rtol=1e-10)
    steps = 1e-4 * np.eye(3)
    curvature = [
        [(loss(found.x + a + b) - loss(found.x + a - b) - loss(found.x - a + b) + loss(found.x - a - b)) / 4e-8
         for a in steps] for b in steps
    ]  # fmt: skip
    errors = np.sqrt(np.diag(np.linalg.inv(curvature)))[:2]
    np.testing.assert_allclose([c.error for c in fit.constants.values()], errors, rtol=1e-4)


@pytest.mark.parametrize("even", [True, False])
def test_correlated_rows_give_the_maximum_of_the_explicit_likelihood(even: bool) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(80.0) if even else np.cumsum(rng.exponential(1.0, 80))
    cov = np.exp(-np.abs(t[:, None] - t) / 4)
    y = 1 + 0.1 * t + np.linalg.cholesky(cov) @ rng.standard_normal(80)
    order = rng.permutation(80)
    fit = ew.fit_formula("a + b*t", {"t": t[order]}, y[order], correlated=t[order])

    def loss(p: np.ndarray) -> float:
        matrix = np.exp(2 * p[2]) * np.exp(-np.abs(t[:, None] - t) / np.exp(p[3]))
        return -float(multivariate_normal.logpdf(y, p[0] + p[1] * t, matrix))

    found = minimize(
        loss, [1, 0.1, 0, 1], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11, "maxfev": 6000}
    )
    np.testing.assert_allclose(fit.log_likelihood, -found.fun, rtol=1e-8)
    np.testing.assert_allclose([*fit.values.values()], found.x[:2], rtol=1e-4)
    precision = np.linalg.inv(np.exp(2 * found.x[2]) * np.exp(-np.abs(t[:, None] - t) / np.exp(found.x[3])))
    design = np.column_stack([np.ones(80), t])
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ precision @ design)) * 80 / 78)  # as R's gls of method "ML"
    np.testing.assert_allclose([c.error for c in fit.constants.values()], errors, rtol=1e-4)


# what is plain stays what it was


def test_without_a_censored_row_the_constants_are_those_of_least_squares() -> None:
    x, y = made()
    plain, fit = ew.fit_formula(LINE, {"x": x}, y), ew.fit_formula(LINE, {"x": x}, ew.Censored(y, below=-100))
    np.testing.assert_allclose([*fit.values.values()], [*plain.values.values()], rtol=1e-9)
    ratio = np.sqrt(58 / 60)  # the standard deviation is that of maximum likelihood
    np.testing.assert_allclose(
        [c.error for c in fit.constants.values()], [ratio * c.error for c in plain.constants.values()], rtol=1e-5
    )
    np.testing.assert_allclose(fit.log_likelihood, plain.log_likelihood, rtol=1e-10)


def test_small_errors_of_x_give_least_squares() -> None:
    x, y = made()
    plain = ew.fit_formula("a*exp(b*x)", {"x": x}, y, sigma=np.ones(60))
    fit = ew.fit_formula("a*exp(b*x)", {"x": x}, y, sigma=np.ones(60), sigma_x=1e-7)
    agree(fit, numbers(plain), 1e-6)


def test_uncorrelated_rows_hardly_change() -> None:
    x, y = made(400)
    plain, fit = ew.fit_formula(LINE, {"x": x}, y), ew.fit_formula(LINE, {"x": x}, y, correlated="x")
    assert abs(fit.constants["b"].value - plain.constants["b"].value) < 0.3 * plain.constants["b"].error
    assert fit.log_likelihood < plain.log_likelihood + 4


def test_groups_of_correlated_rows_are_independent_of_each_other() -> None:
    x, y = made(40)
    table = pd.DataFrame({"x": [*x, *x], "y": [*y, *(y + 0.3)], "g": ["u"] * 40 + ["v"] * 40})
    fit = ew.fit_formula(LINE, table, "y", correlated="x", groups="g")
    again = ew.fit_formula(LINE, table.sample(frac=1, random_state=0), "y", correlated="x", groups="g")
    agree(again, numbers(fit), 1e-6)


def test_single_trials_give_the_logistic_likelihood() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = (rng.logistic(size=300) < 1 + 2 * x).astype(float)
    fit = ew.fit_formula(LOGISTIC, {"x": x}, y, trials=1)
    model = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(x[:, None], y)
    np.testing.assert_allclose([*fit.values.values()], [model.intercept_[0], model.coef_[0, 0]], rtol=1e-5)


def test_a_probability_that_is_a_line_stays_within_0_and_1() -> None:
    x = np.arange(8.0)
    fit = ew.fit_formula(LINE, {"x": x}, [0, 0, 0, 1, 2, 6, 9, 10], trials=10)
    assert fit.fitted.min() > -2e-3 and fit.fitted.max() < 1 + 2e-3


# text, bounds, intervals


def test_text_cells_are_read_as_limits() -> None:
    x, y = made()
    cells = [f"<{2}" if v < 2 else f">{8:g}" if v > 8 else repr(float(v)) for v in y]
    table = pd.DataFrame({"x": x, "y": cells})
    read, given = ew.fit_formula(LINE, table, "y"), ew.fit_formula(LINE, {"x": x}, ew.Censored(y, below=2, above=8))
    agree(read, numbers(given), 1e-9)
    assert "below a limit" in str(read) and "above a limit" in str(read)


def test_the_interval_of_a_censored_fit_is_where_the_likelihood_falls_by_half_of_chi_squared() -> None:
    x, y = made()
    fit = ew.fit_formula(LINE, {"x": x}, ew.Censored(y, below=2))
    low, high = fit.interval("b")
    for end in (low, high):
        at = ew.fit_formula(f"a + {end!r}*x", {"x": x}, ew.Censored(y, below=2))
        assert abs(fit.log_likelihood - at.log_likelihood - 0.5 * 1.959964**2) < 1e-5
    assert low < fit.constants["b"].value < high


def test_bounds_hold_in_likelihoods() -> None:
    x, y = made()
    fit = ew.fit_formula(LINE, {"x": x}, ew.Censored(y, below=2), bounds={"b": (0, 1.5)})
    assert fit.held == {"b": 1.5} and np.isnan(fit.constants["b"].error)
    fixed = ew.fit_formula("a + 1.5*x", {"x": x}, ew.Censored(y, below=2))
    np.testing.assert_allclose(numbers(fit)["a"], numbers(fixed)["a"], rtol=1e-5)


def test_constants_that_censored_rows_leave_open_are_named() -> None:
    x, y = made()
    assert "Not determined by the rows: a, b." in ew.fit_formula("a*b*x", {"x": x}, ew.Censored(y, below=2)).notes


def test_events_that_vary_too_much_are_noted() -> None:
    x = np.arange(12.0)
    fit = ew.fit_formula(LOGISTIC, {"x": x}, [1, 90, 3, 80, 10, 95, 20, 99, 40, 100, 50, 100], trials=100)
    assert any("more than binomially" in note for note in fit.notes)


@pytest.mark.slow
def test_standard_errors_of_correlated_rows_hold() -> None:
    """On made rows with a correlation of 0.8: about nineteen in twenty intervals hold, half of the classical ones."""
    held = {"classical": 0, "correlated": 0}
    t = np.linspace(0, 10, 200)
    for seed in range(60):
        noise = np.random.default_rng(seed).standard_normal(200)
        for k in range(1, 200):
            noise[k] = 0.8 * noise[k - 1] + 0.6 * noise[k]
        for name, given in (("classical", None), ("correlated", True)):
            row = ew.fit_formula("a + b*t", {"t": t}, 1 + 0.2 * t + noise, correlated=given).frame().loc["b"]
            held[name] += bool(row["low"] < 0.2 < row["high"])
    assert held["correlated"] > 50 > 45 > held["classical"]


# what cannot be


@pytest.mark.parametrize(
    ("y", "given", "said"),
    [
        ([1, 2, 3, 4], {"trials": 3}, "from 0 to the trials"),
        ([1, 2, 0.5, 1], {"trials": 3}, "whole numbers"),
        ([1, -1, 0, 1], {"trials": 3}, "Got -1 of 3 in row 1"),
        ([1, 2, 0, 1], {"trials": [3, 3]}, "equally many rows"),
        ([1, 2, 0, 1], {"trials": 0}, "positive"),
        ([1, 2, 0, 1], {"trials": 3, "weights": [1, 1, 1, 1]}, "do not go with 'trials'"),
        ([1, 2, 0, 1], {"trials": 3, "correlated": True}, "cannot be combined"),
        ([1, 2, 0, 1], {"trials": 3, "loss": "huber"}, "'loss' does not go with 'trials'"),
        ([1, 2, 0, 1], {"sigma_x": 0.1}, "needs 'sigma'"),
        ([1, 2, 0, 1], {"sigma_x": {"z": 0.1}, "sigma": [1, 1, 1, 1]}, "input in 'sigma_x'"),
        ([1, 2, 0, 1], {"sigma_x": [0.1, 0.2], "sigma": [1, 1, 1, 1]}, "equally many rows"),
        ([1, 2, 0, 1], {"sigma_x": -0.1, "sigma": [1, 1, 1, 1]}, "not negative"),
        ([1, 2, 0, 1], {"correlated": [0, 1, 1, 2]}, "different positions"),
        ([1, 2, 0, 1], {"correlated": True, "covariance": "heteroscedastic"}, "'covariance' does not go with"),
        (ew.Censored([0, 0, 0, 0], below=0), {}, "All 4 rows of 'y' are censored"),
        (ew.Censored([0, 1, 2, 3], below=2, above=1), {}, "'below' must be less than 'above'"),
        (ew.Censored([0, 1, 2, 3], upper=[1, 0, 3, 4]), {}, "'upper' must not lie below"),
        (ew.Censored([0, 1, 2, 3], below=[1, 2]), {}, "one for each of the 4 rows"),
        (ew.Censored([0, 1, 2, 3], below="low"), {}, "must be a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(y: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ew.InputError, match=said):
        ew.fit_formula(LINE, {"x": [0, 1, 2, 3.5]}, y, **given)


def test_a_censored_target_needs_a_limit() -> None:
    with pytest.raises(ew.InputError, match="needs a limit"):
        ew.Censored([0, 1])
