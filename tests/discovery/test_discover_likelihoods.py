"""`discover` on rows that are judged by a likelihood: censored values, events of trials, correlated rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise as ew
from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.likelihoods import Binomial, CensoredNormal, OfValues, maximum
from edgewise.expressions import FreeFormula

QUICK: dict[str, Any] = {"effort": 0, "progress": False}


def decay(n: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 4, n)
    return pd.DataFrame({"x": x}), 3 * np.exp(-0.8 * x) + 0.1 * rng.standard_normal(n)


@pytest.fixture(scope="module")
def censored() -> Discovery:
    x, y = decay()
    cells = pd.Series([f"<{0.5}" if value < 0.5 else repr(float(value)) for value in y], name="level")
    return ew.discover(x, cells, **QUICK)


@pytest.mark.slow
def test_a_censored_law_is_found_and_has_the_constants_of_fit_formula(censored: Discovery) -> None:
    x, y = decay()
    fit = ew.fit_formula("3*exp(-k*x)", x, ew.Censored(y, below=0.5))  # the factor is 2.980 ± 0.033, and rounded
    assert censored.best.text(1) == "3*exp(-0.8*x)" and censored.target == "level"
    (found,) = censored.constants()
    assert abs(found.value + fit.values["k"]) < 0.1 * found.error  # as many digits as the rows determine
    np.testing.assert_allclose(found.error, fit.constants["k"].error, rtol=1e-3)
    np.testing.assert_allclose(np.negative(censored.interval(0))[::-1], fit.interval("k"), rtol=1e-3)
    assert censored.noise_model.kind == "censored" and abs(censored.noise_model.level - 0.1) < 0.02
    assert "51 below a limit (judged by the Tobit likelihood)" in str(censored)


@pytest.mark.slow
def test_bands_of_a_censored_law_hold_new_measurements(censored: Discovery) -> None:
    rng = np.random.default_rng(9)
    x = rng.uniform(0, 4, 400)
    y = 3 * np.exp(-0.8 * x) + 0.1 * rng.standard_normal(400)
    _, low, high = censored.predict(pd.DataFrame({"x": x}), 0.9)
    assert 0.85 < np.mean((low < y) & (y < high)) < 0.95
    assert len(censored.equations) == len(censored) and censored.weights.sum() <= 1


@pytest.mark.slow
def test_a_report_of_a_censored_law_is_written(censored: Discovery, tmp_path: Any) -> None:
    assert "values beyond limits censored" in censored.report(tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_probabilities_stay_between_0_and_1() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"dose": np.linspace(0, 4, 25), "n": rng.integers(20, 60, 25)})
    events = rng.binomial(x.n, 1 / (1 + np.exp(3 - 1.8 * x.dose)))
    found = ew.discover(x, events, trials="n", **QUICK)
    assert found.names == ("dose",) and found.noise_model.kind == "events"
    between = pd.DataFrame({"dose": np.linspace(0, 4, 1000), "n": 30})
    for k in range(len(found)):
        values = found[k].predict(between)
        assert ((values >= 0) & (values <= 1)).all(), found[k]
    _, low, high = found.predict(between, 0.9)
    assert low.min() >= 0 and high.max() <= 1
    logistic = ew.fit_formula("1/(1 + exp(-(a + b*dose)))", x, events, trials="n")
    assert found.likeliest().loss <= -logistic.log_likelihood + 2


@pytest.mark.slow
def test_correlated_rows_are_judged_as_such() -> None:
    rng = np.random.default_rng(2)
    t, noise = np.linspace(0, 10, 150), rng.standard_normal(150)
    for k in range(1, 150):
        noise[k] = 0.8 * noise[k - 1] + 0.6 * noise[k]
    found = ew.discover(pd.DataFrame({"t": t}), 2 + 0.7 * t + 0.4 * noise, correlated="t", **QUICK)
    fit = ew.fit_formula("a + b*t", {"t": t}, 2 + 0.7 * t + 0.4 * noise, correlated=t)
    assert found.best.complexity <= 5 and found.noise_model.kind == "correlated"
    assert "correlation of neighboring rows" in str(found)
    assert found.likeliest().loss < -fit.log_likelihood + 0.5


@pytest.mark.parametrize("kind", ["censored", "events"])
def test_working_values_have_the_slope_and_curvature_of_the_likelihood(kind: str) -> None:
    """One step by weighted least squares on working values comes next to the maximum of the likelihood."""
    x, y = decay(200)
    columns = [x["x"].to_numpy()]
    likelihoods: dict[str, OfValues] = {
        "censored": CensoredNormal(np.where(y < 0.5, -np.inf, y), np.maximum(y, 0.5), np.ones(200)),
        "events": Binomial(np.round(np.clip(y, 0, 3) * 10), np.full(200, 40.0)),
    }
    scale = 1.0 if kind == "censored" else 0.25
    constants = sympy.symbols("a b")
    form = constants[0] * sympy.exp(-constants[1] * sympy.Symbol("x"))
    best = maximum(likelihoods[kind], FreeFormula(form, constants, (3 * scale, 0.8)), ["x"], columns, {})
    assert best is not None and best.converged
    target, weight = likelihoods[kind].working(best.values, best.theta)
    gradient = best.linear.root.T @ (weight * (target - best.values))
    np.testing.assert_allclose(gradient, 0, atol=1e-6 * np.abs(best.linear.root).sum())


@pytest.mark.parametrize(
    ("y", "given", "said"),
    [
        ([1.0, 2, 3, 4, 5, 6], {"trials": 3}, "from 0 to the trials"),
        ([1.0, 2, 3, 1, 2, 1], {"trials": [3, 3]}, "one number for each of the 6 rows"),
        ([1.0, 2, 3, 1, 2, 1], {"trials": "x", "correlated": True}, "cannot be combined"),
        ([1.0, 2, 3, 1, 2, 1], {"trials": 3, "weights": np.ones(6)}, "do not go with 'trials'"),
        ([1.0, 2, 3, 1, 2, 1], {"trials": 3, "groups": "x"}, "'groups' does not go with"),
        ([1.0, 2, 3, 1, 2, 1], {"trials": 3, "loss": "huber"}, "'loss' does not go with"),
        ([1.0, 2, 3, 1, 2, 1], {"correlated": [1, 2, 3, 3, 4, 5]}, "different positions"),
        ([1.0, 2, 3, 1, 2, 1], {"correlated": ["a"] * 6}, "'correlated' must be numbers"),
        (ew.Censored([1.0, 2, 3, 1, 2, 1], below=4), {}, "All 6 rows of the target are censored"),
        (ew.Censored("x", below=4), {}, "Give the values of the target"),
        (["<1", "2", ">0.5", "3", "2", "1"], {"trials": 3}, "cannot be combined"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(y: Any, given: dict[str, Any], said: str) -> None:
    x = pd.DataFrame({"x": [0.0, 1, 2, 3, 4, 5], "z": [1.0, 0, 1, 0, 1, 1]})
    with pytest.raises(ew.InputError, match=said):
        ew.discover(x, y, **QUICK, **given)


@pytest.mark.slow
def test_claims_need_rows_that_were_measured() -> None:
    x, y = decay(12)
    found = ew.discover(x, ew.Censored(y, below=0.5), **QUICK)
    assert found.outcome is Outcome.TOO_FEW_ROWS
