"""An experiment that is defined here, outside the package, runs through the public machinery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise import KAN, fit
from edgewise_bench import MLP, OURS, Case, Cell, Criterion, Experiment, Model, Plan, Row, Settings, read, run
from edgewise_bench.drawing import panel_grid
from edgewise_bench.tables import best, format_error, number

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
