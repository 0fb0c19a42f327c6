"""What a terminal may show, and what the command says when it fails: one line with the problem and the remedy."""

import errno
import re
import shutil
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


_WORD = re.compile(r"\s*(?:`[^`]*`|\S| ± )+")
_FACTOR = re.compile(r"(?:`[^`]*`|[^*/,^])*[*/,^]*")
_ARGUMENT = re.compile(r"(?:`[^`]*`|[^(])*\(*")


def cells(text: str) -> int:
    """Return how wide a terminal shows a text."""
    return sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def parts(text: str, width: int = 0) -> list[str]:
    """Return the words of a text, of longer formulas the factors, and of longer factors what stands before a bracket.

    Numbers, names and what stands in backquotes stay whole.

    >>> parts("y = 2.5e-05*sqrt(`T (K)`)", 9), parts("f(x)")
    (['y', ' =', ' 2.5e-05*', 'sqrt(', '`T (K)`)'], ['f(', 'x)'])
    """
    found = _WORD.findall(text)
    for pattern in (_FACTOR, _ARGUMENT):
        split = [[each] if cells(each.strip()) <= width else pattern.findall(each) for each in found]
        found = [part for each in split for part in each if part]
    return found


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines, broken at spaces, and after an operator in what is longer than a line.

    >>> wrapped("Error: 0.1 of y", 10), wrapped("y = 2.5*sqrt(length)", 9)
    (['Error: 0.1', 'of y'], ['y = 2.5*', 'sqrt(', 'length)'])
    """
    margin = text[: len(text) - len(text.lstrip())]
    lines, line = [], ""
    for part in parts(text, width - len(margin)):
        if line.strip() and cells(line + part) > width:
            lines.append(line.rstrip())
            line = margin + part.lstrip()
        else:
            line += part
    return [*lines, line]


BAD_INPUT, FAILURE = 2, 1
"""Exit codes: an input or an option is at fault; the work was begun and failed."""

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
    line = shown(f"edgewise: error: {' '.join(message.split())}")
    lines = wrapped(line, shutil.get_terminal_size().columns) if sys.stderr.isatty() else [line]
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201
    return code


def describe(error: OSError) -> str:
    """Return what the system refused, for which file, and what to do."""
    what = error.strerror or str(error)
    where = f" ({error.filename})" if error.filename else ""
    return f"{what}{where}: {_REMEDIES.get(error.errno or 0, 'check the file and the disk')}."
