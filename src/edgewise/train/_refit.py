"""A brief second-order refit of a network on a table."""

from __future__ import annotations

from edgewise.nn import KAN, clone, has_shapes, shaped
from edgewise.optim import LM
from edgewise.train._error import error_of
from edgewise.train._objective import Objective
from edgewise.train._penalty import penalty
from edgewise.train._quadratic import Quadratic
from edgewise.train._table import Table

_TURNS = 5  # to find the differences that a monotone edge forbids


def refit(model: KAN, table: Table, steps: int, tolerance: float = 1e-4) -> tuple[KAN, float]:
    """Return the network after at most `steps` Levenberg-Marquardt steps, and its error, infinite if undefined."""
    if error_of(model, table) == float("inf"):
        return model, float("inf")
    for _ in range(_TURNS if has_shapes(model) else 1):
        model = _descended(model, table, LM(steps=steps, tolerance=tolerance, damping=1e-4))
    model = shaped(model)
    return model, error_of(model, table)


def _descended(model: KAN, table: Table, solver: LM) -> KAN:
    splines = any(layer.free_splines().any() for layer in model.layers)  # type: ignore[operator]
    form = penalty(model, table, 0.0, 0.0) if splines else Quadratic()
    problem = Objective(clone(model), table, form)
    if problem.layout.size == 0:
        return model
    vector, _ = solver.minimize(problem, problem.start)
    return clone(problem.network(vector))
