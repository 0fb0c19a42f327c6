"""Continual learning: a function shown region by region, and what remains of the earlier ones."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.nn import KAN, Layout
from edgewise.train import update
from edgewise_bench import MLP, OURS, PYKAN, Case, Cell, Criterion, Experiment, Model, Row, Settings
from edgewise_bench.baselines import (
    default_dtype,
    parameter_count,
    pykan_parameters,
    pykan_rows,
    seeded_mlp,
    silenced,
    train_mlp,
)
from edgewise_bench.drawing import Figure
from edgewise_bench.experiments._dataset import predict, rmse
from edgewise_bench.experiments.continual._courses import COURSES, Course
from edgewise_bench.experiments.continual._picture import draw
from edgewise_bench.tables import format_number, grouped, number

#: what is measured: the course, the model, and the way it is trained
_LOCAL, _BOX, _INPUTS = "update", "update, points of the box", "update, earlier inputs"
_PLAIN, _REHEARSED = "as it comes", "own values at earlier inputs"
_WAYS = {
    "five peaks": ((OURS, _LOCAL), (MLP, "tanh"), (MLP, "silu"), (PYKAN, _PLAIN)),
    "nine squares": ((OURS, _BOX), (OURS, _INPUTS), (MLP, f"tanh, {_REHEARSED}"), (MLP, "tanh"), (PYKAN, _PLAIN)),
}
_PATIENCE = {"five peaks": 0.8, "nine squares": 0.6}  # seconds of each of an MLP's two solvers, in each phase
_STEPS = {"five peaks": 100, "nine squares": 50}  # of pykan, in each phase
_HIDDEN = (100, 100)
_BOUND = 1e-4
_PUBLISHED = {"five peaks": "4e-6"}

Phase = tuple[int, Any, int, float]  # number, network, its parameters, seconds so far


class Continual(Experiment):
    """What remains of earlier regions of a function when only the rows of one region are shown at a time.

    Published: five Gaussian peaks, one after another, 100 evenly spaced rows each; a network of one edge with 200 cells
    ends with an RMSE of about 4e-6 in each phase, and an MLP forgets. Its shape and its training are not stated: here
    two hidden layers of 100, tanh or SiLU, in each phase the better of Adam and L-BFGS. `update` trains ours.

    Two inputs are harder, as an edge of one input is shared by all values of the other: exp(sin(pi x) + y^2) on nine
    squares of [-1, 1]^2, row by row, 300 rows each, [2, 10, 1] with 10 cells. Ours keeps its own values at points of
    the whole box, or at the inputs of earlier rows, never with their targets; it is compared with an MLP that rehearses
    its own values at earlier inputs.
    """

    name = "continual"
    title = "Continual learning"
    source = "KAN, figure 3.4; settings from pykan's Example 8"
    file = "continual.csv"
    extra = ("way", "phase", "region", "values")
    note = "RMSE on each region that was shown so far, after each phase, at other points of it"

    def cases(self, settings: Settings) -> list[Case]:
        return [
            Case(f"{item}: {model}, {way}", {"item": item, "model": model, "way": way})
            for item, ways in _WAYS.items()
            for model, way in ways
            if model in settings.libraries
        ]

    def models(self) -> Mapping[str, Model]:
        return {OURS: partial(_rows, _edgewise), MLP: partial(_rows, _mlp), PYKAN: partial(_rows, _pykan)}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["function", "model", "shape", "parameters", "published", "in its phase", "earlier, at the end"]
        head.append("seconds")
        lines = []
        for (item, model, way), own in grouped(rows, "item", "model", "way").items():
            if own[-1]["phase"] == "":
                lines.append([Cell(item), Cell(f"{model}, {way}"), *[Cell(str(own[-1]["status"]))] * 6])
                continue
            new = max(number(row) for row in own if row["phase"] == row["region"])
            texts = [item, f"{model}, {way}", str(own[-1]["shape"]), str(own[-1]["parameters"])]
            texts += [_PUBLISHED.get(item, "") if model == PYKAN else "", format_number(new)]
            texts += [format_number(_forgotten(own)), format_number(number(own[-1], "seconds"))]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        found = {
            (item, way): _forgotten(own)
            for (item, model, way), own in grouped(rows, "item", "model", "way").items()
            if model == OURS
        }
        what = "five peaks: largest RMSE on earlier peaks after the last phase"
        forgotten = found.get(("five peaks", _LOCAL), float("inf"))
        made = [Criterion.at_most(what, _BOUND, _PUBLISHED["five peaks"], forgotten)]
        for way in (_BOX, _INPUTS):
            text = format_number(found.get(("nine squares", way), float("inf"))) or "not measured"
            made.append(Criterion(f"nine squares, {way}: the same on earlier squares", "none set", "", Cell(text)))
        return made

    def draw(self, rows: Sequence[Row]) -> Figure:
        return draw(rows)


def _rows(train: Callable[..., Iterator[Phase]], case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the error on each region shown so far, after each phase."""
    course, way = COURSES[case.values["item"]], case.values["way"]
    shape = str(_shape(course, case.values["model"]))
    for phase, network, count, spent in train(course, way, settings.quick):
        drawn = course.inputs == 1 or phase == course.phases - 1
        shown = " ".join(f"{value:.7g}" for value in predict(network, course.lattice)) if drawn else ""
        for region in range(phase + 1):
            x = course.region(region, test=True)
            found = {"phase": phase + 1, "region": region + 1, "error": rmse(predict(network, x), course.target(x))}
            found |= {"shape": shape, "parameters": count, "seconds": spent}
            yield {**found, "values": shown if region == phase else ""}


