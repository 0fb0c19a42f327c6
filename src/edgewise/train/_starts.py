"""Several starts at a coarse grid, of which the best is trained further."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.bases import adapted_knots
from edgewise.nn import KAN, MARGINS, KANLayer, adapt_grid, clone, initial_values
from edgewise.optim import LM
from edgewise.train._objective import LeastSquares, Table

_GOOD = 1e-2  # of the target's spread: no other start is tried
_ROWS = 1000  # that a start is trained on


def best_start(model: KAN, rows: Table, held: Table, restarts: int | str, seed: int) -> KAN:
    """Train from the network as it is, then from fresh coefficients, and return the best on the held-out rows.

    "auto" allows one start for one layer (a linear problem), 8 for two, 32 for more, and stops early at an error below
    one hundredth of the spread, or once the two best of at least three agree to 10 % below a twentieth of it.
    """
    splines = sum(int(layer.spline_mask().sum()) for layer in model.layers)  # type: ignore[operator]
    count = {1: 1, 2: 8}.get(len(model.layers), 32) if isinstance(restarts, str) else restarts
    if splines == 0 or count == 1:
        return model
    few = rows.rows(torch.arange(min(len(rows), _ROWS), device=rows.x.device))
    tried: list[tuple[float, KAN]] = []
    for k in range(count):
        start = _coarse(model if k == 0 else randomised(model, few.x, seed + 1000 * k), few)
        tried.append((error_of(start, held), start))
        errors = sorted(error for error, _ in tried)
        agreed = len(errors) >= 3 and errors[1] < 1.1 * errors[0]
        if restarts == "auto" and (errors[0] < _GOOD or (agreed and errors[0] < 0.05)):
            break
    return min(tried, key=lambda pair: pair[0])[1]


def _coarse(model: KAN, rows: Table) -> KAN:
    for _ in range(2):
        model = adapt_grid(model, rows.x)
        problem = LeastSquares(model, rows)
        vector, _ = LM(steps=40, tolerance=1e-3, damping=1.0).minimise(problem, problem.start)
        model = clone(problem.network(vector))
    return model


def error_of(model: KAN, table: Table) -> float:
    """Weighted root mean square error; infinite where the network gives no number."""
    with torch.no_grad():
        square = (model(table.x) - table.y).square().mean(1)
        value = float(((square @ table.weights) / table.weights.sum()).sqrt())
    return value if value == value else float("inf")


def randomised(model: KAN, x: Tensor, seed: int) -> KAN:
    """The network with fresh curves over the range that each layer meets on x; masks and symbols as they are."""
    new = clone(model)
    generator = torch.Generator().manual_seed(seed)
    h = x
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            assert isinstance(layer, KANLayer)
            n_out, n_in, count = layer.coefficients.shape
            layer.knots = adapted_knots(h, layer.grid, layer.degree, MARGINS[depth > 0])
            curves, weights = initial_values(n_out, n_in, count, layer.base, generator)
            layer.coefficients.copy_(curves)
            layer.base_weight.copy_(weights)
            h = nodes.combine(layer(h))
    return new
