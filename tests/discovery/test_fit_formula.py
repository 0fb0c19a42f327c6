"""`fit_formula` through its door: tables, results, bounds, bands, notes, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from scipy.optimize import least_squares
from scipy.stats import t as student

import edgewise as ew
from edgewise.expressions import parse
from edgewise.regression import FitOutcome

T = np.linspace(0, 4, 40)
NOISE = np.sin(37 * np.arange(40.0)) * 0.05
Y = 3 * np.exp(-0.8 * T) + NOISE


def test_frames_mappings_and_arrays_give_the_same() -> None:
    frame = pd.DataFrame({"unused": ["text"] * 40, "t": T, "y": Y})
    fits = [
        ew.fit_formula("a*exp(-k*t)", frame, "y"),
        ew.fit_formula("a*exp(-k*t)", frame[["t"]], frame["y"]),
        ew.fit_formula("a*exp(-k*t)", {"t": T}, Y),
        ew.fit_formula("a*exp(-k*t)", T, Y, names=["t"]),
        ew.fit_formula("a*exp(-k*t)", np.column_stack([T, T]), Y, names=["t", "other"]),
        ew.fit_formula(parse("a*exp(-k*t)"), T.tolist(), Y.tolist(), names=["t"]),
    ]
    for fit in fits:
        assert fit.values == fits[0].values and fit.outcome is FitOutcome.CONVERGED
    assert fits[0].rows.target == "y" and fits[0].names == ("a", "k")


def test_numbers_in_the_formula_stay_and_names_of_columns_are_inputs() -> None:
    fit = ew.fit_formula("a*exp(-0.8*t)", {"t": T}, Y)
    assert [*fit.values] == ["a"]
    assert fit.formula == sympy.sympify("a*exp(-4*t/5)")
    odd = ew.fit_formula("a*exp(-k*`time (s)`)", pd.DataFrame({"time (s)": T}), Y)
    assert odd.values == pytest.approx(ew.fit_formula("a*exp(-k*t)", {"t": T}, Y).values)


def test_the_printout_is_that_of_a_regression() -> None:
    said = str(ew.fit_formula("a*exp( -k*t )", {"t": T}, pd.Series(Y, name="signal")))
    assert said.startswith("signal = a*exp( -k*t )\n")
    for words in ("value", "std. error", "95 % interval", "38 degrees of freedom", "R2 0.99", "AIC", "CONVERGED:"):
        assert words in said


def test_text_and_latex_show_the_standard_errors() -> None:
    fit = ew.fit_formula("a*exp(-k*t)", {"t": T}, Y)
    value, error = str(fit.constants["k"]).split(" ± ")
    assert f"({value} ± {error})" in fit.text() and rf"\left({value} \pm {error}\right)" in fit.latex()
    assert fit.latex(errors=False) == r"a \exp\left(- k t\right)"
    assert f"k & {value} & {error} &" in fit.tabular()


def test_known_errors_of_the_target_set_the_scale() -> None:
    relative, exact, twice = (
        ew.fit_formula("a*exp(-k*t)", {"t": T}, Y, sigma=sigma, absolute_sigma=absolute)
        for sigma, absolute in ((np.full(40, 0.1), False), (np.full(40, 0.1), True), (np.full(40, 0.2), True))
    )
    plain = ew.fit_formula("a*exp(-k*t)", {"t": T}, Y)
    assert relative.constants["k"].error == pytest.approx(plain.constants["k"].error)
    assert twice.constants["k"].error == pytest.approx(2 * exact.constants["k"].error)
    assert exact.constants["k"].error == pytest.approx(plain.constants["k"].error * 0.1 / plain.residual_error)
    z = exact.residuals / 0.1
    expected = -float(z @ z) / 2 - 40 * (math.log(0.1) + math.log(2 * math.pi) / 2)
    assert exact.log_likelihood == pytest.approx(expected)
    assert exact.aic == pytest.approx(4 - 2 * expected)


def test_weights_count_as_repeated_rows() -> None:
    weights = np.where(np.arange(40) % 2, 1.0, 2.0)
    weighted = ew.fit_formula("a*exp(-k*t)", {"t": T}, Y, weights=weights)
    repeat = np.repeat(np.arange(40), weights.astype(int))
    repeated = ew.fit_formula("a*exp(-k*t)", {"t": T[repeat]}, Y[repeat])
    assert weighted.values == pytest.approx(repeated.values)
    left_out = ew.fit_formula("a*exp(-k*t)", {"t": T}, Y, weights=np.where(T < 2, 1.0, 0.0))
    assert len(left_out.rows.y) == 20 and "weight is 0" in left_out.notes[0]


def test_bands_hold_the_curve_and_the_rows() -> None:
    fit = ew.fit_formula("a*exp(-k*t) + c", {"t": T}, Y)
    values, low, high = fit.predict({"t": T}, 0.95, band="confidence")
    _, lowest, highest = fit.predict({"t": T}, 0.95)
    assert ((lowest < low) & (low < values) & (values < high) & (high < highest)).all()
    e, t = np.exp(-fit.values["k"] * 1.0), 1.0
    slope = np.array([e, -fit.values["a"] * t * e, 1.0])
    covariance = fit.covariance.loc[["a", "k", "c"], ["a", "k", "c"]].to_numpy()
    half = student.ppf(0.95, 37) * math.sqrt(slope @ covariance @ slope)
    at, down, up = fit.predict([1.0], 0.9, band="confidence")
    assert (up - down)[0] / 2 == pytest.approx(half, rel=1e-6)
    wide = math.hypot(half, student.ppf(0.95, 37) * fit.residual_error)
    assert fit.predict([1.0], 0.9)[2][0] - at[0] == pytest.approx(wide, rel=1e-6)
    assert np.allclose(np.diag(fit.correlation), 1)


def test_a_profile_interval_ends_where_the_refitted_error_says() -> None:
    """R's BOD, whose upper end lies twice as far as its lower one: t = 2.776 exactly there."""
    x, y = np.array([1, 2, 3, 4, 5, 7.0]), np.array([8.3, 10.3, 19.0, 16.0, 15.6, 19.8])
    fit = ew.fit_formula("A*(1 - exp(-exp(lrc)*x))", {"x": x}, y)
    for end in fit.interval("A"):
        refitted = least_squares(lambda q, a=end: y - a * (1 - np.exp(-np.exp(q[0]) * x)), [-0.6], xtol=1e-14)
        rise = 2 * refitted.cost - float(fit.residuals @ fit.residuals)
        assert math.sqrt(rise) / fit.residual_error == pytest.approx(student.ppf(0.975, 4), rel=1e-5)


