"""A table of numbers, and the choice of a target and inputs from it, or from one with text and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError, unknown
from edgewise._extras import needed

if TYPE_CHECKING:
    import pandas as pd


LARGEST = 1e150
"""Squares of values beyond this overflow float64; squares of values below its inverse vanish."""


@dataclass(frozen=True)
class Selection:
    """The arrays that a fit takes, both float64 and finite.

    Parameters
    ----------
    x : (n, d)
        The inputs.
    y : (n,)
        The target.
    names
        The names of the columns of `x`.
    target
        The name of the column of `y`.
    notes
        What was left out and why, in whole sentences.
    """

    x: np.ndarray
    y: np.ndarray
    names: list[str]
    target: str
    notes: list[str]


@dataclass(frozen=True)
class Table:
    """Named columns of float64 numbers of equal length; missing values are NaN.

    Parameters
    ----------
    columns
        The columns of numbers, (n_rows,) each, by name.
    n_rows
        The number of rows.
    left_out
        The name of each column that is not numbers, and the reason.
    notes
        How the numbers were read.
    decimals
        The decimal signs of the columns that were read from text, as far as the file shows them.
    rounded
        The columns whose numbers have more digits than float64.
    texts
        The columns left out that are text, by name; None is a gap.
    dates
        The columns left out that are dates, by name, as numpy's datetime64.
    units
        The units in a line below the header, by the names of the columns.
    order
        The names of all columns as the file has them.
    limits
        What the values of columns with cells as "<0.05" lie between, two arrays (n_rows,) by name.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.io import Table
    >>> table = Table({"a": np.arange(6.0), "b": np.arange(6.0) ** 2}, n_rows=6)
    >>> table.names
    ['a', 'b']
    >>> table.select("b").x.shape
    (6, 1)
    """

    columns: dict[str, np.ndarray]
    n_rows: int
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decimals: dict[str, str] = field(default_factory=dict)
    rounded: set[str] = field(default_factory=set)
    texts: dict[str, Sequence[str | None]] = field(default_factory=dict)
    dates: dict[str, np.ndarray] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    limits: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the columns of numbers, in the file's order."""
        return list(self.columns)

    def notes_without_limits(self, name: str) -> list[str]:
        """Return the notes but those on the limits of a column, which is read as censored.

        Parameters
        ----------
        name
            The name of the column.
        """
        return [note for note in self.notes if not (f"in column {name!r}" in note and "limit." in note)]

    def select(self, target: str, inputs: Sequence[str] | None = None) -> Selection:
        """Return the inputs and the target as arrays without gaps.

        Left out with a note: input columns that are empty, constant, or equal to an earlier input; rows with a missing
        value. Kept with a note: rows that occur more than once, since repeated measurements carry weight.

        Parameters
        ----------
        target
            The name of the target column.
        inputs
            The names of the input columns; every column of numbers but the target by default.

        Raises
        ------
        InputError
            For a column that is unknown or not numbers, a target that is constant or empty or among the inputs, an
            infinity, values whose squares leave float64, fewer than five complete rows, or no input left.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.io import Table
        >>> table = Table({"a": np.arange(6.0), "b": np.full(6, 2.0), "c": np.arange(6.0) ** 2}, n_rows=6)
        >>> table.select("c").notes
        ["Input 'b' is left out: it is 2 in every row."]
        """
        self.require(target, "target column")
        notes: list[str] = []
        chosen = self.without_empty(self.chosen(target, inputs), inputs is not None, notes)
        self._check_not_empty(target)
        rows = self.complete_rows([*chosen, target], notes)
        for name in chosen:
            check_infinite(name, self.columns[name][rows], rows)
            check_range(name, self.columns[name][rows])
        y = self.target_rows(target, rows)
        kept = self.informative(chosen, rows, notes)
        if not kept:
            raise InputError(
                f"No input is left to explain {target!r}: "
                "the table needs at least one other column of numbers that varies."
            )
        x = np.stack([self.columns[name][rows] for name in kept], axis=1)
        self._note_repeats(kept, x, y, target, notes)
        return Selection(x, y.copy(), kept, target, notes)

    def inputs(self, names: Sequence[str]) -> np.ndarray:
        """Return the named columns as an array (n_rows, d), missing values as NaN.

        Parameters
        ----------
        names
            The names of the columns.

        Raises
        ------
        InputError
            For a column that is missing or not numbers, and for an infinity.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.io import Table
        >>> Table({"a": np.array([1.0, np.nan])}, n_rows=2).inputs(["a"])
        array([[ 1.],
               [nan]])
        """
        for name in names:
            self.require(name, "input column")
            check_infinite(name, self.columns[name], np.arange(self.n_rows))
        return np.stack([self.columns[name] for name in names], axis=1)

    def require(self, name: str, kind: str) -> None:
        """Require that a name is that of a column of numbers.

        Parameters
        ----------
        name
            The name.
        kind
            What the column is for, in a message: "target column" or "input column".

        Raises
        ------
        InputError
            If it is not.
        """
        if name in self.columns:
            return
        reason = dict(self.left_out).get(name)
        if reason is None:
            raise unknown(kind, name, self.names)
        raise InputError(
            f"The {kind} {name!r} cannot be used: {reason}. Columns of numbers: {', '.join(self.names) or 'none'}."
        )

    def target_rows(self, target: str, rows: np.ndarray) -> np.ndarray:
        """Return the target in some rows.

        Parameters
        ----------
        target
            The name of the target column.
        rows
            The indices of the rows.

        Raises
        ------
        InputError
            If it is empty, constant, infinite or too large.
        """
        self._check_not_empty(target)
        y = self.columns[target][rows]
        check_infinite(target, y, rows)
        check_range(target, y)
        if y.min() == y.max():
            raise InputError(
                f"The target column {target!r} is constant ({y[0]:g} in every row{self._digits(target)}): "
                "choose a target that varies."
            )
        return y

    def _check_not_empty(self, target: str) -> None:
        if np.isnan(self.columns[target]).all():
            raise InputError(f"The target column {target!r} is empty: fill it in or choose another target.")

    def chosen(self, target: str, inputs: Sequence[str] | None) -> list[str]:
        """Return the names of the inputs.

        Parameters
        ----------
        target
            The name of the target column.
        inputs
            The names of the input columns; all but the target by default.

        Raises
        ------
        InputError
            For a column that is unknown or not numbers, that is named twice, or that is the target, and for none.
        """
        if inputs is None:
            return [name for name in self.names if name != target]
        if isinstance(inputs, str) or not inputs:
            raise InputError(f"The inputs must be a list of at least one column name. Got {inputs!r} instead.")
        for name in inputs:
            self.require(name, "input column")
        if target in inputs:
            raise InputError(f"The target {target!r} is also among the inputs: take it out of the inputs.")
        twice = sorted({name for name in inputs if list(inputs).count(name) > 1})
        if twice:
            raise InputError(f"The input {twice[0]!r} is named more than once: name each input once.")
        return list(inputs)

    def without_empty(self, chosen: list[str], explicit: bool, notes: list[str]) -> list[str]:
        """Return the inputs that have values.

        Parameters
        ----------
        chosen
            The names of the inputs.
        explicit
            Whether they were named, so that each must have some.
        notes
            The notes, to which what is left out is added.

        Raises
        ------
        InputError
            For a named input without values.
        """
        empty = [name for name in chosen if np.isnan(self.columns[name]).all()]
        if empty and explicit:
            raise InputError(f"The input column {empty[0]!r} is empty: fill it in or take it out of the inputs.")
        notes.extend(f"Input {name!r} is left out: it has no values." for name in empty)
        without = set(empty)
        return [name for name in chosen if name not in without]

    def complete_rows(self, chosen: list[str], notes: list[str]) -> np.ndarray:
        """Return the indices of the rows without a missing value in the chosen columns.

        Parameters
        ----------
        chosen
            The names of the columns.
        notes
            The notes, to which the rows left out are added.

        Raises
        ------
        InputError
            For fewer than five complete rows.
        """
        fewest = 5
        gaps = {name: np.isnan(self.columns[name]) for name in chosen}
        missing = np.any(list(gaps.values()), axis=0)
        rows = np.flatnonzero(~missing)
        where = _gaps({name: int(gap.sum()) for name, gap in gaps.items()})
        if rows.size < fewest:
            if not missing.any():
                raise InputError(f"The table has only {_count(rows.size, 'row')}: give at least {fewest}.")
            raise InputError(
                f"Only {rows.size} of {self.n_rows} rows are complete ({where}): "
                f"give at least {fewest}, fill in the gaps, or choose inputs without them."
            )
        if missing.any():
            gone = _count(int(missing.sum()), "row")
            notes.append(f"{gone} of {self.n_rows} left out: values are missing ({where}).")
        return rows

    def informative(self, chosen: list[str], rows: np.ndarray, notes: list[str]) -> list[str]:
        """Return the inputs that vary and repeat no earlier input.

        Parameters
        ----------
        chosen
            The names of the inputs.
        rows
            The indices of the rows.
        notes
            The notes, to which what is left out is added.
        """
        kept: dict[bytes, str] = {}
        for name in chosen:
            values = self.columns[name][rows]
            if values.min() == values.max():
                notes.append(f"Input {name!r} is left out: it is {values[0]:g} in every row{self._digits(name)}.")
            elif (twin := kept.setdefault(_key(values), name)) != name:
                notes.append(f"Input {name!r} is left out: it equals {twin!r} in every row{self._digits(name, twin)}.")
        return list(kept.values())

    def _digits(self, *names: str) -> str:
        """What qualifies an equality where float64 does not hold all digits of a column."""
        return ", to the 16 digits of float64" if self.rounded.intersection(names) else ""

    def _note_repeats(self, names: list[str], x: np.ndarray, y: np.ndarray, target: str, notes: list[str]) -> None:
        notes.extend(
            f"Input {name!r} equals the target {target!r} in every row{self._digits(name, target)}."
            for name, column in zip(names, x.T, strict=True)
            if np.array_equal(column, y)
        )
        repeats = len(y) - len({_key(row) for row in np.column_stack([x, y])})
        if repeats:
            exactly = f"exactly{self._digits(*names, target)}"
            notes.append(f"{_count(repeats, 'row')} repeated {exactly}; kept, so such points weigh more.")


