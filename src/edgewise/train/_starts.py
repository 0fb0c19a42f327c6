"""Several starts at a coarse grid, of which the best is trained further."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from edgewise._deadline import cut
from edgewise.nn import KAN, MARGINS, KANLayer, adapt_grid, clone, held_knots
from edgewise.optim import CG, LM
from edgewise.train._error import error_of
from edgewise.train._loss import Loss
from edgewise.train._monitor import Monitor
from edgewise.train._objective import Objective
from edgewise.train._options import Options
from edgewise.train._schedule import spline_edges
from edgewise.train._split import Split
from edgewise.train._table import Table

_GOOD = 1e-2  # of the target's spread: no other start is tried
_FAR = 10.0  # of the target's spread
_ROWS, _STEPS = 1000, 40  # that a start is trained on and by, at most


def best_start(
    model: KAN, split: Split, loss: Loss, options: Options, solver: LM | CG, monitor: Monitor
) -> KAN:  # fmt: skip
    """Train from the network as it is, then from fresh coefficients, and return the best on the held-out rows.

    "auto" allows one start for one layer of sums (a linear problem), 8 for two layers or products, 32 for more, and
    stops early at an error below one hundredth of the spread, or once the two best of at least three agree to 10 %
    below a twentieth of it. A single start is trained here as well: without penalties, and from strong damping on, it
    gets into a good basin more often. One layer of sums is only where it is far off: penalties in units of such an
    error would hide the rows from the solver. The end of the fit ends the search.
    """
    rows, restarts, seed = split.train.sample, options.restarts, options.seed
    products = any(nodes.arities for nodes in model.nodes)
    flat = len(model.layers) == 1 and not products
    automatic = 1 if flat else 8 if len(model.layers) <= 2 else 32
    count = automatic if isinstance(restarts, str) else restarts
    near = flat and count == 1 and error_of(model, rows, _tuned(loss, model, rows)) < _FAR
    if spline_edges(model) == 0 or near:
        return model
    quick = replace(solver, steps=min(_STEPS, solver.steps), tolerance=1e-3, damping=1.0)
    few = rows.rows(torch.arange(min(len(rows), _ROWS), device=rows.x.device))
    tried: list[tuple[float, KAN]] = []
    for k in range(count):
        if tried and _ended(monitor):
            break
        start = _coarse(model if k == 0 else respread(model, few.x, seed + 1000 * k), few, loss, quick, monitor)
        tried.append((error_of(start, split.held, _tuned(loss, start, few)), start))
        errors = sorted(error for error, _ in tried)
        agreed = len(errors) >= 3 and errors[1] < 1.1 * errors[0]
        if restarts == "auto" and (errors[0] < _GOOD or (agreed and errors[0] < 0.05)):
            break
    return min(tried, key=lambda pair: pair[0])[1]


def _coarse(model: KAN, rows: Table, loss: Loss, solver: LM | CG, monitor: Monitor) -> KAN:
    for _ in range(2):
        model = adapt_grid(model, rows.x)
        problem = Objective(model, rows, loss=_tuned(loss, model, rows))
        model = clone(problem.network(_minimised(problem, solver, monitor)))
    return model


def _minimised(problem: Objective, solver: LM | CG, monitor: Monitor) -> Tensor:
    """The parameters after a few steps, or after as many of them as the time allows."""
    reached = problem.start

    def watch(vector: Tensor, cost: float) -> bool:
        nonlocal reached
        reached = vector
        return _ended(monitor)

    cut(monitor.deadline, lambda: solver.minimise(problem, problem.start, watch))
    return reached


def _ended(monitor: Monitor) -> bool:
    return monitor.step("looking for a start") is not None


def _tuned(loss: Loss, model: KAN, rows: Table) -> Loss:
    with torch.no_grad():
        return loss.tuned(model(rows.x), rows.y)


def respread(model: KAN, x: Tensor, seed: int | None = None) -> KAN:
    """The network with the knots of every layer over the range that it meets on x, and its coefficients kept.

    With a seed, with fresh coefficients. The function changes; masks, symbols and locked edges stay as they are.
    """
    new = clone(model)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    h = x
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            assert isinstance(layer, KANLayer)
            layer.knots = held_knots(layer, layer.basis.adapted_knots(h, layer.grid, MARGINS[depth > 0]), layer.grid)
            if generator is not None:
                layer.draw(generator)
            h = nodes.combine(layer(h))
    return new
