"""The baselines of differential equations: a tanh MLP with the residuals of splines, and pykan as in its notebook."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise._jets import jets_of
from edgewise.pde import Jet, Problem
from edgewise_bench.baselines import default_dtype, pykan_refined, seeded_mlp, silenced

_GRID_STEPS = 5  # of pykan, between two moves of the knots


class MLPUnknown(torch.nn.Module):
    """An MLP and a problem's unknown constants, at points as many as a problem's `solve` has.

    The loss is that of `solve`: the mean square of the equation inside plus the weight times that of each condition.
    """

    def __init__(self, problem: Problem, sizes: Sequence[int], points: int, boundary: int, seed: int) -> None:
        super().__init__()
        self.problem, self.network = problem, seeded_mlp(sizes, seed)
        self.constants = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for name, v in problem.constants.items()}
        )
        self.terms = [(problem.residual, [problem.domain.points(points, seed)], 1.0)]
        self.terms += [(c.residual, c.points(boundary, seed + 1), c.weight) for c in problem.conditions]

    def at(self, points: Tensor) -> Any:
        """Return the unknown with its derivatives at points (n, d)."""
        return self.problem.unknown(jets_of(*mlp_jets(self.network, points)), points)

    def loss(self) -> Tensor:
        total = torch.zeros(())
        held = dict(self.constants.items())
        for equation, points, weight in self.terms:
            left = self.problem.left(equation, [self.at(side) for side in points], points[0], held)
            total = total + weight * torch.stack([part.square().mean() for part in left]).mean()
        return total


def mlp_jets(network: torch.nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values (n, m), gradients (n, m, d) and second derivatives (n, m, d, d) of a tanh MLP at points (n, d).

    >>> from edgewise_bench.baselines import mlp
    >>> [tuple(part.shape) for part in mlp_jets(mlp([2, 5, 1], activation="tanh"), torch.zeros(3, 2).double())]
    [(3, 1), (3, 1, 2), (3, 1, 2, 2)]
    """
    n, d = x.shape
    rows, columns = torch.triu_indices(d, d)
    value, gradient = x, torch.eye(d, dtype=x.dtype).unsqueeze(1).expand(-1, n, -1)
    hessian = x.new_zeros(len(rows), n, d)
    for layer in network:
        if isinstance(layer, torch.nn.Linear):
            value, gradient, hessian = layer(value), gradient @ layer.weight.T, hessian @ layer.weight.T
        else:
            value = torch.tanh(value)
            first = 1 - value * value
            hessian = first * (hessian - 2 * value * gradient[rows] * gradient[columns])
            gradient = first * gradient
    place = torch.zeros(d, d, dtype=torch.long)
    place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
    return value, gradient.permute(1, 2, 0), hessian[place].permute(2, 3, 0, 1)


def autograd_jet(module: Any, points: Tensor, names: tuple[str, ...]) -> Jet:
    """Return value, gradient and second derivatives of a network's first output at points (n, d)."""
    x = points.detach().clone().requires_grad_()
    value = module(x)[:, 0]
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    rows = [torch.autograd.grad(part.sum(), x, create_graph=True)[0] for part in gradient.unbind(1)]
    return Jet.of(value, gradient, torch.stack(rows, dim=1), names)


def pykan_solution(
    problem: Problem, widths: Sequence[int], points: int, boundary: int, grids: Sequence[int], steps: int, seed: int
) -> tuple[Any, float]:
    """Train on coarse grids, then on finer ones, with knots updated every five steps; return model and seconds."""
    inside, model = problem.box.points(points, 0), None
    models, began = pykan_refined(widths, grids, inside, seed), time.process_time()
    terms = [(problem.residual, inside, 1.0)]
    terms += [(c.residual, c.points(boundary, 1)[0], c.weight) for c in problem.conditions]
    with default_dtype(torch.float64), silenced():
        for model in models:
            _train(model, problem, terms, inside, steps)
    return model, time.process_time() - began


def _train(model: Any, problem: Problem, terms: list[tuple[Any, Tensor, float]], inside: Tensor, steps: int) -> None:
    optimizer = torch.optim.LBFGS(
        model.parameters(), lr=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-32,
        tolerance_change=1e-32,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for equation, points, weight in terms:
            (left,) = problem.left(equation, [autograd_jet(model, points, problem.box.names)], points, {})
            total = total + weight * left.square().mean()
        total.backward()
        return total

    for step in range(steps):
        if step % _GRID_STEPS == 0:
            model.update_grid_from_samples(inside)
        optimizer.step(closure)  # type: ignore[arg-type]
