"""Grid extension: train and test error as the grid grows, with and without smoothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._typing import Array
from edgewise.experiments._experiment import OURS, PYKAN, Claim, Experiment, best, cases, grouped, limit, number, told
from edgewise.experiments._pykan import refined
from edgewise.experiments._sheet import legend, sheet
from edgewise.measure import Case, Cell, Row, Settings
from edgewise.nn import KAN, Layout
from edgewise.train import Options, fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_GRIDS = (3, 5, 10, 20, 50, 100, 200, 500, 1000)
_THEIR_GRIDS = _GRIDS[:6]  # with 200 steps each; beyond, its loss grows
_SHAPES = ([2, 1, 1], [2, 5, 1])
_SMOOTHINGS = ("smoothing", "no smoothing")
_ROWS, _TEST_SEED = 1000, 1
_LARGEST = {"[2, 1, 1]": 1000, "[2, 5, 1]": 200}  # with many more parameters than rows nothing new is to be seen


class Grids(Experiment):
    """Train and test error of exp(sin(pi x) + y^2) on 1000 rows as the grid grows.

    Published: test error falls like G^-3 to G^-4 for [2, 1, 1]; for [2, 5, 1] it turns upward near G = 50, where there
    are as many parameters as rows. Smoothing, which `fit` chooses by generalised cross-validation, flattens that turn.
    """

    name = "grids"
    title = "Grid extension and the interpolation threshold"
    source = "KAN, section 2.4 and figure 2.3; its figures from pykan's Example 1"
    file = "grids.csv"
    extra = ("smoothing", "grid", "train")
    note = "test RMSE of exp(sin(pi x) + y^2), 1000 rows of each kind, uniform on [-1, 1]^2; lowest over the grids"

    def cases(self, settings: Settings) -> list[Case]:
        shapes = [str(shape) for shape in (_SHAPES[:1] if settings.quick else _SHAPES)]
        ours = [
            Case(f"{shape}, {how}: {OURS}", {"item": shape, "model": OURS, "smoothing": how})
            for shape in shapes
            for how in _SMOOTHINGS
        ]
        return ours + cases(shapes, (PYKAN,), settings, smoothing="none")

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        rows = _ours(case, settings) if case.values["model"] == OURS else _theirs(case, settings)
        return [self.row(case, shape=case.values["item"], seed=0, **found) for found in rows]

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["network", "model", "best G", "parameters", "train RMSE", "test RMSE", "at the largest G", "seconds"]
        lines = []
        for (shape, model, how), own in grouped(rows, "item", "model", "smoothing").items():
            row, last = best(own), own[-1]
            if row is None or row["grid"] == "":
                lines.append([Cell(shape), Cell(model), *[Cell(str(last["status"]))] * 6])
                continue
            name = model if model == PYKAN else f"{model}, {how}"
            values = [str(row["grid"]), str(row["parameters"])]
            values += [told(number(row, "train")), told(number(row)), told(number(last)), told(number(last, "seconds"))]
            lines.append([Cell(shape), Cell(name), *map(Cell, values)])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        small = best(rows, item="[2, 1, 1]", model=OURS)
        turn = [row for row in rows if row["smoothing"] == "smoothing" and row["item"] == "[2, 5, 1]"]
        rise = number(turn[-1]) / min(map(number, turn)) if turn else float("inf")
        return [
            limit("lowest test RMSE of [2, 1, 1]", 6.5e-7, "6.5e-6", number(small)),
            limit("[2, 5, 1] with smoothing: test RMSE at the largest grid over the lowest", 10, "turns upward", rise),
        ]

    def draw(self, rows: Sequence[Row]) -> Picture:
        picture, panels = sheet(len(names := list(dict.fromkeys(str(row["item"]) for row in rows))))
        for ax, name in zip(panels, names, strict=True):
            own = [row for row in rows if row["item"] == name and row["grid"] != ""]
            for (model, how), part in grouped(own, "model", "smoothing").items():
                label = model if model == PYKAN else f"{model}, {how}"
                line = ax.plot([number(r, "grid") for r in part], [number(r) for r in part], "o-", ms=3.5, label=label)
                ax.plot([number(r, "grid") for r in part], [number(r, "train") for r in part], ":",
                        color=line[0].get_color(), lw=1)  # fmt: skip
            ax.set(xscale="log", yscale="log", title=name, xlabel="cells of the grid G")
        panels[0].set_ylabel("RMSE: test, and train (dotted)")
        if panels:
            legend(max(panels, key=lambda ax: len(ax.lines)))
        return picture


def _table(rows: int, seed: int) -> tuple[Array, Array]:
    x = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    return x, np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


def _widths(case: Case) -> list[int]:
    return next(shape for shape in _SHAPES if str(shape) == case.values["item"])


def _ours(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    (x, y), (fresh, truth) = _table(_ROWS, 0), _table(_ROWS, _TEST_SEED)
    smoothing = "auto" if case.values["smoothing"] == _SMOOTHINGS[0] else 0.0
    model, spent = KAN(_widths(case), seed=0), 0.0
    for grid in [g for g in _GRIDS if g <= (10 if settings.quick else _LARGEST[case.values["item"]])]:
        began = time.process_time()
        model = fit(model, x, y, grids=[grid], options=Options(validation=0.0, smoothing=smoothing)).model
        spent += time.process_time() - began
        train, test = (float(np.sqrt(np.mean((_of(model, at) - v) ** 2))) for at, v in ((x, y), (fresh, truth)))
        yield {"grid": grid, "parameters": Layout(model).size, "train": train, "error": test, "seconds": spent}


def _of(model: KAN, x: Array) -> Array:
    import torch

    with torch.no_grad():
        return model(torch.from_numpy(x))[:, 0].numpy()


def _theirs(case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    x, y = _table(_ROWS, 0)
    grids, steps = ((3,), 2) if settings.quick else (_THEIR_GRIDS, 200)
    for stage in refined(_widths(case), (x, y), _table(_ROWS, _TEST_SEED), grids, steps):
        train = float(np.sqrt(np.mean((stage.predict(x) - y) ** 2)))
        found = {"grid": stage.grid, "parameters": stage.parameters, "train": train}
        yield {**found, "error": stage.error, "seconds": stage.seconds}
