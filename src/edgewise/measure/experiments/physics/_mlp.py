"""MLP baselines on the same conditions and tables; derivatives by autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edgewise.measure.baselines import parameter_count, seeded_mlp, train_mlp
from edgewise.measure.experiments._jets import autograd_jet
from edgewise.measure.experiments.physics._implicit import Implicit
from edgewise.measure.experiments.physics._tables import Table

_HIDDEN = [20, 20]
_POINTS = 1000


def on_points(item: Implicit, seconds: float) -> dict[str, Any]:
    """Train on the published loss: the mean square of the law's residual."""
    points = item.problem.box.points(_POINTS)
    sizes = [len(item.names), *_HIDDEN, 1]

    def loss(module: torch.nn.Module, at: Tensor = points) -> Tensor:
        return item.off(autograd_jet(module, at, tuple(item.names)), at).square().mean()

    best = train_mlp(lambda: seeded_mlp(sizes, 0), loss, seconds).module
    error = float(loss(best, item.fresh()).detach()) ** 0.5
    return {"error": error, "shape": str(sizes), "parameters": parameter_count(best)}


def on_rows(table: Table, seconds: float) -> dict[str, Any]:
    """Train on the rows of a table."""
    (x, y), (fresh, truth) = (tuple(map(torch.from_numpy, table.data(seed))) for seed in (0, 1000))
    sizes = [x.shape[1], *_HIDDEN, 1]
    best = train_mlp(lambda: seeded_mlp(sizes, 0), lambda module: (module(x)[:, 0] - y).square().mean(), seconds).module
    with torch.no_grad():
        error = float((best(fresh)[:, 0] - truth).square().mean().sqrt())
    return {"error": error, "shape": str(sizes), "parameters": parameter_count(best)}
