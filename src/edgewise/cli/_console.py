"""How the commands print: one console, tables, formulas to six digits, progress that suits a terminal or a log."""

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
    from edgewise.formulas.expressions import write

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
