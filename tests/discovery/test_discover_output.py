"""What a person sees of a discovery: error bars, bands, weights, the front on a screen, in a notebook and on paper."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise._progress import reporting
from edgewise.discovery import Candidate, Discovery, Outcome, discover_directly, front_cells
from edgewise.discovery.models import Ceiling
from edgewise.expressions import FitData, complexity, fit_constants, parse, quoted, write
from edgewise.plot.report import ReportContent

NAMES = ("a", "T (K)")
A, T = sympy.Symbol("a"), sympy.Symbol("T (K)")


def candidate(form: sympy.Expr, x: np.ndarray, y: np.ndarray, held_out: float = 0.0) -> Candidate:
    fitted = fit_constants(form, FitData.of(NAMES, x, y))
    return Candidate(fitted.expression, NAMES, fitted.error, complexity(fitted.expression), held_out or fitted.error)


def discovery(rows: int = 60, noise: float = 0.3, seed: int = 0) -> Discovery:
    """A front of three forms, the true one in the middle."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, (rows, 2))
    y = 2.53 * x[:, 0] - 1.31 * x[:, 1] ** 2 + noise * rng.standard_normal(rows)
    one, two, three = (sympy.Float(v) for v in (2.1, -1.1, 0.1))
    forms = [one * A - 3 * T, one * A + two * T**2, one * A + two * T**2 + three * sympy.sin(A * T)]
    found = [candidate(form, x, y) for form in forms]
    return Discovery(found, found[1], Outcome.APPROXIMATE, 0.0, False, NAMES, "yield", x, y, ["Looked."], {"seed": 0})


@pytest.fixture(scope="module")
def found() -> Discovery:
    return discovery()


@pytest.fixture(scope="module")
def searched() -> Discovery:
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 3, (60, 2))
    y = x[:, 0] ** 1.43 + 0.4 * np.sin(3 * x[:, 1]) * x[:, 0] + 0.2 * rng.standard_normal(60)
    found = discover_directly(x, y, names=["a", "T (K)"], target="y")
    ceiling: Any = SimpleNamespace(held_out=0.2)
    return replace(found, ceiling=ceiling)


def test_standard_errors_are_those_of_linear_least_squares(found: Discovery) -> None:
    x, y = found.x, found.y
    design = np.column_stack([x[:, 0], x[:, 1] ** 2])
    best, left, *_ = np.linalg.lstsq(design, y, rcond=None)
    errors = np.sqrt(left[0] / (len(y) - 2) * np.diag(np.linalg.inv(design.T @ design)))
    shown = sorted(found.constants(), key=lambda c: -c.value)
    np.testing.assert_allclose([c.value for c in shown], best, rtol=1e-6)
    np.testing.assert_allclose([c.error for c in shown], errors, rtol=1e-6)
    low, high = found.interval([c.value > 0 for c in found.constants()].index(True))
    wide = found.uncertainty().quantile(0.95) * errors[0]
    np.testing.assert_allclose([low, high], [best[0] - wide, best[0] + wide], rtol=1e-4)
    assert [c.value for c in found.constants(0)] == [c.value for c in found.constants(found[0])] != []


def test_errors_relative_to_each_value_weigh_rows(found: Discovery) -> None:
    y = np.exp(found.y)
    relative = replace(found, y=y, relative=True)
    _, weight = relative.uncertainty().data.y, relative.uncertainty().data.weight
    np.testing.assert_allclose(weight * y, (weight * y)[0])


def test_bands_cover_fresh_rows_and_know_what_is_asked(found: Discovery) -> None:
    fresh = discovery(rows=500, seed=1)
    values, low, high = found.predict(fresh.x, interval=0.9)
    np.testing.assert_array_equal(values, found.predict(fresh.x))
    np.testing.assert_allclose(values, found.best.predict(fresh.x))
    assert 0.85 < np.mean((low < fresh.y) & (fresh.y < high)) < 0.95
    wider = found.predict(fresh.x, interval=0.99)
    assert (wider[1] < low).all()
    assert (wider[2] > high).all()
    _, poor, _ = found.predict(fresh.x, interval=0.9, candidate=0)
    assert np.mean(found.predict(fresh.x, candidate=0) - poor) > 2 * np.mean(values - low)


