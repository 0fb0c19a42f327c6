"""Text as a terminal may show it."""

from __future__ import annotations

import unicodedata

_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters: controls, formats such as the direction of writing, halves of pairs, ends of lines."""


def shown(text: str) -> str:
    """Return a text of one line for a terminal: what a terminal would obey instead of show is written as Python does.

    >>> shown("red" + chr(27) + "[31m" + chr(10) + "µ") == "red" + chr(92) + "x1b[31m" + chr(92) + "nµ"
    True
    """
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _OBEYED else character for character in text
    )
