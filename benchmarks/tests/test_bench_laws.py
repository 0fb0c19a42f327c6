"""Random laws, laws of physics, certified regressions and laws of the history of science."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from edgewise import symbolic
from edgewise.expressions import evaluate, parse
from edgewise_bench import Cell, Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.formulas import Random
from edgewise_bench.benchmarks.laws import RandomLaw, ScaledLaw
from edgewise_bench.benchmarks.measured import accepted, half_of, has_form
from edgewise_bench.datasets import HistoricalTable, history, nist, srsd

BOTH = ("edgewise", "gplearn")


def measured(name: str, only: str, **settings: Any) -> list[Row]:
    """Measure the cases whose label contains a text, in this process."""
    benchmark, chosen = BENCHMARKS[name], Settings(**settings)
    cases = [benchmark.prepare(case, []) for case in benchmark.cases(chosen) if only in case.label]
    assert cases
    return [row for case in cases for row in benchmark.measure(case, chosen)]


def stored(row: Row) -> Row:
    """Return a row as it is read back from a file."""
    return {name: str(value) for name, value in row.items()}


def labels(name: str, **settings: Any) -> list[str]:
    return [case.label for case in BENCHMARKS[name].cases(Settings(**settings))]


def test_a_seed_and_a_number_name_a_random_law() -> None:
    laws = [RandomLaw(f"3.{k}") for k in range(20)]
    assert [len(law.names) for law in laws] == [1, 2, 3, 4] * 5
    assert len({str(law.truth) for law in laws}) == 20
    assert [RandomLaw(f"3.{k}").formula for k in range(20)] == [law.formula for law in laws]
    assert RandomLaw("3.7").truth == laws[7].truth != RandomLaw("4.7").truth


def test_random_laws_are_finite_vary_need_all_their_variables_and_are_not_linear() -> None:
    for k in range(20):
        law = RandomLaw(f"4.{k}")
        assert {str(symbol) for symbol in law.truth.free_symbols} == set(law.names)
        x, y = law.table(1000, 0.0, 0)
        fresh = law.values(law.fresh(1000, 0))
        assert np.isfinite(y).all() and np.isfinite(fresh).all() and y.std() > 0
        columns = np.column_stack([np.ones(len(y)), x])
        residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
        assert residual.var() > 5e-4 * y.var()


def test_a_random_law_differs_from_the_others_by_more_than_its_numbers() -> None:
    def form(law: RandomLaw) -> str:
        return str(law.truth.replace(lambda part: part.is_Number, lambda part: sympy.Symbol("c")))

    forms = [form(RandomLaw(f"5.{k}")) for k in range(16)]
    assert len(set(forms)) == len(forms)


def test_the_cases_of_random_laws_are_those_of_the_seed() -> None:
    found = labels("random", searchers=BOTH, seed=3)
    assert len(found) == 100 * 3 * 2 and found[0] == "3.0, noise 0, seed 0: edgewise"
    assert found[-1] == "3.99, noise 0.1, seed 0: gplearn"
    assert labels("random", effort="quick")[0] == "1.0, noise 0, seed 0: edgewise, quick"
    benchmark = BENCHMARKS["random"]
    case = benchmark.cases(Settings(searchers=BOTH))[0]
    slow = [{**case.values, "seconds": "50"}]
    assert {benchmark.prepare(each, slow).values["limit"] for each in benchmark.cases(Settings(searchers=BOTH))} == {10}
    assert benchmark.prepare(benchmark.cases(Settings(budget=4))[0], []).values["limit"] == 4


def test_a_quick_random_law_is_found_and_judged() -> None:
    (row,) = measured("random", "", quick=True)
    assert row["unexplained"] < 1e-20 and row["form"] is True and row["seconds"] < 10
    head, (line,) = BENCHMARKS["random"].table([stored(row)])
    assert [cell.text for cell in line[:8]] == ["edgewise", "0", "1", *["100.0"] * 5]
    assert head[3:10] == ["1e-20", "1e-12", "R2 .99", "R2 .9", "form", "seen", "size"] and line[8].text == ""


def random_row(k: int, unexplained: float | str, **others: Any) -> Row:
    shared = {"library": "edgewise", "noise": "0", "form": "True", "within": "True", "size": "5", "seconds": "2"}
    return {**shared, "equation": f"1.{k}", "unexplained": unexplained, **others}


def test_random_laws_are_counted_by_what_is_left_unexplained() -> None:
    left = [1e-25] * 34 + [1e-15] * 3 + [1e-3, 0.05, "", 0.5, 1e-25]
    rows = [random_row(k, value) for k, value in enumerate(left)]
    rows[0]["within"] = "False"
    _, (line,) = BENCHMARKS["random"].table(rows)
    assert line[3:8] == [Cell("83.3", False), Cell("90.5", False), Cell("92.9", False), Cell("95.2"), Cell("100.0")]
    assert line[9].text == "97.4"
    _, lines = BENCHMARKS["random"].table([random_row(0, 0.5), random_row(0, 1e-5, noise="0.01", library="gplearn")])
    assert [cell.text for cell in lines[1][:8]] == ["gplearn", "0.01", "1", "0.0", "0.0", "100.0", "100.0", "100.0"]
    assert all(cell.passed is None for cell in lines[0])


def test_the_true_form_is_ahead_of_what_leaves_more_and_behind_what_leaves_less() -> None:
    law = RandomLaw("1.1")
    x, y = law.table(200, 0.1, 0)
    benchmark = BENCHMARKS["random"]
    assert isinstance(benchmark, Random)
    ahead = [benchmark.beside(law, form, x, y)["ahead"] for form in (law.truth, sympy.Symbol("x1"))]
    assert ahead[0] == 0 and ahead[1] < -10
    assert benchmark.beside(law, law.truth, *law.table(200, 0.0, 0)) == {}
    rows = [random_row(0, 1e-3, noise="0.1", ahead=value) for value in (1.5, 2.5, -3.0)]
    assert BENCHMARKS["random"].table(rows)[1][0][8].text == "66.7"


def test_physical_laws_are_drawn_over_their_decades() -> None:
    found = srsd()
    assert [sum(law.level == level for law in found) for level in ("easy", "medium", "hard")] == [30, 40, 50]
    assert len({law.name for law in found}) == 120
    scales = {quantity.scale for law in found for quantity in law.quantities}
    assert scales == {"uniform", "log", "integer"}
    for law in found[::12]:
        x = law.sample(500, seed=1)
        for column, quantity in zip(x.T, law.quantities, strict=True):
            size = np.abs(column) if quantity.signed else column
            margin = 1e-12 * abs(quantity.high)
            assert (size >= quantity.low - margin).all() and (size <= quantity.high + margin).all()
            assert not quantity.signed or 0.3 < (column < 0).mean() < 0.7
            assert quantity.scale != "integer" or (column == np.round(column)).all()
            assert quantity.scale != "log" or np.median(size) < np.sqrt(quantity.low * quantity.high) * 1.5


def test_every_physical_law_gives_finite_rows() -> None:
    assert len(labels("srsd")) == 120
    for law in srsd():
        scaled = ScaledLaw(law.name)
        _, y = scaled.table(200, 0.0, 0)
        assert np.isfinite(y).all() and y.std() > 0, law.name
        assert not np.array_equal(scaled.fresh(20, 0), scaled.training(20, 0))


def test_certified_parameters_give_the_certified_sum_of_squares() -> None:
    found = nist()
    assert len(found) == 27 and sum(len(problem.y) for problem in found) == 2176
    for problem in found:
        parameters = [f"b{k + 1}" for k in range(len(problem.parameters))]
        formula = symbolic.parse(problem.formula, [*problem.names, *parameters])
        formula = formula.xreplace(dict(zip(map(sympy.Symbol, parameters), problem.parameters, strict=True)))
        residual = np.sum((evaluate(formula, list(problem.names), problem.x) - problem.y) ** 2)
        if problem.name != "Lanczos1":  # whose residual needs more digits than the parameters have
            assert residual == pytest.approx(problem.residual, rel=1e-9), problem.name


def test_a_certified_problem_is_measured() -> None:
    assert len(labels("nist")) == 27 and len(labels("nist", searchers=(*BOTH, "pykan"))) == 54
    (row,) = measured("nist", "Misra1a", quick=True, budget=1)
    assert row["case"] == "Misra1a: edgewise, 1 s"
    assert 0 < row["residual"] < 10 and row["constants"] >= 1 and row["formula"]
    others = {"case": "", "problem": "Misra1a", "residual": "", "constants": "", "status": "failed: no memory"}
    head, (line, last, lean, form) = BENCHMARKS["nist"].table([stored(row), {**others, "library": "gplearn"}])
    assert head == ["problem", "level", "rows", "constants", "edgewise", "gplearn"]
    assert [cell.text for cell in line[:4]] == ["Misra1a", "lower", "14", "2"]
    assert line[4].text.endswith(f"({row['constants']})") and line[5].text == "failed: no memory"
    assert last[5].text == lean[5].text == form[5].text == "0 of 1"
    assert (lean[0].text, form[0].text) == ("within 1 %, as few", "form on the front")
    assert lean[4].text == f"{int(row['lean'] <= 1.01)} of 1" and row["formulas"] > 1


def test_tables_of_many_shapes_are_measured() -> None:
    assert len(labels("dimensions")) == 36
    (row,) = measured("dimensions", "2 columns", quick=True, budget=1)
    assert (row["inputs"], row["rows"]) == (2, 20)
    assert row["r2"] <= 1 and 0 <= row["right"] + row["wrong"] <= 2 and row["seconds"] > 0
    rows = [
        stored(row | {"r2": 0.9, "right": 2, "wrong": 0, "seconds": 1.5, "inputs": inputs, "rows": rows})
        for inputs, rows in ((2, 20), (5, 100))
    ]
    failed = {**rows[1], "rows": "20", "status": "failed: no memory"}
    head, lines = BENCHMARKS["dimensions"].table([*rows, failed])
    assert head == ["columns", "20 rows", "100 rows"]
    assert [[cell.text for cell in line] for line in lines] == [
        ["2", "0.900, 1.5 s", ""],
        ["5", "failed: no memory", "0.900 *, 1.5 s"],  # lacks a column
    ]


PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LAWS = {law.name: law for law in history()}


@pytest.mark.parametrize("law", history(), ids=lambda law: law.name)
def test_the_accepted_law_fits_its_measurements_at_its_best_parameters(law: HistoricalTable) -> None:
    assert 6 <= len(law.y) <= 60 and law.x.shape == (len(law.y), 1) and law.source
    names, formula = list(law.names), accepted(law)

    def left(scales: np.ndarray) -> float:
        numbers = [sympy.Float(p * s) for p, s in zip(law.parameters, scales, strict=True)]
        symbols = [f"b{k + 1}" for k in range(len(numbers))]
        form: Any = parse(law.formula, [*names, *symbols])
        form = form.xreplace(dict(zip(map(sympy.Symbol, symbols), numbers, strict=True)))
        return float(np.sum((evaluate(form, names, law.x) - law.y) ** 2))

    best = float(np.sum((evaluate(formula, names, law.x) - law.y) ** 2))
    for k in range(len(law.parameters)):
        for factor in (1 - 1e-3, 1 + 1e-3):
            scales = np.ones(len(law.parameters))
            scales[k] = factor
            assert left(scales) > best
    limit = 0.65 if law.name == "hubble" else 0.3 if law.name == "leavitt" else 0.06
    assert np.sqrt(best / len(law.y)) < limit * law.y.std()


def test_known_constants_of_nature_are_in_the_tables() -> None:
    planck = LAWS["planck"].parameters
    assert 1.438777 / planck[1] == pytest.approx(2.725, abs=0.001)  # kelvin
    assert LAWS["balmer"].parameters[1] == pytest.approx(4, abs=1e-4)
    assert LAWS["stefan"].parameters[1] == pytest.approx(273, abs=1)  # kelvin of the walls
    slope = -1 / (LAWS["leavitt"].parameters[1] * np.log(10))
    assert slope == pytest.approx(0.48, abs=0.02)  # of log P for a magnitude, as Leavitt says


@pytest.mark.parametrize(
    ("name", "formula", "expected"),
    [
        ("kepler", "0.2*a^1.4998", True),
        ("kepler", "0.2*a^1.5 + 0.01*a", False),
        ("boyle", "1400/(V + 0.1)", False),
        ("ohm", "1/(0.0028 + 0.00014*x)", True),
        ("ohm", "7000*exp(-x/20)", False),
        ("balmer", "364.6/(1 - 4/n^2)", True),
        ("balmer", "364.6 + 1458/(n^2 - 4)", True),
        ("leavitt", "14 - 2*log(P/3)/log(10)", True),
        ("hubble", "500*d - 40", True),  # a shift may vanish
        ("hubble", "500", False),
        ("planck", "39*k^3/(exp(0.53*k) - 1)", True),
        ("planck", "39*k^3*exp(-0.53*k)", False),
        ("stefan", "1.6e-10*T^4 - 0.9", True),
    ],
)
def test_a_formula_is_the_law_but_for_its_constants(name: str, formula: str, expected: bool) -> None:
    law = LAWS[name]
    form = parse(formula, list(law.names))
    loose: Any = form.xreplace({r: sympy.Float(float(r)) for r in form.atoms(sympy.Rational) if r.q > 2})
    assert has_form(loose, law) is expected


def test_a_law_is_measured() -> None:
    benchmark = BENCHMARKS["history"]
    labels = [case.label for case in benchmark.cases(Settings(effort="3000", searchers=("edgewise", "gplearn")))]
    assert len(labels) == 20 and labels[0] == "development, kepler: edgewise, 60 s, 3000"
    assert labels[-1] == "held, planck: gplearn, 60 s"
    (case,) = benchmark.cases(Settings(quick=True, budget=60))
    (row,) = benchmark.measure(case, Settings(quick=True, effort="500"))
    assert row["right"] is True and row["ratio"] == pytest.approx(1, rel=0.01)
    assert 0 <= row["place"] < row["formulas"] and row["law"] == "b1*a^(3/2)"


def row(name: str, right: bool, place: int | str, library: str = "edgewise", formulas: int = 5) -> Row:
    values = {"name": name, "right": str(right), "place": place, "library": library, "formulas": formulas}
    return {**values, "ratio": "1.25", "status": ""}


def test_laws_are_counted_and_held_to_their_limits() -> None:
    benchmark = BENCHMARKS["history"]
    rows = [row(law.name, k < 5, 2 if k < 9 else "") for k, law in enumerate(history())]
    rows += [row("galileo", True, "", "gplearn", 0), row("kepler", False, "", "gplearn", 0) | {"status": "failed"}]
    head, lines = benchmark.table(rows)
    assert head == ["law", "year", "half", "rows", "edgewise", "gplearn"]
    first = ["fall along an inclined plane", "1604", "held", "8", "best (1.25)", "best (1.25)"]
    assert [cell.text for cell in lines[0]] == first
    assert lines[5][4].text == "front (1.25)" and lines[9][4].text == "- (1.25)" and lines[1][5].text == "failed"
    assert lines[10][4:] == [Cell("5 of 10", False), Cell("1 of 2")]
    assert lines[11][4:] == [Cell("9 of 10", True), Cell("")]
    _, few = benchmark.table(rows[:3])
    assert few[-1][4] == Cell("3 of 3")


def test_the_halves_are_those_of_the_page() -> None:
    line = r"^\| (\w+) \| (development|held) \| (\d{4}) \|"
    listed = re.findall(line, PAGE.read_text(), re.M)
    assert listed == [(law.name, half_of(law), str(law.year)) for law in history()]
    assert [half_of(law) for law in history()].count("held") == 5