def test_doubt_between_forms_is_a_mixture_by_weight(found: Discovery) -> None:
    values, low, high = found.predict(found.x[:9], interval=0.9, forms=True)
    centers = np.array([c.predict(found.x[:9]) for c in found])
    np.testing.assert_allclose(values, found.weights @ centers / found.weights.sum(), rtol=1e-9)
    assert ((low < values) & (values < high)).all()
    alone = replace(found, candidates=[found.best])
    for mixed, plain in zip(alone.predict(found.x, 0.9, forms=True), alone.predict(found.x, 0.9), strict=True):
        np.testing.assert_allclose(mixed, plain)


def test_a_band_over_many_decades_is_relative() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(0, 9, (200, 1)))
    y = 2 * x[:, 0] * (1 + 0.05 * rng.standard_normal(200))
    form = Candidate(sympy.Float(2.001) * A, ("a",), 0.01, 3)
    found = Discovery([form], form, Outcome.APPROXIMATE, 0.0, True, ("a",), "y", x, y)
    values, low, high = found.predict([[1.0], [1000.0]], interval=0.9)
    np.testing.assert_allclose((high - low) / values, 2 * 1.65 * 0.05, rtol=0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: f.predict(f.x, interval=1.5), "'interval'"),
        (lambda f: f.predict(f.x, interval=0), "'interval'"),
        (lambda f: f.predict(f.x[:, :1]), "2 inputs"),
        (lambda f: f.predict(f.x, 0.9, candidate=1, forms=True), "'forms'"),
        (lambda f: f.constants(7), "0 to 2"),
        (lambda f: f.constants("best"), "0 to 2"),
        (lambda f: f.interval(9), "2 fitted constants"),
        (lambda f: f.interval(0, coverage=95), "'coverage'"),
        (lambda f: f.stability(0), "'resamples'"),
        (lambda f: f.stability(seed=-1), "'seed'"),
    ],
)
def test_bad_questions_are_answered_in_one_line(found: Discovery, call: Callable, words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        call(found)
    assert "\n" not in str(caught.value)


def test_weights_are_those_of_the_criterion(found: Discovery) -> None:
    n = len(found.y)
    cost = [n * np.log(c.error**2) + np.log(n) / 2 * (c.complexity + c.fitted) for c in found]
    expected = np.exp(-(np.array(cost) - min(cost)) / 8)
    absent = 0.11 + 0.49 * np.exp(-np.diff(np.sort(cost))[0] / 150)
    np.testing.assert_allclose(found.weights, (1 - absent) * expected / expected.sum(), rtol=1e-9)
    assert found.weights.argmax() == 1
    floor = replace(found, noise=0.99)
    assert floor.weights.argmax() == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_weights_leave_some_for_forms_that_are_not_on_the_front(found: Discovery, outcome: Outcome) -> None:
    whole = replace(found, outcome=outcome).weights.sum()
    assert 0.4 <= whole <= 0.89 if outcome is not Outcome.EXACT else whole == pytest.approx(1.0)
    assert ("forms that are not on this front" in repr(replace(found, outcome=outcome))) is (
        outcome is not Outcome.EXACT
    )


def test_stability_counts_the_best_of_resampled_rows(found: Discovery) -> None:
    shares = found.stability(resamples=20, seed=3)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    np.testing.assert_array_equal(shares, found.stability(resamples=20, seed=3))


def test_the_front_is_printed_with_the_best_and_its_error_bars(found: Discovery) -> None:
    lines = repr(found).splitlines()
    assert lines[0] == f"Discovery of yield: {Outcome.APPROXIMATE.message}"
    assert lines[1].split() == ["#", "complexity", "error", "held-out", "R2", "weight", "formula"]
    assert [line.startswith(">") for line in lines[2:5]] == [False, True, False]
    assert "`T (K)`**2" in lines[3]
    assert any(re.match(r"yield = .*\(2\.\d+ ± 0\.0\d+\)\*a", line) for line in lines)
    assert any("R2 on held-out rows: 0." in line for line in lines)
    long = replace(found.best, expression=sympy.Add(*(sympy.Symbol(f"name_{k}") for k in range(90))))
    assert "name_89" not in front_text_row(replace(found, candidates=[long], best=found.best))


def test_error_bars_stand_where_the_constants_do_and_hold_every_one(found: Discovery) -> None:
    for form in found:
        shown = found.text(form)
        assert shown.count("±") == form.fitted
        plain = [
            re.sub(r"\d+\.\d+(e-?\d+)?", "0.0", text)
            for text in (re.sub(r"\((\S+) ± \S+\)", r"\1", shown), form.text(6))
        ]
        assert plain[0] == plain[1]
        assert found.latex(form).count(r"\pm") == form.fitted


def test_the_flexible_model_is_printed_in_a_line() -> None:
    x = np.linspace(0, 1, 40)[:, None]
    assert repr(Ceiling.of(("t",), x, np.sin(9 * x[:, 0]))).startswith("Ceiling(names=('t',), held_out=")


def front_text_row(found: Discovery) -> str:
    return repr(found).splitlines()[2]


def test_exact_laws_have_no_error_bars() -> None:
    x = np.linspace(1, 2, 20)[:, None]
    law = Candidate(sympy.Float(2.53) * A, ("a",), 1e-16, 3, 1e-16)
    found = Discovery([law], law, Outcome.EXACT, 0.0, False, ("a",), "y", x, 2.53 * x[:, 0])
    assert found.text() == "2.53*a"
    assert "±" not in repr(found)


def test_latex_has_error_bars_and_candidates_keep_theirs(found: Discovery) -> None:
    assert re.search(r"\\left\(2\.\d+ \\pm 0\.0\d+\\right\) a", found.latex())
    assert r"- \left(1." in found.latex()
    assert r"\pm" not in found.best.latex()
    table = found.to_latex()
    assert table.startswith(r"\begin{tabular}")
    assert table.count(r"$\star$") == 1
    assert table.count(r" \\") == 4


def test_notebooks_show_the_front_escaped(found: Discovery) -> None:
    names = ("a", "<b>&")
    form = Candidate(found.best.expression.subs(T, sympy.Symbol("<b>&")), names, found.best.error, 7)
    nasty = replace(found, candidates=[form], best=form, names=names, target="<script>")
    page = nasty._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "`&lt;b&gt;&amp;`" in page
    assert page.count("<tr") == 2
    assert page.count("★") == 1
    assert "<code>" in page
    assert nasty._repr_latex_().count(r"\star") == 1
    assert page.count("$") == 4  # as mathematics: the front's one formula, and the best one with its errors


def test_candidates_print_a_line_each(found: Discovery) -> None:
    best = replace(found.best, held_out=float("nan"))
    assert repr(best) == str(best) and "`T (K)`" in repr(best) and "nan" not in repr(best)
    assert best._repr_latex_() == f"${best.latex()}$"


def test_progress_is_a_line_of_the_cell_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, bool]] = []

    def publish(data: dict[str, str], *, transient: dict[str, str], update: bool) -> None:
        shown.append((data["text/plain"], update))

    shell = SimpleNamespace(kernel=object(), display_pub=SimpleNamespace(publish=publish))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with reporting("auto") as report:
        report("curves", 0.25, "a*x")
    assert shown == []  # before two seconds
    with reporting(True) as report:
        report("curves", 0.25, "a*x")
        report("networks", float("nan"), None)
    assert [update for _, update in shown] == [False, True, True] and shown[-1] == ("", True)
    assert "curves" in shown[0][0] and " 25%" in shown[0][0] and shown[0][0].endswith("a*x")
    with reporting(False) as report:
        report("curves", 0.5, None)
    assert len(shown) == 3


