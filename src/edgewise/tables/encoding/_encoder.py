"""How a table becomes numbers: learned once, applied to every later table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.tables.encoding._column import Category, Column, Dates, Label, extended, from_plain, learned, to_plain
from edgewise.tables.encoding._dates import with_dates
from edgewise.tables.encoding._read import Cells, as_array, by_name, check_names, column_names, is_frame, read

Categorical = Literal["auto"] | Iterable[str] | Iterable[int] | Iterable[bool]


@dataclass(frozen=True)
class Encoder:
    """How the columns of a table become numbers.

    Numbers stay as they are, truth values are 0 and 1, dates are days since 1970-01-01 UTC, time spans are days, and
    a gap (None, NaN, NA, NaT, a masked cell) is NaN. A column of text that is all dates as ISO 8601 writes them,
    with or without time and zone, is one of dates. Other text is a category: its cells become codes 0, 1, ... of its
    levels, which are sorted. A Categorical of pandas and an Enum of polars keep their own order. If a category has
    gaps, they are one more level, the last. Levels and gaps that were not learned are NaN.

    Parameters
    ----------
    columns
        How each column becomes numbers.
    named
        Whether the names are those of a DataFrame: then the columns of a later DataFrame are found by name, otherwise
        by position.

    Examples
    --------
    >>> import pandas as pd
    >>> from edgewise.encoding import Encoder
    >>> table = pd.DataFrame({"mass": [4.0, None], "island": ["Dream", "Biscoe"], "day": ["2020-01-01", None]})
    >>> encoder = Encoder.learn(table.astype({"day": "datetime64[s]"}))
    >>> encoder.levels
    [None, ['Biscoe', 'Dream'], None]
    >>> encoder.encode([[5.0, "Dream", None], [6.0, "Torgersen", None]])
    array([[ 5.,  1., nan],
           [ 6., nan, nan]])
    """

    columns: tuple[Column, ...]
    named: bool = False

    @classmethod
    def learn(cls, x: Any, categorical: Categorical = "auto") -> Encoder:
        """Return the encoder of a table.

        Parameters
        ----------
        x
            The table: a DataFrame of pandas or polars, an array, a tensor, or a list of rows.
        categorical
            Further columns that are categories, by name, by position from 0, or by a truth value for every column. Text
            that is not dates always is, and with "auto" nothing else.

        Raises
        ------
        InputError
            For infinities, columns that mix text and numbers, names that occur twice, a table without rows or columns.
        CellTypeError
            For sparse matrices and cells of other types; it is a TypeError too.
        """
        own = column_names(x)
        cells = read(x, own)
        if not cells or not len(cells[0].values):
            raise InputError("A table must have at least one row and one column.")
        plain = [str(name) for name in x.columns] if is_frame(x) else [f"x{k + 1}" for k in range(len(cells))]
        names = plain if own is None else own
        check_names(names)
        chosen = _positions(categorical, names)
        cells = [each if k in chosen else with_dates(each) for k, each in enumerate(cells)]
        found = [
            learned(name, each, categorical=k in chosen)
            for k, (name, each) in enumerate(zip(names, cells, strict=True))
        ]
        encoder = cls(tuple(found), own is not None)
        for column, each in zip(found, cells, strict=True):
            column.encode(each)
        return encoder

    def encode(self, x: Any) -> Array:
        """Return the numbers of a table, (n, p) float64; NaN for gaps and unknown levels.

        Parameters
        ----------
        x
            The table. Columns of a DataFrame that were not learned are ignored.

        Raises
        ------
        InputError
            For columns that are missing or hold another kind of cells than those learned, and infinities.
        CellTypeError
            For sparse matrices and cells of other types; it is a TypeError too.
        """
        pairs = zip(self.columns, self._cells(x), strict=True)
        return np.column_stack([column.encode(each) for column, each in pairs])

    def extended(self, x: Any) -> Encoder:
        """Return the encoder that also knows the levels and gaps of another table.

        Parameters
        ----------
        x
            The other table.

        Raises
        ------
        InputError
            For what `encode` does not take.
        CellTypeError
            For sparse matrices and cells of other types; it is a TypeError too.

        Examples
        --------
        >>> from edgewise.encoding import Encoder
        >>> Encoder.learn([["b"], ["d"]]).extended([["c"], [None]]).levels
        [['b', 'c', 'd', None]]
        """
        pairs = zip(self.columns, self._cells(x), strict=True)
        return Encoder(tuple(extended(column, each) for column, each in pairs), self.named)

    def recoded(self, x: Array, before: Encoder) -> Array:
        """Return the numbers (n, p) that this encoder makes of a table, from those of one that it was extended from.

        Parameters
        ----------
        x : (n, p)
            The numbers that `before` made of the table.
        before
            The encoder that this one was extended from.

        Examples
        --------
        >>> import numpy as np
        >>> from edgewise.encoding import Encoder
        >>> before = Encoder.learn([["b"], ["d"]])
        >>> before.extended([["c"]]).recoded(np.array([[0.0], [1.0]]), before).tolist()
        [[0.0], [2.0]]
        """
        x = x.copy()
        for k, (column, old) in enumerate(zip(self.columns, before.columns, strict=True)):
            if isinstance(column, Category) and isinstance(old, Category) and column != old:
                codes = np.array([column.labels.index(label) for label in old.labels], dtype=np.float64)
                there = ~np.isnan(x[:, k])
                x[there, k] = codes[x[there, k].astype(int)]
        return x

    def _cells(self, x: Any) -> list[Cells]:
        """Return the cells of the columns that were learned."""
        if self.named and column_names(x) is not None:
            x = by_name(x, self.names)
        cells = read(x, self.names)
        if len(cells) != len(self.columns):
            raise InputError(
                f"The table must have {len(self.columns)} columns, as when it was learned: "
                f"{', '.join(self.names[:8])}. Got {len(cells)}."
            )
        pairs = zip(cells, self.columns, strict=True)
        return [with_dates(each) if isinstance(column, Dates) else each for each, column in pairs]

    @property
    def names(self) -> list[str]:
        """The names of the columns; x1, x2, ... if the table had none."""
        return [column.name for column in self.columns]

    @property
    def levels(self) -> list[list[Label | None] | None]:
        """For each column the labels of its codes, None last for a gap; None for numbers and dates."""
        return [column.labels if isinstance(column, Category) else None for column in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain values that JSON can hold.

        Examples
        --------
        >>> from edgewise.encoding import Encoder
        >>> Encoder.learn([["a"], ["b"]]).to_dict()
        {'named': False, 'columns': [{'kind': 'category', 'name': 'x1', 'levels': ['a', 'b'], 'gap': False}]}
        """
        return {"named": self.named, "columns": [to_plain(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, plain: Any) -> Encoder:
        """Return the encoder of what `to_dict` gave.

        Parameters
        ----------
        plain
            The plain values.

        Raises
        ------
        InputError
            For malformed values, with what is malformed.
        """
        return cls(*from_plain(plain))


def _positions(categorical: Any, names: list[str]) -> set[int]:
    if isinstance(categorical, str):
        if categorical == "auto":
            return set()
        raise InputError(f"'categorical' must be 'auto' or list columns. Got {categorical!r}.")
    chosen = list(as_array(categorical)) if isinstance(categorical, Iterable) else [categorical]
    if chosen and all(isinstance(each, bool | np.bool_) for each in chosen):
        if len(chosen) != len(names):
            raise InputError(f"'categorical' must have {len(names)} truth values, one a column. Got {len(chosen)}.")
        return {k for k, each in enumerate(chosen) if each}
    found = set()
    for each in chosen:
        if isinstance(each, str):
            if each not in names:
                raise unknown("column in 'categorical'", str(each), names)
            found.add(names.index(each))
        else:
            if not is_int(each, 0, len(names) - 1):
                raise InputError(f"'categorical' must list names, or positions 0 to {len(names) - 1}. Got {each!r}.")
            found.add(int(each))
    return found
