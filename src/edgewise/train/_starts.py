"""Several starts at a coarse grid, of which the best is trained further."""

from __future__ import annotations

import torch

from edgewise.nn import KAN, adapt_grid, clone
from edgewise.nn import KANLayer as KANLayer
from edgewise.optim import LM
from edgewise.train._objective import LeastSquares, Table

_GOOD = 1e-2  # of the target's spread: no other start is tried


def best_start(model: KAN, rows: Table, held: Table, grid: int, restarts: int | str, seed: int) -> KAN:
    """Train from the network as it is, then from fresh coefficients, and return the best on the held-out rows.

    Stops early at an error below one hundredth of the spread, or once the two best of at least three agree to 10 %.
    """
    splines = sum(int(layer.spline_mask().sum()) for layer in model.layers)  # type: ignore[operator]
    if splines == 0 or (restarts == "auto" and len(model.layers) == 1):
        return model
    count = 8 if isinstance(restarts, str) else restarts
    tried: list[tuple[float, KAN]] = []
    for k in range(count):
        start = model if k == 0 else randomised(model, seed + 1000 * k)
        tried.append(_coarse(start, rows, held, grid))
        errors = sorted(error for error, _ in tried)
        agreed = len(errors) >= 3 and errors[1] < 1.1 * errors[0]
        if restarts == "auto" and (errors[0] < _GOOD or (agreed and errors[0] < 0.2)):
            break
    return min(tried, key=lambda pair: pair[0])[1]


def _coarse(model: KAN, rows: Table, held: Table, grid: int) -> tuple[float, KAN]:
    for _ in range(2):
        model = adapt_grid(model, rows.x, grid)
        problem = LeastSquares(model, rows)
        vector, _ = LM(steps=25, tolerance=1e-3).minimise(problem, problem.start)
        model = clone(problem.network(vector))
    return error_of(model, held), model


def error_of(model: KAN, table: Table) -> float:
    """Weighted root mean square error; infinite where the network gives no number."""
    with torch.no_grad():
        square = (model(table.x) - table.y).square().mean(1)
        value = float(((square @ table.weights) / table.weights.sum()).sqrt())
    return value if value == value else float("inf")


def randomised(model: KAN, seed: int) -> KAN:
    """The network with fresh spline coefficients, masks and symbols as they are."""
    new = clone(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in new.layers:
            assert isinstance(layer, KANLayer)
            noise = torch.randn(layer.coefficients.shape, generator=generator, dtype=torch.float64)
            spread = torch.randn(layer.base_weight.shape, generator=generator, dtype=torch.float64)
            layer.coefficients.copy_(0.3 / layer.n_in**0.5 * noise)
            layer.base_weight.copy_(spread / layer.n_in**0.5 * (layer.base is not None))
    return new
