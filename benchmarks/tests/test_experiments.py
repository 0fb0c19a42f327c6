"""The published experiments: cases, rows, pages; one from outside the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgewise import KAN, fit
from edgewise.cli import main
from edgewise_bench import MLP, OURS, PYKAN, Case, Cell, Criterion, Experiment, Model, Plan, Row, Settings, read, run
from edgewise_bench.drawing import panel_grid
from edgewise_bench.experiments import EXPERIMENTS
from edgewise_bench.tables import best, format_error, number

ROOT = Path(__file__).parents[2]
QUICK = Settings((OURS, MLP), quick=True)


#: cases that take seconds; the others of their experiments run each time
LONG = {
    "feynman": ("II.38.3",),
    "interpretability": ("six columns", "majority"),
    "knots": ("formula", "relations"),
    "anderson": ("step by step",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_the_long_cases_run_too(name: str) -> None:
    experiment = EXPERIMENTS[name]
    cases = [case for case in experiment.cases(QUICK) if any(part in case.label for part in LONG[name])]
    assert len(cases) >= len(LONG[name])
    rows = [row for case in cases for row in experiment.measure(case, QUICK)]
    assert rows and not any(row["status"] for row in rows)


#: experiments whose tiny sizes take more than a few seconds
SLOW = ("continual", "feynman", "pde", "physics", "scaling", "special")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXPERIMENTS]
)
def test_an_experiment_runs_at_tiny_sizes(name: str, tmp_path: Path) -> None:
    experiment = EXPERIMENTS[name]
    cases = [case for case in experiment.cases(QUICK) if not any(part in case.label for part in LONG.get(name, ()))]
    rows = [row for case in cases for row in experiment.measure(case, QUICK)]
    assert rows and not any(row["status"] for row in rows)
    assert all(list(row) == list(rows[0]) for row in rows)
    head, lines = experiment.table(rows)
    assert lines and all(len(line) == len(head) for line in lines)
    assert all(isinstance(cell, Cell) for line in lines for cell in line)
    assert all(isinstance(criterion, Criterion) for criterion in experiment.criteria(rows))
    experiment.draw(rows).savefig(tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").stat().st_size > 1000


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_tells_of_cases_that_failed(name: str) -> None:
    experiment = EXPERIMENTS[name]
    everything = Settings((OURS, MLP, PYKAN))
    cases = experiment.cases(everything)
    assert len({case.label for case in cases}) == len(cases)
    rows = [row for case in cases for row in experiment.failed(case, everything, "failed: no memory")]
    head, lines = experiment.table(rows)
    assert all(len(line) == len(head) for line in lines)
    assert not any(criterion.found.passed for criterion in experiment.criteria(rows))
    experiment.draw(rows)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_only_the_libraries_that_are_asked_for_have_cases(name: str) -> None:
    for library in (OURS, MLP, PYKAN):
        cases = EXPERIMENTS[name].cases(Settings((library,)))
        assert {case.values.get("model", library) for case in cases} <= {library}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_pykan_runs_in_a_separate_interpreter(name: str) -> None:
    experiment = EXPERIMENTS[name]
    settings = Settings((OURS, MLP, PYKAN), python="/elsewhere/python")
    for case in experiment.cases(settings):
        assert (experiment.python(case, settings) == "/elsewhere/python") == (case.values["model"] == PYKAN)


def test_the_command_stores_rows_table_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["reproduce", "grids", "--quick", "--out", str(out)]
    assert main(command) == 0
    assert "best G" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"grids.csv", "grids.md", "grids.svg", "minutes.csv"}
    rows, minutes = read(out / "grids.csv"), read(out / "minutes.csv")
    assert [row["experiment"] for row in minutes] == ["grids"]
    assert main([*command, "--resume"]) == 0
    assert read(out / "grids.csv") == rows and read(out / "minutes.csv") == minutes


@pytest.mark.parametrize("pictures", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_page_and_the_readme_are_what_the_stored_rows_give(
    pictures: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from draw import draw_experiments
    from matplotlib.figure import Figure

    if not pictures:  # they are drawn, but not written
        monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: Path(path).touch())

    results, readme = ROOT / "benchmarks" / "results" / "reproduced", tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text())
    written = {path.name for path in draw_experiments(results, tmp_path, tmp_path / "reproduced.md", readme)}
    assert {"reproduced.md", "README.md"} < written
    assert readme.read_text() == (ROOT / "README.md").read_text()
    assert (tmp_path / "reproduced.md").read_text() == (ROOT / "docs" / "reproduced.md").read_text()


@pytest.mark.slow
def test_each_experiment_is_told_of_when_its_last_case_is_done(tmp_path: Path) -> None:
    done: dict[str, int] = {}

    def finished(name: str, rows: list[Row]) -> None:
        done[name] = len(rows)

    seen: list[float] = []
    names = ("grids", "scaling", "special")  # the first has no such case
    plan = Plan(tmp_path, only=f": {MLP}", jobs=2)
    rows = run([EXPERIMENTS[name] for name in names], QUICK, plan, lambda stage, share: seen.append(share), finished)
    assert done == {name: len(rows[name]) for name in names}
    for name in names:
        wanted = {case.label for case in EXPERIMENTS[name].cases(QUICK) if case.values["model"] == MLP}
        assert {row["case"] for row in read(tmp_path / EXPERIMENTS[name].file)} == wanted
    assert seen[0] == 0.0 and seen[-1] == 1.0


def test_the_command_lists_the_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in EXPERIMENTS)


def test_an_unknown_experiment_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "gridz"]) == 2
    assert "grids" in capsys.readouterr().err


if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Parabola(Experiment):
    """A network of one edge fits x^2; the baseline is the mean."""

    name = "parabola"
    title = "A parabola"
    source = "this test"
    file = "parabola.csv"
    extra = ("grid",)
    note = "error: RMSE on held-out rows"

    def cases(self, settings: Settings) -> list[Case]:
        return self.product(("x^2",), (OURS, MLP), settings)

    def models(self) -> Mapping[str, Model]:
        return {OURS: _network, MLP: _mean}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        return ["item", "model", "RMSE"], [
            [Cell(row["item"]), Cell(row["model"]), Cell(format_error(row))] for row in rows
        ]

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        return [Criterion.at_most("RMSE of the network", 1e-6, "none", number(best(rows, model=OURS)))]

    def draw(self, rows: Sequence[Row]) -> Figure:
        figure, (ax,) = panel_grid(1)
        ax.bar([row["model"] for row in rows], [number(row) for row in rows])
        return figure


def _rows() -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(-1, 1, 50)[:, None]
    return x, x[:, 0] ** 2


def _network(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    found = fit(KAN([1, 1], seed=0), *_rows(), grids=[3])
    yield {"shape": "[1, 1]", "grid": 3, "error": found.validation_error}


def _mean(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    yield {"error": float(_rows()[1].std())}


def test_an_experiment_from_outside_is_measured_stored_judged_and_drawn(tmp_path: Path) -> None:
    experiment = Parabola()
    rows = experiment.ordered(run([experiment], Settings(), Plan(tmp_path, jobs=2))["parabola"])
    assert [(row["model"], row["status"]) for row in rows] == [(OURS, ""), (MLP, "")]
    assert number(rows[1]) > 0.1 and number(rows[0], "seconds") > 0
    stored = experiment.ordered(read(tmp_path / "parabola.csv"))
    assert [row["grid"] for row in stored] == ["3", ""] and all(row["commit"] for row in stored)
    (criterion,) = experiment.criteria(stored)
    assert criterion.found.passed
    experiment.write_page(tmp_path, stored)
    assert "| x^2 | edgewise |" in (tmp_path / "parabola.md").read_text()
    assert (tmp_path / "parabola.svg").stat().st_size > 1000
    assert run([experiment], Settings(), Plan(tmp_path, resume=True))["parabola"] == read(tmp_path / "parabola.csv")


def test_a_case_that_fails_tells_why(tmp_path: Path) -> None:
    (row,) = run([Broken()], Settings((OURS,)), Plan(tmp_path))["parabola"]
    assert "ZeroDivisionError" in row["status"] and row["error"] == ""


class Broken(Parabola):
    """Its model raises."""

    def models(self) -> Mapping[str, Model]:
        return {OURS: lambda case, settings: [{"error": 1 / 0}]}
