"""B-splines."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from edgewise.kernels import BSplineFamily
from edgewise.nn.bases._basis import Basis, Curve
from edgewise.nn.bases._grid import adapted_knots, cell_counts, joined_rows, refined_knots, spline_range, uniform_knots
from edgewise.nn.bases._least_squares import chebyshev_sites

HIGHEST_DEGREE = 9
"""The highest degree of B-splines that there are kernels for, and tests of."""


@final
@dataclass(frozen=True)
class BSpline(BSplineFamily, Basis):
    """Splines of a degree from 1 to 9; `grid` is the number of cells G, K = G + degree.

    Each function lives on degree + 1 cells. Knots are (n_in, G + 2 degree + 1), `degree` of them outside each end, and
    may be spaced unevenly. An input with fewer cells than G has fewer knots, then +inf, and its last functions are
    zero. Of degree 1 it is the basis "linear": straight pieces between values at the knots.

    >>> BSpline(3).count(grid=5)
    8
    """

    max_grid = 800
    ridge = 0.0

    @property
    def name(self) -> str:  # type: ignore[override]
        return "linear" if self.degree == 1 else "bspline"

    def count(self, grid: int) -> int:
        return grid + self.degree

    def grid(self, count: int) -> int:
        return count - self.degree

    def counts(self, knots: Tensor, count: int) -> list[int]:
        return [cells + self.degree for cells in cell_counts(knots, self.degree)]

    def n_knots(self, count: int) -> int:
        return count + self.degree + 1

    def uniform_knots(self, lo: Tensor, hi: Tensor, grid: int) -> Tensor:
        return uniform_knots(lo, hi, grid, self.degree)

    def adapted_knots(self, x: Tensor, grid: int, margin: float, quantiles: float = 0.0) -> Tensor:
        return adapted_knots(x, grid, self.degree, margin, quantiles)

    def refined_knots(self, knots: Tensor, factor: int) -> Tensor:
        return refined_knots(knots, self.degree, factor)

    def ends(self, knots: Tensor) -> tuple[Tensor, Tensor]:
        return spline_range(knots, self.degree)

    def breakpoints(self, knots: Tensor) -> Tensor:
        """Of an input with fewer cells than the others, followed by +inf."""
        cells = cell_counts(knots, self.degree)
        return joined_rows(cells, lambda count: knots[:, self.degree : self.degree + count + 1])

    def sites(self, knots: Tensor, count: int) -> Tensor:
        """Chebyshev points of each cell, of inputs that all have as many."""
        inner = self.breakpoints(knots)
        cells = torch.stack([inner[:, :-1], inner[:, 1:]], dim=-1)
        each = chebyshev_sites(cells, self.degree + 2)
        lo, hi = self.ends(knots)
        return each.permute(2, 0, 1).flatten(0, 1).clamp(lo, hi).contiguous()

    def approximate(self, curve: Curve, count: int) -> Tensor:
        """The curve at evenly spaced places: a smooth one is near its control polygon."""
        return curve(torch.linspace(-1, 1, count, dtype=torch.float64))

    def constant(self, count: int) -> Tensor:
        """Ones: B-splines sum to one."""
        return torch.ones(count, dtype=torch.float64)

    def roughness(self, count: int) -> Tensor:
        """Of the second differences of the coefficients."""
        difference = torch.eye(count, dtype=torch.float64).diff(dim=0).diff(dim=0)
        return difference.T @ difference
