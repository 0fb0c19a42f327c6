"""A table as it comes, made ready for a search: inputs of formulas, complete rows, and what became of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.discovery.mixed import label_of
from edgewise.discovery.residuals import Repeated
from edgewise.discovery.tables._columns import Columns, Term, dated, without_codes_of_gaps
from edgewise.tables.encoding import Category, Column, Dates, Encoder, is_frame

Missing = Literal["drop", "indicator"]

_FEWEST = 3  # rows of a level that has an input
_NUMBERS = {"", "id", "index", "level_0", "row", "rows", "rowname", "rownames", "row_names", "unnamed: 0", "no", "nr",
            "case", "obs"}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """Inputs x (n, m) of the rows that are kept, `rows` (n,), and how they were made.

    If there is a column of groups, `codes` (n,) number the groups of the rows and `labels` are their names; the last
    inputs tell all groups but `baseline` by 1 and 0. `repeated` are columns that may be labels of repeated rows.
    """

    columns: Columns
    x: Array
    rows: Array
    codes: Array | None = None
    labels: tuple[str, ...] = ()
    baseline: int = 0
    repeated: Mapping[str, Repeated] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether the inputs are the columns of the table as they came."""
        encoder, terms = self.columns.encoder, self.columns.terms
        numbers = all(term == Term(term.name, k) for k, term in enumerate(terms))
        return numbers and len(terms) == len(encoder.columns) and self.columns.group is None


