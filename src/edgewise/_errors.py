"""Errors that say what was wrong, what was given, and what to do."""

import difflib
from collections.abc import Iterable


class EdgewiseError(Exception):
    """Base of every error that edgewise raises on purpose."""


class InputError(EdgewiseError, ValueError):
    """A value, a table or a file that edgewise cannot work with."""


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not known, nearest known names first."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=len(names), cutoff=0.4)
    order = near + sorted(set(names) - set(near))
    shown = ", ".join(order[:8]) + (", ..." if len(order) > 8 else "")
    return InputError(f"Unknown {kind} {name!r}. Known: {shown}.")
