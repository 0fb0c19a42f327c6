"""How the commands print: one console, formulas to six digits, progress that suits a terminal or a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from edgewise.cli._shown import shown

if TYPE_CHECKING:
    import sympy

DIGITS = 6


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no markup, no guessed colours."""
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
    import sympy

    from edgewise.expressions import shorten

    return sympy.sstr(shorten(expression, DIGITS), full_prec=False)


class _Lines:
    """Progress for a log: one line when the stage changes."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._stage = ""
        self._start = time.monotonic()

    def __call__(self, stage: str, fraction: float, best: str | None = None) -> None:
        if stage == self._stage:
            return
        self._stage = stage
        text = f"[{time.monotonic() - self._start:5.1f} s] {stage}"
        self._out.print(text if best is None else f"{text}; best so far: {best}")


class _Bar:
    """Progress for a terminal: one live line."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=1.0, best="")

    def __call__(self, stage: str, fraction: float, best: str | None = None) -> None:
        fields: dict[str, Any] = {} if best is None else {"best": shown(best)}
        self._bar.update(self._task, description=shown(stage), completed=fraction, **fields)


@contextmanager
def progress(out: Console) -> Iterator[_Bar | _Lines]:
    """Give a callback (stage, fraction from 0 to 1, best formula so far or None)."""
    if not out.is_terminal:
        yield _Lines(out)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[best]}", markup=False),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        yield _Bar(bar)