@dataclass
class Preparation:
    """The inputs of a table, found column by column.

    `values` (n, p) are the cells as the encoder gives them, `y` (n,) the target with nan at gaps.
    """

    encoder: Encoder
    values: Array
    y: Array
    target: str
    missing: Missing
    named: bool
    terms: list[Term] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def run(self, group: str | None, counted: Array | None = None) -> Prepared:
        """Return the inputs, the rows without gaps that are `counted`, and what was left out."""
        known = ~np.isnan(self.y)
        if not known.all():
            self.notes.append(f"{_count(int((~known).sum()), 'row')} of {len(known)} left out: no {self.target!r}.")
        if counted is not None and not counted[known].all():
            gone = int((~counted[known]).sum())
            self.notes.append(f"{_count(gone, 'row')} of {len(known)} left out: the weight is 0.")
            known &= counted
        place = None if group is None else self._place(group)
        if place is not None:
            known &= self._with_groups(place, known)
        for k, column in enumerate(self.encoder.columns):
            if k != place:
                self._add(k, column, known)
        rows = self._complete(known)
        if place is not None:
            rows = self._without_small(place, rows)
        columns = Columns(self.encoder, tuple(self.terms))
        x = columns.inputs(self.values[rows]) if self.terms else np.empty((int(rows.sum()), 0))
        x = self._informative(x, self.y[rows])
        if not self.terms and place is None:
            raise InputError(
                f"No column of numbers, text or dates is left to explain {self.target!r}. {' '.join(self.notes)}"
            )
        return self._with_codes(x, np.flatnonzero(rows), place, group)

    def _with_codes(self, x: Array, rows: Array, place: int | None, group: str | None) -> Prepared:
        """Return what was prepared, with inputs for all groups but the largest."""
        if place is None:
            columns = Columns(self.encoder, tuple(self.terms), tuple(self.notes))
            return Prepared(columns, x, rows, repeated=self._repeated(rows))
        levels, codes, counts = np.unique(self.values[rows, place], return_inverse=True, return_counts=True)
        if len(levels) < 2:
            raise InputError(
                f"'groups' must be a column of several groups of {_FEWEST} rows or more. {group!r} has {len(levels)}."
            )
        column, baseline = self.encoder.columns[place], int(counts.argmax())
        known = column.levels if isinstance(column, Category) else None
        labels = tuple(str(known[int(level)]) if known is not None else label_of(float(level)) for level in levels)
        for each in range(len(levels)):
            if each != baseline:
                self._append(Term(f"{column.name}_{labels[each]}", place, "level", level=int(levels[each])))
        columns = Columns(self.encoder, tuple(self.terms), tuple(self.notes), group, tuple(levels.tolist()))
        others = [(codes == each).astype(np.float64) for each in range(len(levels)) if each != baseline]
        return Prepared(columns, np.column_stack([x, *others]), rows, codes, labels, baseline)

    def _repeated(self, rows: Array) -> dict[str, Repeated]:
        """Return the columns whose values may be labels, for these rows."""
        numbers = [k for k, column in enumerate(self.encoder.columns) if not isinstance(column, Dates)]
        found = {
            self.encoder.names[k]: Repeated.of(self.values[rows, k], isinstance(self.encoder.columns[k], Category))
            for k in numbers
        }
        return {name: column for name, column in found.items() if column is not None}

    def _place(self, group: str) -> int:
        if group not in self.encoder.names:
            raise unknown("column in 'groups'", group, self.encoder.names)
        return self.encoder.names.index(group)

    def _with_groups(self, place: int, known: Array) -> Array:
        """Return which rows have a group."""
        there = ~np.isnan(self.values[:, place])
        if not there[known].all():
            gone = int((~there[known]).sum())
            self.notes.append(
                f"{_count(gone, 'row')} left out: no {self.encoder.names[place]!r}, the column of groups."
            )
        return there

    def _without_small(self, place: int, rows: Array) -> Array:
        """Return the rows less those of groups of fewer than three."""
        levels, codes, counts = np.unique(self.values[rows, place], return_inverse=True, return_counts=True)
        small = int((counts < _FEWEST).sum())
        if not small:
            return rows
        self.notes.append(f"{_count(small, 'group')} of {len(levels)} left out: fewer than {_FEWEST} rows.")
        rows = rows.copy()
        rows[rows] = counts[codes] >= _FEWEST
        return rows

    def _add(self, k: int, column: Column, known: Array) -> None:
        """Add the inputs of a column, or say why it has none."""
        counting = 20  # rows from which on numbers that rise by one are noted
        cells = self.values[known, k]
        gaps = np.isnan(cells)
        mark = self.missing == "indicator" and bool(gaps.any())
        why = self._useless(column, cells, gaps)
        if why:
            self.notes.append(f"Column {column.name!r} is left out: {why}.")
            return
        if isinstance(column, Category):
            self._add_levels(k, column, cells[~gaps], mark)
            return
        if isinstance(column, Dates):
            term, note = dated(column.name, k, cells, mark)
            self.notes.append(note)
        else:
            term = Term(column.name, k, fill=float(np.median(cells[~gaps])) if mark else np.nan)
            if self.named and len(cells) > counting and (np.diff(cells) == 1).all():
                self.notes.append(f"Column {column.name!r} counts the rows: leave it out unless their order matters.")
        self._append(term)
        if mark:
            self.notes.append(f"{_count(int(gaps.sum()), 'gap')} of {column.name!r} count as the median.")
            self._append(Term(f"{column.name}_missing", k, "gap"))

    def _useless(self, column: Column, cells: Array, gaps: Array) -> str:
        """Return why a column is no input, "" if it is one."""
        most_gaps = 0.5  # of the rows: a column with more gaps is left out, rather than the rows
        unique = 0.5  # of the rows: a text with more levels says little about other rows
        there = cells[~gaps]
        if not len(there):
            return "it has no values"
        if self.missing == "drop" and gaps.mean() > most_gaps:
            return f"{int(gaps.sum())} of {len(cells)} cells are empty (missing='indicator' keeps it)"
        if not gaps.any() and there.min() == there.max():
            shown = column.levels[int(there[0])] if isinstance(column, Category) else there[0]
            return f"it is {shown if isinstance(shown, str) else format(shown, 'g')} in every row"
        distinct = len(np.unique(there)) if isinstance(column, Category) or self.named else 0
        if isinstance(column, Category) and distinct > max(unique * len(there), 2):
            return f"it is text with {distinct} different values in {len(there)} rows"
        if self.named and _is_number_of_rows(column, there, distinct):
            return "it only numbers the rows"
        return ""

    def _add_levels(self, k: int, column: Category, codes: Array, mark: bool) -> None:
        levels = 12  # of a category that have inputs, and the baseline
        counts = np.bincount(codes.astype(int), minlength=len(column.levels))
        order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
        many = len(order) > levels
        shown = order[: levels - 1] if many else [code for code in order[1:] if counts[code] >= _FEWEST]
        named = ", ".join(str(column.levels[code]) for code in sorted(shown))
        others = len(order) - len(shown)
        baseline = f"the other {others} levels" if many else repr(column.levels[order[0]])
        if many:
            baseline += f" (groups={column.name!r} gives each its own constants)"
        elif others > 1:
            baseline += f" and {_count(others - 1, 'level')} of fewer than {_FEWEST} rows"
        if not shown and not mark:
            self.notes.append(f"Column {column.name!r} is left out: but for {baseline} it has no values.")
            return
        self.notes.append(f"Levels of {column.name!r} have inputs (1 or 0): {named or 'none'}; baseline: {baseline}.")
        for code in sorted(shown):
            self._append(Term(f"{column.name}_{column.levels[code]}", k, "level", level=code))
        if mark:
            self.terms = [replace(term, fill=0.0) if term.column == k else term for term in self.terms]
            self._append(Term(f"{column.name}_missing", k, "gap"))

    def _append(self, term: Term) -> None:
        """Add an input under a name that no other has."""
        taken = {each.name for each in self.terms}
        taken |= {n for k, n in enumerate(self.encoder.names) if k != term.column}
        name = term.name
        while name in taken:
            name += "_"
        self.terms.append(replace(term, name=name))

    def _complete(self, known: Array) -> Array:
        """Return which rows have all inputs, and say how many have not."""
        listed = 4
        empty: dict[str, Array] = {}
        for term in self.terms:
            if term.kind != "gap" and np.isnan(term.fill):
                gaps = known & np.isnan(self.values[:, term.column])
                if gaps.any():
                    empty[self.encoder.names[term.column]] = gaps
        rows = known & ~np.any([np.zeros(len(known), bool), *empty.values()], axis=0)
        if empty:
            worst = sorted(empty, key=lambda name: -int(empty[name].sum()))
            lacking = ", ".join(f"{name!r} in {int(empty[name].sum())}" for name in worst[:listed])
            more = f" and {len(worst) - listed} more columns" if len(worst) > listed else ""
            self.notes.append(
                f"{_count(int((known & ~rows).sum()), 'row')} of {len(known)} left out: values are missing "
                f"({lacking}{more}); missing='indicator' keeps such rows."
            )
        return rows

    def _informative(self, x: Array, y: Array) -> Array:
        """Leave out inputs that are constant in the rows that are kept, or equal to an earlier one."""
        kept: dict[bytes, int] = {}
        for k, (term, column) in enumerate(zip(self.terms, x.T, strict=True)):
            if len(column) and column.min() == column.max():
                self.notes.append(f"Input {term.name!r} is left out: it is {column[0]:g} in every row.")
            elif (first := kept.setdefault((column + 0.0).tobytes(), k)) != k:
                twin = self.terms[first].name
                self.notes.append(f"Input {term.name!r} is left out: it equals {twin!r} in every row.")
        for k in kept.values():
            if np.array_equal(x[:, k], y):
                self.notes.append(f"Input {self.terms[k].name!r} equals the target {self.target!r} in every row.")
        places = sorted(kept.values())
        self.terms = [self.terms[k] for k in places]
        return np.ascontiguousarray(x[:, places])


