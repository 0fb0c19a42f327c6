"""The benchmark of estimators, on made-up tables: what is measured, stored, capped, left out, chosen and compared."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import edgewise_bench
from edgewise import InputError
from edgewise.cli import main
from edgewise_bench import Case, Plan, Row, Settings, Worker, read, run
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.estimator import Estimator
from edgewise_bench.benchmarks.estimators import ESTIMATORS, Constant, Linear
from edgewise_bench.benchmarks.real_tables import (
    TABLES,
    Table,
    calibration_error,
    classification_scores,
    interval_scores,
)
from edgewise_bench.benchmarks.tabular import Tabular
from edgewise_bench.tables import grouped

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
ROWS, GAPS = 60, 4
NUMBERS = Table("numbers", "none", "numbers", "y", "regression", {"copy": "repeats another column"}, "held")
CLASSES = Table("classes", "none", "classes", "y", "classification")
ABSENT = Table("absent", "none", "absent", "y", half="held")


class Scaled(Constant):
    """A multiple of the mean, with an interval of two units around it."""

    name = "scaled"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        from sklearn.dummy import DummyRegressor

        return DummyRegressor(strategy="constant", constant=chosen.get("value", 100.0))

    def space(self, kind: str) -> Mapping[str, Any]:
        return {"value": [0.0, 50.0]}

    def interval(self, model: Any, x: pd.DataFrame, level: float) -> tuple[np.ndarray, np.ndarray]:
        middle = model.predict(x)
        return middle - 1, middle + 1


class Slow(Constant):
    """Computes without an end."""

    name = "slow"

    def make(self, kind: str, x: pd.DataFrame, seed: int, **chosen: Any) -> Any:
        return self

    def fit(self, x: pd.DataFrame, y: np.ndarray) -> None:
        while True:
            pass

    def warm_up(self, kind: str) -> None:
        pass


class Tiny(Tabular):
    """Tables that are made up here."""

    file = "tiny.csv"
    tables = (NUMBERS, CLASSES, ABSENT)
    estimators: ClassVar[Mapping[str, Estimator]] = {one.name: one for one in (Constant(), Linear(), Scaled(), Slow())}

    def missing(self) -> str:
        return ""

    def frame(self, table: Table) -> pd.DataFrame:
        if table.name == "absent":
            raise InputError("The table absent is nowhere.")
        rng = np.random.default_rng(0)
        a, letter = rng.standard_normal(ROWS), rng.choice(["p", "q"], ROWS)
        y = 3 * a + 2 * (letter == "q") + 0.1 * rng.standard_normal(ROWS)
        frame = pd.DataFrame({"rownames": np.arange(ROWS), "a": a, "letter": letter, "flag": a > 0, "copy": y})
        if table.kind == "classification":
            return frame.drop(columns="copy").assign(y=np.where(y > 1, "yes", "no"))
        frame.loc[5:10, "a"] = np.nan
        frame.loc[20:30, "letter"] = None
        return frame.assign(y=[math.nan] * GAPS + list(y[GAPS:]))


def silent(stage: str, fraction: float) -> None:
    assert stage and 0 <= fraction <= 1


def cases(benchmark: Tabular, *estimators: str, **settings: Any) -> list[Case]:
    return benchmark.cases(Settings(estimators=estimators, **settings))


def measured(case: Case) -> Row:
    (row,) = Tiny().measure(case, Settings())
    return row


@pytest.mark.slow
def test_every_table_split_and_estimator_gives_a_row_and_is_measured_once(tmp_path: Path) -> None:
    settings = Settings(estimators=("constant", "linear"))
    rows = run([Tiny()], settings, Plan(tmp_path), silent)["tabular"]
    assert len(rows) == len(read(tmp_path / "tiny.csv")) == 3 * Tiny.splits * 2
    own = grouped(rows, "table", "library")
    assert {row["rows"] for row in own["numbers", "linear"]} == {ROWS - GAPS}
    assert {row["inputs"] for row in own["numbers", "linear"]} == {3}
    assert all(row["r2"] > 0.5 > row["seconds"] > 0 for row in own["numbers", "linear"])
    assert all(row["r2"] <= 0 for row in own["numbers", "constant"])
    assert median(row["accuracy"] for row in own["classes", "linear"]) > 0.8
    assert {row["status"] for row in own["absent", "linear"]} == {"left out: The table absent is nowhere."}
    again = run([Tiny()], settings, Plan(tmp_path, resume=True), silent)["tabular"]
    assert again == read(tmp_path / "tiny.csv") and len(again) == len(rows)
    head, lines = Tiny().table(again)
    assert head == ["table", "half", "kind", "rows", "constant", "linear"]
    texts = {(line[0].text, line[2].text): [cell.text for cell in line[4:]] for line in lines}
    assert texts["mean rank", "classification"] == ["2.00", "1.00"]
    assert texts["ratio", "classification"][1] == "1.000"
    assert texts["worst gap to constant", "classification"][1].startswith("-")
    assert texts["absent", "regression"][0].startswith("left out")


@pytest.mark.skipif(sys.platform == "win32", reason="no signal ends a process there")
def test_a_case_that_computes_too_long_is_ended_and_says_so() -> None:
    worker, case = Worker(), next(case for case in cases(Tiny(), "slow", budget=0.2) if "numbers" in case.label)
    try:
        (capped,) = worker.rows(Tiny(), case, Settings())
    finally:
        worker.close()
    assert capped["status"] == "capped at 0.2 s" and capped["r2"] == ""
    assert (
        Tiny().failed(case, Settings(), "failed: no memory (exit code 1)")[0]["status"].startswith("failed: no memory")
    )


def test_settings_are_chosen_on_the_training_rows() -> None:
    (default,) = (case for case in cases(Tiny(), "scaled") if case.label == "held, numbers, split 0: scaled")
    (tuned,) = (case for case in cases(Tiny(), "scaled", tuned=2) if "numbers, split 0" in case.label)
    assert tuned.label.endswith(": scaled, tuned 2") and tuned.values["limit"] == 1200 > default.values["limit"]
    assert Tiny().time_limit(tuned) > 10 * Tiny().time_limit(default) / 2 > 0
    first, second = measured(default), measured(tuned)
    assert (first["chosen"], second["chosen"]) == ("", "value=0")
    assert first["rmse"] > 90 > 10 > second["rmse"]
    assert first["coverage"] == 0 and first["width"] > 0
    assert cases(Tiny(), "scaled", tuned=2, budget=5.0)[0].values["limit"] == 5
    quick = cases(Tiny(), "constant", "linear", quick=True)
    assert [case.values["library"] for case in quick] == ["constant"] * 2 + ["linear"] * 2
    assert {case.values["split"] for case in quick} == {0}


def test_the_scores_of_probabilities_and_intervals() -> None:
    assert calibration_error(np.full(20, 0.75), np.tile([True, True, True, False], 5), bins=1) == 0
    assert calibration_error(np.array([0.5, 1.0]), np.array([False, True])) == 0.25
    scores = classification_scores(np.array(["b", "b"]), np.array([[0.0, 1.0], [1.0, 0.0]]), ["a", "b"])
    assert scores["accuracy"] == 0.5
    assert scores["log_loss"] == pytest.approx(-math.log(1e-15) / 2)
    ends = np.array([0.0, 0.0]), np.array([1.0, 1.0])
    assert interval_scores(np.array([0.0, 2.0]), *ends) == {"coverage": 0.5, "width": 1.0}


def row(library: str, table: str, r2: float | str, rmse: float | str, split: int = 0, **others: Any) -> Row:
    shared = {"half": "held", "kind": "regression", "rows": 60, "tuned": 0, "status": "", "seconds": 1.0}
    return {**shared, "library": library, "table": table, "r2": r2, "rmse": rmse, "split": split, **others}


def test_the_summary_ranks_and_names_what_is_lost() -> None:
    rows = [
        *(row("edgewise", "a", r2, 1.0, split) for split, r2 in enumerate((0.9, 0.8, "nan"))),
        row("linear", "a", 0.7, 2.0),
        row("edgewise", "b", 0.2, 4.0),
        row("linear", "b", 0.4, 2.0),
        row("linear", "c", "", "", status="capped at 150 s", seconds=""),
    ]
    head, lines = Tabular().table(rows)
    assert head[4:] == ["edgewise", "linear"]
    texts = {line[0].text: [cell.text for cell in line[4:]] for line in lines}
    assert texts["a"] == ["0.800", "0.700"]  # a split that failed counts as the worst
    assert texts["c"] == ["", "capped at 150 s"]
    assert texts["mean rank"] == ["1.50", "1.33"]
    assert texts["ratio"] == ["1.414 (2 of 3)", "1.414 (2 of 3)"]
    assert texts["worst gap to linear"] == ["+0.200 (b)", ""]
    assert texts["edgewise loses to it on"] == ["", "b"]
    head, lines = Tabular().table([*rows, row("linear", "a", 0.95, 0.5, tuned="5")])
    assert head[4:] == ["edgewise", "linear"]
    ranks = [[cell.text for cell in line] for line in lines if line[0].text == "mean rank"]
    assert ranks[0][4:] == texts["mean rank"]  # tuned estimators are compared with tuned ones only
    assert ranks[1][1:] == ["held, tuned 5", "regression", "1", "", "1.00"]


def test_a_third_of_the_tables_are_fresh_and_of_both_kinds() -> None:
    shipped = {(table.package, table.item) for table in TABLES}
    assert len(shipped) == len({table.name for table in TABLES}) == len(TABLES)
    fresh = [table for table in TABLES if table.half == "fresh"]
    assert len(fresh) >= 15 and {table.half for table in TABLES} == {"development", "fresh"}
    for kind, least in (("regression", 10), ("classification", 7)):
        assert sum(table.kind == kind for table in fresh) >= least


def test_the_page_lists_each_table_in_its_half() -> None:
    lines = re.findall(r"^\| ([^|]+) \| (development|fresh) \| (regression|classification) \|", PAGE.read_text(), re.M)
    assert {(name, half, kind) for name, half, kind in lines} == {
        (table.name, table.half, table.kind) for table in TABLES
    }


def test_a_table_of_scikit_learn_is_measured() -> None:
    benchmark = BENCHMARKS["tabular"]
    case = next(case for case in Tabular.cases(Tiny(), Settings(estimators=("boosting",))))
    values = {**case.values, "table": "wine", "kind": "classification", "library": "boosting"}
    (found,) = benchmark.measure(Case("wine", values), Settings())
    assert found["rows"] == 178 and found["inputs"] == 13 and found["accuracy"] > 0.8


def test_the_command_asks_for_the_estimators_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(edgewise_bench, "run", lambda _, settings, *__: asked.append(settings) or {})
    monkeypatch.setattr(type(ESTIMATORS["ebm"]), "installed", classmethod(lambda _: False))
    assert main(["bench", "tabular", "--tuned", "3", "--out", str(tmp_path / "out")]) == 0
    assert "ebm is not installed here and is left out" in capsys.readouterr().out
    assert asked[0].tuned == 3 and asked[0].libraries == ("edgewise", "mlp")
    assert "linear" in asked[0].estimators and "ebm" not in asked[0].estimators
    assert main(["bench", "tabular", "--no-baselines", "--out", str(tmp_path / "out")]) == 0
    assert set(asked[1].estimators) <= {"edgewise"}