def _forgotten(rows: Sequence[Row]) -> float:
    """Return the largest error on earlier regions after the last phase."""
    phases = grouped((row for row in rows if row["phase"] != ""), "phase")
    last = max(map(int, (phase for (phase,) in phases)), default=0)
    return max((number(row) for row in phases.get((str(last),), []) if int(row["region"]) < last), default=float("inf"))


def _shape(course: Course, model: str) -> list[int]:
    return [course.inputs, *_HIDDEN, 1] if model == MLP else list(course.widths)


def _shown(course: Course, quick: bool) -> Iterator[tuple[int, Array, Array, Array]]:
    """Yield the number of each phase, its inputs and targets, and the inputs of those before."""
    for phase in range(2 if quick else course.phases):
        x = course.region(phase)
        before = [course.region(k) for k in range(phase)]
        yield phase, x, course.target(x), np.concatenate(before) if before else x[:0]


def _edgewise(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    model, spent = KAN(list(course.widths), grid=course.grid, seed=0), 0.0
    for phase, x, y, before in _shown(course, quick):
        began = time.process_time()
        anchors = before if way == _INPUTS and phase else None
        model = update(model, x, y, anchors=anchors, keep=0.0 if way == _INPUTS and not phase else 10.0).model
        spent += time.process_time() - began
        yield phase, model, Layout(model).size, spent


def _mlp(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    module = seeded_mlp(_shape(course, MLP), 0, way.split(",")[0])
    spent = 0.0
    for phase, x, y, before in _shown(course, quick):
        rows, kept = torch.from_numpy(x), torch.from_numpy(before)
        target = torch.from_numpy(y)[:, None]
        old = torch.from_numpy(predict(module, before))[:, None] if len(before) else target[:0]
        rehearsed = _REHEARSED in way and phase > 0

        def loss(network: torch.nn.Module) -> torch.Tensor:
            own = (network(rows) - target).square().mean()  # noqa: B023 (used within the phase)
            return own + (network(kept) - old).square().mean() if rehearsed else own  # noqa: B023

        run = train_mlp(lambda: copy.deepcopy(module), loss, 0.05 if quick else _PATIENCE[course.name])  # noqa: B023
        module, spent = run.module, spent + run.seconds
        yield phase, module, parameter_count(module), spent


def _pykan(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    from kan import KAN as PyKAN  # pyright: ignore[reportMissingImports]

    began = time.process_time()
    settings = {"noise_scale": 0.1, "sp_trainable": False, "sb_trainable": False, "base_fun": "zero"}
    with default_dtype(torch.float64), silenced():
        model = PyKAN(width=list(course.widths), grid=course.grid, k=3, seed=1, auto_save=False, **settings).speed()
        for phase, x, y, _ in _shown(course, quick):
            steps = 2 if quick else _STEPS[course.name]
            model.fit(pykan_rows((x, y)), opt="LBFGS", steps=steps, update_grid=False)
            yield phase, model, pykan_parameters(model), time.process_time() - began
