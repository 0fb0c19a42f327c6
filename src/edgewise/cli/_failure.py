"""What a terminal may show, and what the command says when it fails: one line with the problem and the remedy."""

import errno
import sys
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


BAD_INPUT = 2
"""The exit code of every error that edgewise reports."""

_REMEDIES = {
    errno.ENOSPC: "free some space or write elsewhere",
    errno.EACCES: "choose a place that you may read and write",
    errno.EPERM: "choose a place that you may read and write",
    errno.EROFS: "choose a place that you may write",
    errno.ENOENT: "check the name and the folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def fail(message: str, code: int = BAD_INPUT) -> int:
    """Print the message in one line on stderr and return the exit code."""
    print(shown(f"edgewise: error: {' '.join(message.split())}"), file=sys.stderr)  # noqa: T201
    return code


def describe(error: OSError) -> str:
    """Return what the system refused, for which file, and what to do."""
    what = error.strerror or str(error)
    where = f" ({error.filename})" if error.filename else ""
    return f"{what}{where}: {_REMEDIES.get(error.errno or 0, 'check the file and the disk')}."