def test_equations_can_be_read_back(found: Discovery) -> None:
    table = found.equations
    assert list(table["best"]) == [False, True, False]
    np.testing.assert_allclose(table["r2"], 1 - table["held_out"] ** 2)
    np.testing.assert_allclose(table["weight"], found.weights)
    for text, each in zip(table["formula"], found, strict=True):
        read = Candidate(parse(text, NAMES), NAMES, 0.0, 0)
        np.testing.assert_allclose(read.predict(found.x), each.predict(found.x), rtol=1e-12)
    assert [cells[-1] for cells in front_cells(found, digits=None)[1]] == list(table["formula"])


def value(form: Any) -> complex:
    """The value where every symbol is 0.5."""
    return complex(form.xreplace(dict.fromkeys(form.free_symbols, sympy.Float("0.5"))))


@pytest.mark.parametrize("name", ["a", "x_1", "T (K)", "2020", "x²", "a.b", "Länge", "50 %", "sin", "e", "a b", " a"])
def test_any_name_is_written_so_that_it_is_read(name: str) -> None:
    form = sympy.exp(sympy.Symbol(name, positive=True) / 3) * sympy.Float("0.1234567890123456") - 2
    read = parse(write(form), [name])
    assert value(read) == pytest.approx(value(form))
    assert quoted(name) in write(form)


