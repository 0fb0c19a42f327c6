"""What a model sees of a problem."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.discovery._problem import Problem
from edgewise.structure import heavy_tailed


@dataclass(frozen=True)
class Coordinates:
    """What a model sees of a problem: logarithms of some columns, and the target, its logarithm or its square.

    `sign` is that of the target, where it has one.
    """

    logs: tuple[bool, ...]
    target_as: str = "itself"
    sign: float = 1.0

    @classmethod
    def of(cls, problem: Problem, relative: bool) -> Coordinates:
        """Logarithms of heavy-tailed columns, and of a target of many decades."""
        t = problem.target
        wide = problem.sign and float(t.abs().max()) > 100 * float(t.abs().min())
        logs = tuple(heavy_tailed(problem.columns[:, i]) for i in range(problem.n_columns))
        return cls(logs, "log" if relative and wide else "itself", float(torch.sign(t[0])))

    def inputs(self, columns: Tensor) -> Tensor:
        parts = [columns[:, i].log() if log else columns[:, i] for i, log in enumerate(self.logs)]
        return torch.stack(parts, dim=1)

    def target(self, t: Tensor) -> Tensor:
        if self.target_as == "log":
            return (self.sign * t).log()
        return t.square() if self.target_as == "square" else t

    def back(self, values: Tensor) -> Tensor:
        if self.target_as == "log":
            return self.sign * values.exp()
        return self.sign * values.clamp_min(0).sqrt() if self.target_as == "square" else values

    def slope(self, t: Tensor) -> Tensor:
        """How fast the target changes with what is seen of it, where the target is t."""
        if self.target_as == "log":
            return t
        return 0.5 / t if self.target_as == "square" else torch.ones_like(t)

    def returned(self, columns: Tensor, values: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Values (n,) and gradient (n, m) of the target by the columns, from those seen in these coordinates."""
        values = self.back(values)
        slope = self.slope(values)
        slope = torch.where(torch.isfinite(slope), slope, 0.0)
        divisors = [columns[:, i] if log else torch.ones_like(values) for i, log in enumerate(self.logs)]
        return values, gradient * slope.unsqueeze(1) / torch.stack(divisors, dim=1)