def test_a_constant_at_its_bound_is_said_so() -> None:
    fit = ew.fit_formula("a*exp(-k*t) + c", {"t": T}, Y, bounds={"c": (0.2, 1), "a": (0, math.inf)})
    held = ew.fit_formula("a*exp(-k*t) + 0.2", {"t": T}, Y)
    assert fit.held == {"c": 0.2} and math.isnan(fit.constants["c"].error)
    assert [fit.constants[n].value for n in "ak"] == pytest.approx([held.constants[n].value for n in "ak"], rel=1e-6)
    assert [fit.constants[n].error for n in "ak"] == pytest.approx([held.constants[n].error for n in "ak"], rel=1e-6)
    assert "c stands at its bound 0.2" in str(fit) and "at its bound" in str(fit)
    with pytest.raises(ew.InputError, match="stands at its bound"):
        fit.interval("c")
    free = ew.fit_formula("a*exp(-k*t) + c", {"t": T}, Y, bounds={"c": (-5, 5), "k": (0, 10)})
    assert free.held == {}
    assert free.values == pytest.approx(ew.fit_formula("a*exp(-k*t) + c", {"t": T}, Y).values, rel=1e-6, abs=1e-7)


def test_constants_that_the_rows_do_not_determine_are_named() -> None:
    fit = ew.fit_formula("a*b*exp(-k*t)", {"t": T}, Y)
    assert fit.outcome is FitOutcome.UNDETERMINED and fit.undetermined == ("a", "b")
    assert math.isinf(fit.constants["a"].error) and math.isfinite(fit.constants["k"].error)
    assert "Not determined by the rows: a, b." in fit.notes and "undetermined" in str(fit)
    flat = ew.fit_formula("a + b*x", {"x": np.ones(9)}, np.arange(9.0))
    assert flat.outcome is FitOutcome.UNDETERMINED


