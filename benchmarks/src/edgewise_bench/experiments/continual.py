"""Continual learning: a function shown region by region, and what remains of the earlier ones."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from edgewise._typing import Array
from edgewise.nn import KAN, Layout
from edgewise.train import update
from edgewise_bench import MLP, OURS, PYKAN, Case, Cell, Criterion, Experiment, Model, Row, Settings, baselines
from edgewise_bench.drawing import INK, LABELS, SOFT, Axes, Figure
from edgewise_bench.experiments.dataset import predict, rmse
from edgewise_bench.tables import format_number, grouped, number

_PEAKS, _HALF, _SHARP = 5, 0.2, 300.0
_ACROSS = 3  # squares, each way


@dataclass(frozen=True)
class Course:
    """A function on [-1, 1]^inputs, the regions it is shown in, and the network that the article or this page gives.

    lattice: points that pictures are drawn at.
    """

    name: str
    inputs: int
    phases: int
    rows: int
    widths: tuple[int, ...]
    grid: int
    lattice: Array

    def target(self, x: Array) -> Array:
        """Return the function (n,) at rows (n, inputs)."""
        if self.inputs == 2:
            return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
        return np.exp(-_SHARP * (x - _centers()) ** 2).sum(1)

    def region(self, number: int, test: bool = False) -> Array:
        """Return the training or test inputs of a region."""
        points = 400  # of each region, to test
        if self.inputs == 1:
            line = np.linspace(-_HALF, _HALF, points if test else self.rows)
            return (_centers()[number] + line)[:, None]
        draws = np.random.default_rng([number, int(test)]).uniform(0, 1, (points if test else self.rows, 2))
        corner = np.array([number % _ACROSS, number // _ACROSS])
        return (corner + draws) * 2 / _ACROSS - 1


def _centers() -> Array:
    return 2 / _PEAKS * (np.arange(_PEAKS) - (_PEAKS - 1) / 2)


def _lattice(points: int, inputs: int) -> Array:
    """Return evenly spaced points of [-1, 1]^inputs."""
    axes = np.meshgrid(*[np.linspace(-1, 1, points)] * inputs)
    return np.stack([axis.ravel() for axis in axes], axis=1)


COURSES = {
    row.name: row
    for row in (
        Course("five peaks", 1, _PEAKS, 100, (1, 1), 200, _lattice(201, 1)),
        Course("nine squares", 2, _ACROSS**2, 300, (2, 10, 1), 10, _lattice(37, 2)),
    )
}


_LEAST, _MOST = -6.0, 0.0  # powers of ten of the errors that the colors distinguish
_COLORS = "magma"


def draw(rows: Sequence[Row]) -> Figure:
    """Draw a column per model and two lines per function: the model, and its error by region and phase."""
    from matplotlib.figure import Figure

    blocks = [
        (COURSES[item], list(grouped(own, "model", "way").items()))
        for (item,), own in grouped((row for row in rows if row["phase"] != ""), "item").items()
    ]
    columns = max((len(block) for _, block in blocks), default=1)
    figure = Figure(figsize=(2.45 * columns + 0.9, 5.0 * max(len(blocks), 1) + 0.3), layout="constrained")
    axes = figure.subplots(2 * max(len(blocks), 1), columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    shown = None
    for line, (course, block) in enumerate(blocks):
        for column, ((model, way), own) in enumerate(block):
            top, bottom = axes[2 * line, column], axes[2 * line + 1, column]
            broken = way.replace(", ", ",\n", 1)
            top.set_title(f"{course.name}\n{LABELS.get(model, model)}: {broken}", fontsize=8)
            (_lines if course.inputs == 1 else _map)(top, course, own)
            shown = _heat(bottom, own, course.phases)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=40, pad=0.01)
        bar.set_label("RMSE on a region, or |error| at a point", fontsize=8)
        bar.set_ticks([-6, -4, -2, 0], labels=["$10^{-6}$", "$10^{-4}$", "$10^{-2}$", "$1$"])
    return figure


def _lines(ax: Axes, course: Course, rows: Sequence[Row]) -> None:
    """Draw the function after each phase, the last one at the bottom, over the true one."""
    x = course.lattice[:, 0]
    ax.set_axis_on()
    for row in (row for row in rows if row["values"]):
        phase = int(row["phase"])
        base = 1.3 * (course.phases - phase)
        ax.plot(x, course.target(course.lattice) + base, color=SOFT, lw=0.7, ls=":")
        ax.plot(x, np.clip(_numbers(row), -0.25, 1.15) + base, color=INK, lw=1)
        region = course.region(phase - 1)[:, 0]
        ax.axvspan(region.min(), region.max(), (base + 0.3) / (1.3 * course.phases + 0.2),
                   (base + 1.4) / (1.3 * course.phases + 0.2), color="#f3d9cd", lw=0)  # fmt: skip
    ax.set(ylim=(-0.3, 1.3 * course.phases - 0.1), xlim=(-1.02, 1.02), xlabel="x")
    ax.set_yticks([1.3 * k + 0.3 for k in range(course.phases)], [f"{course.phases - k}" for k in range(course.phases)])
    ax.set_ylabel("after phase", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)


def _map(ax: Axes, course: Course, rows: Sequence[Row]) -> None:
    """Draw the error over the square after the last phase."""
    last = next((row for row in rows if row["values"]), None)
    if last is None:  # not all phases were measured
        return
    side = round(len(course.lattice) ** 0.5)
    off = np.abs(_numbers(last) - course.target(course.lattice)).reshape(side, side)
    ax.set_axis_on()
    ax.imshow(np.log10(np.maximum(off, 1e-12)), origin="lower", extent=(-1, 1, -1, 1), cmap=_COLORS, vmin=_LEAST,
              vmax=_MOST)  # fmt: skip
    across = round(course.phases**0.5)
    for k in range(1, across):
        ax.axhline(2 * k / across - 1, color="white", lw=0.4)
        ax.axvline(2 * k / across - 1, color="white", lw=0.4)
    for k in range(course.phases):
        center = course.region(k).mean(0)
        ax.text(float(center[0]), float(center[1]), str(k + 1), color="white", fontsize=7, ha="center", va="center")
    ax.set(xlabel="$x_1$", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set_ylabel("$x_2$ (after the last phase)", fontsize=8)
    ax.tick_params(labelsize=7)


def _heat(ax: Axes, rows: Sequence[Row], phases: int) -> Any:
    """Draw errors by phase, downward, and by region."""
    cells = np.full((phases, phases), np.nan)
    for row in rows:
        cells[int(row["phase"]) - 1, int(row["region"]) - 1] = np.log10(max(number(row), 1e-12))
    ax.set_axis_on()
    shown = ax.imshow(cells, cmap=_COLORS, vmin=_LEAST, vmax=_MOST)
    ticks = range(0, phases, 1 if phases < 6 else 2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(list(ticks), [str(k + 1) for k in ticks])
    ax.set_xlabel("region", fontsize=8)
    ax.set_ylabel("after phase", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
    if phases < 6:
        for (i, j), value in np.ndenumerate(cells):
            if np.isfinite(value):
                ax.text(j, i, f"{10**value:.0e}".replace("e-0", "e-").replace("e+00", ""), ha="center", va="center",
                        fontsize=6, color="white" if value < -1.5 else INK)  # fmt: skip
    return shown


def _numbers(row: Row) -> Array:
    return np.array(str(row["values"]).split(), dtype=float)


#: what is measured: the course, the model, and the way it is trained
_LOCAL, _BOX, _INPUTS = "update", "update, points of the box", "update, earlier inputs"
_PLAIN, _REHEARSED = "as it comes", "own values at earlier inputs"
_WAYS = {
    "five peaks": ((OURS, _LOCAL), (MLP, "tanh"), (MLP, "silu"), (PYKAN, _PLAIN)),
    "nine squares": ((OURS, _BOX), (OURS, _INPUTS), (MLP, f"tanh, {_REHEARSED}"), (MLP, "tanh"), (PYKAN, _PLAIN)),
}
_STEPS = {"five peaks": 100, "nine squares": 50}  # of pykan, in each phase
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
        bound = 1e-4
        found = {
            (item, way): _forgotten(own)
            for (item, model, way), own in grouped(rows, "item", "model", "way").items()
            if model == OURS
        }
        what = "five peaks: largest RMSE on earlier peaks after the last phase"
        forgotten = found.get(("five peaks", _LOCAL), float("inf"))
        made = [Criterion.at_most(what, bound, _PUBLISHED["five peaks"], forgotten)]
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
    hidden = (100, 100)
    return [course.inputs, *hidden, 1] if model == MLP else list(course.widths)


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
    patience = {"five peaks": 0.8, "nine squares": 0.6}  # seconds of each of an MLP's two solvers, in each phase
    module = baselines.seeded_mlp(_shape(course, MLP), 0, way.split(",")[0])
    spent = 0.0
    for phase, x, y, before in _shown(course, quick):
        rows, kept = torch.from_numpy(x), torch.from_numpy(before)
        target = torch.from_numpy(y)[:, None]
        old = torch.from_numpy(predict(module, before))[:, None] if len(before) else target[:0]
        rehearsed = _REHEARSED in way and phase > 0

        def loss(network: torch.nn.Module) -> torch.Tensor:
            own = (network(rows) - target).square().mean()  # noqa: B023 (used within the phase)
            return own + (network(kept) - old).square().mean() if rehearsed else own  # noqa: B023

        run = baselines.train_mlp(lambda: copy.deepcopy(module), loss, 0.05 if quick else patience[course.name])  # noqa: B023
        module, spent = run.module, spent + run.seconds
        yield phase, module, baselines.parameter_count(module), spent


def _pykan(course: Course, way: str, quick: bool) -> Iterator[Phase]:
    from kan import KAN as PyKAN  # pyright: ignore[reportMissingImports]

    began = time.process_time()
    settings = {"noise_scale": 0.1, "sp_trainable": False, "sb_trainable": False, "base_fun": "zero"}
    with baselines.default_dtype(torch.float64), baselines.silenced():
        model = PyKAN(width=list(course.widths), grid=course.grid, k=3, seed=1, auto_save=False, **settings).speed()
        for phase, x, y, _ in _shown(course, quick):
            steps = 2 if quick else _STEPS[course.name]
            model.fit(baselines.pykan_rows((x, y)), opt="LBFGS", steps=steps, update_grid=False)
            yield phase, model, baselines.pykan_parameters(model), time.process_time() - began
