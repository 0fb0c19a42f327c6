"""pykan on Poisson's equation, as its own notebook has it: derivatives by autograd, L-BFGS, finer grids."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.measure.baselines import default_dtype, silenced
from edgewise.measure.experiments._jets import autograd_jet
from edgewise.pde import Problem

_GRID_STEPS = 5  # steps between two moves of the knots


def pykan_solution(
    problem: Problem, widths: Sequence[int], points: int, boundary: int, grids: Sequence[int], steps: int, seed: int
) -> tuple[Any, float]:
    """Train on coarse grids, then on finer ones, with knots updated every five steps; return model and seconds."""
    from kan import KAN

    began = time.process_time()
    inside = problem.box.points(points, 0)
    terms = [(problem.residual, inside, 1.0)]
    terms += [(c.residual, c.points(boundary, 1)[0], c.weight) for c in problem.conditions]
    with default_dtype(torch.float64), silenced():
        model = KAN(width=list(widths), grid=grids[0], k=3, seed=seed, auto_save=False).speed()
        for number, grid in enumerate(grids):
            if number:
                model.save_act = True  # `refine` reads stored activations
                model.get_act(inside)
                model = model.refine(grid).speed()
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
