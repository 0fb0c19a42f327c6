"""What the library asks of the functions that edges combine."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._memory import require
from edgewise.kernels import Family, evaluate_basis
from edgewise.nn.bases._grid import sample_range
from edgewise.nn.bases._least_squares import chebyshev_sites, least_squares

Curve = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Basis(Family, ABC):
    """Functions B_1 .. B_K of one variable on a range [lo, hi], straight beyond it: what an edge combines.

    `grid` says how fine a basis is, in its own measure; `count` gives K. The knots of n_in inputs, a tensor
    (n_in, ...), say where their functions lie: the range [lo, hi] itself, unless a basis has knots in between.

    A basis of your own is a subclass with a `name`, `max_grid`, `count`, `grid` and `inside`, the functions within the
    range in plain torch. It is handed to `KAN(..., basis=...)` as an object, or by name after `register`.

    >>> import torch, edgewise as ew
    >>> class Powers(Basis):
    ...     name, max_grid = "powers", 10
    ...     def count(self, grid): return grid + 1
    ...     def grid(self, count): return count - 1
    ...     def inside(self, x, lo, hi, count, order):
    ...         t = (2 * x - lo - hi) / (hi - lo)
    ...         powers = torch.arange(count)
    ...         factor = torch.ones(count, dtype=x.dtype)
    ...         for d in range(order):
    ...             factor = factor * (powers - d)
    ...         scale = (2 / (hi - lo)).unsqueeze(-1) ** order
    ...         return factor * scale * t.unsqueeze(-1) ** (powers - order).clamp(min=0)
    >>> ew.KAN([2, 1], basis=Powers(), grid=4)(torch.zeros(3, 2)).shape
    torch.Size([3, 1])
    """

    max_grid: ClassVar[int]  # the largest grid that training tries by itself
    ridge: ClassVar[float] = 8.0  # see `least_squares`
    nested: ClassVar[bool] = True  # whether a finer grid on the same range contains the functions of this one

    @abstractmethod
    def count(self, grid: int) -> int:
        """Return K, the number of functions."""

    @abstractmethod
    def grid(self, count: int) -> int:
        """Return the grid of `count` functions; below 1 if no grid has that number."""

    def evaluate(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        """Return all functions, or their derivatives, at x (..., n_in): (..., n_in, K)."""
        return evaluate_basis(x, knots, self, count, order)

    def counts(self, knots: Tensor, count: int) -> list[int]:
        """Return how many of the `count` functions each input has; the others are zero."""
        return [count] * len(knots)

    def n_knots(self, count: int) -> int:
        """Return the number of knots of an input."""
        return 2

    def uniform_knots(self, lo: Tensor, hi: Tensor, grid: int) -> Tensor:
        """Return knots for the ranges from lo to hi, each (n_in,)."""
        return torch.stack([lo, hi], dim=-1)

    def adapted_knots(self, x: Tensor, grid: int, margin: float, quantiles: float = 0.0) -> Tensor:
        """Return knots over the range of samples (n, n_in), widened at each end by the fraction `margin` of it."""
        if quantiles > 0:
            raise InputError(f"'quantiles' place knots, and basis {self.name!r} has none. Use quantiles=0.")
        return self.uniform_knots(*sample_range(x, margin), grid)

    def refined_knots(self, knots: Tensor, factor: int) -> Tensor:
        """Return knots for a grid `factor` times as fine on the same range."""
        return knots

    def ends(self, knots: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ends (lo, hi) of the ranges, each (n_in,)."""
        return knots[:, 0], knots[:, -1]

    def breakpoints(self, knots: Tensor) -> Tensor:
        """Return where smooth pieces meet, the ends among them: (n_in, ...)."""
        return knots

    def sites(self, knots: Tensor, count: int) -> Tensor:
        """Return where a function is sampled to be fitted, (samples, n_in)."""
        return chebyshev_sites(knots, 4 * count)

    def approximate(self, curve: Curve, count: int) -> Tensor:
        """Return coefficients (..., K) of a smooth curve on [-1, 1], which takes sites (s,) and gives (..., s)."""
        knots = self._unit(count)
        require(8 * 12 * count**2, f"Drawing {count} functions of basis {self.name!r}", "Use a coarser grid.")
        sites = self.sites(knots, count)
        values = curve(sites[:, 0])
        functions = self.evaluate(sites, knots, count)[:, 0].to(values.device)
        found = least_squares(functions, values.reshape(-1, len(sites)).T, self.ridge)
        return found.T.reshape(*values.shape[:-1], count)

    def constant(self, count: int) -> Tensor:
        """Return coefficients (K,) of the function that is one everywhere."""
        return self.approximate(torch.ones_like, count)

    def roughness(self, count: int) -> Tensor:
        """Return R (K, K) with c' R c the squared second derivative over the range, in the units of second differences.

        h^3 times the integral of (sum_m c_m B_m'')^2 over [-1, 1], h = 2/K.
        """
        knots = self._unit(count)
        require(8 * 12 * count**2, f"The roughness of {count} functions of basis {self.name!r}", "Use a coarser grid.")
        angle = (torch.arange(4 * count, dtype=torch.float64) + 0.5) * torch.pi / (4 * count)
        curvatures = self.evaluate(-torch.cos(angle).unsqueeze(1), knots, count, 2)[:, 0]
        weights = torch.sin(angle) * torch.pi / (4 * count)
        return (2 / count) ** 3 * (curvatures.T * weights) @ curvatures

    def _unit(self, count: int) -> Tensor:
        one = torch.ones(1, dtype=torch.float64)
        return self.uniform_knots(-one, one, self.grid(count))
