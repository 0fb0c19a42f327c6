"""Candidates by complexity and error."""

from __future__ import annotations

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
    front = front_of(rows)
    heights = {row: max(row.error, _EXACT) for row in rows}
    ax.step(
        [r.complexity for r in front],
        [heights[r] for r in front],
        where="post",
        color=style.SOFT,
        linewidth=1.2,
        zorder=2,
    )
    for row in rows:
        colour = style.SYMBOLIC if row.chosen else style.ACCENT if row in front else style.SOFT
        ax.scatter(
            row.complexity,
            heights[row],
            s=130 if row.chosen else 34,
            marker="*" if row.chosen else "o",
            color=colour,
            zorder=3,
        )
        ax.annotate(
            f"{row.index}",
            (row.complexity, heights[row]),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
            color=colour,
        )
    if rows:
        ax.set_yscale("log")
    ax.margins(x=0.08, y=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("complexity")
    ax.set_ylabel("relative error")
    style.tidy(ax)
    return ax


def front_of(rows: Sequence[Candidate]) -> list[Candidate]:
    """The rows that no other one beats in both complexity and error, simplest first."""
    front: list[Candidate] = []
    for row in sorted(rows, key=lambda r: (r.complexity, r.error)):
        if not front or row.error < front[-1].error:
            front.append(row)
    return front
