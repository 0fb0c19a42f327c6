"""Knots as pure functions of ranges, samples and other knots.

Inputs may have different numbers of cells: the knots of those with fewer are followed by +inf.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def uniform_knots(lo: Tensor, hi: Tensor, grid: int, degree: int) -> Tensor:
    """Return equally spaced knots with `grid` cells on [lo, hi] and `degree` more on each side.

    t_m = lo + (m - degree) (hi - lo)/grid, m = 0 .. grid + 2 degree.

    Shapes: lo and hi (n_in,), result (n_in, grid + 2 degree + 1).

    >>> import torch
    >>> uniform_knots(torch.tensor([0.0]), torch.tensor([1.0]), grid=2, degree=1).tolist()
    [[-0.5, 0.0, 0.5, 1.0, 1.5]]
    """
    position = torch.arange(-degree, grid + degree + 1, dtype=lo.dtype, device=lo.device) / grid
    knots = torch.lerp(lo.unsqueeze(-1), hi.unsqueeze(-1), position)
    knots[:, degree], knots[:, degree + grid] = lo, hi
    return knots


def sample_range(x: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Return the ends of the range of samples, widened on each side by the share `margin` of that range.

    A constant column c gets a range of width |c| around it, or of width one if it is zero.

    Shapes: x (n, n_in), result two of (n_in,).
    """
    lo, hi = x.amin(0), x.amax(0)
    width = hi - lo
    size = torch.maximum(lo.abs(), hi.abs())
    flat = width <= 1e-12 * size
    half = torch.where(flat, torch.where(size > 0, size, torch.ones_like(size)) / 2, margin * width)
    return lo - half, hi + half


def adapted_knots(x: Tensor, grid: int, degree: int, margin: float, quantiles: float = 0.0) -> Tensor:
    """Return knots over the range of samples, widened at each end by the share `margin` of that range.

    t = (1 - q) uniform + q quantiles, with q = `quantiles` in [0, 0.95]; 0 gives equal spacing.

    Shapes: x (n, n_in), result (n_in, grid + 2 degree + 1).
    """
    knots = uniform_knots(*sample_range(x, margin), grid, degree)
    if quantiles > 0 and grid > 1:
        share = torch.linspace(0, 1, grid + 1, dtype=x.dtype, device=x.device)[1:-1]
        cuts = torch.quantile(x, share, dim=0).T
        inner = slice(degree + 1, degree + grid)
        knots[:, inner] = (1 - quantiles) * knots[:, inner] + quantiles * cuts
    return knots


def refined_knots(knots: Tensor, degree: int, factor: int) -> Tensor:
    """Split each cell into `factor` equal ones, so that the new splines contain the old.

    Shapes: knots (n_in, G + 2 degree + 1), result (n_in, factor G + 2 degree + 1).
    """
    cells = cell_counts(knots, degree)
    return joined_rows(cells, lambda count: _refined(knots[:, : count + 2 * degree + 1], degree, factor))


def _refined(knots: Tensor, degree: int, factor: int) -> Tensor:
    inner = knots[:, degree : knots.shape[-1] - degree]
    step = torch.arange(factor, dtype=knots.dtype, device=knots.device) / factor
    cells = inner[:, :-1, None] + (inner[:, 1:] - inner[:, :-1])[..., None] * step
    fine = torch.cat([cells.flatten(1), inner[:, -1:]], dim=1)
    out = torch.arange(1, degree + 1, dtype=knots.dtype, device=knots.device)  # the first and the last spacing go on
    left = fine[:, :1] - (fine[:, 1:2] - fine[:, :1]) * out.flip(0)
    right = fine[:, -1:] + (fine[:, -1:] - fine[:, -2:-1]) * out
    return torch.cat([left, fine, right], dim=1)


def spline_range(knots: Tensor, degree: int) -> tuple[Tensor, Tensor]:
    """Return the ends (lo, hi), each (n_in,), of the interval on which the splines live."""
    last = (knots < torch.inf).sum(1, keepdim=True) - degree - 1
    return knots[:, degree], knots.gather(1, last)[:, 0]


def cell_counts(knots: Tensor, degree: int) -> list[int]:
    """Return the number of cells of each input.

    >>> inf = torch.inf
    >>> cell_counts(torch.tensor([[-1.0, 0.0, 1.0, 2.0, 3.0], [-1.0, 0.0, 1.0, 2.0, inf]]), 1)
    [2, 1]
    """
    if knots.is_meta:
        return [knots.shape[1] - 2 * degree - 1] * len(knots)
    return ((knots < torch.inf).sum(1) - 2 * degree - 1).tolist()


def joined_rows(cells: Sequence[int], make: Callable[[int], Tensor]) -> Tensor:
    """Return row i of the knots (n_in, ...) that `make` gives for cells[i] cells, followed by +inf where it is shorter.

    >>> joined_rows([2, 1], lambda count: torch.ones(2, count))
    tensor([[1., 1.],
            [1., inf]])
    """
    made = {count: make(count) for count in dict.fromkeys(cells)}
    if len(made) <= 1:
        return make(1)[:0] if not made else made[cells[0]]
    width = max(knots.shape[1] for knots in made.values())
    pad = torch.nn.functional.pad
    return torch.stack(
        [pad(made[count][i], (0, width - made[count].shape[1]), value=torch.inf) for i, count in enumerate(cells)]
    )
