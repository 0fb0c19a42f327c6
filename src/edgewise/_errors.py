"""Errors that say what was wrong, what was given, and what to do."""

import difflib
import re
from collections.abc import Iterable

_BREAK = re.compile(r"\s*[\n\r]\s*")


class EdgewiseError(Exception):
    """Base of every error that edgewise raises on purpose."""


class InputError(EdgewiseError, ValueError):
    """A value, a table or a file that edgewise cannot work with; the message is one line of at most 1,000 characters.

    Parameters
    ----------
    message
        What was wrong, what was given, and what to do. Line breaks become spaces; of a longer text the middle is left
        out.

    Examples
    --------
    >>> from edgewise import InputError
    >>> len(str(InputError("a name of " + 5000 * "x"))), str(InputError("two\\nlines"))
    (1000, 'two lines')
    """

    def __init__(self, message: object = "") -> None:
        text = _BREAK.sub(" ", str(message))
        super().__init__(text if len(text) <= 1000 else f"{text[:695]} ... {text[-300:]}")


def first_line(error: BaseException) -> str:
    """Return the first line of what another library says, short and without a period at its end."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{lines[0]:.160}".rstrip(". ")


def listed(names: Iterable[object]) -> str:
    """Return names as a message shows them: the first eight, each in at most 40 characters.

    >>> listed(["a", "b" * 50])
    "'a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb..."
    """
    shown = [repr(name) for name in names]
    short = [name if len(name) <= 40 else f"{name[:38]}..." for name in shown]
    return _first(short)


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not known, nearest known names first.

    >>> unknown("column", "perod", ["length", "period"])
    InputError("Unknown column 'perod'. Known: period, length. Did you mean 'period'?")
    """
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(str(name), names, n=len(names), cutoff=0.4)
    order = near + sorted(set(names) - set(near))
    meant = f" Did you mean {near[0]!r}?" if difflib.get_close_matches(str(name), near[:1], cutoff=0.7) else ""
    return InputError(f"Unknown {kind} {name!r}. Known: {_first(order)}.{meant}")


def _first(words: list[str]) -> str:
    return ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
