"""Options about what a person knows of the formula, as texts, and the keywords of `discover` that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from edgewise._errors import InputError

IN_FILE = "file"
"""The value of --units that stands for the line of units in the file."""


def _option(help_text: str, metavar: str, check: Callable[[Any], Any] | None = None) -> Any:
    return typer.Option(metavar=metavar, help=help_text, callback=check)


def _check_size(size: int | None) -> int | None:
    if size is not None and size < 1:
        raise InputError(f"--max-complexity must be a whole number from 1 on. Got {size}.")
    return size


Functions = Annotated[str | None, _option("Functions that may occur, as exp,log, or may not: -sin,-cos.", "F,G")]
Require = Annotated[str | None, _option("Columns that must occur.", "A,B")]
Forbid = Annotated[str | None, _option("Columns that may not occur.", "A,B")]
MaxComplexity = Annotated[int | None, _option("The longest formula that is shown.", "N", _check_size)]
Units = Annotated[
    str | None, _option("Units of columns and target, as t=s,y=m/s^2, or file: its line of units.", "A=U")
]
Guess = Annotated[list[str] | None, _option("A formula to start from; repeatable.", "FORMULA")]
Template = Annotated[str | None, _option("A form with unknown parts, each a ?.", "FORMULA")]
Constants = Annotated[str | None, _option("What fitted constants are: positive, dimensionless, or LOW,HIGH.", "WORD")]
Monotone = Annotated[str | None, _option("Columns that the target rises or falls with, as t=+,a=-.", "A=+")]
Limits = Annotated[list[str] | None, _option("What the target tends to, as 't -> inf = 0'; repeatable.", "LIMIT")]


def known_of(
    functions: str | None, columns: tuple[str | None, str | None], size: int | None, units: str | None,
    forms: tuple[list[str] | None, str | None], constants: str | None, behavior: tuple[str | None, list[str] | None],
) -> dict[str, Any]:  # fmt: skip
    """Return the keywords that were given, of texts: `columns` are those to require and to forbid.

    `forms` are guesses and the template, `behavior` the directions and the limits.
    """
    (require, forbid), (guesses, template), (monotone, limits) = columns, forms, behavior
    found: dict[str, Any] = {
        "functions": _listed("--functions", functions),
        "require": _listed("--require", require),
        "forbid": _listed("--forbid", forbid),
        "max_complexity": size,
        "units": units if units in (None, IN_FILE) else _pairs("--units", units.split(","), "t=s"),
        "guesses": guesses or None,
        "template": template,
        "constants": _bounds(constants),
        "monotone": None if monotone is None else _pairs("--monotone", monotone.split(","), "t=+"),
        "limits": _pairs("--limit", limits, "t -> inf = 0") if limits else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _listed(option: str, text: str | None) -> list[str] | None:
    """Return the words in "a,b"."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise InputError(f"{option} must list names with commas in between, like a,b. Got {text!r}.")
    return words


def _pairs(option: str, texts: list[str], example: str) -> dict[str, str]:
    """Return what stands before and after the last "=" of each text.

    >>> _pairs("--units", ["t=s", "x = m"], "t=s")
    {'t': 's', 'x': 'm'}
    """
    found = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.rpartition("="))
        if not sign or not name:
            raise InputError(f"{option} must say something like {example}. Got {text.strip()!r}.")
        found[name] = value
    return found


def _bounds(text: str | None) -> str | list[str] | tuple[float, float] | None:
    """Return a range of two numbers, or words.

    >>> _bounds("0,10"), _bounds("positive,dimensionless")
    ((0.0, 10.0), ['positive', 'dimensionless'])
    """
    words = _listed("--constants", text)
    if words is None:
        return None
    try:
        low, high = map(float, words)
    except ValueError:
        return words
    return low, high