def test_exact_rows_are_said_so() -> None:
    fit = ew.fit_formula("a*exp(-k*t)", {"t": T}, 3 * np.exp(-0.8 * T))
    assert fit.outcome is FitOutcome.EXACT and fit.values == pytest.approx({"a": 3, "k": 0.8}, rel=1e-12)


def test_signs_without_effect_are_positive_and_waves_are_not_aliased() -> None:
    x = np.arange(60.0)
    peak = 5 * np.exp(-(((x - 30) / 7) ** 2)) + np.tile(NOISE, 2)[:60]
    assert ew.fit_formula("h*exp(-((x - m)/w)**2)", {"x": x}, peak).values["w"] == pytest.approx(7, rel=0.02)
    wave = 2 * np.sin(2 * np.pi * x / 12.5) + np.tile(NOISE, 2)[:60]
    assert ew.fit_formula("a*sin(2*pi*x/p) + c", {"x": x}, wave).values["p"] == pytest.approx(12.5, rel=0.01)


def test_rows_with_gaps_are_left_out_with_a_note() -> None:
    y = Y.copy()
    y[[3, 5]] = np.nan
    t = T.copy()
    t[7] = np.nan
    fit = ew.fit_formula("a*exp(-k*t)", {"t": t}, y)
    assert fit.notes == ("3 rows of 40 left out: values are missing ('t' in 1, 'y' in 2).",)
    assert len(fit.fitted) == 37 and 3 not in fit.rows.kept
    masked = ew.fit_formula("a*exp(-k*t)", {"t": t}, np.ma.masked_array(np.nan_to_num(y), np.isnan(y)))
    assert masked.values == fit.values


def test_a_series_in_another_order_is_aligned_by_its_index() -> None:
    frame = pd.DataFrame({"t": T}, index=[f"row{k}" for k in range(40)])
    mixed = pd.Series(Y, index=frame.index).sample(frac=1, random_state=0)
    assert ew.fit_formula("a*exp(-k*t)", frame, mixed).values["k"] == pytest.approx(0.8, rel=0.1)


def test_eulers_number_is_noted_and_may_be_a_constant() -> None:
    noted = ew.fit_formula("a*exp(-E*t) + k*t", {"t": T}, Y)
    assert "'E' is Euler's number" in noted.notes[0]
    fitted = ew.fit_formula("a*exp(-E*t)", {"t": T}, Y, bounds={"E": (0, math.inf)})
    assert fitted.values["E"] == pytest.approx(0.8, rel=0.1) and not fitted.notes
    power = ew.fit_formula("a*e^(-k*t)", {"t": T}, Y)
    assert power.values["k"] == pytest.approx(0.8, rel=0.1) and not power.notes


def test_a_constant_may_be_spelled_like_a_column_that_occurs_too() -> None:
    fit = ew.fit_formula("conc0*exp(-k*conc)", {"conc": T}, Y)
    assert [*fit.values] == ["conc0", "k"]


def test_residuals_are_tested_and_the_remedy_named() -> None:
    rng = np.random.default_rng(0)
    walk = np.zeros(200)
    for k in range(1, 200):
        walk[k] = 0.8 * walk[k - 1] + rng.normal(0, 0.1)
    x = rng.uniform(0, 4, 200)
    fit = ew.fit_formula("a + b*x", {"x": x}, 1 + 2 * x + walk)
    assert fit.findings.order is not None and "covariance='autocorrelated'" in str(fit)
    bent = ew.fit_formula("a + b*x", {"x": T}, Y)
    assert bent.findings.misfit and "covariance=" not in str(bent)


def test_the_start_chooses_the_minimum() -> None:
    x = np.arange(60.0)
    y = np.sin(2 * np.pi * x / 12.5) + np.tile(NOISE, 2)[:60]
    near = ew.fit_formula("a*sin(2*pi*x/p)", {"x": x}, y, start={"p": 5.0, "a": 1.0})
    assert abs(near.values["p"] - 12.5) > 1 and near.r2 < 0.2
    assert ew.fit_formula("a*sin(2*pi*x/p)", {"x": x}, y).values["p"] == pytest.approx(12.5, rel=0.01)
    partly = ew.fit_formula("a*sin(2*pi*x/p)", {"x": x}, y, start={"p": 12.0})
    assert partly.values["p"] == pytest.approx(12.5, rel=0.01)


