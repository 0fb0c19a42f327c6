"""Options about what a person knows of the formula, as texts, and the keywords of `discover` that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from edgewise._errors import InputError
from edgewise._texts import bounds_or_words, listed, pairs

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
        "functions": None if functions is None else listed("--functions", functions),
        "require": None if require is None else listed("--require", require),
        "forbid": None if forbid is None else listed("--forbid", forbid),
        "max_complexity": size,
        "units": units if units in (None, IN_FILE) else pairs("--units", units.split(","), "t=s"),
        "guesses": guesses or None,
        "template": template,
        "constants": None if constants is None else bounds_or_words("--constants", constants),
        "monotone": None if monotone is None else pairs("--monotone", monotone.split(","), "t=+"),
        "limits": pairs("--limit", limits, "t -> inf = 0") if limits else None,
    }
    return {key: value for key, value in found.items() if value is not None}