def prepare(
    x: Any, y: Array, names: Sequence[str], target: str, missing: Missing = "drop", group: str | None = None,
    counted: Array | None = None,
) -> Prepared:  # fmt: skip
    """Return the inputs of formulas for a table x: a data frame, an array, or rows; y (n,) is nan at gaps.

    Rows that are not `counted` (n,) are left out.

    Numbers stay, truth values are 0 and 1, text has an input for each level but the baseline, the most frequent one,
    dates count days or years since a told origin. Rows with gaps are left out; with missing="indicator" gaps of
    numbers count as the median and have an input of their own, as a level of text has.

    Errors: InputError if nothing is left, for infinities, a column of groups that is not there, and those of
    `Encoder.learn`.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"a": [1.0, None, 3.0, 4.0], "b": ["u", "v", "v", "v"]})
    >>> prepare(table, np.arange(4.0), ["a", "b"], "y").columns.notes[-1]
    "1 row of 4 left out: values are missing ('a' in 1); missing='indicator' keeps such rows."
    """
    encoder = Encoder.learn(x)
    values = without_codes_of_gaps(encoder.encode(x), encoder)
    if encoder.names != [*names]:
        columns = tuple(replace(column, name=name) for column, name in zip(encoder.columns, names, strict=True))
        encoder = Encoder(columns)
    return Preparation(encoder, values, y, target, missing, is_frame(x)).run(group, counted)


def _is_number_of_rows(column: Column, cells: Array, distinct: int) -> bool:
    """Return whether a column is a running number or a key of the rows, by its name and its cells."""
    name = column.name.lower()
    alike = name in _NUMBERS or name.endswith("_id")
    return alike and distinct == len(cells) and bool((cells == np.round(cells)).all())


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")
