"""What a cell of a notebook shows: a picture for each function of `edgewise.plot` and each method that draws, once."""

from __future__ import annotations

import ast
import base64
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure, SubFigure

import edgewise as ew
from edgewise.estimators import CurvesDisplay

nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
DisplayFormatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter

SETUP = """
import numpy as np, pandas as pd, torch, edgewise as ew
from edgewise import pde, plot
from edgewise.estimators import KANRegressor
rng = np.random.default_rng(0)
x = rng.uniform(1, 2, (80, 2))
y = x[:, 0] * x[:, 1] + 0.1 * rng.normal(size=80)
grid = np.linspace(0, 1, 9)
rows = np.column_stack([grid, grid**2])
line = plot.Line(grid, grid**2, "s = t^2", (grid**2 - 0.1, grid**2 + 0.1), rows)
surface = plot.Surface(grid, grid, np.outer(grid, grid))
fit = ew.fit(ew.KAN([2, 1, 1]), x, y, grids=[3, 5])
smooth = ew.discovery.discover_directly(x[:, :1], 2.6 * x[:, 0] ** (4 / 3) + 0.1 * rng.normal(size=80), names=["t"])
tree = ew.structure.tree(ew.structure.surrogate(torch.as_tensor(x), lambda x: x[:, 0] * x[:, 1]))
front = ew.symbolic.front(ew.fit(ew.KAN([1, 1]), grid, np.exp(grid), grids=[3]).model, grid, np.exp(grid), tries=1)
table = pd.DataFrame({"dose": x[:, 0], "age": x[:, 1], "kind": np.where(rng.random(80) < 0.5, "control", "treated")})
model = KANRegressor().fit(table, y + (table.kind == "treated"))
t = np.linspace(0, 4, 25)
decay = ew.discover_ode([t] * 2, [np.exp(-k * t) for k in (0.4, 0.5)], ["q"], terms=["q"], only=True)
fitted = ew.fit_formula("a*exp(-k*t)", {"t": t}, 2 * np.exp(-t) + 0.01 * rng.normal(size=25))
people = pd.DataFrame({"t": np.tile(t, 3), "who": np.repeat(["a", "b", "c"], 25)})
people["y"] = np.repeat([1, 2, 3], 25) * np.exp(-people["t"]) + 0.01 * rng.normal(size=75)
grouped = ew.fit_formula("a*exp(-k*t)", people, "y", groups="who", varying="a")
trial = ew.sweeps.Trial
swept = ew.sweeps.Sweep({"grid": 3}, 0.1, 0.9, fit, [trial(k, {"grid": 3 + k}, 0.1 + 0.1 * k, (), 1.0, "complete", "")
                                                      for k in range(4)], {"grid": 1.0})
tied = ew.unsupervised.Relations((), (), ew.unsupervised.Outcome.NONE, ("a", "b"), np.eye(2))
s, places = np.linspace(0, 1, 21), np.linspace(0, 6, 25)
field = ew.discover_pde(s, places, np.exp(-s)[:, None] * np.sin(places), effort="quick", time_limit=2)
disk = pde.Disk(x=0, y=0, radius=1)
bowl = pde.solve(pde.Problem(disk, lambda u, p: u.xx + u.yy + 1, ansatz=lambda n, p: disk.distance(p) * n),
                 ew.KAN([2, 1], degree=5, base=None), grids=[2], points=60)
wave = lambda z: np.stack([z[:, 1], -z[:, 0]], axis=1)
circle = t, np.stack([np.cos(t), -np.sin(t)], axis=1)
"""
FUNCTIONS = {
    "curve_among_rows": "plot.curve_among_rows([line], names=('t', 's'))",
    "curves": "plot.curves(fit.model, x)",
    "effects": "plot.effects([plot.CurveEffect('age', grid, grid, grid - 0.1, grid + 0.1, grid)], 'adds to y')",
    "fit_quality": "plot.fit_quality(y, fit.predict(x))",
    "fitted_curve": "plot.fitted_curve(grid, grid, grid, grid, [(grid - 1, grid + 1)], names=('t', 'y'))",
    "group_panels": "plot.group_panels([line, line], line)",
    "heat_map": "plot.heat_map(surface, names=('t', 'x'))",
    "history": "plot.history(fit)",
    "interactions": "plot.interactions(ew.interpret.interactions(fit.model, x))",
    "map_among_rows": "plot.map_among_rows(surface, np.array([[0.2, 0.2, 0.0], [0.7, 0.5, 0.4]]), names=('a', 'b'))",
    "network": "plot.network(fit.model, x)",
    "pareto": "plot.pareto(smooth.candidates)",
    "profiles": "plot.profiles([grid, grid], [grid, grid**2], legend=['t = 0', 't = 1'])",
    "relations": "plot.relations([plot.Tie([0, 2], 'c = a**2')], ['a', 'b', 'c'], [[1.0, 0.0, 1.0]])",
    "residual_panels": "plot.residual_panels(y - fit.predict(x), [('row', np.arange(80)), ('x', x[:, 0])])",
    "scores": "plot.scores(ew.interpret.input_scores(fit.model, x))",
    "trajectories": "plot.trajectories([circle], [circle], ['x', 'v'], wave)",
    "tree": "plot.tree(tree)",
    "trials": "plot.trials(swept.trials)",
}
METHODS = {
    "ByGroup.plot": "grouped.by_group.plot('y')",
    "CurvesDisplay.plot": "model.plot_curves(table).plot(n_cols=2)",
    "Discovery.plot": "smooth.plot()",
    "Dynamics.plot": "decay.plot()",
    "FieldEquations.plot": "field.plot()",
    "FitResult.plot": "fit.plot()",
    "FormulaFit.plot": "fitted.plot()",
    "FoundSolution.plot": "bowl.plot()",
    "Front.plot": "front.plot()",
    "Reading.plot_curves": "model.plot_curves(table)",
    "Reading.plot_network": "model.plot_network(table)",
    "Relations.plot": "tied.plot()",
    "Sweep.plot": "swept.plot()",
    "Tree.plot": "tree.plot()",
}
OTHERS = {
    "into axes": "import matplotlib.pyplot as plt\n_, (left, right) = plt.subplots(1, 2, layout='constrained')\n"
    "plot.history(fit, ax=left)\nplot.curves(fit.model, x, ax=right)",
    "a front": "plot.pareto(front)",
    "formulas": "from IPython.display import display\ndisplay(smooth, smooth.best, plot.pareto(smooth))",
}
INLINE = ("network", "curves", "effects", "CurvesDisplay.plot")  # an Axes, a Figure, a list, and a display