def _gaps(counts: dict[str, int]) -> str:
    """Which columns have gaps, those with most of them first."""
    most = 10  # columns in a note
    lacking = [name for name in sorted(counts, key=lambda name: -counts[name]) if counts[name]]
    more = f" and {len(lacking) - most} more columns" if len(lacking) > most + 1 else ""
    named = lacking[:most] if more else lacking
    return ", ".join(f"{name!r} lacks {counts[name]}" for name in named) + more


def _key(values: np.ndarray) -> bytes:
    """Bytes that are equal where the numbers are: 0 and -0 are."""
    return (values + 0.0).tobytes()


def check_infinite(name: str, values: np.ndarray, rows: np.ndarray) -> None:
    """Raise for infinities; `rows` are the values' places in the table."""
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise InputError(
            f"Column {name!r} holds an infinite value in row {rows[infinite[0]] + 1} below the header "
            f"({infinite.size} in all): remove the row or leave the column out."
        )


def check_range(name: str, values: np.ndarray) -> None:
    """Raise for values whose squares overflow, or all of whose squares vanish."""
    size, remedy = float(np.abs(values).max()), "rescale the column, for example by changing its unit."
    if size > LARGEST:
        raise InputError(f"Column {name!r} holds values as large as {size:.3g}, whose squares overflow: {remedy}")
    if 0 < size < 1 / LARGEST:
        raise InputError(
            f"Column {name!r} holds no value above {size:.3g}, and the squares of such values vanish: {remedy}"
        )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


