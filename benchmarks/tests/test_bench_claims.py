"""The benchmark of claims: the made tables, when a claim is wrong, and the summary."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgewise_bench import Cell, Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.claims import COUNT, KINDS, MadeTable, is_wrong, made_table

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
