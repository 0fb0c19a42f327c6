"""Candidates by complexity and error."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from edgewise._errors import InputError
from edgewise.plot import _style as style
from edgewise.plot._text import PLAIN, plain

_EXACT = 1e-17  # errors of zero are drawn here
_DECADE = 20.0  # largest over smallest error from which the axis is logarithmic
_LONGEST = 46  # characters of a formula in the list beside the picture


class Candidate(NamedTuple):
    """One candidate formula: number, complexity, relative error, text, whether it was chosen.

    `held_out` is the error on rows that it was not fitted to, `weight` its weight of evidence; NaN if not known. `r2`
    is the held-out error as a coefficient of determination, as a text for tables.
    """

    index: int
    complexity: float
    error: float
    formula: str
    chosen: bool = False
    held_out: float = math.nan
    weight: float = math.nan
    r2: str = ""


def pareto(
    rows: Sequence[Candidate], ax: Axes | None = None, *, ceiling: float | None = None, formulas: bool = False
) -> Axes:
    """Draw candidates by complexity and error with the Pareto front as a staircase, and return the axes.

    Errors are those on held-out rows where they are known. Candidates whose error is not finite are left out.
    `ceiling` is the error of a model that no formula has to beat: a line. `formulas` lists the formulas beside the
    picture, cut where they are long.

    Errors: InputError without rows.

    >>> import edgewise as ew
    >>> rows = [ew.plot.Candidate(0, 1, 0.5, "x"), ew.plot.Candidate(1, 4, 1e-9, "x**2", True)]
    >>> ew.plot.pareto(rows).get_yscale()
    'log'
    """
    if not rows:
        raise InputError("The Pareto picture needs at least one candidate. Got none.")
    held_out = any(math.isfinite(row.held_out) for row in rows)
    ax = style.axes(ax, (9.6 if formulas else 6.4, 3.4))
    listed, rows = rows, [row for row in rows if math.isfinite(_error(row, held_out))]
    heights = {row: max(_error(row, held_out), _EXACT) for row in rows}
    _staircase(ax, rows, heights)
    for row in rows:
        size, marker, color = (34, "o", style.ACCENT)
        if row.chosen:
            size, marker, color = (130, "*", style.SYMBOLIC)
        ax.scatter(row.complexity, heights[row], s=size, marker=marker, color=color, zorder=3)
        below = any(other.chosen and other.complexity == row.complexity for other in rows)
        offset = (7, 8) if row.chosen else (5, -12) if below else (5, 4)
        style.beside(ax, f"{row.index}", (row.complexity, heights[row]), offset, color)
    if ceiling is not None and math.isfinite(ceiling):
        _ceiling(ax, ceiling)
    _scaled(ax, [*heights.values(), *([ceiling] if ceiling else [])])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("complexity")
    ax.set_ylabel("error on held-out rows" if held_out else "relative error")
    style.plain_axes(ax)
    if formulas:
        _list(ax, listed)
    return ax


def _error(row: Candidate, held_out: bool) -> float:
    return row.held_out if held_out else row.error


def _staircase(ax: Axes, rows: Sequence[Candidate], heights: dict[Candidate, float]) -> None:
    """Draw the front: the rows that no other one beats in both, simplest first."""
    front: list[Candidate] = []
    for row in sorted(rows, key=lambda row: (row.complexity, heights[row])):
        if not front or heights[row] < heights[front[-1]]:
            front.append(row)
    complexities, errors = [row.complexity for row in front], [heights[row] for row in front]
    ax.step(complexities, errors, where="post", color=style.SOFT, linewidth=1.2, zorder=2)


def _ceiling(ax: Axes, error: float) -> None:
    ax.axhline(error, color=style.SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        "flexible model", (0, error), xycoords=("axes fraction", "data"), xytext=(4, -3), textcoords="offset points",
        ha="left", va="top", fontsize=8, color=style.SOFT,
    )  # fmt: skip


def _scaled(ax: Axes, errors: Sequence[float]) -> None:
    """Choose a logarithmic axis for errors of different sizes, else one that begins at zero."""
    ax.margins(x=0.08, y=0.12)
    if errors and max(errors) > _DECADE * min(errors):
        ax.set_yscale("log")
    elif errors:
        ax.set_ylim(0, 1.1 * max(errors))


def _list(ax: Axes, rows: Sequence[Candidate]) -> None:
    """Write the formulas by number at the right, from the simplest on."""
    step = min(1 / max(len(rows), 1), 0.1)
    for place, row in enumerate(rows):
        text = row.formula if len(row.formula) <= _LONGEST else row.formula[: _LONGEST - 4] + " ..."
        ax.text(
            1.03, 1 - step * place, plain(f"{row.index:2}  {text}"), transform=ax.transAxes, va="top", fontsize=7.5,
            family="monospace", color=style.SYMBOLIC if row.chosen else style.INK, **PLAIN,
        )  # fmt: skip
