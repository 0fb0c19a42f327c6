"""What both commands print and take: tables with their limits, and the options that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

if TYPE_CHECKING:
    from edgewise_bench import Cell

Only = Annotated[str, typer.Option(metavar="TEXT", help="Only cases whose name contains this.")]
Resume = Annotated[bool, typer.Option("--resume", help="Skip what DIR already holds of this commit and machine.")]

_WIDEST, _LONG = 200, 40  # characters of a table, and of a cell that may be wrapped


def show(screen: Console, title: str, head: Sequence[str], lines: Sequence[Sequence[Cell]], texts: int = 1) -> int:
    """Print a table whose first columns are texts; return how many limits are missed."""
    grid = Grid(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(head):
        longest = max((len(line[number].text) for line in lines), default=0)
        justify = "right" if number >= texts and longest <= _LONG else "left"
        grid.add_column(heading, justify=justify, no_wrap=longest <= _LONG, overflow="fold")
    for line in lines:
        grid.add_row(*map(_text, line))
    screen.print()
    # As wide as it is: what a narrow terminal wraps can still be read, what is cut off cannot.
    wide = Measurement.get(screen, screen.options.update(max_width=_WIDEST), grid).maximum
    screen.width = max(wide, screen.width)
    screen.print(grid, soft_wrap=False)
    return sum(cell.passed is False for line in lines for cell in line)


def show_measured(screen: Console, case: Any, rows: Sequence[Any], otherwise: str, texts: int = 1) -> int:
    """Print the table of a benchmark or an experiment, or why there is none; return how many limits are missed."""
    if not rows:
        screen.print(f"{case.name}: {otherwise}".rstrip())
        return 0
    missed = show(screen, f"{case.name}: {case.title}", *case.table(rows), texts=texts)
    if case.note:
        screen.print(case.note)
    return missed


def _text(cell: Cell) -> Text:
    if cell.passed is None:
        return Text(cell.text)
    return Text(cell.text, "green") if cell.passed else Text(f"{cell.text} !", "red")