@dataclass(frozen=True)
class MixedSelection:
    """A table and a target that a fit takes.

    Parameters
    ----------
    x
        The inputs, a DataFrame of n rows.
    y : (n,)
        The target, finite numbers.
    names
        The names of the columns of `x`.
    target
        The name of the column of `y`.
    notes
        What was left out and why, in whole sentences.
    """

    x: pd.DataFrame
    y: np.ndarray
    names: list[str]
    target: str
    notes: list[str]


def frame_of(table: Table, names: Sequence[str]) -> pd.DataFrame:
    """Return the named columns as a DataFrame: numbers, dates and texts, with gaps; `attrs["units"]` holds the units.

    Parameters
    ----------
    table
        The table.
    names
        The names of the columns.

    Raises
    ------
    InputError
        For a column that is missing or of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.io import Table, frame_of
    >>> table = Table({"a": np.arange(2.0)}, n_rows=2, texts={"b": ["u", None]}, units={"a": "kg"})
    >>> frame = frame_of(table, ["a", "b"])
    >>> list(frame.columns), frame.attrs
    (['a', 'b'], {'units': {'a': 'kg'}})
    """
    pd = needed("pandas")

    known = {**table.columns, **table.texts, **table.dates}
    for name in names:
        if name not in known:
            table.require(name, "input column")
    frame = pd.DataFrame({name: _column(known[name]) for name in names})
    if table.units:
        frame.attrs["units"] = dict(table.units)
    return frame


