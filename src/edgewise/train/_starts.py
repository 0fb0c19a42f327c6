"""Where second-order training starts: from several networks, trained coarsely on a subsample."""

from collections.abc import Iterator

import torch

from edgewise.nn import (
    KAN,
    adapt_grid,
    clone,
)
from edgewise.train._context import Context, rescale_knots
from edgewise.train._data import Rows, Table
from edgewise.train._loss import Loss, error_of, tuned
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import spline_edges
from edgewise.train._tuning import TUNING
from edgewise.train.optim import LeastSquaresSolver

_PLACE = "looking for a start"


def best_start(model: KAN, context: Context[LeastSquaresSolver]) -> KAN:
    """Train from the network as it is, then from new coefficients; return the best on the validation rows.

    That is the network itself where the best start, which sees few rows, is worse on the training rows as well. If the
    fit ends here, all that were seen are compared on all rows.

    "auto" allows one start for one layer of sums (a linear problem), 8 for two layers or products, 32 for more. It
    stops early at an error below one hundredth of the standard deviation, or once the two best of at least three agree
    to 10 % below a twentieth of it. A single start is trained here as well: without penalties, and from strong damping,
    it reaches a good basin more often. One layer of sums is trained here only if it is far off: penalties in units of
    such an error would hide the rows from the solver. The search ends when the fit has to.
    """
    split, options = context.split, context.options
    rows, loss = split.train.subsample, context.loss
    additive = is_additive(model)
    automatic = 1 if additive else 8 if len(model.layers) <= 2 else 32
    count = automatic if isinstance(options.restarts, str) else options.restarts
    near = additive and count == 1 and error_of(model, rows, tuned(loss, model, rows)) < TUNING.far
    if spline_edges(model) == 0 or near:
        return model
    few = rows.rows(torch.arange(min(len(rows), TUNING.start_rows), device=rows.x.device))
    tried: list[tuple[float, KAN]] = []
    for start in _starts(model, few, count, context):
        tried.append((error_of(start, split.validation, tuned(loss, start, few)), start))
        errors = sorted(error for error, _ in tried)
        agreed = len(errors) >= 3 and errors[1] < 1.1 * errors[0]
        if options.restarts == "auto" and (errors[0] < TUNING.good_start or (agreed and errors[0] < 0.05)):
            break

    def error_on(table: Rows, start: KAN) -> float:
        return error_of(start, table, tuned(loss, start, few))

    if context.monitor.ended():
        return min([*(start for _, start in tried), model], key=lambda start: error_on(split.judged.rows, start))
    best = min(tried, key=lambda pair: pair[0])[1]
    lost = all(error_on(table, model) < error_on(table, best) for table in (split.validation, rows))
    return model if lost else best


def _starts(model: KAN, rows: Table, count: int, context: Context[LeastSquaresSolver]) -> Iterator[KAN]:
    """Yield trained starts in their order; as many at a time as there are workers."""
    workers, seed = context.workers(), context.options.seed
    solver = context.solver.rough(TUNING.start_tolerance, damping=TUNING.start_damping)
    for begin in range(0, count, workers.count):
        if begin and context.monitor.show(_PLACE):
            return
        numbers = range(begin, min(begin + workers.count, count))
        firsts = [rescale_knots(model, rows.x, seed + 1000 * k) if k else model for k in numbers]
        if workers.count == 1:
            with context.start_threads():
                start = _coarse(firsts[0], rows, context.loss, solver, context.monitor)
            yield start
        else:
            tasks = [(first, rows, context.loss, solver, context.apart().monitor) for first in firsts]
            for start, steps in workers(_apart, tasks):
                context.monitor.add(steps)
                yield start


def is_additive(model: KAN) -> bool:
    """Return True for one layer of sums, whose convex losses have one minimum."""
    return len(model.layers) == 1 and not any(nodes.arities for nodes in model.nodes)


def _coarse(model: KAN, rows: Table, loss: Loss, solver: LeastSquaresSolver, monitor: Monitor) -> KAN:
    for _ in range(2):
        model = adapt_grid(model, rows.x)
        problem = Objective(model, rows, loss=tuned(loss, model, rows))
        model = clone(problem.network(monitor.minimize(solver, problem, _PLACE, TUNING.start_steps)))
    return model


def _apart(model: KAN, rows: Table, loss: Loss, solver: LeastSquaresSolver, monitor: Monitor) -> tuple[KAN, int]:
    """Return a start that a worker trains, and how many steps that took."""
    return _coarse(model, rows, loss, solver, monitor), monitor.steps
