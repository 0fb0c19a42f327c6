"""pykan on Poisson's equation, as its own notebook has it: derivatives by autograd, L-BFGS, finer grids."""

# pyright: reportMissingImports=false
# The library lives in an environment of its own.

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise.experiments._pykan import parameters
from edgewise.measure import in_precision, silent
from edgewise.pde import Jet, Problem

_GRID_STEPS = 5  # steps between two moves of the knots


class Solved(NamedTuple):
    """The network, its parameters, and the seconds of computing on one core."""

    model: Any
    problem: Problem
    parameters: int
    seconds: float

    def at(self, points: Tensor) -> Jet:
        """The unknown with its derivatives at points (n, d)."""
        return _unknown(self.model, self.problem, points)


def solved(
    problem: Problem, widths: Sequence[int], points: int, boundary: int, grids: Sequence[int], steps: int, seed: int
) -> Solved:
    """Train on a coarse grid, then on finer ones, so many steps each; the knots move every five steps."""
    from kan import KAN

    began = time.process_time()
    inside = problem.box.points(points, 0)
    terms = [(problem.residual, inside, 1.0)]
    terms += [(c.residual, c.points(boundary, 1)[0], c.weight) for c in problem.conditions]
    with in_precision(torch.float64), silent():
        model = KAN(width=list(widths), grid=grids[0], k=3, seed=seed, auto_save=False).speed()
        for number, grid in enumerate(grids):
            if number:
                model.save_act = True  # `refine` reads stored activations
                model.get_act(inside)
                model = model.refine(grid).speed()
            _train(model, problem, terms, inside, steps)
    return Solved(model, problem, parameters(model), time.process_time() - began)


def _train(model: Any, problem: Problem, terms: list[tuple[Any, Tensor, float]], inside: Tensor, steps: int) -> None:
    optimizer = torch.optim.LBFGS(
        model.parameters(), lr=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-32,
        tolerance_change=1e-32,
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for equation, points, weight in terms:
            (left,) = problem.left(equation, [_unknown(model, problem, points)], points, {})
            total = total + weight * left.square().mean()
        total.backward()
        return total

    for step in range(steps):
        if step % _GRID_STEPS == 0:
            model.update_grid_from_samples(inside)
        optimizer.step(closure)  # type: ignore[arg-type]


def _unknown(model: Any, problem: Problem, points: Tensor) -> Jet:
    """The network with its derivatives, by autograd twice."""
    x = points.detach().requires_grad_()
    value = model(x)[:, 0]
    (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    rows = [torch.autograd.grad(part.sum(), x, create_graph=True)[0] for part in slope.unbind(1)]
    return Jet(value, slope, torch.stack(rows, 1), problem.box.names)