def select_mixed(table: Table, target: str, inputs: Sequence[str] | None = None) -> MixedSelection | None:
    """Return the inputs and the target, with gaps in the inputs; None where all inputs are numbers without gaps.

    Left out with a note: rows without a target; columns that are empty, the same in every row, or equal to an earlier
    one; texts that have a level for more than half of the rows, unless `inputs` names them.

    Parameters
    ----------
    table
        The table.
    target
        The name of the target column.
    inputs
        The names of the input columns; every column but the target by default.

    Raises
    ------
    InputError
        As `Table.select`, for columns of text or dates as for unknown ones if they are the target.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.io import Table, select_mixed
    >>> table = Table({"y": np.arange(6.0)}, n_rows=6, texts={"a": ["u", "v", "u", "u", None, "v"]})
    >>> select_mixed(table, "y").x["a"].isna().sum()
    np.int64(1)
    """
    table.require(target, "target column")
    kinds = {**table.columns, **{name: _codes(cells) for name, cells in (*table.texts.items(), *table.dates.items())}}
    wide = replace(table, columns=kinds)
    notes: list[str] = []
    chosen = wide.without_empty(wide.chosen(target, inputs), inputs is not None, notes)
    rows = wide.complete_rows([target], notes)
    y = wide.target_rows(target, rows)
    numbers = [name for name in chosen if name in table.columns]
    for name in numbers:
        there = rows[~np.isnan(kinds[name][rows])]
        check_infinite(name, kinds[name][there], there)
        check_range(name, kinds[name][there])
    others = [name for name in chosen if name not in table.columns and _varies(name, kinds[name][rows], table, notes)]
    if inputs is None:
        others = [name for name in others if name in table.dates or _repeats(name, kinds[name][rows], notes)]
    kept = [*wide.informative(numbers, rows, notes), *others]
    if not others and not any(np.isnan(kinds[name][rows]).any() for name in kept):
        return None
    if not kept:
        raise InputError(f"No input is left to explain {target!r}: the table needs another column that varies.")
    return MixedSelection(frame_of(table, kept).iloc[rows].reset_index(drop=True), y, kept, target, notes)


def _column(cells: Any) -> Any:
    return cells if isinstance(cells, np.ndarray) else np.array(cells, dtype=object)


def _codes(cells: Any) -> np.ndarray:
    """Return a number for each distinct cell, NaN for gaps."""
    pd = needed("pandas")

    codes = pd.factorize(_column(cells))[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def _varies(name: str, codes: np.ndarray, table: Table, notes: list[str]) -> bool:
    if codes.min() != codes.max():  # also where there are gaps
        return True
    cells = table.texts.get(name, table.dates.get(name))
    assert cells is not None
    notes.append(f"Input {name!r} is left out: it is {str(cells[0])[:30]!r} in every row.")
    return False


def _repeats(name: str, codes: np.ndarray, notes: list[str]) -> bool:
    levels = len(np.unique(codes[~np.isnan(codes)]))
    if 2 * levels <= len(codes):  # more of them say little about other rows
        return True
    notes.append(f"Input {name!r} is left out: it is text with {levels} different values in {len(codes)} rows.")
    return False
