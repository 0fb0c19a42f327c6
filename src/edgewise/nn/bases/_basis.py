"""What the library asks of the functions that edges combine, their knots, and their coefficients on other knots.

Knots are pure functions of ranges, samples and other knots. Inputs may have different numbers of cells: the knots of
those with fewer are followed by +inf.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._memory import require
from edgewise.kernels import Family, evaluate_basis


def uniform_knots(lo: Tensor, hi: Tensor, grid: int, degree: int) -> Tensor:
    """Return equally spaced knots with `grid` cells on [lo, hi] and `degree` more on each side.

    t_m = lo + (m - degree) (hi - lo)/grid, m = 0 .. grid + 2 degree.

    Parameters
    ----------
    lo : (n_in,)
        The lower end of the range of each input.
    hi : (n_in,)
        The upper end of the range of each input.
    grid
        The number of cells.
    degree
        The degree of the splines.

    Returns
    -------
    knots : (n_in, grid + 2 degree + 1)
        The knots.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import uniform_knots
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
    """Return knots over the range of samples.

    t = (1 - q) uniform + q quantiles, with q = `quantiles` in [0, 0.95]; 0 gives equal spacing.

    Parameters
    ----------
    x : (n, n_in)
        The samples.
    grid
        The number of cells.
    degree
        The degree of the splines.
    margin
        The fraction of the range by which the knots are widened at each end.
    quantiles
        The weight q of the quantiles of the samples, in [0, 0.95]; 0 gives equal spacing.

    Returns
    -------
    knots : (n_in, grid + 2 degree + 1)
        The knots.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import adapted_knots
    >>> adapted_knots(torch.tensor([[0.0], [4.0]]), grid=2, degree=1, margin=0.0).tolist()
    [[-2.0, 0.0, 2.0, 4.0, 6.0]]
    """
    knots = uniform_knots(*sample_range(x, margin), grid, degree)
    if quantiles > 0 and grid > 1:
        share = torch.linspace(0, 1, grid + 1, dtype=x.dtype, device=x.device)[1:-1]
        cuts = torch.quantile(x, share, dim=0).T
        inner = slice(degree + 1, degree + grid)
        knots[:, inner] = (1 - quantiles) * knots[:, inner] + quantiles * cuts
    return knots


def refined_knots(knots: Tensor, degree: int, factor: int) -> Tensor:
    """Split each cell into equal ones, so that the new splines contain the old.

    Parameters
    ----------
    knots : (n_in, G + 2 degree + 1)
        The knots of each input.
    degree
        The degree of the splines.
    factor
        How many cells each cell becomes.

    Returns
    -------
    knots : (n_in, factor G + 2 degree + 1)
        The new knots.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import refined_knots
    >>> refined_knots(torch.tensor([[-1.0, 0.0, 1.0, 2.0]]), degree=1, factor=2).tolist()
    [[-0.5, 0.0, 0.5, 1.0, 1.5]]
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
    """Return the ends (lo, hi), each (n_in,), of the interval on which the splines live.

    Parameters
    ----------
    knots : (n_in, ...)
        The knots of each input.
    degree
        The degree of the splines.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import spline_range
    >>> spline_range(torch.tensor([[-1.0, 0.0, 1.0, 2.0, 3.0]]), degree=1)
    (tensor([0.]), tensor([2.]))
    """
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
    """Return the knots (n_in, ...) of inputs with their own numbers of cells, followed by +inf where they are fewer.

    Parameters
    ----------
    cells
        The number of cells of each input.
    make
        Gives the knots (n_in, ...) of all inputs for a number of cells; row i is used for cells[i].

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import joined_rows
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


def chebyshev_sites(ranges: Tensor, count: int) -> Tensor:
    """Chebyshev points of each range [lo, hi]: ranges (..., 2), result (count, ...)."""
    lo, hi = ranges.unbind(-1)
    angle = (torch.arange(count, dtype=ranges.dtype, device=ranges.device) + 0.5) * torch.pi / count
    share = torch.cos(angle).reshape(-1, *(1 for _ in lo.shape))
    return (lo + hi) / 2 - (hi - lo) / 2 * share


