"""Grid extension: train and test error as the grid grows, with and without smoothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edgewise.nn import KAN
from edgewise.train import Options
from edgewise_bench import OURS, PYKAN, Case, Cell, Criterion, Experiment, Row, Settings
from edgewise_bench.baselines import pykan_stages
from edgewise_bench.drawing import Figure, panel_grid, panel_legend
from edgewise_bench.experiments.dataset import Dataset, refined
from edgewise_bench.tables import best, format_number, grouped, items_of, number

_GRIDS = (3, 5, 10, 20, 50, 100, 200, 500, 1000)
_PYKAN_GRIDS = _GRIDS[:6]  # with 200 steps each; beyond, its loss grows
#: widths, and the largest grid: with many more parameters than rows nothing new happens
_SHAPES = {"[2, 1, 1]": ([2, 1, 1], 1000), "[2, 5, 1]": ([2, 5, 1], 200)}
_SMOOTHINGS = ("smoothing", "no smoothing")


class Grids(Experiment):
    """Train and test error of exp(sin(pi x) + y^2) on 1000 rows as the grid grows.

    Published: the test error falls like G^-3 to G^-4 for [2, 1, 1]; for [2, 5, 1] it turns upward near G = 50, where
    there are as many parameters as rows. Smoothing, which `fit` chooses by generalized cross-validation, prevents that.
    """

    name = "grids"
    title = "Grid extension and the interpolation threshold"
    source = "KAN, section 2.4 and figure 2.3; values from pykan's Example 1"
    extra = ("smoothing", "grid", "train")
    note = "test RMSE of exp(sin(pi x) + y^2), 1000 rows of each kind, uniform on [-1, 1]^2; lowest over the grids"

    def cases(self, settings: Settings) -> list[Case]:
        shapes = list(_SHAPES)[: 1 if settings.quick else None]
        ours = [
            Case(f"{shape}, {how}: {OURS}", {"item": shape, "model": OURS, "smoothing": how})
            for shape in shapes
            for how in _SMOOTHINGS
            if OURS in settings.libraries
        ]
        return ours + self.product(shapes, (PYKAN,), settings, smoothing="none")

    def edgewise(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        widths, largest = _SHAPES[case.values["item"]]
        smoothing = "auto" if case.values["smoothing"] == _SMOOTHINGS[0] else 0.0
        grids = [grid for grid in _GRIDS if grid <= (10 if settings.quick else largest)]
        data, options = _data(), Options(validation=0.0, smoothing=smoothing)
        yield from data.rows(refined(KAN(widths, seed=0), data.train, grids, options))

    def pykan(self, case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
        data, (widths, _) = _data(), _SHAPES[case.values["item"]]
        grids, steps = ((3,), 2) if settings.quick else (_PYKAN_GRIDS, 200)
        yield from data.rows(pykan_stages(widths, data.train, grids, steps, seed=1))

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["network", "model", "best G", "parameters", "train RMSE", "test RMSE", "at the largest G", "seconds"]
        lines = []
        for (shape, model, how), own in grouped(rows, "item", "model", "smoothing").items():
            row, last = best(own), own[-1]
            if row is None or row["grid"] == "":
                lines.append([Cell(shape), Cell(model), *[Cell(str(last["status"]))] * 6])
                continue
            texts = [shape, _label(model, how), str(row["grid"]), str(row["parameters"])]
            numbers = (number(row, "train"), number(row), number(last), number(last, "seconds"))
            lines.append([Cell(text) for text in (*texts, *map(format_number, numbers))])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        small = best(rows, item="[2, 1, 1]", model=OURS)
        turn = [row for row in rows if row["smoothing"] == "smoothing" and row["item"] == "[2, 5, 1]"]
        rise = number(turn[-1]) / min(map(number, turn)) if turn else float("inf")
        what = "[2, 5, 1] with smoothing: test RMSE at the largest grid over the lowest"
        return [
            Criterion.at_most("lowest test RMSE of [2, 1, 1]", 6.5e-7, "6.5e-6", number(small)),
            Criterion.at_most(what, 10, "turns upward", rise),
        ]

    def draw(self, rows: Sequence[Row]) -> Figure:
        names = items_of(rows)
        figure, panels = panel_grid(len(names))
        for ax, name in zip(panels, names, strict=True):
            own = [row for row in rows if row["item"] == name and row["grid"] != ""]
            for (model, how), part in grouped(own, "model", "smoothing").items():
                grids = [number(row, "grid") for row in part]
                line = ax.plot(grids, [number(row) for row in part], "o-", ms=3.5, label=_label(model, how))
                ax.plot(grids, [number(row, "train") for row in part], ":", color=line[0].get_color(), lw=1)
            ax.set(xscale="log", yscale="log", title=name, xlabel="grid cells G")
        panels[0].set_ylabel("RMSE: test, and train (dotted)")
        panel_legend(max(panels, key=lambda ax: len(ax.lines)))
        return figure


def _label(model: str, smoothing: str) -> str:
    return model if model == PYKAN else f"{model}, {smoothing}"


def _data() -> Dataset:
    rows, test_seed = 1000, 1
    inputs = (np.random.default_rng(seed).uniform(-1, 1, (rows, 2)) for seed in (0, test_seed))
    train, test = ((x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)) for x in inputs)
    return Dataset(train, {"train": train, "error": test})