def test_large_tables_take_seconds_at_most() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 5, 50_000)
    y = 2 * x / (0.7 + x) + rng.normal(0, 0.1, 50_000)
    fit = ew.fit_formula("Vm*x/(K + x)", {"x": x}, y)
    assert abs(fit.values["K"] - 0.7) < 4 * fit.constants["K"].error < 0.02


def test_pictures_show_rows_and_curve() -> None:
    one = ew.fit_formula("a*exp(-k*t)", {"t": T}, Y).plot()
    assert len(one.axes[0].collections) == 3 and one.axes[0].get_xlabel() == "$t$"
    two = ew.fit_formula("a*t + b*s", {"t": T, "s": np.cos(T)}, Y).plot()
    assert len(two.axes) == 2


FRAME = pd.DataFrame({"t": T, "y": Y, "kind": ["a", "b"] * 20, "day": pd.date_range("2020-01-01", periods=40)})


@pytest.mark.parametrize(
    ("formula", "given", "words"),
    [
        ("y = a*exp(-k*t)", {}, "right-hand side only"),
        ("y ~ a*t", {}, "right-hand side only"),
        ("a*foo(t)", {}, "Unknown function 'foo'"),
        ("a*exp(t", {}, "Formula, character"),
        (17, {}, "must be a text"),
        ("2*exp(-t)", {}, "no constant to fit"),
        ("a*exp(-k*x)", {}, "no column of x, which has t, y, kind, day"),
        ("a*kind", {}, "holds text, as 'a'.*1 and 0"),
        ("a*day", {}, "holds dates"),
        ("a*t", {"y": "z"}, "Unknown column 'z'"),
        ("a*t", {"start": {"b": 1.0}}, "Unknown constant in 'start' or 'bounds' 'b'. Known: a"),
        ("a*t", {"start": {"t": 1.0}}, "is a column of x"),
        ("a*t", {"start": {"a": math.inf}}, "finite number"),
        ("a*t", {"start": {"a": 2.0}, "bounds": {"a": (0, 1)}}, "outside its bounds 0 to 1"),
        ("a*t", {"bounds": {"a": (1, 0)}}, r"low below high.*Got \(1, 0\)"),
        ("a*t", {"bounds": {"a": 3}}, "two numbers"),
        ("a*t", {"sigma": np.zeros(40)}, "positive standard errors. Got 0 in row 0"),
        ("a*t", {"sigma": np.ones(7)}, "equally many rows"),
        ("a*t", {"weights": -np.ones(40)}, "must not be negative"),
        ("a*t", {"y": np.where(T == 0, np.inf, Y)}, "has inf in row 0"),
        ("a*t", {"loss": "hubert"}, "Unknown loss 'hubert'. Known: huber"),
        ("a*t", {"covariance": "HAC"}, "Unknown covariance 'HAC'"),
        ("a*t", {"covariance": "clustered"}, "needs 'groups'"),
        ("a*t", {"groups": np.arange(40) % 2}, "at least 3 groups"),
        ("a*sqrt(-1 - t^2)*b", {}, "not defined at all rows"),
        ("a + b*t + c*t^2 + d*t^3", {"rows": 4}, "4 constants need at least 5 complete rows. Got 4"),
        ("a*t", {"y": np.full(40, np.nan)}, "Got 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(formula: Any, given: dict[str, Any], words: str) -> None:
    given = dict(given)
    frame = FRAME.iloc[: given.pop("rows", 40)]
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.fit_formula(formula, frame, given.pop("y", "y"), **given)
    assert "\n" not in str(caught.value)


def test_results_refuse_what_they_cannot_answer() -> None:
    fit = ew.fit_formula("a*exp(-k*t)", FRAME, "y")
    for call, words in (
        (lambda: fit.interval("b"), "Unknown constant 'b'"),
        (lambda: fit.interval("a", 2), "coverage"),
        (lambda: fit.predict(FRAME, 95), "interval"),
        (lambda: fit.predict(FRAME, 0.9, band="both"), "Unknown band 'both'"),  # type: ignore[arg-type]
        (lambda: fit.predict({"s": T}), "Unknown column 't'"),
    ):
        with pytest.raises(ew.InputError, match=words):
            call()
