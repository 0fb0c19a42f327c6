"""A tanh MLP as the unknown of a differential equation, with the residuals that splines are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.measure.baselines import seeded_mlp
from edgewise.pde import Problem

Jets = tuple[Tensor, Tensor, Tensor]


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
        self.terms = [(problem.residual, [problem.box.points(points, seed)], 1.0)]
        self.terms += [(c.residual, c.points(boundary, seed + 1), c.weight) for c in problem.conditions]

    def at(self, points: Tensor) -> Any:
        """Return the unknown with its derivatives at points (n, d)."""
        return self.problem.unknown(mlp_jets(self.network, points), points)

    def loss(self) -> Tensor:
        total = torch.zeros(())
        held = dict(self.constants.items())
        for equation, points, weight in self.terms:
            left = self.problem.left(equation, [self.at(side) for side in points], points[0], held)
            total = total + weight * torch.stack([part.square().mean() for part in left]).mean()
        return total


def mlp_jets(network: torch.nn.Sequential, x: Tensor) -> Jets:
    """Return values (n, m), gradients (n, m, d) and second derivatives (n, m, d, d) of a tanh MLP at points (n, d).

    >>> from edgewise.measure.baselines import mlp
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
