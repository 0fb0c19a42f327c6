"""The grid of one layer: the numbers of cells that `grid` means, and its knots, moved under its functions."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.nn._init import check_size
from edgewise.nn._module import check_inputs
from edgewise.nn.bases import Basis, joined_rows, transfer

Grid = int | Sequence[int]
"""The cells of all inputs of a layer, or of each."""


def cells_of(grid: Any, n_in: int, basis: Basis) -> list[int]:
    """Return the number of cells of each input.

    Errors: InputError for what is no int >= 1 and no list of one for each input, and for different numbers where the
    basis has no cells.

    >>> from edgewise.bases import BSpline
    >>> cells_of(5, 2, BSpline(3)), cells_of([32, 4], 2, BSpline(3))
    ([5, 5], [32, 4])
    """
    if is_int(grid, 1):
        return [int(grid)] * n_in
    if not isinstance(grid, list | tuple) or len(grid) != n_in or not all(is_int(each, 1) for each in grid):
        raise InputError(
            f"The 'grid' parameter of KAN must be an int >= 1, or a list of one for each of the {n_in} inputs of a "
            f"layer. Got {grid!r:.80} instead."
        )
    if basis.degree is None and len(set(grid)) > 1:
        raise InputError(f"Inputs of basis {basis.name!r} have one grid. Use an int, or B-splines. Got {grid!r:.80}.")
    return [int(each) for each in grid]


def in_proportion(grids: Sequence[int], grid: int) -> list[int]:
    """Return numbers of cells of which `grid` is the largest, in the proportions of others.

    >>> in_proportion([32, 4, 1], 8)
    [8, 1, 1]
    """
    most = max(grids)
    return [grid if own == most else max(1, round(grid * own / most)) for own in grids]


def grids_of(grid: Any, n_ins: Sequence[int]) -> list[Any]:
    """Return what `grid` says of each layer: one number for all, or a list with a number, or a list, for each layer.

    Errors: InputError for a list of another length.

    >>> grids_of([[32, 4], 8], [2, 5])
    [[32, 4], 8]
    """
    if not isinstance(grid, list | tuple):
        return [grid] * len(n_ins)
    if len(grid) != len(n_ins):
        raise InputError(
            f"The 'grid' parameter of KAN must be an int, or a list with the grid of each of the {len(n_ins)} layers: "
            f"an int, or a list of one for each input. Got {grid!r:.80} instead."
        )
    return list(grid)


Replaced = dict[torch.nn.Parameter, torch.nn.Parameter]
"""The new parameter of each that was replaced: see `edgewise.nn.replace_parameters`."""

MARGINS = (0.02, 0.05)
"""Fractions of the range of the samples by which knots reach beyond it: for inputs, and for hidden nodes."""


class Gridded(Protocol):
    """What has a grid: a `edgewise.nn.KANLayer`."""

    n_in: int
    n_out: int
    basis: Basis
    knots: Tensor
    coefficients: torch.nn.Parameter

    @property
    def grid(self) -> int: ...
    @property
    def grids(self) -> list[int]: ...
    @property
    def dtype(self) -> torch.dtype: ...
    def spline_mask(self) -> Tensor: ...
    def locked_mask(self) -> Tensor: ...


class GridTools:
    """The methods of a layer that change its grid in place; `edgewise.nn.update_grids` and others walk a module.

    They belong between two steps of an optimizer. Where the number of coefficients stays, the parameter stays, and its
    values are written in place. Where it changes, the layer gets a new parameter, which the optimizer does not know:
    `edgewise.nn.replace_parameters(optimizer, replaced)` puts what they return in its place.
    """

    @torch.no_grad()
    def update_grid(
        self: Gridded, x: Tensor, grid: Grid | None = None, *, tails: float = 0.01, margin: float = 0.05,
        quantiles: float = 0.0,
    ) -> Replaced:  # fmt: skip
        """Move the knots to where the inputs lie, in place, and carry the functions over by least squares.

        knots = (1 - quantiles) uniform + quantiles (quantiles of x)

        They span the range of x without some rows at each end, so that a few far rows do not make every cell wide.
        Beyond it functions are straight. Functions are kept exactly where the new knots contain the old, and nearly so
        elsewhere on the new range; what they did beyond it is lost. Knots under a locked edge stay.

        Parameters
        ----------
        x : (..., n_in)
            The inputs that the layer gets.
        grid
            How fine the functions are: an int for the finest input, the cells of others in proportion, or a list with
            the cells of each. None keeps the grid.
        tails
            The fraction of the rows at each end that the knots do not have to span.
        margin
            The fraction of the range by which the knots are widened at each end.
        quantiles
            The weight of the quantiles, in [0, 0.95]. Only bases with knots in between take it. Uneven knots follow
            dense data more closely, and make a step two to three times as slow on a CPU.

        Returns
        -------
        dict
            The new parameter of each that was replaced, which only another `grid` does.

        Raises
        ------
        InputError
            For x of another width, without rows or not finite, and for settings out of range.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> layer = ew.nn.KANLayer(2, 3)
        >>> layer.update_grid(torch.rand(1000, 2) * 50)
        {}
        >>> bool(layer.basis.ends(layer.knots)[1].min() > 45)
        True
        """
        for name, value, most in (("tails", tails, 0.4), ("margin", margin, 1e6), ("quantiles", quantiles, 0.95)):
            _check_number(name, value, most)
        cells, rows = cells_for(self, grid), _without_tails(_rows(self, x), tails)
        check_size(self.n_in, self.n_out, self.basis.count(max(cells)), self.dtype)
        part = quantiles if self.basis.degree is not None else 0.0
        return _put(self, knots_over(self, rows, cells, margin, part), max(cells))

    @torch.no_grad()
    def refine_grid(self: Gridded, factor: int = 2) -> Replaced:
        """Make the grid `factor` times as fine, in place: the same functions to rounding, with more coefficients.

        Cells are split into equal ones; the degree or the number of harmonics grows by the factor. "rbf" carries its
        functions over by least squares.

        Parameters
        ----------
        factor
            How many cells each cell becomes.

        Returns
        -------
        dict
            The new parameter of each that was replaced.

        Raises
        ------
        InputError
            For a factor that is no int >= 1.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> layer = ew.nn.KANLayer(2, 3, grid=5)
        >>> optimizer = torch.optim.AdamW(layer.parameters())
        >>> ew.nn.replace_parameters(optimizer, layer.refine_grid(2))
        >>> layer.grid, optimizer.param_groups[0]["params"][0] is layer.coefficients
        (10, True)
        """
        return _put(self, *finer(self, factor))

    @torch.no_grad()
    def widen_grid(self: Gridded, x: Tensor, *, margin: float = 0.05) -> Replaced:
        """Stretch the ranges that the inputs leave until they hold them, in place, by least squares.

        Inputs that stay in their range keep their knots and functions, bit for bit. The number of cells stays: where a
        range grows much, `refine_grid` first keeps more of the functions.

        Parameters
        ----------
        x : (..., n_in)
            The inputs that the layer gets.
        margin
            The fraction of the inputs' range by which a stretched range reaches beyond them.

        Returns
        -------
        dict
            Empty: no parameter is replaced.

        Raises
        ------
        InputError
            For x of another width, without rows or not finite, and for a margin out of range.

        Examples
        --------
        >>> import edgewise as ew, torch
        >>> layer = ew.nn.KANLayer(2, 3)
        >>> layer.widen_grid(torch.tensor([[0.0, 0.0], [0.5, 3.0]]), margin=0.0)
        {}
        >>> [round(end, 3) for end in layer.basis.ends(layer.knots)[1].tolist()]
        [1.0, 3.0]
        """
        _check_number("margin", margin, 1e6)
        rows = _rows(self, x)
        knots = self.knots.to(rows.dtype)
        (lo, hi), least, most = self.basis.ends(knots), rows.amin(0), rows.amax(0)
        extra = margin * (most - least)
        first = torch.where(least < lo, least - extra, lo)
        last = torch.where(most > hi, most + extra, hi)
        stretched = torch.lerp(first[:, None], last[:, None], (knots - lo[:, None]) / (hi - lo)[:, None])
        same = ((first == lo) & (last == hi)).unsqueeze(1)
        return _put(self, torch.where(same, knots, stretched), self.grid)


def finer(layer: Gridded, factor: int) -> tuple[Tensor, int]:
    """Knots `factor` times as fine, or as near as locked edges let a layer come, and their grid."""
    check_count("factor", factor)
    grid = reachable_grid(layer, factor * layer.grid)
    check_size(layer.n_in, layer.n_out, layer.basis.count(grid), layer.dtype)
    return layer.basis.refined_knots(layer.knots, grid // layer.grid), grid


def reachable_grid(layer: Gridded, grid: int) -> int:
    """The grid that a layer can have: `grid`, or where a locked spline must stay what it is, a multiple of its own.

    A locked function is carried exactly only to cells that split the old ones, so the layer takes the largest multiple
    up to `grid`, and never a coarser one. "rbf" has no such grids, so there it keeps its own.
    """
    if not bool(held_inputs(layer).any()):
        return grid
    return layer.grid * max(1, grid // layer.grid) if layer.basis.nested else layer.grid


def held_inputs(layer: Gridded) -> Tensor:
    """Which inputs' knots lie under a locked spline, (n_in,)."""
    return (layer.spline_mask() & layer.locked_mask()).any(0)


