"""A table as it comes, as cells column by column: sorted into numbers, dates and labels."""

from __future__ import annotations

import datetime
import math
import numbers
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from edgewise._errors import InputError, first_line, listed
from edgewise._extras import needed
from edgewise._typing import Array

Kind = Literal["number", "date", "duration", "category"]

_NOUNS = {"number": "numbers", "date": "dates", "duration": "time spans", "category": "text"}
_PER_DAY = {
    "D": 1, "h": 24, "m": 1440, "s": 86400, "ms": 86400e3, "us": 86400e6, "ns": 86400e9, "ps": 86400e12,
    "fs": 86400e15, "as": 86400e18,
}  # fmt: skip
_EPOCH = datetime.datetime(1970, 1, 1)


class CellTypeError(InputError, TypeError):
    """A cell, or a table, of a type that does not become a number.

    Parameters
    ----------
    message
        What was wrong, what was given and what to do, on one line.
    """


@dataclass(frozen=True)
class Cells:
    """The cells of a column: n values, or codes into `labels` where -1 marks a gap.

    `ordered` says whether the labels came in an order of their own.
    """

    kind: Kind
    values: Array
    labels: tuple[Any, ...] = ()
    ordered: bool = False

    @property
    def gaps(self) -> Array:
        """Which cells are empty, (n,)."""
        if self.kind == "category":
            return self.values < 0
        return np.isnan(self.values) if self.values.dtype.kind == "f" else np.zeros(len(self.values), bool)

    @property
    def noun(self) -> str:
        """What the cells are, in words."""
        return _NOUNS[self.kind]


def numbers_of(values: Any) -> Cells:
    """Return the cells of an array of numbers or truth values."""
    return Cells("number", np.asarray(values))


def days(values: Array) -> Cells:
    """Return the cells of an array of numpy's dates or time spans, in days."""
    kind = values.dtype.kind
    unit, count = np.datetime_data(values.dtype)
    if unit in ("Y", "M", "W", "generic"):
        values, unit, count = values.astype(f"{kind}8[D]"), "D", 1
    found = values.astype(np.int64).astype(np.float64) * count / _PER_DAY[unit]
    return Cells("date" if kind == "M" else "duration", np.where(np.isnat(values), np.nan, found))


def labelled(codes: Array, labels: Sequence[Any], *, ordered: bool = False) -> Cells:
    """Return the cells of codes into labels; what is no text, number or truth value is written as text."""
    return Cells("category", np.asarray(codes), tuple(plain(label) for label in labels), ordered)


def plain(label: Any) -> str | int | float | bool:
    """Return a label as one of Python's own types that JSON has; a whole number as an int.

    >>> plain(np.float64(2.0)), plain(np.str_("a")), plain(np.True_), plain(np.datetime64("2020-01-01"))
    (2, 'a', True, '2020-01-01')
    """
    if isinstance(label, str):
        return str(label)
    if isinstance(label, bool | np.bool_):
        return bool(label)
    if isinstance(label, numbers.Integral):
        return int(label)
    if isinstance(label, numbers.Real):
        number = float(label)
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return str(label)


def objects(values: Array, name: str) -> Cells:
    """Return the cells of an array of Python objects: all numbers, all dates, all time spans or all text.

    Errors: CellTypeError for anything else; InputError for a mixture.
    """
    pd = needed("pandas")

    there = np.asarray(~pd.isna(values))
    kind = _kind_of_all(values, there, name)
    if kind == "category":
        codes, labels = pd.factorize(values)
        return labelled(codes, list(labels))
    found = np.full(len(values), np.nan)
    try:
        found[there] = [_NUMBER[kind](value) for value in values[there]]
    except OverflowError:
        raise InputError(f"Column {name!r} has numbers beyond the range of floats. Rescale it.") from None
    return Cells(kind, found)


def _kind_of_all(values: Array, there: Array, name: str) -> Kind:
    """Return what all cells are that are there; numbers if there are none."""
    rows: dict[Kind, int] = {}
    for each in set(map(type, values[there])):
        row = next(int(row) for row in np.flatnonzero(there) if type(values[row]) is each)
        kind = _kind(each)
        if kind is None:
            raise CellTypeError(
                f"A cell's argument must be a string or a number. Column {name!r} holds {each.__name__} in row {row}."
            )
        rows[kind] = min(row, rows.get(kind, row))
    if len(rows) > 1:
        parts = [f"{_NOUNS[kind]} ({values[row]!r:.40} in row {row})" for kind, row in sorted(rows.items())]
        raise InputError(f"Column {name!r} mixes {' and '.join(parts)}. Convert it to one of them.")
    return next(iter(rows)) if rows else "number"


def _kind(each: type) -> Kind | None:
    if issubclass(each, str):
        return "category"
    if issubclass(each, datetime.date | np.datetime64):
        return "date"
    if issubclass(each, datetime.timedelta | np.timedelta64):  # numpy's is an integer, too
        return "duration"
    return "number" if issubclass(each, numbers.Real | Decimal | np.bool_) else None


