"""Numbers of cells of the inputs of layers: what `grid` says."""

from collections.abc import Sequence
from typing import Any

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.nn.bases import Basis

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
