"""One change of a fitted model by hand, and lists of them as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError, first_line, unknown

Change = Literal["rising", "falling", "flat", "equal", "fixed", "raised", "removed"]
_BETWEEN = ("rising", "falling", "flat", "fixed", "raised")  # changes of an interval


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change of what one part of a fitted model adds: see `KANRegressor.edited`.

    Amounts are in the units of the sum, about the mean over the rows of `fit`, as `explain` and `plot_curves` have
    them. Beyond an interval a curve changes only within three percent of its range, where it passes smoothly to what it
    was; steps change at the ends.

    Parameters
    ----------
    part
        The part, as `explain` calls it: a column, "a * b" for a pair, "hidden node".
    change
        "rising" and "falling" make a curve monotone by isotonic regression over the rows, "flat" and "equal" give an
        interval and some levels the mean of their rows, "fixed" sets what is added to `amount`, "raised" adds `amount`
        to it, "removed" takes the part away, so that it counts with its mean.
    low, high
        The ends of the interval of a number or date, both included; None for all values on that side. Dates are texts
        as "2024-01-31".
    levels
        The levels of a category; None in it is the gap, which is the level that a number may have.
    amount
        What to set or add.
    target
        Which of several targets or classes, by position; None for all.
    reason
        Why: kept with the model.

    Raises
    ------
    InputError
        For a change that is not there or lacks what it needs.

    Examples
    --------
    >>> from edgewise.estimators import Edit
    >>> str(Edit(part="age", change="flat", low=60, reason="few rows"))
    'age: flat from 60 on'
    """

    part: str
    change: Change
    low: float | str | None = None
    high: float | str | None = None
    levels: tuple[Any, ...] = ()
    amount: float | None = None
    target: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.change not in get_args(Change):
            raise unknown("change", str(self.change), get_args(Change))
        if not isinstance(self.part, str):
            raise InputError(f"'part' must be a name, as explain calls it. Got {self.part!r:.100}.")
        levels = None if isinstance(self.levels, str) or not isinstance(self.levels, Iterable) else tuple(self.levels)
        if levels is None or not all(level is None or np.isscalar(level) for level in levels):
            raise InputError(f"'levels' must be a list of levels. Got {self.levels!r:.100}.")
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "reason", str(self.reason))
        needs = self.change in ("fixed", "raised")
        known = isinstance(self.amount, int | float | np.number) and bool(np.isfinite(self.amount))
        if needs != (self.amount is not None) or (needs and not known):
            raise InputError(f"'amount' is a number for the changes fixed and raised. Got {self.amount!r}.")
        if self.change == "equal" and len(self.levels) < 2:
            raise InputError(f"'levels' must list at least two levels to make equal. Got {self.levels!r}.")
        bounded = self.low is not None or self.high is not None
        if bounded and (self.levels or self.change not in _BETWEEN):
            raise InputError(f"'low' and 'high' are for an interval of numbers. Got them for {self.change!r}.")
        if self.target is not None and not is_int(self.target, 0):
            raise InputError(f"'target' must be a position, 0 or more. Got {self.target!r}.")

    def __str__(self) -> str:
        """Return the change in words."""
        where = ""
        if self.levels:
            where = " at " + ", ".join("gaps" if level is None else str(level) for level in self.levels)
        elif self.low is not None and self.high is not None:
            where = f" from {self.low} to {self.high}"
        elif self.low is not None or self.high is not None:
            where = f" from {self.low} on" if self.high is None else f" up to {self.high}"
        amount = "" if self.amount is None else f" {'to' if self.change == 'fixed' else 'by'} {self.amount:g}"
        only = "" if self.target is None else f" (target {self.target})"
        return f"{self.part}: {self.change}{amount}{where}{only}"


Edits = Edit | Mapping[str, Any] | Iterable[Edit | Mapping[str, Any]] | str | os.PathLike[str]
"""An edit, several, or the path of a JSON file of them, as pages of `to_html` write it."""


def as_edits(given: Any) -> list[Edit]:
    """Return edits from what `edited` takes. Errors: InputError that says what is malformed."""
    if isinstance(given, Edit):
        return [given]
    if isinstance(given, str | os.PathLike):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"'edits' must be the path of a JSON file. Got {given!r}: {first_line(error)}.") from None
    if isinstance(given, Mapping):
        given = given.get("edits", [given])
    if not isinstance(given, Iterable):
        raise InputError(f"'edits' must be an Edit, several, or the path of a JSON file. Got {given!r:.100}.")
    return [each if isinstance(each, Edit) else _of_plain(each) for each in given]


def to_plain(edits: Iterable[Edit]) -> dict[str, Any]:
    """Return edits as values that JSON holds."""
    return {"edits": [asdict(edit) | {"levels": [*edit.levels]} for edit in edits]}


def _of_plain(plain: Any) -> Edit:
    if not isinstance(plain, Mapping):
        raise InputError(f"An edit must be an Edit or a dict. Got {plain!r:.100}.")
    names = [field.name for field in fields(Edit)]
    wrong = [key for key in plain if key not in names]
    if wrong:
        raise unknown("key of an edit", str(wrong[0]), names)
    missing = [key for key in ("part", "change") if key not in plain]
    if missing:
        raise InputError(f"An edit must have the key {missing[0]!r}. Got {dict(plain)!r:.100}.")
    values: dict[str, Any] = {**plain}
    return Edit(**values)