def _date(value: Any) -> float:
    """Return the days since 1970-01-01; a time without zone is one of UTC."""
    if isinstance(value, np.datetime64):
        return float(days(np.array([value])).values[0])
    if not isinstance(value, datetime.datetime):
        return float(value.toordinal() - _EPOCH.toordinal())
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return (value - _EPOCH) / datetime.timedelta(days=1)


def _duration(value: Any) -> float:
    if isinstance(value, np.timedelta64):
        return float(days(np.array([value])).values[0])
    return value / datetime.timedelta(days=1)


_NUMBER: dict[Kind, Callable[[Any], float]] = {"number": float, "date": _date, "duration": _duration}


def is_frame(x: Any) -> bool:
    """Return whether x is a DataFrame of pandas or polars, whose columns have names and types of their own.

    Parameters
    ----------
    x
        Anything.

    Examples
    --------
    >>> import pandas as pd
    >>> from edgewise.encoding import is_frame
    >>> is_frame(pd.DataFrame({"a": [1.0]})), is_frame([[1.0]])
    (True, False)
    """
    return hasattr(type(x), "columns") and (hasattr(x, "iloc") or hasattr(x, "get_columns"))


def as_array(x: Any) -> Any:
    """Return a list or a tensor as an array, a masked array with its gaps, and anything else as it is.

    A list that holds text beside numbers becomes an array of objects, whose numbers stay numbers.

    Parameters
    ----------
    x
        Anything.

    Raises
    ------
    InputError
        For a list of rows of different lengths, and one that holds what is no number.

    Examples
    --------
    >>> from edgewise.encoding import as_array
    >>> as_array([[1.5, "a"], [2, None]]).tolist()
    [[1.5, 'a'], [2, None]]
    """
    if hasattr(x, "detach"):
        return _tensor(x)
    if isinstance(x, np.ma.MaskedArray):
        return _filled(x)
    if not isinstance(x, list | tuple):
        return x
    try:
        array = np.asarray(x)
        return np.array(x, dtype=object) if array.dtype.kind in "SU" else array
    except (ValueError, TypeError, RuntimeError) as error:  # ragged rows; tensors with gradients, or without memory
        raise InputError(f"A list must hold numbers or rows of equal length: {first_line(error)}.") from error


def column_names(x: Any) -> list[str] | None:
    """Return the names of a frame's columns, None where they are but 0, 1, ... and for anything else.

    Parameters
    ----------
    x
        Anything.

    Examples
    --------
    >>> import pandas as pd
    >>> from edgewise.encoding import column_names
    >>> column_names(pd.DataFrame([[1.0, 2.0]])), column_names(pd.DataFrame([[1.0, 2.0]], columns=["a", 7]))
    (None, ['a', '7'])
    """
    if not is_frame(x):
        return None
    names = list(x.columns)
    return None if names == list(range(len(names))) else [str(name) for name in names]


def by_name(x: Any, names: Sequence[str]) -> Any:
    """Return the columns of a frame that have these names, in this order; the others are left out.

    Parameters
    ----------
    x
        The frame.
    names
        The names of the columns.

    Raises
    ------
    InputError
        For names that the frame lacks, or has twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from edgewise.encoding import by_name
    >>> by_name(pd.DataFrame({"b": [1], "c": [2], "a": [3]}), ["a", "b"]).to_dict("list")
    {'a': [3], 'b': [1]}
    """
    own = [str(name) for name in x.columns]
    missing = [name for name in names if name not in own]
    if missing:
        raise InputError(f"The table lacks the columns {listed(missing)}. It has {listed(own)}.")
    check_names([name for name in own if name in {*names}])
    places = [own.index(name) for name in names]
    return x.iloc[:, places] if hasattr(x, "iloc") else x[:, places]


def warn_of_index(x: Any, **others: Any) -> None:
    """Warn where a table and what belongs to its rows have the same index in different orders.

    Rows are paired by position, as scikit-learn does.

    Parameters
    ----------
    x
        The table.
    **others
        Arrays, or objects of pandas, by the names of their arguments.

    Examples
    --------
    >>> import pandas as pd, warnings
    >>> from edgewise.encoding import warn_of_index
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_index(pd.DataFrame({"a": [1.0, 2.0]}), y=pd.Series([4.0, 3.0], index=[1, 0]))
    >>> print(caught[0].message)
    The index of y is that of x in another order, and rows are paired by position. To pair them by index, pass
    y.loc[x.index]; to keep this order, y.to_numpy().
    """
    index: Any = getattr(x, "index", None)
    for name, other in others.items():
        own: Any = getattr(other, "index", None)
        if not hasattr(index, "is_unique") or not hasattr(own, "is_unique") or len(own) != len(index):
            continue
        if not index.equals(own) and index.is_unique and own.is_unique and bool(own.isin(index).all()):
            warnings.warn(
                f"The index of {name} is that of x in another order, and rows are paired by position. "
                f"To pair them by index, pass {name}.loc[x.index]; to keep this order, {name}.to_numpy().",
                stacklevel=4,
            )


