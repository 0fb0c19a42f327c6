"""Waves around the middle of the rows."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.export import latex
from edgewise.expressions import Uncertainty, centered, evaluate, parse, write

t = sympy.Symbol("t")
WAVE = 2.5 * sympy.cos(6.2866 * t + 16.5) + 1.75
MONTHS = np.linspace(1959, 1998, 469)[:, None]


def measured() -> np.ndarray:
    return evaluate(WAVE, ["t"], MONTHS) + 0.3 * np.random.default_rng(0).standard_normal(len(MONTHS))


def test_values_stay_and_text_shows_the_middle() -> None:
    form = centered(WAVE, ["t"], MONTHS)
    np.testing.assert_allclose(evaluate(form, ["t"], MONTHS), evaluate(WAVE, ["t"], MONTHS), atol=1e-8)
    assert "6.2866*(t - 1980)" in write(form, 6)
    assert r"6.2866 \left(t - 1980\right)" in latex(form, ["t"], digits=6)
    again = evaluate(parse(write(form), ["t"]), ["t"], MONTHS)
    np.testing.assert_allclose(again, evaluate(WAVE, ["t"], MONTHS), atol=1e-8)


def test_frequency_and_phase_are_uncorrelated() -> None:
    y = measured()
    before = Uncertainty.of(WAVE, ["t"], MONTHS, y)
    after = Uncertainty.of(centered(WAVE, ["t"], MONTHS), ["t"], MONTHS, y)
    assert max(c.error for c in before.constants) > 1
    assert max(c.error for c in after.constants) < 0.03
    correlation = after.covariance / np.sqrt(np.outer(np.diag(after.covariance), np.diag(after.covariance)))
    assert np.abs(correlation - np.eye(len(correlation))).max() < 0.2


@pytest.mark.parametrize(
    "form",
    [
        sympy.cos(6.2866 * sympy.Symbol("t")),  # no phase was fitted
        sympy.cos(2 * sympy.pi * t + sympy.pi / 2),  # nothing was
        sympy.cos(6.2866 * t**2 + 0.5),
        2.5 * sympy.exp(6.2866 * t + 0.5),
    ],
)
def test_other_formulas_stay(form: sympy.Expr) -> None:
    assert centered(form, ["t"], MONTHS) is form


def test_rows_around_zero_stay() -> None:
    assert centered(WAVE, ["t"], MONTHS - 1970) is WAVE


def test_discovery_shows_small_errors_of_phases() -> None:
    found = ew.discover(MONTHS[::3], measured()[::3], names=["t"], effort=100)
    assert found.best.expression.has(sympy.cos) and "(t - 1980)" in found.text(), found.text()
    assert max(constant.error for constant in found.constants()) < 0.2
    assert "1980" in found.best.latex() and "1980" in str(found) and "1980" in found.best.text()