@pytest.fixture(scope="module")
def shown() -> dict[str, list[Any]]:
    """The outputs of each cell, first in a plain kernel, then after `%matplotlib inline`, by name."""
    nbformat = pytest.importorskip("nbformat")
    cells = {"setup": SETUP, **FUNCTIONS, **METHODS, "inline": "%matplotlib inline", **OTHERS}
    cells |= {f"{name}, inline": cells[name] for name in INLINE}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells.values()])
    nbclient.NotebookClient(notebook, timeout=100, kernel_name="python3", allow_errors=True).execute()
    return {name: cell.outputs for name, cell in zip(cells, notebook.cells, strict=True)}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS, *(f"{name}, inline" for name in INLINE)])
def test_a_cell_shows_one_picture(shown: dict[str, list[Any]], name: str) -> None:
    assert len(_pictures(shown["setup"])) == 0 and len(_pictures(shown[name])) == 1


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", OTHERS)
def test_pictures_compose_and_fronts_are_drawn(shown: dict[str, list[Any]], name: str) -> None:
    assert len(_pictures(shown[name])) == 1


def _pictures(outputs: list[Any]) -> list[bytes]:
    """The PNGs of a cell that has raised and printed nothing."""
    assert {output["output_type"] for output in outputs} <= {"execute_result", "display_data"}, outputs
    found = [base64.b64decode(each["data"]["image/png"]) for each in outputs if "image/png" in each["data"]]
    assert all(png.startswith(b"\x89PNG") for png in found)
    return found


def test_axes_figures_lists_and_displays_are_pictures() -> None:
    """The faster test: what IPython makes of a result, without a kernel."""
    model, grid = ew.KAN([2, 1]), np.linspace(0, 1, 9)
    part = ew.plot.CurveEffect("age", grid, grid, grid - 0.1, grid + 0.1, grid)
    drawn = [ew.plot.network(model), ew.plot.curves(model), ew.plot.effects([part], "y"), ew.plot.scores([1.0, 2.0])]
    for each in [*drawn, CurvesDisplay([part], unit="y").plot()]:
        data, metadata = DisplayFormatter().format(each)
        assert data["image/png"].startswith(b"\x89PNG") and metadata["image/png"]["width"] > 50
    ax = Figure().add_subplot()
    assert "image/png" not in DisplayFormatter().format(ew.plot.network(model, ax=ax))[0]  # pyplot shows its own


def test_panels_stand_in_the_place_of_axes() -> None:
    left, right = Figure(layout="constrained").subplots(1, 2)
    inside = ew.plot.curves(ew.KAN([2, 1]), ax=right)
    assert isinstance(inside, SubFigure) and len(inside.axes) == 2 and left.figure.axes == [left, *inside.axes]
    with pytest.raises(ew.InputError, match="axes of a subplot"):
        ew.plot.fit_quality([1.0, 2.0], [1.0, 2.0], ax=Figure().add_axes((0, 0, 1, 1)))
    with pytest.raises(ew.InputError, match=r"found\.candidates"):
        ew.plot.pareto(["x"])


def test_every_function_and_method_that_draws_has_a_cell() -> None:
    functions = {name: each for name in dir(ew.plot) if inspect.isfunction(each := getattr(ew.plot, name))}
    drawing = {name for name, each in functions.items() if _draws(str(inspect.signature(each).return_annotation))}
    assert drawing == {*FUNCTIONS}
    methods = set()
    for file in Path(ew.__file__).parent.rglob("*.py"):
        for made in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(made, ast.ClassDef):
                own = [each.name for each in made.body if isinstance(each, ast.FunctionDef)]
                methods |= {f"{made.name}.{name}" for name in own if name.split("_")[0] == "plot"}
    assert methods == {*METHODS}


def _draws(returned: str) -> bool:
    return "Axes" in returned or "Figure" in returned
