"""Continual learning: a function shown region by region, and what is left of the earlier ones."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.experiments._continual_data import COURSES, Course
from edgewise.experiments._continual_picture import draw
from edgewise.experiments._experiment import MLP, OURS, PYKAN, Claim, Experiment, grouped, limit, number, told
from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._pykan import parameters
from edgewise.experiments._values import rmse, values
from edgewise.measure import Case, Cell, Row, Settings, in_precision, silent
from edgewise.nn import KAN, Layout
from edgewise.train import update

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

#: what is measured: the course, the model, and the way it is trained
_LOCAL, _BOX, _INPUTS = "update", "update, points of the box", "update, earlier inputs"
_PLAIN, _REHEARSED = "as it comes", "own values at earlier inputs"
_WAYS = {
    "five peaks": ((OURS, _LOCAL), (MLP, "tanh"), (MLP, "silu"), (PYKAN, _PLAIN)),
    "nine squares": ((OURS, _BOX), (OURS, _INPUTS), (MLP, f"tanh, {_REHEARSED}"), (MLP, "tanh"), (PYKAN, _PLAIN)),
}
_PATIENCE = {"five peaks": 0.8, "nine squares": 0.6}  # seconds of each way to train a perceptron, in each phase
_STEPS = {"five peaks": 100, "nine squares": 50}  # of pykan, in each phase
_HIDDEN = (100, 100)
_BOUND = 1e-4
_PUBLISHED = {"five peaks": "4e-6"}

Phase = tuple[int, Any, int, float]  # number, network, its parameters, seconds so far


class Continual(Experiment):
    """What remains of earlier regions of a function when only the rows of one region are shown at a time.

    Published: five Gaussian peaks, one after another, 100 evenly spaced rows each; a network of one edge with 200 cells
    ends with an RMSE of about 4e-6 in each phase, and a perceptron forgets. Its shape and its training are not stated:
    here two hidden layers of 100, tanh or SiLU, in each phase the better of Adam and L-BFGS. `update` trains ours.

    Two inputs are harder, as an edge of one input is shared by all values of the other: exp(sin(pi x) + y^2) on nine
    squares of [-1, 1]^2, row by row, 300 rows each, [2, 10, 1] with 10 cells. Ours keeps its own values at points of
    the whole box, or at the inputs of earlier rows, never with their targets; a perceptron that rehearses its own
    values at earlier inputs stands beside it.
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

    def measure(self, case: Case, settings: Settings) -> list[Row]:
        ways: dict[str, Callable[..., Iterator[Phase]]] = {OURS: _ours, MLP: _perceptron, PYKAN: _theirs}
        course = COURSES[case.values["item"]]
        rows, shape = [], str(_shape(course, case.values["model"]))
        for phase, network, count, spent in ways[case.values["model"]](course, case.values["way"], settings.quick):
            drawn = course.inputs == 1 or phase == course.phases - 1
            shown = " ".join(f"{value:.7g}" for value in values(network, course.lattice)) if drawn else ""
            for region in range(phase + 1):
                x = course.region(region, test=True)
                found = {"phase": phase + 1, "region": region + 1, "error": rmse(values(network, x), course.target(x))}
                found |= {"parameters": count, "seconds": spent, "values": shown if region == phase else ""}
                rows.append(self.row(case, seed=0, shape=shape, **found))
        return rows

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = [
            "function",
            "model",
            "shape",
            "parameters",
            "published",
            "in its phase",
            "earlier, at the end",
            "seconds",
        ]
        lines = []
        for (item, model, way), own in grouped(rows, "item", "model", "way").items():
            if own[-1]["phase"] == "":
                lines.append([Cell(item), Cell(f"{model}, {way}"), *[Cell(str(own[-1]["status"]))] * 6])
                continue
            new = max(number(row) for row in own if row["phase"] == row["region"])
            texts = [item, f"{model}, {way}", str(own[-1]["shape"]), str(own[-1]["parameters"])]
            texts += [_PUBLISHED.get(item, "") if model == PYKAN else "", told(new)]
            texts += [told(_forgotten(own)), told(number(own[-1], "seconds"))]
            lines.append([Cell(text) for text in texts])
        return head, lines

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        found = {
            (item, way): _forgotten(own)
            for (item, model, way), own in grouped(rows, "item", "model", "way").items()
            if model == OURS
        }
        what = "five peaks: largest RMSE on earlier peaks after the last phase"
        made = [limit(what, _BOUND, _PUBLISHED["five peaks"], found.get(("five peaks", _LOCAL), float("inf")))]
        for way in (_BOX, _INPUTS):
            text = told(found.get(("nine squares", way), float("inf"))) or "not measured"
            made.append(Claim(f"nine squares, {way}: the same on earlier squares", "none set", "", Cell(text)))
        return made

    def draw(self, rows: Sequence[Row]) -> Picture:
        return draw(rows)


