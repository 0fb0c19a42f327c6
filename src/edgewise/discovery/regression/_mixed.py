"""Stated formulas whose constants differ by group: what may be asked, the fit, and its part of the printout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import sympy

from edgewise._errors import InputError, unknown
from edgewise._typing import Part
from edgewise.discovery.mixed import ByGroup, MixedModel
from edgewise.discovery.regression._minimization import Minimum
from edgewise.discovery.regression._rows import Rows

Between = Literal["full", "diagonal"]
"""The covariances between groups of constants that differ."""


class Varying(NamedTuple):
    """Which constants differ by group, how they go together between groups, and how variances are estimated."""

    places: tuple[int, ...]
    full: bool
    restricted: bool

    @classmethod
    def of(
        cls, names: object, constants: Sequence[sympy.Symbol], between: object, restricted: object,
        others: dict[str, Any],
    ) -> Varying:  # fmt: skip
        """Return what is asked; `others` are arguments that do not go with it, None each where they were not given.

        Errors: InputError for unknown names, and for what does not go together.
        """
        listed = [names] if isinstance(names, str) else names
        known = [constant.name for constant in constants]
        if not isinstance(listed, Sequence) or not listed or not all(isinstance(name, str) for name in listed):
            raise InputError(f"'varying' must list names of constants, such as {known[:1]}. Got {names!r}.")
        for name in listed:
            if name not in known:
                raise unknown("constant in 'varying'", name, known)
        if between not in get_args(Between):
            raise unknown("value of 'between'", between, get_args(Between))
        if not isinstance(restricted, bool):
            raise InputError(f"'restricted' must be True or False. Got {restricted!r}.")
        for what, given in others.items():
            if given:
                raise InputError(f"{what} does not go with 'varying': variances are estimated. Leave one of them out.")
        places = tuple(sorted({known.index(name) for name in listed}))
        return cls(places, between == "full", restricted)

    def check(self, rows: Rows) -> None:
        """Raise InputError unless there are groups, with rows enough."""
        fewest = 2  # groups
        if rows.groups is None:
            raise InputError("'varying' needs 'groups': labels of the rows, or the name of a column.")
        counts = np.bincount(rows.groups)
        if len(counts) < fewest:
            raise InputError(f"'varying' needs at least {fewest} groups of rows. Got {len(counts)}.")
        if counts.max() < 2:
            raise InputError(
                f"Each of the {len(counts)} groups has one row, so that differences between groups cannot be told from "
                "the residuals. Leave out 'varying', or use a column of larger groups."
            )


def by_group(found: Minimum, form: Part, constants: Sequence[sympy.Symbol], rows: Rows, asked: Varying) -> ByGroup:
    """Return the constants of groups, from the fit of one formula to all rows.

    Errors: InputError where the formula becomes undefined.
    """
    assert rows.groups is not None
    values = dict(zip(found.free.symbols, found.free.values, strict=True))
    counts = np.bincount(rows.groups)
    model = MixedModel(
        form, tuple(constants), asked.places, rows.names, rows.x, rows.y, rows.weight, rows.groups, len(counts),
        asked.full, asked.restricted,
    )  # fmt: skip
    fit = model.fit([values[constant] for constant in constants])
    if fit is None:
        raise InputError("The formula becomes undefined where its constants differ by group. Leave out 'varying'.")
    return ByGroup(rows.grouped, rows.labels, tuple(counts.tolist()), form, fit)


def mixed_lines(by: ByGroup) -> list[str]:
    """Return how constants differ between groups, as lines of a printout."""
    most_groups = 6  # whose constants are shown
    head = f"Constants that differ between the {len(by.labels)} groups of {by.group} ({by.method}):"
    groups = by.lines()
    more = len(groups) - most_groups
    shown = groups if more <= 0 else [*groups[:most_groups], f"and {more} more (fit.by_group.table())"]
    return [head, *(f"  {line}" for line in by.between()), f"Each of {by.group}:", *(f"  {line}" for line in shown)]
