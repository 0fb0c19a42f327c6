"""What progress says of solving an equation, and of marching."""

from __future__ import annotations

import math

from edgewise.train import Row, Words


def _solved(row: Row) -> str:
    """One row of `solve` as a line.

    >>> _solved(Row(0, 8, 120, 1.25e-3, 2e-3, 0.5, 300))
    '[  0.5 s] grid 8, 120 parameters: residual 1.25e-03, at new points 2.00e-03'
    """
    head = f"[{row.seconds:5.1f} s] grid {row.grid}, {row.parameters} parameters"
    return f"{head}: residual {row.train:.2e}, at new points {row.validation:.2e}"


def _step(cost: float, step: int, steps: int | None) -> str:
    """A step of the solver: the cost is a sum of mean squares."""
    count = f"step {step}" if steps is None else f"step {step} of at most {steps}"
    return f"{count}, residual {math.sqrt(max(cost, 0.0)):.2e}"


def _marched(row: Row) -> str:
    """One level of `march` as a line, whose row has the most cells of a slab as its grid.

    >>> _marched(Row(1, 80, 9000, 1.25e-5, math.nan, 2.5, 30))
    '[  2.5 s] level 2, up to 80 cells, 9000 parameters: change 1.25e-05'
    """
    head = f"[{row.seconds:5.1f} s] level {row.round + 1}, up to {row.grid} cells, {row.parameters} parameters"
    return head if math.isnan(row.train) else f"{head}: change {row.train:.2e}"


SOLVING = Words(_solved, lambda row: f"residual {row.validation:.2e}", _step)
MARCHING = Words(_marched, lambda row: "" if math.isnan(row.train) else f"change {row.train:.2e}")
