"""How the commands print: one console, tables, formulas to six digits, progress that suits a terminal or a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from edgewise._progress import LiveLine
from edgewise.cli._failure import shown

if TYPE_CHECKING:
    import sympy

    from edgewise.measure import Cell

DIGITS = 6
_LONGEST = 120  # characters of a formula in a log


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no markup, no guessed colors."""
    return _Screen(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Screen(Console):
    """A console that shows control characters, such as those in a table's header, and never obeys them."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(shown(text), **options)


def formula(expression: sympy.Expr) -> str:
    """Return the formula as text, its decimal constants to six significant digits.

    >>> import sympy
    >>> formula(sympy.Float("0.123456789") * sympy.Symbol("x") ** sympy.Rational(3, 2))
    '0.123457*x**(3/2)'
    """
    from edgewise.expressions import write

    return write(expression, DIGITS)


@contextmanager
def progress(out: Console) -> Iterator[Callable[..., None]]:
    """Give a callback (stage, fraction from 0 to 1, best formula so far or None)."""
    start, last = time.monotonic(), ""

    def log(stage: str, fraction: float, best: str | None = None) -> None:
        """Print one line when the stage changes."""
        nonlocal last
        if stage != last:
            text = f"[{time.monotonic() - start:5.1f} s] {stage}"
            out.print(text if best is None else f"{text}; best so far: {_short(best)}")
        last = stage

    if not out.is_terminal:
        yield log
        return
    line = LiveLine(out)
    try:
        yield lambda stage, fraction, best=None: line.show(
            shown(stage), fraction, None if best is None else shown(best)
        )
    finally:
        line.close()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


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
