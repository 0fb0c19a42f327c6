"""Errors that say what was wrong, what was given, and what to do."""

import difflib
import re
from collections.abc import Iterable

_MOST = 1000  # characters of a message
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
    >>> len(str(InputError("a name of " + 5000 * "x"))), str(InputError("two\\nlines"))
    (1000, 'two lines')
    """

    def __init__(self, message: object = "") -> None:
        text = _BREAK.sub(" ", str(message))
        super().__init__(text if len(text) <= _MOST else f"{text[: _MOST - 305]} ... {text[-300:]}")


_SHOWN, _LONGEST = 8, 40


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
    short = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 2]}..." for name in shown[:_SHOWN]]
    return ", ".join(short) + (", ..." if len(shown) > _SHOWN else "")


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not known, nearest known names first."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=len(names), cutoff=0.4)
    order = near + sorted(set(names) - set(near))
    shown = ", ".join(order[:8]) + (", ..." if len(order) > 8 else "")
    return InputError(f"Unknown {kind} {name!r}. Known: {shown}.")
