"""A brief second-order refit of a network on a table."""

from __future__ import annotations

from edgewise.nn import KAN, clone
from edgewise.optim import LM
from edgewise.train._error import error_of
from edgewise.train._objective import Objective
from edgewise.train._penalty import penalty
from edgewise.train._quadratic import Quadratic
from edgewise.train._table import Table


def refit(model: KAN, table: Table, steps: int, tolerance: float = 1e-4) -> tuple[KAN, float]:
    """Return the network after some Levenberg-Marquardt steps, and its error; the error is infinite where undefined."""
    if error_of(model, table) == float("inf"):
        return model, float("inf")
    splines = any(layer.spline_mask().any() for layer in model.layers)  # type: ignore[operator]
    form = penalty(model, table, 0.0, 0.0) if splines else Quadratic()
    problem = Objective(clone(model), table, form)
    if problem.layout.size == 0:
        return model, error_of(model, table)
    vector, _ = LM(steps=steps, tolerance=tolerance, damping=1e-4).minimise(problem, problem.start)
    new = clone(problem.network(vector))
    return new, error_of(new, table)