def test_every_function_of_the_library_is_written_so_that_it_is_read() -> None:
    for name in ew.functions.names():
        form = ew.functions.get(name).sympy(sympy.Symbol("u") * sympy.Float("0.37") + 1)
        assert value(parse(write(form), ["u"])) == pytest.approx(value(form)), name


def test_what_the_inputs_do_is_said(found: Discovery, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ReportContent] = []
    monkeypatch.setattr("edgewise.plot.report.write_report", lambda path, content: seen.append(content))
    found.report("r.html")
    (content,) = seen
    moves, rises, falls, together = content.inputs
    assert moves == "An input moves from its 10 % to its 90 % quantile, and the others keep the values of a row."
    assert together == "The inputs enter additively: what one changes in yield does not depend on another."
    assert re.match(r"a from 1\.\d+ to 2\.\d+: yield rises by \d\.\d+ on average, and falls nowhere\.", rises)
    assert re.match(r"T \(K\) from .*: yield falls by .* on average, and rises nowhere\.", falls)
    assert [row.chosen for row in content.candidates] == [False, True, False]
    assert "±" in content.formula_bars
    assert r"\pm" in content.formula_latex[0][1]


def test_the_report_of_a_search_shows_all_of_it(searched: Discovery, tmp_path: Path) -> None:
    page = searched.report(tmp_path / "r.html").read_text(encoding="utf-8")
    for words in ("held-out R²", "What the inputs do", r"\begin{tabular}", "± error", "weight", "best flexible model"):
        assert words in page
    assert "of the spread" not in page
    assert page.count("<img") >= 2


def test_the_picture_of_the_front_has_the_flexible_model_and_the_formulas(searched: Discovery) -> None:
    ax = searched.plot()
    words = [text.get_text() for text in ax.texts]
    assert "flexible model" in words
    assert sum("`T (K)`" in text for text in words) >= 1
    assert ax.get_ylabel() == "error on held-out rows"
    assert ax.get_ylim()[0] == 0


def test_a_search_ends_with_all_that_is_shown(searched: Discovery) -> None:
    text = repr(searched)
    assert searched.text() in text
    assert np.isfinite(searched.weights).all()
    values, low, high = searched.predict(searched.x, interval=0.9)
    assert ((low <= values) & (values <= high)).all()


def test_progress_is_shown_on_a_terminal_and_in_a_log_if_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for progress in ("auto", None, False, True):
        with reporting(progress) as report:  # type: ignore[arg-type]
            report("algebra", 0.5, "x")
            report("algebra", 0.6, "x")
        assert capsys.readouterr().err.count("s] algebra\n") == (progress is True)
    with reporting(print) as report:
        assert report is print
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        patch.setattr("edgewise._progress._PATIENCE", 0.0)
        patch.setenv("COLUMNS", "80")
        with reporting("auto") as report:
            report("algebra", 0.5, "x + " * 100)
        stderr.flush()
        written = b""
        while b"algebra" not in written:
            written += os.read(main, 4096)
    assert b"x + x" in written
    assert b"x + " * 50 not in written
    os.close(main)
