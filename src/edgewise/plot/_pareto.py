"""Candidates by complexity and error."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from edgewise._errors import InputError
from edgewise.plot import _style as style

_EXACT = 1e-17  # errors of zero are drawn here


class Candidate(NamedTuple):
    """One candidate formula: its number, complexity, relative error, text, and whether it was chosen."""

    index: int
    complexity: float
    error: float
    formula: str
    chosen: bool = False


def pareto(rows: Sequence[Candidate], ax: Axes | None = None) -> Axes:
    """Draw candidates by complexity and error with the Pareto front as a staircase, and return the axes.

    Candidates whose error is not finite are left out.

    Errors: InputError without rows.

    >>> import edgewise as ew
    >>> rows = [ew.plot.Candidate(0, 1, 0.5, "x"), ew.plot.Candidate(1, 4, 1e-9, "x**2", True)]
    >>> ew.plot.pareto(rows).get_yscale()
    'log'
    """
    if not rows:
        raise InputError("The Pareto picture needs at least one candidate. Got none.")
    ax = style.axes(ax, (6.4, 3.4))
    rows = [row for row in rows if math.isfinite(row.error)]
    front: list[Candidate] = []  # the rows that no other one beats in both, simplest first
    for row in sorted(rows, key=lambda row: (row.complexity, row.error)):
        if not front or row.error < front[-1].error:
            front.append(row)
    heights = {row: max(row.error, _EXACT) for row in rows}
    complexities, errors = [row.complexity for row in front], [heights[row] for row in front]
    ax.step(complexities, errors, where="post", color=style.SOFT, linewidth=1.2, zorder=2)
    for row in rows:
        size, marker, color = (34, "o", style.ACCENT if row in front else style.SOFT)
        if row.chosen:
            size, marker, color = (130, "*", style.SYMBOLIC)
        ax.scatter(row.complexity, heights[row], s=size, marker=marker, color=color, zorder=3)
        style.beside(ax, f"{row.index}", (row.complexity, heights[row]), (5, 4), color)
    if rows:
        ax.set_yscale("log")
    ax.margins(x=0.08, y=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("complexity")
    ax.set_ylabel("relative error")
    style.plain_axes(ax)
    return ax
