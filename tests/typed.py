"""What a user writes, in every public function's own types: `tests/house/test_typing.py` has pyright check it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import edgewise as ew
from edgewise import pde


def use(*values: object) -> None:
    """Take values that a user would print."""


def tables(x: np.ndarray[tuple[int, int], np.dtype[np.float64]], folder: Path) -> float:
    """Fit, prune and snap a network, look at every result, and write it down."""
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    model = ew.KAN([2, (1, [2]), 1], basis="bspline", grid=5, degree=3, base="silu", seed=0, dtype=torch.float64)
    options = ew.Options(validation=0.2, restarts=1, time_limit=20.0)
    trained = ew.fit(model, x, y, loss="huber", solver="lm", grids=[3, 5], options=options)
    errors = [row.train for row in trained.history] + [trained.train_error, trained.validation_error]
    small = ew.prune(trained.model, x, y, names=["a", "b"])
    removed = [cut.cost for cut in small.removed]
    read = ew.symbolic.snap(small.model, x, y)
    functions = {(edge.layer, edge.j, edge.i): edge.function for edge in read.snapped}
    formula = read.model.formula(["a", "b"])
    first = formula[0] if isinstance(formula, list) else formula
    symbols: list[str] = sorted(str(symbol) for symbol in first.free_symbols)
    use(trained.outcome.message, small.report(), read.report(), symbols, functions, str(first))
    ew.save(read.model, folder / "model.safetensors", names=["a", "b"], target="f", units={"a": "m"})
    saved = ew.io.load_with_metadata(folder / "model.safetensors")
    source = ew.export.text(saved, "c")
    (folder / "model.c").write_text(source if isinstance(source, str) else "".join(source))
    values: torch.Tensor = ew.load(folder / "model.safetensors")(torch.ones(1, 2, dtype=torch.float64))
    axes = ew.plot.network(saved.model, x, names=saved.names, layout="grid")
    use(axes.get_xlim(), trained.frame().shape)
    return float(values.sum()) + sum(errors) + sum(removed)


def laws(x: torch.Tensor, y: torch.Tensor) -> list[str]:
    """Discover formulas, and read the front."""
    found = ew.discover(x, y, names=["a", "b"], noise="auto", time_limit=10.0)
    best = found.best
    predicted = best.predict(x)
    use(found.outcome.message, best.error, best.complexity, predicted.shape)
    relations = ew.find_relations(x, names=["a", "b"])
    return [str(candidate.expression) for candidate in found] + [relation.text for relation in relations.relations]


def table(path: Path) -> int:
    """Read a table, and choose its target."""
    chosen = ew.io.read_table(path, decimal=",", thousands=".").select("y")
    fit = ew.fit(ew.KAN([len(chosen.names), 1], basis="chebyshev"), chosen.x, chosen.y, solver=ew.optim.Adam(epochs=2))
    return fit.history[-1].steps


def steps(model: ew.KAN, x: torch.Tensor, y: torch.Tensor) -> list[tuple[str, float]]:
    """Work step by step."""
    session = ew.Session(model, x, y, names=["a", "b"]).fit(grids=[4]).snap_edge((0, 0, 0), "sin").lock((0, 0, 0))
    shown = session.preview("prune_edge", (0, 0, 1))
    use(shown.after - shown.before, session.undo().log(), session.script("ew"))
    formula = session.formula()
    use(formula)
    return [(candidate.function, candidate.network_error) for candidate in session.suggest((0, 0, 1))]


class Classifier(torch.nn.Module):
    """A layer in a model of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ew.nn.KANLayer(784, 64, basis="rbf", grid=20)
        self.last = ew.nn.RationalLayer(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with ew.kernels.forced(route="sparse", backend="reference"):
            return self.last(self.first(x))


def wave() -> float:
    """Solve an equation, and compare it with its solution."""
    box = pde.Box(x=(0, 3))
    problem = pde.Problem(box, lambda u, p: u.xx + u.value, ansatz=lambda n, p: p.x + p.x**2 * n)
    found = pde.solve(problem, ew.KAN([1, 1], degree=5), grids=[4, 8], points=200)
    errors = found.errors(lambda p: torch.sin(p.x))
    use(found.constants, found.outcome.message, ew.kernels.explain(256, 784, 64, count=23)["contract"].backend)
    return errors.largest + float(found(torch.zeros(1, 1, dtype=torch.float64)).sum())
