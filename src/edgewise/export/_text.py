"""What source texts in several languages are put together from."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Collection, Sequence

from edgewise._errors import InputError

WIDTH = 100


def check_function(function: object, reserved: Collection[str]) -> None:
    """Raise unless this is the name of a function in Python and in C."""
    plain = function if isinstance(function, str) and function.isascii() and function.isidentifier() else "_"
    if plain in reserved or keyword.iskeyword(plain) or plain.startswith("_"):
        raise InputError(f"'function' must be a free name like 'f' or 'energy_of'. Got {function!r}.")


def docstring(lines: Sequence[str]) -> list[str]:
    """Return the lines between triple quotes, so that nothing in them ends the text."""
    safe = [line.replace("\\", "\\\\").replace('"', "'") for line in lines]
    return [f'"""{safe[0]}', *safe[1:], '"""']


def statement(start: str, expression: str, end: str = "") -> str:
    """Return one statement; a long one in parentheses or braces, over several lines."""
    if len(start) + len(expression) + len(end) <= WIDTH or " " not in expression:
        return start + expression + end
    bracketed = expression[0] + expression[-1] in ("{}", "[]")
    left, right = (expression[0], expression[-1]) if bracketed else "()"
    inner = expression[1:-1] if bracketed else expression
    lines = textwrap.wrap(inner, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{start}{left}\n" + textwrap.indent("\n".join(lines), "    ") + f"\n{right}{end}"