def least_squares(functions: Tensor, values: Tensor, ridge: float = 0.0) -> Tensor:
    """Return the coefficients c that minimize |functions c - values|^2 + (ridge u f |c|)^2.

    u is the rounding unit and f the size of the functions' largest column.

    Parameters
    ----------
    functions : (..., s, K)
        The values of each function at the sites.
    values : (..., s, m)
        The values of m curves at the sites.
    ridge
        The weight of the size of the coefficients. A few units suppress the huge coefficients that cancel each other
        where functions are dependent up to rounding, and change the fit by no more than that.

    Returns
    -------
    coefficients : (..., K, m)
        The coefficients.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import least_squares
    >>> functions = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    >>> solution = least_squares(functions, torch.tensor([[1.0], [3.0], [5.0]], dtype=torch.float64))
    >>> [round(c, 6) for c in solution[:, 0].tolist()]
    [1.0, 2.0]
    """
    if ridge:
        count = functions.shape[-1]
        largest = functions.norm(dim=-2).amax(-1)[..., None, None]
        floor = ridge * torch.finfo(functions.dtype).eps * largest
        rows = floor * torch.eye(count, dtype=functions.dtype, device=functions.device)
        functions = torch.cat([functions, rows], dim=-2)
        values = torch.cat([values, values.new_zeros(*values.shape[:-2], count, values.shape[-1])], dim=-2)
    # "gels", because torch's default on the CPU starts its pivoting from memory that it never set: no two runs agree.
    return torch.linalg.lstsq(functions, values, driver="gels").solution


