"""What the library asks of the functions that edges combine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from edgewise import kernels
from edgewise._errors import InputError
from edgewise._memory import require
from edgewise.bases._grid import sample_range
from edgewise.bases._solve import chebyshev_sites, solve
from edgewise.kernels import Family

Curve = Callable[[Tensor], Tensor]


class Basis(ABC):
    """A family of functions B_1 .. B_K of one variable on a range [lo, hi], straight beyond it.

    `grid` says how fine it is, each family in its own measure; K follows from it. The points of n_in inputs, a tensor
    (n_in, ...), say where their functions lie: the range [lo, hi] itself, unless a family has knots.

    What is written here serves a family whose functions all live on the whole range.
    """

    name: ClassVar[str]
    finest: ClassVar[int]  # the largest grid that training tries by itself
    ridge: ClassVar[float] = 8.0  # see `solve`
    nested: ClassVar[bool] = True  # whether a finer grid on the same range contains the functions of this one
    degree: ClassVar[int | None] = None  # of the pieces between knots, for a family that has them

    @abstractmethod
    def count(self, grid: int) -> int:
        """K, the number of functions."""

    @abstractmethod
    def grid(self, count: int) -> int:
        """The grid of `count` functions; below 1 where no grid has so many."""

    @abstractmethod
    def family(self, count: int) -> Family:
        """The key under which the kernels know these functions."""

    def values(self, x: Tensor, points: Tensor, count: int, order: int = 0) -> Tensor:
        """All functions, or their derivatives, at x (..., n_in): (..., n_in, K)."""
        return kernels.basis(x, points, self.family(count), order)

    def width(self, count: int) -> int:
        """Entries of `points` for each input."""
        return 2

    def placed(self, lo: Tensor, hi: Tensor, grid: int) -> Tensor:
        """Points for the ranges from lo to hi, each (n_in,)."""
        return torch.stack([lo, hi], dim=-1)

    def adapted(self, x: Tensor, grid: int, margin: float, quantiles: float = 0.0) -> Tensor:
        """Points over the range of samples (n, n_in), widened at each end by the share `margin` of that range."""
        if quantiles > 0:
            raise InputError(f"'quantiles' place knots, and basis {self.name!r} has none. Use quantiles=0.")
        return self.placed(*sample_range(x, margin), grid)

    def refined(self, points: Tensor, factor: int) -> Tensor:
        """Points for a grid `factor` times as fine on the same range."""
        return points

    def ends(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The ends (lo, hi) of the ranges, each (n_in,)."""
        return points[:, 0], points[:, -1]

    def marks(self, points: Tensor) -> Tensor:
        """Where pieces meet, the ends among them: (n_in, ...)."""
        return points

    def sites(self, points: Tensor, count: int) -> Tensor:
        """Where a function is sampled to be fitted, (samples, n_in)."""
        return chebyshev_sites(points, 4 * count)

    def drawn(self, curve: Curve, count: int) -> Tensor:
        """Coefficients (..., K) of a smooth curve on [-1, 1], which takes sites (s,) and gives values (..., s)."""
        points = self._unit(count)
        require(8 * 12 * count**2, f"Drawing {count} functions of basis {self.name!r}", "Use a coarser grid.")
        sites = self.sites(points, count)
        values = curve(sites[:, 0])
        functions = self.values(sites, points, count)[:, 0].to(values.device)
        found = solve(functions, values.reshape(-1, len(sites)).T, self.ridge)
        return found.T.reshape(*values.shape[:-1], count)

    def constant(self, count: int) -> Tensor:
        """Coefficients (K,) of the function that is one everywhere."""
        return self.drawn(torch.ones_like, count)

    def roughness(self, count: int) -> Tensor:
        """R (K, K) with c' R c the squared second derivative over the range, in the units of second differences.

        h^3 times the integral of (sum_m c_m B_m'')^2 over [-1, 1], h = 2/K.
        """
        points = self._unit(count)
        require(8 * 12 * count**2, f"The roughness of {count} functions of basis {self.name!r}", "Use a coarser grid.")
        angle = (torch.arange(4 * count, dtype=torch.float64) + 0.5) * torch.pi / (4 * count)
        bends = self.values(-torch.cos(angle).unsqueeze(1), points, count, 2)[:, 0]
        weights = torch.sin(angle) * torch.pi / (4 * count)
        return (2 / count) ** 3 * (bends.T * weights) @ bends

    def _unit(self, count: int) -> Tensor:
        one = torch.ones(1, dtype=torch.float64)
        return self.placed(-one, one, self.grid(count))
