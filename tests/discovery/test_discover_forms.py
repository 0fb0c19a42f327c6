"""Laws of textbooks on tables of few columns: found, named, shown with their constants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import edgewise as ew
from edgewise.discovery import Discovery
from edgewise.forms import Form, Parameter

CONC = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])  # ppm, treated cells
RATE = np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200.0])
"""Counts per minute: Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), p. 269."""


@pytest.fixture(scope="module")
def puromycin() -> Discovery:
    return ew.discover(pd.DataFrame({"conc": CONC}), RATE, target="rate", effort="quick")


def test_a_law_is_named_with_the_constants_of_its_source(puromycin: Discovery) -> None:
    law = puromycin.best.named
    assert law is not None
    assert str(law) == "Michaelis-Menten: Vmax = 212.7 ± 6.9, Km = 0.0641 ± 0.0083"
    assert "Langmuir" in law.alike
    assert law.meanings["Km"] == "S at half of Vmax"


def test_the_name_is_in_the_printout_the_table_and_the_report(puromycin: Discovery, tmp_path) -> None:
    shown = str(puromycin)
    assert "(Michaelis-Menten)" in shown
    assert "Michaelis-Menten: Vmax = 212.7 ± 6.9, Km = 0.0641 ± 0.0083" in shown
    assert "Vmax: rate at saturation; Km: S at half of Vmax" in shown
    table = puromycin.equations
    assert list(table.loc[table["best"], "name"]) == ["Michaelis-Menten"]
    report = puromycin.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Michaelis-Menten: Vmax = 212.7 ± 6.9, Km = 0.0641 ± 0.0083" in report


def test_a_law_that_is_exact_is_named_too() -> None:
    t = np.linspace(0.5, 9, 40)
    found = ew.discover(pd.DataFrame({"time": t}), 3.7 * np.exp(-0.31 * t) + 1.3)
    assert found.outcome is ew.discovery.Outcome.EXACT
    assert found.best.named is not None
    assert found.best.named.name == "exponential approach"
    assert str(found.best.named) == "exponential approach: C = 1.3, A = 3.7, k = 0.31"


def test_formulas_that_are_too_simple_have_no_name() -> None:
    x = np.linspace(0.5, 9, 40)
    for y in (3 * x + 2, x**2, 2.5 / x, x**2 / 2 + x):
        assert ew.discover(pd.DataFrame({"x": x}), y).best.named is None


def test_an_exponent_that_a_formula_has_exactly_is_exact_in_its_law() -> None:
    rng = np.random.default_rng(0)
    axis = np.exp(rng.uniform(-1, 3.4, 60))
    period = 0.1987 * axis**1.5 * np.exp(rng.normal(0, 0.01, 60))
    law = ew.discover(pd.DataFrame({"a": axis}), period, effort="quick").best.named
    assert law is not None
    assert law.constants["b"] == ew.expressions.Constant(1.5, 0.0)
    assert str(law).endswith("b = 1.5")
    assert law.constants["A"].value == pytest.approx(0.1987, abs=2 * law.constants["A"].error)


def test_two_columns_take_the_places_of_inputs_in_any_order() -> None:
    rng = np.random.default_rng(0)
    table = {"height": rng.uniform(60, 90, 31), "girth": rng.uniform(8, 20, 31)}
    volume = 0.0013 * table["girth"] ** 1.98 * table["height"] ** 1.12 * (1 + rng.normal(0, 0.03, 31))
    found = ew.discovery.discover_directly(pd.DataFrame(table), volume)
    named = [candidate.named for candidate in found if candidate.named is not None]
    assert any({"Cobb-Douglas", "Schumacher-Hall"} & {law.name, *law.alike} for law in named)


@pytest.fixture
def bottle() -> Form:
    """A law that is registered for one test."""
    parameters = (Parameter("q", "scale", "y"), Parameter("w", "width", "h", "size", positive=True))
    return ew.forms.register(Form("bottle", "q*atan(h/w)*exp(-h/w)", {"h": "height"}, parameters, "own", "nobody"))


def test_a_registered_law_takes_part(bottle: Form) -> None:
    assert "bottle" in ew.forms.names()
    h = np.linspace(0.1, 6, 60)
    y = 5.2 * np.arctan(h / 1.7) * np.exp(-h / 1.7) + np.random.default_rng(1).normal(0, 0.02, 60)
    found = ew.discovery.discover_directly(pd.DataFrame({"h": h}), y)
    assert found.best.named is not None
    assert found.best.named.name == "bottle"
    assert found.best.named.constants["w"].value == pytest.approx(1.7, abs=0.05)


def test_a_law_whose_factor_is_known_to_a_decade_is_best_for_vapor_pressure() -> None:
    """Water in millimeters of mercury: Bates and Watts (1988), A4.5."""
    celsius = np.array([0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100, 105.0])
    pressure = [4.14, 8.52, 16.31, 32.18, 64.62, 98.76, 151.13, 224.74, 341.35, 423.36, 522.78, 674.32, 782.04, 920.01]
    found = ew.discover(pd.DataFrame({"Temp": celsius}), np.array(pressure), effort="quick")
    assert found.best.named is not None and found.best.named.name == "Vogel", str(found)


def test_a_constant_is_not_best_where_a_curve_predicts_rows_left_out() -> None:
    """Theophylline of subject 1: Boeckmann, Sheiner and Beal (1994)."""
    hours = np.array([0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37])
    level = np.array([0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28])
    found = ew.discover(pd.DataFrame({"Time": hours}), level, effort="quick")
    assert found.best.expression.free_symbols and found.best.held_out < 0.5, str(found)
    assert "Bateman" in {each.named.name for each in found if each.named}


def test_a_wave_over_calendar_years_is_best_by_name() -> None:
    years = 1920 + np.arange(240) / 12
    angle = 2 * np.pi * years
    y = 49 - 9 * np.cos(angle) - 7 * np.sin(angle) + 1.5 * np.cos(2 * angle) - np.sin(2 * angle)
    y = y + 2.3 * np.random.default_rng(0).standard_normal(len(years))
    found = ew.discover(pd.DataFrame({"time": years}), y, effort="quick")
    assert found.best.named is not None and found.best.named.name == "wave with a harmonic", str(found)
