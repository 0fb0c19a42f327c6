"""A tanh perceptron as the unknown of a differential equation, with the residuals that splines are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.experiments._perceptron import started
from edgewise.pde import Problem

Jets = tuple[Tensor, Tensor, Tensor]


class Unknown(torch.nn.Module):
    """A perceptron and a problem's unknown constants, at points as many as a problem's `solve` has.

    The loss is that of `solve`: the mean square of the equation inside plus the weight times that of each condition.
    """

    def __init__(self, problem: Problem, sizes: Sequence[int], points: int, boundary: int, seed: int) -> None:
        super().__init__()
        self.problem, self.network = problem, started(sizes, seed)
        self.constants = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for name, v in problem.constants.items()}
        )
        self.terms = [(problem.residual, [problem.box.points(points, seed)], 1.0)]
        self.terms += [(c.residual, c.points(boundary, seed + 1), c.weight) for c in problem.conditions]

    def at(self, points: Tensor) -> Any:
        """The unknown with its derivatives at points (n, d)."""
        return self.problem.unknown(jets(self.network, points), points)

    def loss(self) -> Tensor:
        total = torch.zeros(())
        held = dict(self.constants.items())
        for equation, points, weight in self.terms:
            left = self.problem.left(equation, [self.at(side) for side in points], points[0], held)
            total = total + weight * torch.stack([part.square().mean() for part in left]).mean()
        return total


def jets(network: torch.nn.Sequential, x: Tensor) -> Jets:
    """Values (n, m), gradients (n, m, d) and second derivatives (n, m, d, d) of a tanh perceptron at points (n, d).

    >>> from edgewise.measure import perceptron
    >>> [tuple(part.shape) for part in jets(perceptron([2, 5, 1], activation="tanh"), torch.zeros(3, 2).double())]
    [(3, 1), (3, 1, 2), (3, 1, 2, 2)]
    """
    n, d = x.shape
    rows, columns = torch.triu_indices(d, d)
    value, slope = x, torch.eye(d, dtype=x.dtype).unsqueeze(1).expand(-1, n, -1)
    bend = x.new_zeros(len(rows), n, d)
    for layer in network:
        if isinstance(layer, torch.nn.Linear):
            value, slope, bend = layer(value), slope @ layer.weight.T, bend @ layer.weight.T
        else:
            value = torch.tanh(value)
            first = 1 - value * value
            bend = first * (bend - 2 * value * slope[rows] * slope[columns])
            slope = first * slope
    place = torch.zeros(d, d, dtype=torch.long)
    place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
    return value, slope.permute(1, 2, 0), bend[place].permute(2, 3, 0, 1)