def check_names(names: list[str]) -> None:
    """Require that no name of a column occurs twice.

    Parameters
    ----------
    names
        The names of the columns.

    Raises
    ------
    InputError
        If one occurs twice.

    Examples
    --------
    >>> from edgewise.encoding import check_names
    >>> check_names(["mass", "speed"])
    """
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"Names of columns must differ. {twice!r} occurs {names.count(twice)} times.")


def read(x: Any, names: list[str] | None = None) -> list[Cells]:
    """Return the cells of a table, column by column; `names` are for messages.

    Errors: CellTypeError for sparse matrices and cells that are neither numbers, dates nor text; InputError for
    complex numbers, tables that are not of two dimensions, and columns that mix text with numbers.
    """
    if is_frame(x):
        if hasattr(x, "iloc"):
            return [_pandas(x.iloc[:, k], _name(names, k)) for k in range(x.shape[1])]
        return [_polars(column, _name(names, k)) for k, column in enumerate(x.get_columns())]
    if hasattr(x, "tocsr") or hasattr(x, "collect_schema"):
        what, then = ("Sparse data", ".toarray()") if hasattr(x, "tocsr") else ("A lazy frame", ".collect()")
        raise CellTypeError(f"{what} was passed, but dense data is required. Convert it with {then} first.")
    array = _tensor(x) if hasattr(x, "detach") else x
    try:
        array = np.asarray(as_array(array))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"A table must have rows of equal length: {first_line(error)}.") from error
    if array.ndim != 2:
        raise InputError(
            f"Expected 2D array, got {array.ndim}D array instead. Reshape your data with x.reshape(-1, 1) for one "
            "column or x.reshape(1, -1) for one row."
        )
    return [_array(array[:, k], _name(names, k)) for k in range(array.shape[1])]


def _name(names: list[str] | None, k: int) -> str:
    return names[k] if names is not None and k < len(names) else f"x{k + 1}"


def _array(column: Array, name: str) -> Cells:
    kind = column.dtype.kind
    if kind in "biuf":
        return numbers_of(column)
    if kind in "Mm":
        return days(column)
    if kind == "c":
        raise InputError(f"Complex data not supported. Column {name!r} is complex; pass real and imaginary parts.")
    if kind == "S":
        column = np.char.decode(column, "utf-8")
    if kind not in "SUTO":
        raise CellTypeError(f"Column {name!r} has cells of type {column.dtype}. Pass numbers, dates or text.")
    return objects(column.astype(object), name)


def _pandas(column: Any, name: str) -> Cells:
    pd = needed("pandas")

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return labelled(column.cat.codes.to_numpy(), list(dtype.categories), ordered=True)
    if isinstance(dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    elif isinstance(dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert(None)
    elif isinstance(dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    if isinstance(column.dtype, np.dtype):
        return _array(column.to_numpy(), name)
    if dtype.kind in "biuf":
        return numbers_of(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return objects(column.to_numpy(dtype=object, na_value=None), name)


def _polars(column: Any, name: str) -> Cells:
    dtype = column.dtype
    family = dtype.base_type().__name__
    if family in ("Date", "Datetime", "Duration", "Time"):
        unit = "D" if family == "Date" else getattr(dtype, "time_unit", "ns")
        steps = np.array([np.iinfo(np.int64).min if v is None else v for v in column.to_physical().to_list()], np.int64)
        return days(steps.view(f"{'M' if family in ('Date', 'Datetime') else 'm'}8[{unit}]"))
    if family == "Enum":
        order = list(dtype.categories)
        table = {label: code for code, label in enumerate(order)}
        return labelled(np.array([table.get(v, -1) for v in column.to_list()], np.int64), order, ordered=True)
    if dtype.is_numeric() and family != "Decimal":
        return _array(column.to_numpy(), name)
    return objects(np.fromiter(column.to_list(), object, len(column)), name)


def _tensor(x: Any) -> Array:
    import torch

    if x.layout != torch.strided:
        raise CellTypeError("Sparse data was passed, but dense data is required. Convert it with .to_dense() first.")
    if x.is_meta:
        raise CellTypeError("A meta tensor has no values. Pass one with data.")
    x = x.detach().cpu()
    return (x.double() if x.dtype == torch.bfloat16 else x).numpy()


def _filled(x: np.ma.MaskedArray[Any, Any]) -> Array:
    """Return a masked array's values, with NaN, NaT or None where it is masked."""
    kind = x.dtype.kind
    dtype = np.float64 if kind in "biu" else object if kind in "SU" else x.dtype
    values = np.array(x.data, dtype)
    values[np.ma.getmaskarray(x)] = None if values.dtype == object else "NaT" if kind in "Mm" else np.nan
    return values