def _forgotten(rows: Sequence[Row]) -> float:
    """The largest error on earlier regions after the last phase."""
    last = max((int(row["phase"]) for row in rows if row["phase"] != ""), default=0)
    return max((number(row) for row in rows if row["phase"] != "" and _earlier(row, last)), default=float("inf"))


def _earlier(row: Row, last: int) -> bool:
    return int(row["phase"]) == last and int(row["region"]) < last


def _shape(course: Course, model: str) -> list[int]:
    return [course.inputs, *_HIDDEN, 1] if model == MLP else list(course.widths)


def _shown(course: Course, quick: bool) -> Iterator[tuple[int, Array, Array, Array]]:
    """Phase by phase: its number, inputs and targets, and the inputs of those before."""
    for phase in range(2 if quick else course.phases):
        x = course.region(phase)
        before = [course.region(k) for k in range(phase)]
        yield phase, x, course.target(x), np.concatenate(before) if before else x[:0]


def _ours(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    model, spent = KAN(list(course.widths), grid=course.grid, seed=0), 0.0
    for phase, x, y, before in _shown(course, quick):
        began = time.process_time()
        anchors = before if way == _INPUTS and phase else None
        model = update(model, x, y, anchors=anchors, keep=0.0 if way == _INPUTS and not phase else 10.0).model
        spent += time.process_time() - began
        yield phase, model, Layout(model).size, spent


def _perceptron(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    module = started(_shape(course, MLP), 0, way.split(",")[0])
    spent = 0.0
    for phase, x, y, before in _shown(course, quick):
        rows, kept = torch.from_numpy(x), torch.from_numpy(before)
        target = torch.from_numpy(y)[:, None]
        old = torch.from_numpy(values(module, before))[:, None] if len(before) else target[:0]
        rehearsed = _REHEARSED in way and phase > 0

        def loss(network: torch.nn.Module) -> torch.Tensor:
            own = (network(rows) - target).square().mean()  # noqa: B023 (used within the phase)
            return own + (network(kept) - old).square().mean() if rehearsed else own  # noqa: B023

        start = copy.deepcopy(module)
        run = trained(lambda: copy.deepcopy(start), loss, 0.05 if quick else _PATIENCE[course.name])  # noqa: B023
        module, spent = run.module, spent + run.seconds
        yield phase, module, size(module), spent


def _theirs(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    from kan import KAN as Theirs  # pyright: ignore[reportMissingImports]

    began = time.process_time()
    settings = {"noise_scale": 0.1, "sp_trainable": False, "sb_trainable": False, "base_fun": "zero"}
    with in_precision(torch.float64), silent():
        model = Theirs(width=list(course.widths), grid=course.grid, k=3, seed=1, auto_save=False, **settings).speed()
        for phase, x, y, _ in _shown(course, quick):
            own = {"train_input": torch.from_numpy(x), "train_label": torch.from_numpy(y)[:, None]}
            rows = {**own, "test_input": own["train_input"][:1], "test_label": own["train_label"][:1]}
            model.fit(rows, opt="LBFGS", steps=2 if quick else _STEPS[course.name], update_grid=False)
            yield phase, model, parameters(model), time.process_time() - began
