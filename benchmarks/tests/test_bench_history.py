"""The benchmark of laws of the history of science: the tables, what counts as the law, and the summary."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from edgewise.expressions import evaluate, parse
from edgewise_bench import Cell, Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.measured import accepted, half_of, has_form
from edgewise_bench.datasets import HistoricalTable, history

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
    (case,) = benchmark.cases(Settings(quick=True))
    (row,) = benchmark.measure(case, Settings(quick=True, effort="500", budget=60))
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