def cells_for(layer: Gridded, grid: Any) -> list[int]:
    """The cells of each input that a layer gets for a `grid`: its own for None, those near to a list or a number.

    A number is for the finest input; others keep their proportion. Under a locked spline cells can only be split.
    """
    if grid is None or not isinstance(grid, list | tuple):
        if grid is not None:
            check_count("grid", grid)
        return in_proportion(layer.grids, reachable_grid(layer, grid or layer.grid))
    asked, own, held = cells_of(grid, layer.n_in, layer.basis), layer.grids, held_inputs(layer).tolist()
    if not layer.basis.nested and any(held):
        return own
    return [old * max(1, new // old) if h else new for old, new, h in zip(own, asked, held, strict=True)]


def knots_over(layer: Gridded, rows: Tensor, cells: list[int], margin: float, quantiles: float = 0.0) -> Tensor:
    """Return knots for the cells of each input over the range of rows.

    Parameters
    ----------
    layer
        The layer.
    rows : (n, n_in)
        The inputs of the layer.
    cells
        The number of cells of each input.
    margin
        The fraction of the range by which the knots are widened at each end.
    quantiles
        The weight of the quantiles of the rows, in [0, 0.95]; 0 for uniform knots.
    """
    return joined_rows(cells, lambda count: layer.basis.adapted_knots(rows, count, margin, quantiles))


def held_knots(layer: Gridded, knots: Tensor) -> Tensor:
    """Return `knots` with those under locked splines where they are, their cells split.

    Parameters
    ----------
    layer
        The layer.
    knots : (n_in, knots)
        Knots of cells that the layer can have.
    """
    held, basis = held_inputs(layer), layer.basis
    if not bool(held.any()):
        return knots
    if basis.degree is None:
        return torch.where(held.unsqueeze(-1), layer.knots, knots)
    new, count = knots.clone(), knots.shape[1] - basis.degree - 1
    for i in held.nonzero().flatten().tolist():
        cells = basis.grid(basis.counts(knots[i : i + 1], count)[0])
        own = layer.knots[i : i + 1, : basis.n_knots(basis.count(layer.grids[i]))]
        split = basis.refined_knots(own, cells // layer.grids[i]) if cells > layer.grids[i] else own
        new[i, : split.shape[1]] = split[0]
    return new


def set_knots(layer: Gridded, knots: Tensor, grid: int) -> None:
    """Give the layer other knots and a new parameter on them, by least squares; locked ones stay to rounding."""
    knots = held_knots(layer, knots)
    same = grid == layer.grid
    stay = held_inputs(layer) & (knots == layer.knots).all(1) if same else held_inputs(layer)
    moved = _carried(layer, knots, grid, stay)
    layer.knots, layer.coefficients = knots, torch.nn.Parameter(moved)


def check_count(name: str, value: object) -> None:
    if not is_int(value, 1):
        raise InputError(f"'{name}' must be an int >= 1. Got {value!r}.")


def _put(layer: Gridded, knots: Tensor, grid: int) -> Replaced:
    """Put a layer in training on other knots, with its own parameter where that has the size."""
    if isinstance(layer, torch.nn.Module) and is_parametrized(layer, "coefficients"):
        raise InputError("The coefficients are parametrized. Remove the parametrization before you change the grid.")
    knots = held_knots(layer, knots.to(layer.dtype))
    if bool((layer.basis.breakpoints(knots).diff() <= 0).any()):
        raise InputError(f"In {layer.dtype} some of the knots coincide. Use a coarser grid, or smaller 'quantiles'.")
    stay = (knots == layer.knots).all(1) if grid == layer.grid else held_inputs(layer)
    moved, old = _carried(layer, knots, grid, stay), layer.coefficients
    if moved.shape == old.shape:
        old.copy_(moved)
        layer.knots.copy_(knots)
        return {}
    layer.knots, layer.coefficients = knots, torch.nn.Parameter(moved, requires_grad=old.requires_grad)
    return {old: layer.coefficients}


def _carried(layer: Gridded, knots: Tensor, grid: int, stay: Tensor) -> Tensor:
    """The functions on other knots; those of the inputs in `stay` to the bit, where the grid does."""
    own = layer.coefficients.detach()
    work = torch.promote_types(own.dtype, torch.float32)  # no least squares with half the digits
    moved = transfer(own.to(work), layer.basis, layer.knots.to(work), knots.to(work), layer.basis.count(grid))
    moved = moved.to(own.dtype)
    if grid == layer.grid:
        moved[:, stay] = own[:, stay]
    return moved


def _rows(layer: Gridded, x: Tensor) -> Tensor:
    """The inputs as rows in full precision; of many, a part that has their range."""
    check_inputs(x, layer.n_in, "The layer")
    rows = x.detach().reshape(-1, layer.n_in).to(layer.knots.device, torch.promote_types(layer.dtype, torch.float32))
    if len(rows) == 0 or not bool(torch.isfinite(rows).all()):
        raise InputError("x must have at least one row, and finite numbers only.")
    most = max(2, min(2**16, 2**24 // layer.n_in - 2))  # torch.quantile takes no more than 2^24 numbers
    if len(rows) <= most:
        return rows
    return torch.cat([rows[:: -(-len(rows) // most)], rows.amin(0, keepdim=True), rows.amax(0, keepdim=True)])


def _without_tails(rows: Tensor, tails: float) -> Tensor:
    """Rows whose extremes are moved to quantiles, where these differ."""
    if tails == 0:
        return rows
    lo, hi = torch.quantile(rows, torch.tensor([tails, 1 - tails]).to(rows), dim=0)
    return torch.where(lo < hi, torch.minimum(torch.maximum(rows, lo), hi), rows)


def _check_number(name: str, value: object, most: float) -> None:
    if not is_number(value, 0, most):
        raise InputError(f"'{name}' must be a number in [0, {most:g}]. Got {value!r}.")
