"""The report of a discovery: its pictures of the rows and of residuals, what it says was tested, and its title."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from matplotlib.axes import Axes

import edgewise as ew
from edgewise.discovery import Candidate, Discovery, Outcome
from edgewise.discovery.judging import Answer
from edgewise.expressions import FitData, complexity, fit_constants, parse
from edgewise.plot.report import ReportContent

ROWS = 120


def made(x: np.ndarray, y: np.ndarray, names: tuple[str, ...], *forms: str, best: int = -1) -> Discovery:
    """Return a discovery with these forms, their constants fitted."""
    front = []
    for form in forms:
        free: Any = parse(form, names)
        free = free.xreplace({r: sympy.Float(r) for r in free.atoms(sympy.Rational) if not r.is_Integer})
        fitted = fit_constants(free, FitData.of(names, x, y))
        front.append(Candidate(fitted.expression, names, fitted.error, complexity(fitted.expression), fitted.error))
    return Discovery(front, front[best], Outcome.APPROXIMATE, 0.0, False, names, "y", x, y)


def decay(noise: float = 0.1, rows: int = ROWS) -> Discovery:
    rng = np.random.default_rng(0)
    t = np.linspace(0.01, 5, rows)[:, None]
    y = 3.1 * np.exp(-0.9 * t[:, 0]) + noise * rng.normal(size=rows)
    return made(t, y, ("t",), "1.1*t", "0.1/(t + 0.1)", "3.1*exp(-0.9*t)")


def shown(found: Discovery, monkeypatch: pytest.MonkeyPatch) -> ReportContent:
    """Return what a report shows."""
    seen: list[ReportContent] = []
    monkeypatch.setattr("edgewise.plot.report.write_report", lambda path, content: seen.append(content))
    found.report("r.html")
    return seen[0]


def legend(ax: Axes) -> list[str]:
    box = ax.get_legend()
    assert box is not None
    return [text.get_text() for text in box.get_texts()]


def test_one_input_is_drawn_with_rows_band_and_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    (caption, figure), (_, left) = shown(found, monkeypatch).first
    assert "band" in caption
    (ax,) = figure.axes
    dots = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(np.asarray(dots), np.column_stack([found.x[:, 0], found.y]))
    *rivals, chosen = (np.asarray(line.get_xydata()) for line in ax.lines)
    assert len(rivals) == 2
    np.testing.assert_allclose(chosen[:, 1], found.best.predict(chosen[:, :1]))
    assert legend(ax) == ["other forms", "formula"]
    assert [ax.get_xlabel() for ax in left.axes] == ["row", "$t$"]


def test_a_pole_between_the_rows_leaves_the_picture_and_not_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    pole = replace(found.best, expression=parse("3.1*exp(-0.9*t) + 0.02/(t - 2.345)", ["t"]))
    ax = shown(replace(found, candidates=[*found.candidates, pole], best=pole), monkeypatch).first[0][1].axes[0]
    low, high = ax.get_ylim()
    curve = np.asarray(ax.lines[-1].get_ydata())
    assert np.abs(curve).max() > 2 * high
    assert -2 < low < found.y.min() and found.y.max() < high < 5


WIDE, NARROW = np.geomspace(1e-3, 1e3, ROWS), np.append(1e-9, np.linspace(1, 9, ROWS))  # one small value does not count


@pytest.mark.parametrize(("m", "scale"), [(WIDE, "log"), (NARROW, "linear")])
def test_an_input_over_decades_is_drawn_on_a_logarithmic_axis(
    m: np.ndarray, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made(m[:, None], 2.1 * m**0.5, ("m",), "2.1*sqrt(m)")
    (_, rows), (_, left) = shown(found, monkeypatch).first
    assert [ax.get_xscale() for ax in (rows.axes[0], *left.axes)] == [scale, "linear", scale]
    rows.canvas.draw()
    assert sum(bool(tick.get_text()) for tick in rows.axes[0].get_xticklabels()) >= 3


def test_rows_that_were_set_aside_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    found = replace(found, noise_model=replace(found.noise_model, outliers=(3, 7), rows=ROWS))
    ax = shown(found, monkeypatch).first[0][1].axes[0]
    marked = np.asarray(ax.collections[-1].get_offsets())
    np.testing.assert_allclose(marked, np.column_stack([found.x[[3, 7], 0], found.y[[3, 7]]]))


def test_a_second_input_of_few_values_has_a_curve_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.uniform(0, 2, ROWS), rng.integers(0, 2, ROWS)])
    y = 2.2 * x[:, 0] + 1.3 * x[:, 1] + 0.1 * rng.normal(size=ROWS)
    (caption, figure), _ = shown(made(x, y, ("t", "treated"), "1.1*t", "2.2*t + 1.3*treated"), monkeypatch).first
    assert caption == "The rows and the formula, a curve for each treated"
    (ax,) = figure.axes
    assert legend(ax) == ["treated = 0", "treated = 1"]
    ends = [np.asarray(line.get_ydata())[0] for line in ax.lines]
    assert ends[1] - ends[0] == pytest.approx(1.3, abs=0.15)


def test_two_inputs_are_drawn_as_a_map_that_is_gray_where_no_rows_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a = rng.uniform(0, 1, ROWS)
    x = np.column_stack([a, a * rng.uniform(0, 1, ROWS)])
    y = 1.7 * x[:, 0] * x[:, 1] + 0.02 * rng.normal(size=ROWS)
    found = made(x, y, ("a", "b"), "1.1*a", "1.7*a*b")
    (caption, figure), _ = shown(found, monkeypatch).first
    assert caption == "The rows on a map of the formula"
    ax = figure.axes[0]
    dots = ax.collections[-1]
    np.testing.assert_allclose(np.asarray(dots.get_offsets()), x)
    np.testing.assert_allclose(np.asarray(dots.get_array()), y)
    assert dots.get_clim() == ax.collections[0].get_clim()
    outside = ax.collections[1].get_paths()  # the half above a = b
    assert any(path.contains_point((0.1, 0.9)) for path in outside)
    assert not any(path.contains_point((0.6, 0.3)) for path in outside)


def test_three_inputs_have_residuals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(3).uniform(1, 2, (ROWS, 4))
    y = x[:, 0] * x[:, 1] + x[:, 2]
    ((caption, figure),) = shown(made(x, y, ("a", "b", "c", "d"), "1.1*a*b + 1.1*c"), monkeypatch).first
    assert caption == "Residuals against the order of the rows and each input"
    assert [ax.get_xlabel() for ax in figure.axes] == ["row", "$a$", "$b$", "$c$", "$d$"]


def test_what_was_tested_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    clean = shown(found, monkeypatch).tested
    assert clean[0] == "Residuals show no dependence on: order of rows, t, size of residuals."
    assert clean[1].startswith("Weight of evidence: ") and clean[1].endswith(" for forms that are not on the front.")
    wrong = shown(replace(found, best=found[1]), monkeypatch).tested
    assert wrong[0] == "Residuals were tested against: order of rows, t, size of residuals."
    assert "Residuals still depend on t." in wrong and any(line.startswith("Neighboring rows") for line in wrong)
    assert wrong[-1].startswith("Formula 2 has the largest weight of evidence (0.77, against <0.01)")
    assert wrong[-1].endswith(
        "the one chosen is simpler, with a larger error on held-out rows (0.29 rather than 0.12)."
    )
    assert shown(decay(rows=9), monkeypatch).tested[0].startswith("Residuals were not tested: ")
    loose = replace(found.best, expression=found.best.expression + sympy.Float(1.2e-4) * sympy.Symbol("t"))
    said = shown(replace(found, best=loose, candidates=[loose]), monkeypatch).tested
    assert "1 of 3 constants has a standard error above its size." in said
    exact = replace(decay(noise=0.0), outcome=Outcome.EXACT)
    assert shown(exact, monkeypatch).tested == ["What is left is rounding."]


def test_a_guess_is_drawn_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    guess = Candidate(parse("3 - 0.6*t", ["t"]), ("t",), 0.5, 5)
    content = shown(replace(found, answers=(Answer("a - b*t", {}, guess, lead=30.0),)), monkeypatch)
    assert "a - b*t" in content.tested[0] and "The rows speak against it" in content.tested[0]
    curve = content.first[0][1].axes[0].lines[2]
    np.testing.assert_allclose(np.asarray(curve.get_ydata()), 3 - 0.6 * np.asarray(curve.get_xdata()))


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_law_that_is_claimed_is_titled_so(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    title = shown(replace(decay(), outcome=outcome), monkeypatch).title
    assert title == ("A law for y" if outcome in (Outcome.EXACT, Outcome.NOISE) else "Formulas for y")


def test_a_form_with_less_evidence_than_another_is_no_law(monkeypatch: pytest.MonkeyPatch) -> None:
    found = decay()
    assert shown(replace(found, best=found[1], outcome=Outcome.NOISE), monkeypatch).title == "Formulas for y"


def test_a_mean_is_no_law(monkeypatch: pytest.MonkeyPatch) -> None:
    t, y = np.linspace(0, 1, 40)[:, None], np.random.default_rng(6).normal(3.0, 1.0, 40)
    assert shown(replace(made(t, y, ("t",), "2.5"), outcome=Outcome.NOISE), monkeypatch).title == "Formulas for y"


@pytest.mark.parametrize("form", ["2.5", "2.5 + 1.1*t", "sqrt(t - 1.0)"])
def test_report_of_any_formula_is_written(form: str, tmp_path: Path) -> None:
    t = np.linspace(0.5, 3, 40)[:, None]
    y = 2.5 + 0.1 * np.random.default_rng(4).normal(size=40)
    formula = parse(form, ["t"])
    only = Candidate(formula, ("t",), 1.0, complexity(formula))
    found = Discovery([only], only, Outcome.APPROXIMATE, 0.0, False, ("t",), "y", t, y)
    page = found.report(tmp_path / "r.html").read_text()
    assert page.count("<img") >= 3 or form == "sqrt(t - 1.0)"


@pytest.mark.slow
def test_groups_are_one_input_with_a_curve_each(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    plot = np.repeat(list("pqrs"), 30)
    offset = {"p": 1.0, "q": 2.0, "r": 3.0, "s": 4.0}
    t = rng.uniform(0, 3, 120)
    y = np.array([offset[each] for each in plot]) * np.exp(-t) + 0.01 * rng.normal(size=120)
    found = ew.discover(pd.DataFrame({"t": t, "plot": plot}), y, groups="plot", effort=100, time_limit=600)
    assert found.best.by_group is not None
    content = shown(found, monkeypatch)
    assert content.subtitle.startswith("120 rows, 2 inputs: t, plot.")
    (caption, curves), (_, left) = content.first
    assert caption == "The rows of each plot with its curve, and the curve of the mean"
    assert [ax.get_title() for ax in curves.axes] == list("pqrs")
    assert [ax.get_xlabel() for ax in left.axes] == ["row", "plot", "$t$"]
    assert not any("plot_" in line for line in [*content.tested, *content.inputs])
