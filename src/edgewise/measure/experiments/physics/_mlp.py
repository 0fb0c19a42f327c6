"""Perceptrons on the same conditions and tables, derivatives by torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.experiments._perceptron import size, started, trained
from edgewise.experiments._physics_implicit import Implicit
from edgewise.experiments._physics_tables import Table
from edgewise.pde import Jet

_HIDDEN = [20, 20]
_POINTS = 1000


class Trained(NamedTuple):
    """Root mean square error at fresh points, sizes, parameters."""

    error: float
    shape: str
    parameters: int


def on_points(item: Implicit, seconds: float) -> Trained:
    """Trained on what is published as the loss: the mean square of how far the law is from holding."""
    points = item.problem.box.points(_POINTS)
    sizes = [len(item.names), *_HIDDEN, 1]

    def loss(module: torch.nn.Module, at: Tensor = points) -> Tensor:
        return item.off(_jet(module, at, tuple(item.names)), at).square().mean()

    best = trained(lambda: started(sizes, 0), loss, seconds)
    with torch.enable_grad():
        return Trained(float(loss(best.module, item.fresh()).detach()) ** 0.5, str(sizes), size(best.module))


def on_rows(table: Table, seconds: float) -> Trained:
    """Trained on the rows of a table."""
    (x, y), (fresh, truth) = (tuple(map(torch.from_numpy, table.data(seed))) for seed in (0, 1000))
    sizes = [x.shape[1], *_HIDDEN, 1]
    best = trained(lambda: started(sizes, 0), lambda module: (module(x)[:, 0] - y).square().mean(), seconds)
    with torch.no_grad():
        error = float((best.module(fresh)[:, 0] - truth).square().mean().sqrt())
    return Trained(error, str(sizes), size(best.module))


def _jet(module: torch.nn.Module, points: Tensor, names: tuple[str, ...]) -> Jet:
    """Value, gradient and second derivatives of a module."""
    at = points.clone().requires_grad_()
    value = module(at)[:, 0]
    gradient = torch.autograd.grad(value.sum(), at, create_graph=True)[0]
    rows = [torch.autograd.grad(part.sum(), at, create_graph=True)[0] for part in gradient.unbind(1)]
    return Jet(value, gradient, torch.stack(rows, dim=1), names)
