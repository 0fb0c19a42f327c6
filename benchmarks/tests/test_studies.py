"""Studies: their cases, rows and tables, without measuring; one small measurement each where it takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from edgewise_bench import Case, Plan, Row, Settings, read, run
from edgewise_bench.benchmarks import BENCHMARKS
from edgewise_bench.benchmarks.studies.study import Figure, Study

STUDIES = {name: bench for name, bench in BENCHMARKS.items() if isinstance(bench, Study)}
STORED = Path(__file__).parents[1] / "results" / "scripts"
SECONDS = ["coverage", "fit-formula", "initialization", "intervals", "structure"]


class Halves(Study):
    """A study of two numbers."""

    name, title, file = "halves", "Halves", "halves.csv"
    columns = ("half", "whole", "status")
    by = ("kind",)
    total = True
    figures = (Figure("mean half", "half", most=lambda row: 1.5 if row["kind"] == "small" else 9), Figure("", "whole"))
    first, seeds = 5, 2
    grid: ClassVar = {"kind": ("small", "large"), "number": (2.0,)}

    def measured(self, given: Any, settings: Settings) -> Row:
        half = given["number"] * (1 if given["kind"] == "small" else 10) / 2 + given["seed"] - 5
        return {"half": half, "whole": half == round(half)}


def test_a_study_measures_every_combination_with_each_seed_and_groups_the_rows(tmp_path: Path) -> None:
    study = Halves()
    assert [case.label for case in study.cases(Settings())][:2] == [
        "kind small, number 2, seed 5", "kind small, number 2, seed 6",
    ]  # fmt: skip
    assert study.cases(Settings(seed=3))[0].values["seed"] == 7
    assert len(study.cases(Settings(quick=True))) == 1
    rows = run([study], Settings(), Plan(tmp_path))["halves"]
    for known in (rows, read(tmp_path / "halves.csv")):
        head, lines = study.table(known)
        assert head == ["kind", "cases", "mean half", ""]
        assert [[cell.text for cell in line] for line in lines] == [
            ["small", "2", "1.5", "1"], ["large", "2", "10.5", "1"], ["all", "4", "6", "1"],
        ]  # fmt: skip
        assert [line[2].passed for line in lines] == [True, False, False]


def test_a_study_shows_why_a_case_gave_nothing() -> None:
    study = Halves()
    (case, *_) = study.cases(Settings())
    _, lines = study.table(study.failed(case, Settings(), "failed: no memory"))
    assert [cell.text for cell in lines[0]] == ["small", "failed: no memory", "", ""]


@pytest.mark.parametrize("name", STUDIES)
def test_cases_are_told_apart_by_their_labels(name: str) -> None:
    labels = [case.label for case in STUDIES[name].cases(Settings())]
    assert len(set(labels)) == len(labels)
    assert labels or STUDIES[name].missing()


@pytest.mark.parametrize("name", SECONDS)
def test_a_small_case_gives_rows_that_a_table_can_be_made_of(name: str) -> None:
    study = STUDIES[name]
    (case, *_) = study.cases(Settings(quick=True))
    rows = study.measure(case, Settings(quick=True))
    assert {tuple(row) for row in rows} == {("case", *case.values, *study.columns)}
    head, lines = study.table(rows)
    assert lines and all(len(line) == len(head) for line in lines)


@pytest.mark.parametrize("name", ["dynamics", "unsupervised", "convolutions", "coverage"])
def test_rows_of_the_scripts_that_came_before_give_the_same_tables(name: str) -> None:
    head, lines = STUDIES[name].table([{"status": "", **row} for row in read(STORED / STUDIES[name].file)])
    assert lines and all(len(line) == len(head) for line in lines)


def test_a_case_of_a_study_is_carried_to_another_process() -> None:
    for name, study in STUDIES.items():
        for case in study.cases(Settings())[:3]:
            assert isinstance(case, Case) and all(
                isinstance(value, str | int | float | bool) for value in case.values.values()
            ), name


@pytest.mark.parametrize(("forms", "kept"), [([6, 6, 6], True), ([8, 8, 5], False)])
def test_six_of_eight_forms_must_be_right_in_each_seed(forms: list[int], kept: bool) -> None:
    benchmark: Any = BENCHMARKS["discovery"]
    rows = [
        {
            "library": "edgewise", "kind": "discovery", "equation": law, "noise": "0.01", "seed": seed, "extra": 0,
            "solved": "", "exact": "False", "form": str(k < right), "accurate": "", "within": "", "seconds": "1",
            "size": "", "limit": 60, "rows": 1000,
        }
        for seed, right in enumerate(forms)
        for k, law in enumerate(benchmark.laws())
    ]  # fmt: skip
    head, (line,) = benchmark.table(rows)
    assert line[head.index("form")].passed is kept


@pytest.mark.parametrize(("own", "kept"), [(0.97, True), (0.95, False)])
def test_convolutions_of_functions_may_not_be_less_accurate(own: float, kept: bool) -> None:
    rows = [
        {"network": name, "parameters": 1, "accuracy": value, "milliseconds": 1, "ratio": 1, "onnx": 0, "status": ""}
        for name, value in (("Conv2d", 0.96), ("KANConv2d", own))
    ]
    head, lines = BENCHMARKS["convolutions"].table(rows)
    assert [line[head.index("accuracy")].passed for line in lines] == [None, kept]