Curve = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Basis(Family, ABC):
    """Functions B_1 .. B_K of one variable on a range [lo, hi], straight beyond it: what an edge combines.

    `grid` says how fine a basis is, in its own measure; `count` gives K. The knots of n_in inputs, a tensor
    (n_in, ...), say where their functions lie: the range [lo, hi] itself, unless a basis has knots in between.

    A basis of your own is a subclass with a `name`, `max_grid`, `count`, `grid` and `inside`, the functions within the
    range in plain torch. It is handed to `KAN(..., basis=...)` as an object, or by name after `register`.

    Examples
    --------
    >>> import torch, edgewise as ew
    >>> from edgewise.bases import Basis
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
        """Return K, the number of functions.

        Parameters
        ----------
        grid
            How fine the basis is, in its own measure.
        """

    @abstractmethod
    def grid(self, count: int) -> int:
        """Return the grid of a number of functions; below 1 if no grid has that number.

        Parameters
        ----------
        count
            The number of functions K.
        """

    def evaluate(self, x: Tensor, knots: Tensor, count: int, order: int = 0) -> Tensor:
        """Return all functions, or their derivatives: (..., n_in, K).

        Parameters
        ----------
        x : (..., n_in)
            The inputs.
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        order
            The order of the derivative; 0 for values.
        """
        return evaluate_basis(x, knots, self, count, order)

    def counts(self, knots: Tensor, count: int) -> list[int]:
        """Return how many of the functions each input has; the others are zero.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        """
        return [count] * len(knots)

    def n_knots(self, count: int) -> int:
        """Return the number of knots of an input.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return 2

    def uniform_knots(self, lo: Tensor, hi: Tensor, grid: int) -> Tensor:
        """Return the knots (n_in, ...) of ranges.

        Parameters
        ----------
        lo : (n_in,)
            The lower end of the range of each input.
        hi : (n_in,)
            The upper end of the range of each input.
        grid
            How fine the basis is, in its own measure.
        """
        return torch.stack([lo, hi], dim=-1)

    def adapted_knots(self, x: Tensor, grid: int, margin: float, quantiles: float = 0.0) -> Tensor:
        """Return knots (n_in, ...) over the range of samples.

        Parameters
        ----------
        x : (n, n_in)
            The samples.
        grid
            How fine the basis is, in its own measure.
        margin
            The fraction of the range by which the knots are widened at each end.
        quantiles
            The weight of the quantiles of the samples, in [0, 0.95]; 0 for uniform knots.

        Raises
        ------
        InputError
            For `quantiles` of a basis without knots in between.
        """
        if quantiles > 0:
            raise InputError(f"'quantiles' place knots, and basis {self.name!r} has none. Use quantiles=0.")
        return self.uniform_knots(*sample_range(x, margin), grid)

    def refined_knots(self, knots: Tensor, factor: int) -> Tensor:
        """Return knots (n_in, ...) for a finer grid on the same range.

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        factor
            How many times as fine the grid becomes.
        """
        return knots

    def ends(self, knots: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ends (lo, hi) of the ranges, each (n_in,).

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        """
        return knots[:, 0], knots[:, -1]

    def breakpoints(self, knots: Tensor) -> Tensor:
        """Return where smooth pieces meet, the ends among them: (n_in, ...).

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        """
        return knots

    def sites(self, knots: Tensor, count: int) -> Tensor:
        """Return where a function is sampled to be fitted, (samples, n_in).

        Parameters
        ----------
        knots : (n_in, ...)
            The knots of each input.
        count
            The number of functions K.
        """
        return chebyshev_sites(knots, 4 * count)

    def approximate(self, curve: Curve, count: int) -> Tensor:
        """Return coefficients (..., K) of a smooth curve on [-1, 1].

        Parameters
        ----------
        curve
            The curve, which takes sites (s,) and gives (..., s).
        count
            The number of functions K.

        Raises
        ------
        InputError
            For more functions than memory holds.
        """
        knots = self._unit(count)
        require(8 * 12 * count**2, f"Drawing {count} functions of basis {self.name!r}", "Use a coarser grid.")
        sites = self.sites(knots, count)
        values = curve(sites[:, 0])
        functions = self.evaluate(sites, knots, count)[:, 0].to(values.device)
        found = least_squares(functions, values.reshape(-1, len(sites)).T, self.ridge)
        return found.T.reshape(*values.shape[:-1], count)

    def constant(self, count: int) -> Tensor:
        """Return coefficients (K,) of the function that is one everywhere.

        Parameters
        ----------
        count
            The number of functions K.
        """
        return self.approximate(torch.ones_like, count)

    def roughness(self, count: int) -> Tensor:
        """Return R (K, K) with c' R c the squared second derivative over the range, in the units of second differences.

        h^3 times the integral of (sum_m c_m B_m'')^2 over [-1, 1], h = 2/K.

        Parameters
        ----------
        count
            The number of functions K.

        Raises
        ------
        InputError
            For more functions than memory holds.
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


def transfer(coefficients: Tensor, basis: Basis, old: Tensor, new: Tensor, count: int) -> Tensor:
    """Return the coefficients on other knots of functions that are given.

    Least squares over the basis's sites: exact to rounding where the new functions contain the old (refined cells,
    more terms), the least-squares error otherwise.

    Inputs with fewer functions have zeros after them.

    Parameters
    ----------
    coefficients : (n_out, n_in, K)
        The coefficients on the old knots.
    basis
        The basis.
    old : (n_in, ...)
        The knots that the functions are given on.
    new : (n_in, ...)
        The knots that they are carried to.
    count
        The number of functions of the new knots.

    Returns
    -------
    coefficients : (n_out, n_in, count)
        The coefficients on the new knots.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import refined_knots, transfer, uniform_knots
    >>> from edgewise.bases import BSpline
    >>> old = uniform_knots(torch.tensor([0.0]), torch.tensor([1.0]), grid=2, degree=1)
    >>> new = refined_knots(old, degree=1, factor=2)
    >>> transfer(torch.tensor([[[1.0, 2.0, 5.0]]]), BSpline(1), old, new, 5).round(decimals=4).tolist()
    [[[1.0, 1.5, 2.0, 3.5, 5.0]]]
    """
    counts = basis.counts(new, count)
    if len(set(counts)) <= 1 and counts[:1] in ([], [count]):
        return _transferred(coefficients, basis, old, new, count)
    out = coefficients.new_zeros(len(coefficients), len(new), count)
    for own in set(counts):
        some = [i for i, other in enumerate(counts) if other == own]
        fewer = new[some, : basis.n_knots(own)]
        out[:, some, :own] = _transferred(coefficients[:, some], basis, old[some], fewer, own)
    return out


def _transferred(coefficients: Tensor, basis: Basis, old: Tensor, new: Tensor, count: int) -> Tensor:
    sites = (4 if basis.degree is None else basis.degree + 2) * count
    require(
        8 * 3 * coefficients.shape[1] * sites * max(count, coefficients.shape[-1]),
        f"Carrying {coefficients.shape[1]} inputs' functions to {count} others",
        "Use a coarser grid.",
    )
    x = basis.sites(new, count)
    values = torch.einsum("mik,oik->imo", basis.evaluate(x, old, coefficients.shape[-1]), coefficients)
    solution = least_squares(basis.evaluate(x, new, count).movedim(0, 1), values, basis.ridge)
    return solution.permute(2, 0, 1).contiguous()


def fit_curves(curves: Curve, basis: Basis, knots: Tensor, count: int) -> Tensor:
    """Return the coefficients (m, count) on one input's knots that fit m curves by least squares.

    Where the knots are of fewer functions, zeros follow.

    Parameters
    ----------
    curves
        The curves, which take sites (s,) and give values (s, m).
    basis
        The basis.
    knots : (knots,)
        The knots of the input.
    count
        The number of coefficients of each curve.

    Examples
    --------
    >>> import torch
    >>> from edgewise.bases import fit_curves, uniform_knots
    >>> from edgewise.bases import BSpline
    >>> knots = uniform_knots(torch.tensor([0.0]), torch.tensor([1.0]), grid=2, degree=1)[0].double()
    >>> fit_curves(lambda x: (1 + 2 * x).unsqueeze(-1), BSpline(1), knots, 3).round(decimals=4).tolist()
    [[1.0, 2.0, 3.0]]
    """
    (own,) = basis.counts(knots.unsqueeze(0), count)
    if own < count:
        return torch.nn.functional.pad(fit_curves(curves, basis, knots[: basis.n_knots(own)], own), (0, count - own))
    knots = knots.unsqueeze(0)
    x = basis.sites(knots, count)
    return least_squares(basis.evaluate(x, knots, count)[:, 0], curves(x[:, 0]), basis.ridge).T
