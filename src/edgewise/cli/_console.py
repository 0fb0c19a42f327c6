"""How the commands print: one console, formulas to six digits, progress that suits a terminal or a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from edgewise._progress import LiveLine
from edgewise.cli._failure import shown

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


@contextmanager
def progress(out: Console) -> Iterator[Callable[..., None]]:
    """Give a callback (stage, fraction from 0 to 1, best formula so far or None)."""
    if not out.is_terminal:
        yield _Lines(out)
        return
    line = LiveLine(out)
    try:
        yield lambda stage, fraction, best=None: line.show(
            shown(stage), fraction, None if best is None else shown(best)
        )
    finally:
        line.close()
